"""What entries are found by, how far that has got; the cases and their dispositions."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.bulk import RowValue, insert_rows, instant_text
from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel.ids import MemberId
from registry.ledger.model import Log, RecordType, Shard
from registry.oversight.model import AccessQuery, IndexedEntry, Reconciled
from registry.rulebook.model import Purpose

oversight_index = sa.Table(
    "oversight_index",
    metadata,
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("log", sa.SmallInteger, nullable=False),
    sa.Column("shard", sa.String(8), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("record_type", sa.SmallInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("member_id", sa.String(40)),
    sa.Column("purpose", sa.String(32)),
    sa.Column("agent", sa.String(64)),
    sa.Column("match", sa.String(8)),
    sa.Column("subject", sa.LargeBinary(32)),
    sa.Column("lookup_id", sa.LargeBinary(16)),
    sa.Index("ix_oversight_index_member_id_entry_id", "member_id", "entry_id"),
    sa.Index("ix_oversight_index_record_type_at", "record_type", "at"),
    sa.Index("ix_oversight_index_subject_at", "subject", "at"),
    sa.Index("ix_oversight_index_lookup_id", "lookup_id"),
)
# Whom an entry is about by every identity it names: whoever asks for a person by
# another one each time still asks for that person.
oversight_subjects = sa.Table(
    "oversight_subjects",
    metadata,
    sa.Column("subject", sa.LargeBinary(32), primary_key=True),
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
    sa.Index("ix_oversight_subjects_entry_id", "entry_id"),
)
oversight_positions = sa.Table(
    "oversight_positions",
    metadata,
    sa.Column("log", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("shard", sa.String(8), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
)

_index = oversight_index.c
_subjects = oversight_subjects.c


def position(transaction: Transaction, shard: Shard) -> int:
    """How many entries of a shard are indexed; 0 before the first time."""
    columns = oversight_positions.c
    conditions = (columns.log == shard.log, columns.shard == shard.half_year)
    return transaction.execute(sa.select(columns.size).where(*conditions)).scalar() or 0


def hold_position(transaction: Transaction, shard: Shard) -> int:
    """As `position`; another indexer waits until this transaction ends."""
    columns = oversight_positions.c
    values = {"log": int(shard.log), "shard": shard.half_year, "size": 0}
    transaction.execute(insert_if_absent(transaction, oversight_positions, values))
    conditions = (columns.log == shard.log, columns.shard == shard.half_year)
    select = sa.select(columns.size).where(*conditions).with_for_update()
    return int(transaction.execute(select).scalar_one())


def add(
    transaction: Transaction, shard: Shard, entries: Sequence[IndexedEntry], *, size: int
) -> None:
    """Indexes entries, and notes that the first `size` of the shard are."""
    insert_rows(transaction, oversight_index, [_to_row(each) for each in entries])
    # In the order of the index: a page of it is touched once.
    subjects = sorted((subject, each.uuid.bytes) for each in entries for subject in each.subjects)
    insert_rows(transaction, oversight_subjects, subjects)
    columns = oversight_positions.c
    transaction.execute(
        sa.update(oversight_positions)
        .where(columns.log == shard.log, columns.shard == shard.half_year)
        .values(size=size)
    )


def forget(transaction: Transaction, entries: Collection[UUID]) -> None:
    """Deletes what erased entries were found by."""
    keys = [each.bytes for each in entries]
    transaction.execute(sa.delete(oversight_index).where(_index.entry_id.in_(keys)))
    transaction.execute(sa.delete(oversight_subjects).where(_subjects.entry_id.in_(keys)))


def search(
    transaction: Transaction, query: AccessQuery, *, after: UUID | None, entries_max: int
) -> list[IndexedEntry]:
    """Entries that meet the query, oldest first, after the id `after`."""
    select = sa.select(oversight_index).where(*_conditions(query))
    if after is not None:
        select = select.where(_index.entry_id > after.bytes)
    select = select.order_by(_index.entry_id).limit(entries_max)
    return [_from_row(row) for row in transaction.execute(select)]


def among(
    transaction: Transaction, query: AccessQuery, entries: Collection[UUID]
) -> list[IndexedEntry]:
    """Those of `entries` that meet the query, oldest first."""
    keys = [each.bytes for each in entries]
    select = sa.select(oversight_index).where(_index.entry_id.in_(keys), *_conditions(query))
    return [_from_row(row) for row in transaction.execute(select.order_by(_index.entry_id))]


def reconcile(
    transaction: Transaction, *, from_at: datetime, until_at: datetime, within: timedelta
) -> list[Reconciled]:
    """Each member's lookups in a window, and those without an outcome in time, by member."""
    has_outcome = _has_outcome(transaction, within)
    missing = sa.func.sum(sa.case((has_outcome, 0), else_=1))
    select = (
        sa.select(_index.member_id, sa.func.count().label("lookups"), missing.label("missing"))
        .where(*made_within([RecordType.LOOKUP], from_at, until_at))
        .group_by(_index.member_id)
        .order_by(_index.member_id)
    )
    return [
        Reconciled(
            member=MemberId(row.member_id),
            lookups=row.lookups,
            without_outcome=int(row.missing),
        )
        for row in transaction.execute(select)
    ]


def without_outcome(
    transaction: Transaction,
    *,
    from_at: datetime,
    until_at: datetime,
    within: timedelta,
    member: MemberId,
    after: UUID | None,
    entries_max: int,
) -> list[IndexedEntry]:
    """A member's lookups in a window without an outcome in time, oldest first, after `after`."""
    select = sa.select(oversight_index).where(
        _index.member_id == member,
        *made_within([RecordType.LOOKUP], from_at, until_at),
        sa.not_(_has_outcome(transaction, within)),
    )
    if after is not None:
        select = select.where(_index.entry_id > after.bytes)
    rows = transaction.execute(select.order_by(_index.entry_id).limit(entries_max))
    return [_from_row(row) for row in rows]


def made_within(
    record_types: Iterable[RecordType], from_at: datetime, until_at: datetime
) -> list[sa.ColumnElement[bool]]:
    """That an entry is of one of these types, and was made between two instants."""
    types = [int(each) for each in record_types]
    return [_index.record_type.in_(types), _index.at >= from_at, _index.at < until_at]


def _has_outcome(transaction: Transaction, within: timedelta) -> sa.ColumnElement[bool]:
    """Whether a lookup was told what became of it, no later than `within` after it."""
    later = oversight_index.alias("later")
    in_time: sa.ColumnElement[bool]
    if transaction.is_sqlite:
        # Days as floating point: half a millisecond is lost on the way.
        days = (within + timedelta(milliseconds=0.5)) / timedelta(days=1)
        in_time = sa.func.julianday(later.c.at) - sa.func.julianday(_index.at) <= days
    else:
        moment = sa.type_coerce(_index.at, sa.DateTime(timezone=True))
        in_time = later.c.at <= moment + sa.literal(within, sa.Interval)
    return sa.exists().where(later.c.lookup_id == _index.entry_id, in_time)


def _conditions(query: AccessQuery) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [
        _index.record_type.in_(sorted(int(each) for each in query.record_types))
    ]
    if query.sizes is not None:
        conditions.append(sa.or_(sa.false(), *map(_is_below, query.sizes.items())))
    if query.member is not None:
        conditions.append(_index.member_id == query.member)
    if query.purpose is not None:
        conditions.append(_index.purpose == query.purpose.value)
    if query.outcome is not None:
        conditions.append(_index.outcome == query.outcome)
    if query.agent is not None:
        conditions.append(_index.agent == query.agent)
    if query.entry is not None:
        conditions.append(_index.entry_id == query.entry.bytes)
    if query.from_at is not None:
        conditions.append(_index.at >= query.from_at)
    if query.until_at is not None:
        conditions.append(_index.at < query.until_at)
    return conditions


def _is_below(bound: tuple[Shard, int]) -> sa.ColumnElement[bool]:
    shard, size = bound
    return sa.and_(
        _index.log == int(shard.log), _index.shard == shard.half_year, _index.position < size
    )


def _to_row(entry: IndexedEntry) -> tuple[RowValue, ...]:
    return (
        entry.uuid.bytes,
        int(entry.shard.log),
        entry.shard.half_year,
        entry.position,
        int(entry.record_type),
        instant_text(entry.at),
        entry.outcome,
        entry.member,
        None if entry.purpose is None else entry.purpose.value,
        entry.agent,
        entry.match,
        entry.subjects[0] if entry.subjects else None,
        None if entry.lookup is None else entry.lookup.bytes,
    )


def _from_row(row: sa.Row[Any]) -> IndexedEntry:
    return IndexedEntry(
        uuid=UUID(bytes=bytes(row.entry_id)),
        shard=Shard(log=Log(row.log), half_year=row.shard),
        position=row.position,
        record_type=RecordType(row.record_type),
        at=row.at,
        outcome=row.outcome,
        member=None if row.member_id is None else MemberId(row.member_id),
        purpose=None if row.purpose is None else Purpose(row.purpose),
        agent=row.agent,
        match=row.match,
        subjects=() if row.subject is None else (bytes(row.subject),),
        lookup=None if row.lookup_id is None else UUID(bytes=bytes(row.lookup_id)),
    )
