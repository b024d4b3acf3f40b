"""Which person orders and decides an erasure: the key that signed, and whom the member named."""

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"

_COLUMNS = ("ordered_kid", "ordered_agent", "decided_kid", "decided_agent")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("erasure_orders", sa.Column(name, sa.String(64)))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("erasure_orders", name)
