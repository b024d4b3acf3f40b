"""Imports: bodies of many reports that wait sealed, how far each is, what was refused."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("furnisher", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("filed", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("chunk_next", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.LargeBinary(16), nullable=False),
        sa.Column("signed_request", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_furnisher_id", "imports", ["furnisher", "id"])
    op.create_index("ix_imports_ended_at", "imports", ["ended_at"])
    op.create_table(
        "import_chunks",
        sa.Column("import_id", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line_first", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "position", name="pk_import_chunks"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Sealed bytes cannot be compressed: PostgreSQL need not try.
        op.execute("ALTER TABLE import_chunks ALTER COLUMN sealed SET STORAGE EXTERNAL")
    op.create_table(
        "import_problems",
        sa.Column("import_id", sa.String(40), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(64)),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("errors", Json, nullable=False),
        sa.PrimaryKeyConstraint("import_id", "line", name="pk_import_problems"),
    )


def downgrade() -> None:
    op.drop_table("import_problems")
    op.drop_table("import_chunks")
    op.drop_table("imports")
