"""Screening: the shelves of tags, what changed since, and the snapshots published."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    op.create_index("ix_incidents_effective_at_id", "incidents", ["effective_at", "id"])
    op.create_table(
        "screening_progress",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", Instant()),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("begun_id", sa.String(40), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=False),
        sa.Column("ended_id", sa.String(40), nullable=False),
        sa.Column("suspended", Json, nullable=False),
        sa.Column("walked_id", sa.String(40), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_screening_progress_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_screening_progress"),
    )
    op.create_table(
        "screening_builds",
        sa.Column("epoch", sa.String(8), nullable=False),
        sa.Column("after", sa.LargeBinary(32), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", name="pk_screening_builds"),
    )
    op.create_table(
        "screening_shelves",
        sa.Column("epoch", sa.String(8), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("shelf", sa.SmallInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", "key_id", "shelf", "part", name="pk_screening_shelves"),
    )
    op.create_table(
        "screening_changes",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_screening_changes"),
    )
    op.create_table(
        "screening_snapshots",
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("epoch", sa.String(8), nullable=False),
        sa.Column("bits", sa.SmallInteger(), nullable=False),
        sa.Column("tags", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "epoch", name="pk_screening_snapshots"),
    )


def downgrade() -> None:
    for table in (
        "screening_snapshots",
        "screening_changes",
        "screening_shelves",
        "screening_builds",
        "screening_progress",
    ):
        op.drop_table(table)
    op.drop_index("ix_incidents_effective_at_id", "incidents")
