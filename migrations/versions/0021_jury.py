"""Juries of appeals: who may be drawn, what was drawn from, seats and votes."""

import sqlalchemy as sa
from alembic import op

from registry.database.types import Instant, Json

revision: str = "0021"
down_revision: str | None = "0020"


def upgrade() -> None:
    _create_pool()
    _create_juries()


def _create_pool() -> None:
    op.create_table(
        "jury_candidates",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("experience", sa.Integer(), nullable=False),
        sa.Column("member_since", sa.Date(), nullable=False),
        sa.Column("completed_trades", sa.Integer(), nullable=False),
        sa.Column("qualified_on", sa.Date(), nullable=False),
        sa.Column("works_for", Json, nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("furnished_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jury_candidates"),
        sa.UniqueConstraint(
            "member_id", "reference", name="uq_jury_candidates_member_id_reference"
        ),
    )
    op.create_index("ix_jury_candidates_lot", "jury_candidates", ["lot"])
    op.create_index("ix_jury_candidates_side", "jury_candidates", ["side"])
    op.create_table(
        "jury_candidate_keys",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("candidate_id", sa.LargeBinary(16), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["jury_candidates.id"],
            name="fk_jury_candidate_keys_candidate_id_jury_candidates",
        ),
        sa.PrimaryKeyConstraint("lookup_key", name="pk_jury_candidate_keys"),
    )
    op.create_index("ix_jury_candidate_keys_candidate_id", "jury_candidate_keys", ["candidate_id"])
    op.create_table(
        "jury_counterparties",
        sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
        sa.Column("candidate_id", sa.LargeBinary(16), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["jury_candidates.id"],
            name="fk_jury_counterparties_candidate_id_jury_candidates",
        ),
        sa.PrimaryKeyConstraint("lookup_key", "candidate_id", name="pk_jury_counterparties"),
    )
    op.create_index("ix_jury_counterparties_candidate_id", "jury_counterparties", ["candidate_id"])


def _create_juries() -> None:
    op.create_table(
        "juries",
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("incident_id", sa.String(40), nullable=False),
        sa.Column("furnisher", sa.String(40), nullable=False),
        sa.Column("edition", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(12), nullable=False),
        sa.Column("convened_at", Instant(), nullable=False),
        sa.Column("evidence_until", Instant(), nullable=False),
        sa.Column("voting_until", Instant(), nullable=False),
        sa.Column("alternates_until", Instant()),
        sa.Column("choice_until", Instant()),
        sa.Column("list_key", sa.LargeBinary(32), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(16)),
        sa.Column("checkpoint", sa.Text()),
        sa.Column("entry_index", sa.BigInteger()),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.String(8)),
        sa.Column("ending", sa.String(12)),
        sa.Column("ended_at", Instant()),
        sa.PrimaryKeyConstraint("case_id", "round", name="pk_juries"),
    )
    op.create_table(
        "jury_lists",
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("candidates", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id", "round"],
            ["juries.case_id", "juries.round"],
            name="fk_jury_lists_case_id_juries",
        ),
        sa.PrimaryKeyConstraint("case_id", "round", name="pk_jury_lists"),
    )
    op.create_table(
        "jury_seats",
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("mark", sa.LargeBinary(32), nullable=False),
        sa.Column("candidate_id", sa.LargeBinary(16), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("is_alternate", sa.Boolean(), nullable=False),
        sa.Column("seated_at", Instant()),
        sa.Column("left_at", Instant()),
        sa.Column("commitment", sa.LargeBinary(32)),
        sa.Column("committed_at", Instant()),
        sa.Column("vote", sa.String(8)),
        sa.Column("salt", sa.LargeBinary(32)),
        sa.Column("revealed_at", Instant()),
        sa.ForeignKeyConstraint(
            ["case_id", "round"],
            ["juries.case_id", "juries.round"],
            name="fk_jury_seats_case_id_juries",
        ),
        sa.PrimaryKeyConstraint("case_id", "round", "position", name="pk_jury_seats"),
        sa.UniqueConstraint(
            "case_id", "round", "candidate_id", name="uq_jury_seats_case_id_round_candidate_id"
        ),
    )
    op.create_index("ix_jury_seats_candidate_id", "jury_seats", ["candidate_id"])


def downgrade() -> None:
    for table in (
        "jury_seats",
        "jury_lists",
        "juries",
        "jury_counterparties",
        "jury_candidate_keys",
        "jury_candidates",
    ):
        op.drop_table(table)
