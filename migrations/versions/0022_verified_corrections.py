"""When the identifiers of a correction were verified: whose it is, once the incident is gone."""

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"


def upgrade() -> None:
    op.add_column("correction_subjects", sa.Column("verified_on", sa.Date()))


def downgrade() -> None:
    op.drop_column("correction_subjects", "verified_on")
