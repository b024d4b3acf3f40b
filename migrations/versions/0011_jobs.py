"""Jobs: what is promised and not yet done, and dead letters."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0011"
down_revision: str | None = "0010"

LIVE = sa.text("dead_at IS NULL")
DEAD = sa.text("dead_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("deduplication_key", sa.String(128)),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("wanted_at", Instant()),
        sa.Column("leased_until", Instant()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(200)),
        sa.Column("dead_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index(
        "ix_jobs_kind_run_at", "jobs", ["kind", "run_at"], postgresql_where=LIVE, sqlite_where=LIVE
    )
    op.create_index("ix_jobs_run_at", "jobs", ["run_at"], postgresql_where=LIVE, sqlite_where=LIVE)
    op.create_index(
        "ix_jobs_dead_at", "jobs", ["dead_at"], postgresql_where=DEAD, sqlite_where=DEAD
    )
    op.create_index(
        "uq_jobs_kind_deduplication_key",
        "jobs",
        ["kind", "deduplication_key"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )


def downgrade() -> None:
    op.drop_table("jobs")
