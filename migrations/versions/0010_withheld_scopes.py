"""Scopes that are withheld from a member, each for its reason."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant

revision: str = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    op.create_table(
        "withheld_scopes",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("withheld_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "scope", "reason", name="pk_withheld_scopes"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name="fk_withheld_scopes_member_id_members"
        ),
    )


def downgrade() -> None:
    op.drop_table("withheld_scopes")
