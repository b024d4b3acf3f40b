"""The tables of the pool of jurors, and the only queries on them."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.appeals.jury import Side
from registry.appeals.jury_model import Candidacy, Candidate
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.kernel.ids import MemberId

jury_candidates = sa.Table(
    "jury_candidates",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("reference", sa.String(64), nullable=False),
    sa.Column("side", sa.String(8), nullable=False),
    sa.Column("experience", sa.Integer, nullable=False),
    sa.Column("member_since", sa.Date, nullable=False),
    sa.Column("completed_trades", sa.Integer, nullable=False),
    sa.Column("qualified_on", sa.Date, nullable=False),
    sa.Column("works_for", Json, nullable=False),
    # A random place: a case reads the pool from another place than the one before.
    sa.Column("lot", sa.BigInteger, nullable=False),
    sa.Column("furnished_at", Instant, nullable=False),
    sa.UniqueConstraint("member_id", "reference"),
    sa.Index("ix_jury_candidates_lot", "lot"),
    sa.Index("ix_jury_candidates_side", "side"),
)

# By key: one person is one candidate, whoever names them.
jury_candidate_keys = sa.Table(
    "jury_candidate_keys",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("candidate_id", sa.ForeignKey(jury_candidates.c.id), nullable=False, index=True),
)

jury_counterparties = sa.Table(
    "jury_counterparties",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("candidate_id", sa.ForeignKey(jury_candidates.c.id), primary_key=True),
    sa.Index("ix_jury_counterparties_candidate_id", "candidate_id"),
)

_BESIDE = (jury_candidate_keys, jury_counterparties)


def put(transaction: Transaction, candidate: Candidate, candidacy: Candidacy) -> None:
    """Adds a candidate, or replaces what was attested of it."""
    values = _values(candidate)
    update = sa.update(jury_candidates).where(jury_candidates.c.id == candidate.id.bytes)
    if transaction.execute(update.values(values)).rowcount == 0:
        transaction.execute(sa.insert(jury_candidates).values(values))
    for table, keys in zip(_BESIDE, (candidacy.keys, candidacy.counterparties), strict=True):
        transaction.execute(sa.delete(table).where(table.c.candidate_id == candidate.id.bytes))
        rows = [{"lookup_key": key, "candidate_id": candidate.id.bytes} for key in sorted(keys)]
        if rows:
            transaction.execute(sa.insert(table), rows)


def remove(transaction: Transaction, candidate: UUID) -> None:
    """Deletes a candidate and all that was attested."""
    for table in _BESIDE:
        transaction.execute(sa.delete(table).where(table.c.candidate_id == candidate.bytes))
    transaction.execute(sa.delete(jury_candidates).where(jury_candidates.c.id == candidate.bytes))


def forget(transaction: Transaction, lookup_key: bytes) -> None:
    """Deletes the candidate found by a key, and that anyone traded with them."""
    for candidate in named_by(transaction, [lookup_key]):
        remove(transaction, candidate)
    columns = jury_counterparties.c
    transaction.execute(sa.delete(jury_counterparties).where(columns.lookup_key == lookup_key))


def find_and_lock(transaction: Transaction, member: MemberId, reference: str) -> Candidate | None:
    """The candidate a member named under a reference."""
    columns = jury_candidates.c
    select = sa.select(jury_candidates).where(
        columns.member_id == member, columns.reference == reference
    )
    row = transaction.execute(select.with_for_update()).one_or_none()
    return None if row is None else _candidate(row)


def find(transaction: Transaction, candidates: Collection[UUID]) -> dict[UUID, Candidate]:
    """Those of these candidates that are in the pool."""
    wanted = jury_candidates.c.id.in_([each.bytes for each in candidates])
    rows = transaction.execute(sa.select(jury_candidates).where(wanted))
    return {each.id: each for each in map(_candidate, rows)}


def named_by(transaction: Transaction, lookup_keys: Collection[bytes]) -> set[UUID]:
    """The candidates found by any of these keys."""
    columns = jury_candidate_keys.c
    select = sa.select(columns.candidate_id).where(columns.lookup_key.in_(sorted(lookup_keys)))
    return {UUID(bytes=bytes(each)) for each in transaction.execute(select).scalars()}


def keys_of(
    transaction: Transaction, candidates: Collection[UUID]
) -> Mapping[UUID, frozenset[bytes]]:
    """By which keys each of these candidates is found."""
    columns = jury_candidate_keys.c
    wanted = columns.candidate_id.in_([each.bytes for each in candidates])
    found: dict[UUID, set[bytes]] = {}
    for row in transaction.execute(sa.select(jury_candidate_keys).where(wanted)):
        found.setdefault(UUID(bytes=bytes(row.candidate_id)), set()).add(bytes(row.lookup_key))
    return {candidate: frozenset(keys) for candidate, keys in found.items()}


def traded_with(
    transaction: Transaction, candidates: Collection[UUID], parties: Collection[bytes]
) -> set[UUID]:
    """Those of these candidates who traded with any of the parties."""
    columns = jury_counterparties.c
    select = sa.select(columns.candidate_id).where(
        columns.lookup_key.in_(sorted(parties)),
        columns.candidate_id.in_([each.bytes for each in candidates]),
    )
    return {UUID(bytes=bytes(each)) for each in transaction.execute(select).scalars()}


def who_traded_with(transaction: Transaction, parties: Collection[bytes]) -> set[UUID]:
    """All candidates who traded with any of the parties."""
    columns = jury_counterparties.c
    select = sa.select(columns.candidate_id).where(columns.lookup_key.in_(sorted(parties)))
    return {UUID(bytes=bytes(each)) for each in transaction.execute(select).scalars()}


def counterparties_of(transaction: Transaction, candidates: Collection[UUID]) -> set[bytes]:
    """By which keys those are found whom any of these candidates traded with."""
    columns = jury_counterparties.c
    wanted = columns.candidate_id.in_([each.bytes for each in candidates])
    select = sa.select(columns.lookup_key).where(wanted)
    return {bytes(each) for each in transaction.execute(select).scalars()}


def walk(
    transaction: Transaction, *, after: int, until: int, candidates_max: int
) -> list[Candidate]:
    """The next candidates of the pool whose lots are beyond `after`, up to `until`."""
    columns = jury_candidates.c
    select = (
        sa.select(jury_candidates)
        .where(columns.lot > after, columns.lot <= until)
        .order_by(columns.lot)
        .limit(candidates_max)
    )
    return [_candidate(row) for row in transaction.execute(select)]


def count(transaction: Transaction, count_max: int) -> Mapping[Side, int]:
    """How many candidates there are of each side, counted up to `count_max`."""
    counts = {}
    for side in Side:
        columns = jury_candidates.c
        some = sa.select(columns.id).where(columns.side == side.value).limit(count_max).subquery()
        select = sa.select(sa.func.count()).select_from(some)
        counts[side] = int(transaction.execute(select).scalar_one())
    return counts


def _values(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.id.bytes,
        "member_id": candidate.member,
        "reference": candidate.reference,
        "side": candidate.side.value,
        "experience": candidate.experience,
        "member_since": candidate.member_since,
        "completed_trades": candidate.completed_trades,
        "qualified_on": candidate.qualified_on,
        "works_for": sorted(candidate.works_for),
        "lot": candidate.lot,
        "furnished_at": candidate.furnished_at,
    }


def _candidate(row: sa.Row[Any]) -> Candidate:
    return Candidate(
        id=UUID(bytes=bytes(row.id)),
        member=MemberId(row.member_id),
        reference=row.reference,
        side=Side(row.side),
        experience=row.experience,
        member_since=row.member_since,
        completed_trades=row.completed_trades,
        qualified_on=row.qualified_on,
        works_for=frozenset(map(MemberId, row.works_for)),
        lot=row.lot,
        furnished_at=row.furnished_at,
    )
