"""How many evaluations each member has leased in each hour."""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    op.create_table(
        "evaluation_quotas",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("leased", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("member_id", "hour", name="pk_evaluation_quotas"),
    )


def downgrade() -> None:
    op.drop_table("evaluation_quotas")
