"""Up to which day each rule of supervision has judged: a day is missed by none."""

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"


def upgrade() -> None:
    op.create_table(
        "oversight_days",
        sa.Column("rules", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("next_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("rules", "rule", name="pk_oversight_days"),
    )


def downgrade() -> None:
    op.drop_table("oversight_days")
