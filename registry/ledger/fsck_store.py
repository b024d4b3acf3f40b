"""Reads the ledger's tables row by row, in order and in pieces, for `fsck`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.ledger.log_store import (
    log_entries,
    log_heads,
    log_subjects,
    log_tiles,
)
from registry.ledger.model import Shard
from registry.ledger.store import log_payloads, pending_entries

ROWS_AT_ONCE = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """An entry with its payload; `has_payload` False: there is no such row."""

    entry_id: bytes
    entry: bytes
    has_payload: bool
    header: bytes | None
    subject_sealed: bytes | None
    header_salt: bytes | None
    subject_salt: bytes | None
    signed_request: str | None
    erased_by: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry(_Stored):
    """A row of `log_entries` with its payload."""

    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry(_Stored):
    """A row of `pending_entries` with its payload; lookup keys of 32 bytes each, joined."""

    log: int
    lookup_keys: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTile:
    """A row of `log_tiles`."""

    level: int
    number: int
    hashes: bytes


def freeze(transaction: Transaction) -> None:
    """Makes the transaction see one moment throughout; first of all in it."""
    # SQLite's readers do so by themselves.
    if not transaction.is_sqlite:
        transaction.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


def shards_with_rows(transaction: Transaction) -> set[tuple[int, str]]:
    """The log numbers and shard names that any table has rows of."""
    found: set[tuple[int, str]] = set()
    for table in (log_entries, log_tiles, log_heads):
        select = sa.select(table.c.log, table.c.shard).distinct()
        found |= {(row.log, row.shard) for row in transaction.execute(select)}
    return found


def entries(transaction: Transaction, shard: Shard) -> Iterator[list[StoredEntry]]:
    """All entries of a shard with their payloads, by position."""
    columns = log_entries.c
    select = (
        sa.select(columns.position, columns.entry_id, columns.entry, *_PAYLOAD)
        .outerjoin(log_payloads, log_payloads.c.entry_id == columns.entry_id)
        .where(columns.log == shard.log, columns.shard == shard.half_year)
        .order_by(columns.position)
        .limit(ROWS_AT_ONCE)
    )
    after: int | None = None
    while True:
        page = select if after is None else select.where(columns.position > after)
        rows = [
            StoredEntry(position=row.position, **_stored(row)) for row in transaction.execute(page)
        ]
        if not rows:
            return
        yield rows
        after = rows[-1].position


def tile_of(transaction: Transaction, shard: Shard, level: int, number: int) -> bytes | None:
    """The hashes of one tile, however wide."""
    columns = log_tiles.c
    select = sa.select(columns.hashes).where(
        columns.log == shard.log,
        columns.shard == shard.half_year,
        columns.level == level,
        columns.number == number,
    )
    found = transaction.execute(select).scalar()
    return None if found is None else bytes(found)


def tile_places(transaction: Transaction, shard: Shard) -> Iterator[tuple[int, int]]:
    """Level and number of every tile of a shard."""
    columns = log_tiles.c
    key = sa.tuple_(columns.level, columns.number)
    select = (
        sa.select(columns.level, columns.number)
        .where(columns.log == shard.log, columns.shard == shard.half_year)
        .order_by(columns.level, columns.number)
        .limit(ROWS_AT_ONCE)
    )
    after: tuple[int, int] | None = None
    while True:
        page = select if after is None else select.where(key > sa.tuple_(*map(sa.literal, after)))
        rows = [(row.level, row.number) for row in transaction.execute(page)]
        if not rows:
            return
        yield from rows
        after = rows[-1]


def entry_by_id(transaction: Transaction, entry_id: bytes) -> bytes | None:
    """The 92 bytes of an entry that has its place."""
    select = sa.select(log_entries.c.entry).where(log_entries.c.entry_id == entry_id)
    found = transaction.execute(select).scalar()
    return None if found is None else bytes(found)


def subjects_of(transaction: Transaction, entry_ids: list[bytes]) -> dict[bytes, set[bytes]]:
    """The lookup keys noted for each of these entries."""
    columns = log_subjects.c
    select = sa.select(columns.entry_id, columns.lookup_key).where(columns.entry_id.in_(entry_ids))
    found: dict[bytes, set[bytes]] = {}
    for row in transaction.execute(select):
        found.setdefault(bytes(row.entry_id), set()).add(bytes(row.lookup_key))
    return found


def payload_without_entry(transaction: Transaction) -> bytes | None:
    """The id of a payload whose entry neither waits nor has a place."""
    return _without_entry(transaction, log_payloads, log_entries, pending_entries)


def subject_without_entry(transaction: Transaction) -> bytes | None:
    """The entry id of a row of `log_subjects` whose entry has no place."""
    return _without_entry(transaction, log_subjects, log_entries)


def waiting(transaction: Transaction) -> Iterator[list[WaitingEntry]]:
    """All entries that wait for their place, with their payloads, by id."""
    columns = pending_entries.c
    select = (
        sa.select(columns.entry_id, columns.entry, columns.log, columns.lookup_keys, *_PAYLOAD)
        .outerjoin(log_payloads, log_payloads.c.entry_id == columns.entry_id)
        .order_by(columns.entry_id)
        .limit(ROWS_AT_ONCE)
    )
    after: bytes | None = None
    while True:
        page = select if after is None else select.where(columns.entry_id > after)
        rows = [
            WaitingEntry(log=row.log, lookup_keys=bytes(row.lookup_keys), **_stored(row))
            for row in transaction.execute(page)
        ]
        if not rows:
            return
        yield rows
        after = rows[-1].entry_id


def _without_entry(transaction: Transaction, table: sa.Table, *holders: sa.Table) -> bytes | None:
    select = sa.select(table.c.entry_id).order_by(table.c.entry_id).limit(1)
    for holder in holders:
        select = select.outerjoin(holder, holder.c.entry_id == table.c.entry_id).where(
            holder.c.entry_id.is_(None)
        )
    found = transaction.execute(select).scalar()
    return None if found is None else bytes(found)


_PAYLOAD = (
    log_payloads.c.entry_id.label("payload_id"),
    log_payloads.c.header,
    log_payloads.c.subject_sealed,
    log_payloads.c.header_salt,
    log_payloads.c.subject_salt,
    log_payloads.c.signed_request,
    log_payloads.c.erased_by,
)


def _stored(row: sa.Row[Any]) -> dict[str, Any]:
    """The fields that all stored entries have."""
    return {
        "entry_id": bytes(row.entry_id),
        "entry": bytes(row.entry),
        "has_payload": row.payload_id is not None,
        "header": _bytes(row.header),
        "subject_sealed": _bytes(row.subject_sealed),
        "header_salt": _bytes(row.header_salt),
        "subject_salt": _bytes(row.subject_salt),
        "signed_request": row.signed_request,
        "erased_by": _bytes(row.erased_by),
    }


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
