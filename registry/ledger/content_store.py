"""Reads the contents of many entries that have their place; changes nothing."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.ledger.log_store import Place, log_entries, log_subjects
from registry.ledger.model import Log, Shard
from registry.ledger.store import log_payloads, pending_entries

# Placeholders in one statement: SQLite takes 32,766, PostgreSQL 65,535.
ENTRIES_AT_ONCE_MAX = 5_000


class ContentRow(NamedTuple):
    """An entry in its place, with its payload as it is kept; None where it is erased."""

    uuid: UUID
    place: Place
    header: bytes | None
    subject_sealed: bytes | None
    header_salt: bytes | None
    subject_salt: bytes | None
    signed_request: str | None
    erased_by: UUID | None


class SealedFacts(NamedTuple):
    """What an entry says, as it is kept; None for both where it is erased."""

    entry_id: bytes
    position: int
    entry: bytes
    header: bytes | None
    subject_sealed: bytes | None


def contents_of(transaction: Transaction, uuids: Collection[UUID]) -> list[ContentRow]:
    """The contents of these entries, in the order of their ids; who waits is not among them."""
    assert len(uuids) <= ENTRIES_AT_ONCE_MAX
    select = _contents().where(log_entries.c.entry_id.in_([each.bytes for each in uuids]))
    return _rows(transaction, select.order_by(log_entries.c.entry_id))


def contents_from(
    transaction: Transaction, shard: Shard, *, first: int, entries_max: int
) -> list[ContentRow]:
    """The contents of up to `entries_max` entries from the place `first` on, in order."""
    columns = log_entries.c
    select = (
        _contents()
        .where(
            columns.log == shard.log,
            columns.shard == shard.half_year,
            columns.position >= first,
            columns.position < first + entries_max,
        )
        .order_by(columns.position)
    )
    return _rows(transaction, select)


def contents_at(
    transaction: Transaction, shard: Shard, positions: Collection[int]
) -> list[ContentRow]:
    """The contents of the entries at these places, in the order of the places."""
    assert len(positions) <= ENTRIES_AT_ONCE_MAX
    columns = log_entries.c
    select = (
        _contents()
        .where(
            columns.log == shard.log,
            columns.shard == shard.half_year,
            columns.position.in_(sorted(positions)),
        )
        .order_by(columns.position)
    )
    return _rows(transaction, select)


def facts_from(
    transaction: Transaction, shard: Shard, *, first: int, entries_max: int
) -> list[SealedFacts]:
    """What up to `entries_max` entries from the place `first` on say, in order."""
    statement = _FACTS.replace("%s", "?") if transaction.is_sqlite else _FACTS
    cursor = transaction.hot_cursor()
    try:
        cursor.execute(statement, (int(shard.log), shard.half_year, first, first + entries_max))
        return [SealedFacts._make(row) for row in cursor]
    finally:
        cursor.close()


_FACTS = (
    "SELECT e.entry_id, e.position, e.entry, p.header, p.subject_sealed"
    " FROM log_entries e JOIN log_payloads p ON p.entry_id = e.entry_id"
    " WHERE e.log = %s AND e.shard = %s AND e.position >= %s AND e.position < %s"
    " ORDER BY e.position"
)


def ids_from(transaction: Transaction, shard: Shard, *, first: int, entries_max: int) -> list[UUID]:
    """The ids of up to `entries_max` entries from the place `first` on."""
    columns = log_entries.c
    select = sa.select(columns.entry_id).where(
        columns.log == shard.log,
        columns.shard == shard.half_year,
        columns.position >= first,
        columns.position < first + entries_max,
    )
    return [UUID(bytes=bytes(entry)) for entry in transaction.execute(select).scalars()]


def about(
    transaction: Transaction,
    lookup_key: bytes,
    *,
    after: UUID | None,
    entries_max: int,
    log: Log | None = None,
) -> list[UUID]:
    """Up to `entries_max` entries about a subject, in the order of their ids, after `after`.

    `log`: only those of this log.
    """
    columns = log_subjects.c
    select = sa.select(columns.entry_id).where(columns.lookup_key == lookup_key)
    if log is not None:
        is_it = sa.and_(log_entries.c.entry_id == columns.entry_id, log_entries.c.log == log)
        select = select.where(sa.exists().where(is_it))
    if after is not None:
        select = select.where(columns.entry_id > after.bytes)
    select = select.order_by(columns.entry_id).limit(entries_max)
    return [UUID(bytes=bytes(entry)) for entry in transaction.execute(select).scalars()]


def waiting_about(transaction: Transaction, lookup_keys: Sequence[bytes]) -> int:
    """How many entries about a subject wait for their place.

    Reads every waiting entry: a second's worth, unless the log is behind.
    """
    select = sa.select(sa.func.count()).select_from(pending_entries)
    return int(transaction.execute(select.where(_touches(transaction, lookup_keys))).scalar_one())


def waiting_ids_about(transaction: Transaction, lookup_keys: Sequence[bytes]) -> list[UUID]:
    """The entries about a subject that wait for their place, in the order of their ids.

    Reads every waiting entry, as `waiting_about` does.
    """
    column = pending_entries.c.entry_id
    select = sa.select(column).where(_touches(transaction, lookup_keys)).order_by(column)
    return [UUID(bytes=bytes(entry)) for entry in transaction.execute(select).scalars()]


def _touches(transaction: Transaction, lookup_keys: Sequence[bytes]) -> sa.ColumnElement[bool]:
    column = pending_entries.c.lookup_keys
    find = sa.func.instr if transaction.is_sqlite else sa.func.pg_catalog.position
    return sa.or_(*(find(column, sa.literal(key, sa.LargeBinary)) > 0 for key in lookup_keys))


def _contents() -> sa.Select[Any]:
    return sa.select(log_entries, log_payloads).join(
        log_payloads, log_payloads.c.entry_id == log_entries.c.entry_id
    )


def _rows(transaction: Transaction, select: sa.Select[Any]) -> list[ContentRow]:
    entries, payloads = log_entries.c, log_payloads.c
    return [
        ContentRow(
            uuid=UUID(bytes=bytes(row[entries.entry_id])),
            place=Place(
                shard=Shard(log=Log(row[entries.log]), half_year=row[entries.shard]),
                position=row[entries.position],
                entry=bytes(row[entries.entry]),
            ),
            header=_bytes(row[payloads.header]),
            subject_sealed=_bytes(row[payloads.subject_sealed]),
            header_salt=_bytes(row[payloads.header_salt]),
            subject_salt=_bytes(row[payloads.subject_salt]),
            signed_request=row[payloads.signed_request],
            erased_by=_uuid(row[payloads.erased_by]),
        )
        for row in transaction.execute(select).mappings()
    ]


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _uuid(value: Any) -> UUID | None:
    return None if value is None else UUID(bytes=bytes(value))
