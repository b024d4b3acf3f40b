"""Decided appeals as anyone may read them: how many of a kind, and how they ended.

A decision leaves a row without any id, dated to the quarter. What is published are
counts, only where enough cases are alike that none of them is anybody's, only in whole
lots of so many, and only of quarters that are over: whoever reads before and after a
decision does not learn which it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, groupby, islice

import sqlalchemy as sa

from registry.appeals.model import Appeal, Basis, Ground, Outcome
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.kernel.clock import Clock
from registry.kernel.ids import new_uuid
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Edition

GROUPS_SHOWN_MAX = 500
_PUBLISHED = frozenset(
    {Outcome.UPHELD, Outcome.AMENDED, Outcome.OVERTURNED, Outcome.WITHDRAWN_BY_FURNISHER}
)

precedents = sa.Table(
    "precedents",
    metadata,
    # Random but for its time's first bits: it names nothing else.
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("edition", sa.String(32), nullable=False),
    sa.Column("code", sa.String(8), nullable=False),
    sa.Column("ground", sa.String(32), nullable=False),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("basis", sa.String(16), nullable=False),
    sa.Column("quarter", sa.String(7), nullable=False),
    sa.Index("ix_precedents_edition_code", "edition", "code"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """Cases that are alike; the quarters are of the first and the last of them."""

    edition: str
    code: str
    ground: Ground
    outcome: Outcome
    basis: Basis
    cases: int
    from_quarter: str
    until_quarter: str


class Precedents:
    """What anyone may read."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def published(self, edition: Edition) -> Sequence[Precedent]:
        """What an edition's decided appeals were."""
        with self._database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            return published(transaction, edition, self._clock.now())


def add(transaction: Transaction, appeal: Appeal, edition: Edition, now: datetime) -> None:
    """Leaves what can be told of a decided appeal; a row for each of its grounds."""
    if appeal.outcome not in _PUBLISHED or appeal.basis is None:
        return
    day = local_date(now, edition)
    quarter = _quarter_of(day)
    # The id's time would date it to the millisecond.
    begin = datetime(day.year, (day.month - 1) // 3 * 3 + 1, 1, tzinfo=edition.calendar.zone)
    transaction.execute(
        sa.insert(precedents),
        [
            {
                "id": new_uuid(begin).bytes,
                "edition": appeal.edition,
                "code": appeal.code,
                "ground": ground.value,
                "outcome": appeal.outcome.value,
                "basis": appeal.basis.value,
                "quarter": quarter,
            }
            for ground in appeal.grounds
        ],
    )


def published(transaction: Transaction, edition: Edition, now: datetime) -> Sequence[Precedent]:
    """What an edition's decided appeals were before this quarter, in whole lots of those alike."""
    columns = precedents.c
    alike = (columns.code, columns.ground, columns.outcome, columns.basis)
    select = (
        sa.select(*alike, columns.quarter, sa.func.count().label("cases"))
        .where(
            columns.edition == edition.name,
            columns.quarter < _quarter_of(local_date(now, edition)),
        )
        .group_by(*alike, columns.quarter)
        .order_by(*alike, columns.quarter)
    )
    rows = transaction.execute(select)
    kinds = groupby(rows, key=lambda row: (row.code, row.ground, row.outcome, row.basis))
    found = (
        _of_kind(edition, kind, [(row.quarter, row.cases) for row in quarters])
        for kind, quarters in kinds
    )
    return list(islice(filter(None, found), GROUPS_SHOWN_MAX))


def _quarter_of(day: date) -> str:
    """As text, which is in the order of time."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def _of_kind(
    edition: Edition, kind: tuple[str, str, str, str], quarters: Sequence[tuple[str, int]]
) -> Precedent | None:
    """The oldest cases of a kind, as many as make whole lots; None where there is no lot."""
    lot = edition.appeals.precedent_cases_min
    told = sum(cases for _, cases in quarters) // lot * lot
    if told == 0:
        return None
    counted = accumulate(cases for _, cases in quarters)
    until = next(
        quarter for (quarter, _), so_far in zip(quarters, counted, strict=True) if so_far >= told
    )
    code, ground, outcome, basis = kind
    return Precedent(
        edition=edition.name,
        code=code,
        ground=Ground(ground),
        outcome=Outcome(outcome),
        basis=Basis(basis),
        cases=told,
        from_quarter=quarters[0][0],
        until_quarter=until,
    )
