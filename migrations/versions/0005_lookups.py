"""Lookups: what inquirers decided afterwards."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant

revision: str = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    op.create_table(
        "lookup_outcomes",
        sa.Column("lookup_id", sa.LargeBinary(16), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("human_reviewed", sa.Boolean(), nullable=False),
        sa.Column("notice_given_at", Instant(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lookup_id", "position", name="pk_lookup_outcomes"),
    )


def downgrade() -> None:
    op.drop_table("lookup_outcomes")
