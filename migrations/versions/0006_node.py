"""What the database says of the node it belongs to."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    op.create_table(
        "node_facts",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.String(253), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_node_facts"),
    )


def downgrade() -> None:
    op.drop_table("node_facts")
