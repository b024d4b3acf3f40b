"""People's own door: sign-ins under way, and sessions."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant

revision: str = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    op.create_table(
        "sign_in_identifiers",
        sa.Column("mark", sa.LargeBinary(32), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("sent_at", Instant()),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("wrong_from_at", Instant()),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_sign_in_identifiers"),
    )
    op.create_index("ix_sign_in_identifiers_seen_at", "sign_in_identifiers", ["seen_at"])
    op.create_table(
        "sign_in_codes",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("mark", sa.LargeBinary(32), nullable=False),
        sa.Column("short_mark", sa.LargeBinary(32), nullable=False),
        sa.Column("long_mark", sa.LargeBinary(32), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_codes"),
    )
    op.create_index("ix_sign_in_codes_mark", "sign_in_codes", ["mark"])
    op.create_index("ix_sign_in_codes_expires_at", "sign_in_codes", ["expires_at"])
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("mark", sa.LargeBinary(32), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("blinded", sa.LargeBinary(32), nullable=False),
        sa.Column("canonical_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])
    op.create_table(
        "sign_in_messages",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("is_due", sa.Boolean(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_messages"),
    )
    op.create_index("ix_sign_in_messages_expires_at", "sign_in_messages", ["expires_at"])
    op.create_table(
        "subject_sessions",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("bearer_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subject_sessions"),
        sa.UniqueConstraint("bearer_hash", name="uq_subject_sessions_bearer_hash"),
    )
    op.create_index("ix_subject_sessions_expires_at", "subject_sessions", ["expires_at"])
    op.create_table(
        "subject_session_identities",
        sa.Column("session_id", sa.LargeBinary(16), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("assurance", sa.SmallInteger(), nullable=False),
        sa.Column("vouched_by", sa.String(40)),
        sa.Column("held_since_on", sa.Date(), nullable=False),
        sa.Column("proof", sa.LargeBinary(16), nullable=False),
        sa.Column("proven_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "position", name="pk_subject_session_identities"),
    )
    op.create_index(
        "ix_subject_session_identities_lookup_key", "subject_session_identities", ["lookup_key"]
    )


def downgrade() -> None:
    op.drop_table("subject_session_identities")
    op.drop_table("subject_sessions")
    op.drop_table("sign_in_messages")
    op.drop_table("sign_ins")
    op.drop_table("sign_in_codes")
    op.drop_table("sign_in_identifiers")
