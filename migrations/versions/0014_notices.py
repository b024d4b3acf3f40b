"""The outbox: notices, webhooks, deliveries; letters and contacts; corrections."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0014"
down_revision: str | None = "0013"

OWED = sa.text("acknowledged_at IS NULL")
TABLES = (
    "notice_numbers",
    "notices",
    "webhooks",
    "deliveries",
    "delivery_attempts",
    "letters",
    "contacts",
    "corrections",
    "correction_subjects",
    "recalls",
    "recalled_lookups",
)


def upgrade() -> None:
    op.create_table(
        "notice_numbers",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name="pk_notice_numbers"),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.String(132), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("member_id", "number", name="uq_notices_member_id_number"),
    )
    op.create_index("ix_notices_at", "notices", ["at"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("url", sa.String(1024), nullable=False),
        sa.Column("types", Json, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("disabled_reason", sa.String(16)),
        sa.Column("failing_since", Instant()),
        sa.Column("keys_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sealed", sa.LargeBinary()),
        sa.Column("previous_until", Instant()),
        sa.Column("contact_sealed", sa.LargeBinary()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index("ix_webhooks_member_id", "webhooks", ["member_id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("webhook_id", sa.LargeBinary(16), nullable=False),
        sa.Column("notice_id", sa.LargeBinary(16), nullable=False),
        sa.Column("event_type", sa.String(132), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("next_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_notice_id", "deliveries", ["notice_id"])
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"])
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", sa.LargeBinary(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("result", sa.String(20), nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("latency_milliseconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_delivery_attempts"),
    )
    op.create_table(
        "letters",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("template", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary()),
        sa.Column("contact_key", sa.LargeBinary(32)),
        sa.Column("address_sealed", sa.LargeBinary()),
        sa.Column("incident_id", sa.String(40)),
        sa.Column("furnisher", sa.String(40)),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("mail_failures", sa.SmallInteger(), nullable=False),
        sa.Column("delivered_at", Instant()),
        sa.Column("channel", sa.String(8)),
        sa.Column("proof", sa.LargeBinary(32)),
        sa.Column("escalated_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
    )
    op.create_index("ix_letters_created_at", "letters", ["created_at"])
    op.create_index("ix_letters_furnisher_state_id", "letters", ["furnisher", "state", "id"])
    op.create_table(
        "contacts",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("lookup_key", name="pk_contacts"),
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("incident_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("furnisher", sa.String(40), nullable=False),
        sa.Column("entry_id", sa.String(40), nullable=False),
        sa.Column("filed_at", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("began_at", Instant()),
        sa.Column("cursor_key", sa.SmallInteger(), nullable=False),
        sa.Column("cursor_after", sa.LargeBinary(16)),
        sa.Column("traced_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_at", "corrections", ["at"])
    op.create_index("ix_corrections_incident_id", "corrections", ["incident_id"])
    op.create_table(
        "correction_subjects",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("correction_id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("lookup_key", "correction_id", name="pk_correction_subjects"),
    )
    op.create_index(
        "ix_correction_subjects_correction_id", "correction_subjects", ["correction_id"]
    )
    op.create_table(
        "recalls",
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("correction_id", sa.LargeBinary(16), nullable=False),
        sa.Column("told_at", Instant(), nullable=False),
        sa.Column("acknowledge_by", Instant(), nullable=False),
        sa.Column("escalate_at", Instant(), nullable=False),
        sa.Column("reminded_at", Instant()),
        sa.Column("escalated_at", Instant()),
        sa.Column("acknowledged_at", Instant()),
        sa.Column("did", sa.String(20)),
        sa.Column("reviewer", sa.String(64)),
        sa.Column("signed_request", sa.Text()),
        sa.PrimaryKeyConstraint("member_id", "correction_id", name="pk_recalls"),
    )
    op.create_index(
        "ix_recalls_acknowledge_by",
        "recalls",
        ["acknowledge_by"],
        postgresql_where=OWED,
        sqlite_where=OWED,
    )
    op.create_index("ix_recalls_correction_id", "recalls", ["correction_id"])
    op.create_table(
        "recalled_lookups",
        sa.Column("correction_id", sa.LargeBinary(16), nullable=False),
        sa.Column("lookup_id", sa.LargeBinary(16), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("correction_id", "lookup_id", name="pk_recalled_lookups"),
    )
    op.create_index(
        "ix_recalled_lookups_correction_id_member_id",
        "recalled_lookups",
        ["correction_id", "member_id"],
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
