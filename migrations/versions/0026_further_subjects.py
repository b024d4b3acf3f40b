"""Whom a hold or an order is about beside the first identity: a person has several."""

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"


def upgrade() -> None:
    op.create_table(
        "further_subjects",
        sa.Column("act_id", sa.LargeBinary(16), nullable=False),
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("act_id", "lookup_key", name="pk_further_subjects"),
    )


def downgrade() -> None:
    op.drop_table("further_subjects")
