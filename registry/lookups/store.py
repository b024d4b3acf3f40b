"""The outcomes of lookups; the lookups themselves are entries of the access log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel.ids import MemberId
from registry.lookups.model import Decision, Outcome

lookup_outcomes = sa.Table(
    "lookup_outcomes",
    metadata,
    sa.Column("lookup_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("human_reviewed", sa.Boolean, nullable=False),
    sa.Column("notice_given_at", Instant, nullable=True),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutcome:
    """An outcome as it was recorded, with the receipt it was given."""

    outcome: Outcome
    recorded_at: datetime
    receipt: str


def outcomes_of(transaction: Transaction, lookup: UUID) -> Sequence[RecordedOutcome]:
    """The outcomes of a lookup, first to last."""
    columns = lookup_outcomes.c
    rows = transaction.execute(
        sa.select(lookup_outcomes)
        .where(columns.lookup_id == lookup.bytes)
        .order_by(columns.position)
    )
    return [
        RecordedOutcome(
            outcome=Outcome(
                decision=Decision(row.decision),
                human_reviewed=row.human_reviewed,
                notice_given_at=row.notice_given_at,
            ),
            recorded_at=row.recorded_at,
            receipt=row.receipt,
        )
        for row in rows
    ]


def add_outcome(
    transaction: Transaction,
    *,
    lookup: UUID,
    position: int,
    member: MemberId,
    recorded: RecordedOutcome,
) -> bool:
    """Adds an outcome; False when another was added at this position meanwhile."""
    values = {
        "lookup_id": lookup.bytes,
        "position": position,
        "member_id": member,
        "decision": recorded.outcome.decision.value,
        "human_reviewed": recorded.outcome.human_reviewed,
        "notice_given_at": recorded.outcome.notice_given_at,
        "recorded_at": recorded.recorded_at,
        "receipt": recorded.receipt,
    }
    insert = insert_if_absent(transaction, lookup_outcomes, values)
    return transaction.execute(insert).rowcount == 1


def forget_outcomes(transaction: Transaction, lookups: Collection[UUID]) -> int:
    """Deletes the outcomes of these lookups; how many there were."""
    keys = [each.bytes for each in lookups]
    delete = sa.delete(lookup_outcomes).where(lookup_outcomes.c.lookup_id.in_(keys))
    return transaction.execute(delete).rowcount
