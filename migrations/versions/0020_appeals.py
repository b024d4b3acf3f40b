"""Appeals: their course, time limits, history, contents and precedents; appeals counted."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0020"
down_revision: str | None = "0019"

IS_OPEN = sa.text("state NOT IN ('draft', 'closed')")
IS_DRAFT = sa.text("state = 'draft'")
IS_RUNNING = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.add_column("members", sa.Column("appeals_counted_at", Instant()))
    _create_appeals()
    op.create_table(
        "appeal_deadlines",
        sa.Column("appeal_id", sa.String(40), nullable=False),
        sa.Column("milestone", sa.String(24), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ending", sa.String(8)),
        sa.PrimaryKeyConstraint("appeal_id", "milestone", name="pk_appeal_deadlines"),
        sa.ForeignKeyConstraint(
            ["appeal_id"], ["appeals.id"], name="fk_appeal_deadlines_appeal_id_appeals"
        ),
    )
    op.create_index(
        "ix_appeal_deadlines_due_at",
        "appeal_deadlines",
        ["due_at"],
        postgresql_where=IS_RUNNING,
        sqlite_where=IS_RUNNING,
    )
    op.create_table(
        "appeal_events",
        sa.Column("appeal_id", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("detail", sa.String(32)),
        sa.PrimaryKeyConstraint("appeal_id", "position", name="pk_appeal_events"),
        sa.ForeignKeyConstraint(
            ["appeal_id"], ["appeals.id"], name="fk_appeal_events_appeal_id_appeals"
        ),
    )
    _create_contents()
    op.create_table(
        "precedents",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("edition", sa.String(32), nullable=False),
        sa.Column("code", sa.String(8), nullable=False),
        sa.Column("ground", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("quarter", sa.String(7), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_precedents"),
    )
    op.create_index("ix_precedents_edition_code", "precedents", ["edition", "code"])


def downgrade() -> None:
    for table in (
        "precedents",
        "appeal_files",
        "appeal_reviews",
        "appeal_texts",
        "appeal_events",
        "appeal_deadlines",
        "appeals",
    ):
        op.drop_table(table)
    op.drop_column("members", "appeals_counted_at")


def _create_appeals() -> None:
    op.create_table(
        "appeals",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("incident_id", sa.String(40), nullable=False),
        sa.Column("furnisher", sa.String(40), nullable=False),
        sa.Column("severity", sa.String(2)),
        sa.Column("code", sa.String(8), nullable=False),
        sa.Column("edition", sa.String(32), nullable=False),
        sa.Column("lookup_key", sa.LargeBinary(32)),
        sa.Column("link", sa.String(8), nullable=False),
        sa.Column("grounds", Json, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("basis", sa.String(16)),
        sa.Column("playbook", sa.String(32)),
        sa.Column("course_before", sa.String(16), nullable=False),
        sa.Column("blocking", sa.String(16)),
        sa.Column("stance", sa.String(16)),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("lodged_at", Instant()),
        sa.Column("facts_added_at", Instant()),
        sa.Column("answered_at", Instant()),
        sa.Column("decided_at", Instant()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_appeals"),
    )
    _index("uq_appeals_open", ["incident_id"], IS_OPEN, unique=True)
    _index("uq_appeals_draft", ["incident_id", "lookup_key"], IS_DRAFT, unique=True)
    _index("ix_appeals_incident_id", ["incident_id"])
    _index("ix_appeals_lookup_key", ["lookup_key"])
    _index("ix_appeals_furnisher_id", ["furnisher", "id"], IS_OPEN)
    _index("ix_appeals_open_id", ["id"], IS_OPEN)
    _index("ix_appeals_created_at", ["created_at"], IS_DRAFT)


def _index(
    name: str, columns: list[str], where: sa.TextClause | None = None, *, unique: bool = False
) -> None:
    op.create_index(
        name, "appeals", columns, unique=unique, postgresql_where=where, sqlite_where=where
    )


def _create_contents() -> None:
    op.create_table(
        "appeal_texts",
        sa.Column("appeal_id", sa.String(40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("appeal_id", "position", name="pk_appeal_texts"),
    )
    op.create_table(
        "appeal_reviews",
        sa.Column("appeal_id", sa.String(40), nullable=False),
        sa.Column("tier", sa.String(8), nullable=False),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("ruling", sa.String(16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("appeal_id", "tier", "reviewer", name="pk_appeal_reviews"),
    )
    op.create_table(
        "appeal_files",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("appeal_id", sa.String(40), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("octets", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_appeal_files"),
    )
    op.create_index("ix_appeal_files_appeal_id", "appeal_files", ["appeal_id"])
