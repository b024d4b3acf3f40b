"""Incidents, the identities they were filed under, and standings."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("furnisher", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("code", sa.String(8), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(2)),
        sa.Column("edition", sa.String(32), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("confirmed_on", sa.Date()),
        sa.Column("amount_minor_units", sa.BigInteger()),
        sa.Column("amount_currency", sa.String(3)),
        sa.Column("order_reference", sa.String(64)),
        sa.Column("evidence", Json, nullable=False),
        sa.Column("intent", sa.Text()),
        sa.Column("reviewers", Json, nullable=False),
        sa.Column("decision", Json),
        sa.Column("notice", Json),
        sa.Column("course", sa.String(16), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("report_receipt", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("withdrawal_reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.UniqueConstraint("furnisher", "reference", name="uq_incidents_furnisher_reference"),
    )
    op.create_index("ix_incidents_furnisher_id", "incidents", ["furnisher", "id"])
    op.create_table(
        "incident_identities",
        sa.Column("incident_id", sa.String(40), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_verified_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "position", name="pk_incident_identities"),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name="fk_incident_identities_incident_id_incidents",
        ),
    )
    op.create_index("ix_incident_identities_lookup_key", "incident_identities", ["lookup_key"])
    op.create_table(
        "standings",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("contributions", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lookup_key", name="pk_standings"),
        postgresql_with={"fillfactor": 80},
    )


def downgrade() -> None:
    op.drop_table("standings")
    op.drop_table("incident_identities")
    op.drop_table("incidents")
