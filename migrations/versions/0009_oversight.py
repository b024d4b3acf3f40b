"""Erasure, legal holds and orders; what supervisors search by, and their cases."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0009"
down_revision: str | None = "0008"

GONE = sa.text("course IN ('withdrawn', 'overturned')")


def upgrade() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16)),
        sa.Column("incident_id", sa.String(40)),
        sa.Column("lookup_key", sa.LargeBinary(32)),
        sa.Column("ground", sa.String(128), nullable=False),
        sa.Column("placed_by", sa.String(40), nullable=False),
        sa.Column("placed_at", Instant(), nullable=False),
        sa.Column("released_by", sa.String(40)),
        sa.Column("released_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_legal_holds"),
    )
    op.create_table(
        "erasure_orders",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16)),
        sa.Column("incident_id", sa.String(40)),
        sa.Column("lookup_key", sa.LargeBinary(32)),
        sa.Column("ground", sa.String(128), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("ordered_by", sa.String(40), nullable=False),
        sa.Column("ordered_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(40)),
        sa.Column("decided_at", Instant()),
        sa.Column("carried_out_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_erasure_orders"),
    )
    op.create_table(
        "erasure_positions",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("after", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_erasure_positions"),
    )
    op.create_table(
        "removed_incidents",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("furnisher", sa.String(40), nullable=False),
        sa.Column("reference_mark", sa.LargeBinary(32), nullable=False),
        sa.Column("erased_by", sa.LargeBinary(16), nullable=False),
        sa.Column("removed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_removed_incidents"),
    )
    op.create_index(
        "ix_removed_incidents_furnisher_reference_mark",
        "removed_incidents",
        ["furnisher", "reference_mark"],
    )
    op.create_index("ix_incidents_expires_on", "incidents", ["expires_on"])
    op.create_index(
        "ix_incidents_changed_at",
        "incidents",
        ["changed_at"],
        postgresql_where=GONE,
        sqlite_where=GONE,
    )
    op.create_table(
        "oversight_index",
        sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
        sa.Column("log", sa.SmallInteger(), nullable=False),
        sa.Column("shard", sa.String(8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("record_type", sa.SmallInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("member_id", sa.String(40)),
        sa.Column("purpose", sa.String(32)),
        sa.Column("agent", sa.String(64)),
        sa.Column("match", sa.String(8)),
        sa.Column("subject", sa.LargeBinary(32)),
        sa.Column("lookup_id", sa.LargeBinary(16)),
        sa.PrimaryKeyConstraint("entry_id", name="pk_oversight_index"),
    )
    op.create_index(
        "ix_oversight_index_member_id_entry_id", "oversight_index", ["member_id", "entry_id"]
    )
    op.create_index("ix_oversight_index_record_type_at", "oversight_index", ["record_type", "at"])
    op.create_index("ix_oversight_index_subject_at", "oversight_index", ["subject", "at"])
    op.create_index("ix_oversight_index_lookup_id", "oversight_index", ["lookup_id"])
    op.create_table(
        "oversight_positions",
        sa.Column("log", sa.SmallInteger(), nullable=False),
        sa.Column("shard", sa.String(8), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", "shard", name="pk_oversight_positions"),
    )
    op.create_table(
        "oversight_cases",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("rules", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("member_id", sa.String(40)),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("window_from", Instant(), nullable=False),
        sa.Column("window_until", Instant(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("disposition", sa.String(12), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_oversight_cases"),
        sa.UniqueConstraint("key", name="uq_oversight_cases_key"),
    )
    op.create_table(
        "oversight_dispositions",
        sa.Column("case_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("disposition", sa.String(12), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_oversight_dispositions"),
    )


def downgrade() -> None:
    for table in (
        "oversight_dispositions",
        "oversight_cases",
        "oversight_positions",
        "oversight_index",
    ):
        op.drop_table(table)
    op.drop_index("ix_incidents_changed_at", "incidents")
    op.drop_index("ix_incidents_expires_on", "incidents")
    for table in ("removed_incidents", "erasure_positions", "erasure_orders", "legal_holds"):
        op.drop_table(table)
