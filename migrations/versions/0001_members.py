"""Members and their keys, the directory's version, requests seen, answers kept."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("roles", Json, nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("purposes", Json, nullable=False),
        sa.Column("reporter_group", sa.String(64), nullable=False),
        sa.Column("evaluations_per_hour", sa.Integer, nullable=False),
        sa.Column("requests_per_minute", sa.Integer, nullable=False),
        sa.Column("upheld_ppm", sa.BigInteger, nullable=False),
        sa.Column("overturned_ppm", sa.BigInteger, nullable=False),
        sa.Column("admitted_at", Instant, nullable=False),
        sa.Column("suspended_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
        sa.UniqueConstraint("name", name="uq_members_name"),
    )
    op.create_table(
        "member_keys",
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("jwk", Json, nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("registered_at", Instant, nullable=False),
        sa.Column("revoked_at", Instant),
        sa.PrimaryKeyConstraint("kid", name="pk_member_keys"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name="fk_member_keys_member_id_members"
        ),
    )
    op.create_index("ix_member_keys_member_id", "member_keys", ["member_id"])
    directory_version = op.create_table(
        "directory_version",
        sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_version"),
        sa.CheckConstraint("id = 1", name="ck_directory_version_one_row"),
    )
    op.bulk_insert(directory_version, [{"id": 1, "version": 0}])
    op.create_table(
        "seen_requests",
        sa.Column("issuer", sa.String(40), nullable=False),
        sa.Column("jti", sa.LargeBinary(16), nullable=False),
        sa.Column("expires_at_seconds", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "jti", name="pk_seen_requests"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_seen_requests_expires_at_seconds", "seen_requests", ["expires_at_seconds"])
    op.create_table(
        "idempotent_answers",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("member_id", "key", name="pk_idempotent_answers"),
    )
    op.create_index("ix_idempotent_answers_expires_at", "idempotent_answers", ["expires_at"])


def downgrade() -> None:
    op.drop_table("idempotent_answers")
    op.drop_table("seen_requests")
    op.drop_table("directory_version")
    op.drop_table("member_keys")
    op.drop_table("members")
