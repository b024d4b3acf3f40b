"""What people say of themselves, severed links, and one-use authorisations."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant

revision: str = "0019"
down_revision: str | None = "0018"


def upgrade() -> None:
    op.add_column("standings", sa.Column("flags", sa.Text()))
    op.add_column("incident_identities", sa.Column("severed_at", Instant()))
    op.create_table(
        "one_use_authorisations",
        sa.Column("code_mark", sa.LargeBinary(32), nullable=False),
        sa.Column("lookup_keys", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("order_reference", sa.String(64), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("lookup_id", sa.LargeBinary(16)),
        sa.PrimaryKeyConstraint("code_mark", name="pk_one_use_authorisations"),
    )
    op.create_index(
        "ix_one_use_authorisations_expires_at", "one_use_authorisations", ["expires_at"]
    )


def downgrade() -> None:
    op.drop_table("one_use_authorisations")
    op.drop_column("incident_identities", "severed_at")
    op.drop_column("standings", "flags")
