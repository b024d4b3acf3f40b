"""How many finds of its next day a rule has judged: a day may have more than fits into a step."""

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"


def upgrade() -> None:
    op.add_column(
        "oversight_days", sa.Column("seen", sa.Integer, nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("oversight_days", "seen")
