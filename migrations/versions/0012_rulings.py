"""Blocks for identity theft, certifications anew, and marks of what was removed."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0012"
down_revision: str | None = "0011"


def upgrade() -> None:
    op.add_column("incidents", sa.Column("block", sa.String(16)))
    op.add_column("incidents", sa.Column("recertification", Json))
    op.create_table(
        "reinsertion_marks",
        sa.Column("mark", sa.LargeBinary(32), nullable=False),
        sa.Column("removed_at", Instant(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_reinsertion_marks"),
    )
    op.create_index("ix_reinsertion_marks_expires_on", "reinsertion_marks", ["expires_on"])


def downgrade() -> None:
    op.drop_table("reinsertion_marks")
    op.drop_column("incidents", "recertification")
    op.drop_column("incidents", "block")
