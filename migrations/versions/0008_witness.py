"""What this node has cosigned as a witness of other logs."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant

revision: str = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.create_table(
        "witnessed_logs",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("cosigned_at", Instant()),
        sa.PrimaryKeyConstraint("origin", name="pk_witnessed_logs"),
    )


def downgrade() -> None:
    op.drop_table("witnessed_logs")
