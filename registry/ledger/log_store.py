"""The tables of the two logs, and the only queries on them.

Only the sequencer writes here. Triggers refuse changes of an entry that has its place.
"""

import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.bulk import copy_binary
from registry.database.statements import insert_or_replace
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.ledger.model import ENTRY_BYTES, Log, Shard
from registry.ledger.store import AppendedRow, appended_row, log_payloads, pending_entries

HASH_BYTES = 32
ID_BYTES = 16

log_entries = sa.Table(
    "log_entries",
    metadata,
    sa.Column("log", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("shard", sa.String(8), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry_id", sa.LargeBinary(16), nullable=False, unique=True),
    sa.Column("entry", sa.LargeBinary(ENTRY_BYTES), nullable=False),
)
log_tiles = sa.Table(
    "log_tiles",
    metadata,
    sa.Column("log", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("shard", sa.String(8), primary_key=True),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)
log_heads = sa.Table(
    "log_heads",
    metadata,
    sa.Column("log", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("shard", sa.String(8), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary(HASH_BYTES), nullable=False),
    sa.Column("published_size", sa.BigInteger, nullable=False),
    sa.Column("checkpoint", sa.Text),
    sa.Column("published_at", Instant),
)
log_subjects = sa.Table(
    "log_subjects",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
)


# What the sequencer needs of a waiting entry: its id, the entry, and lookup keys of 32
# bytes each, joined. A row as the driver makes it: an object for each would cost as much
# as its hash.
PendingEntry = tuple[bytes, bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a shard has got, and how far it has been published."""

    shard: Shard
    size: int
    root: bytes
    published_size: int
    checkpoint: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands in its log."""

    shard: Shard
    position: int
    entry: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where an entry stands in what was published last: `checkpoint` signs `size` entries."""

    shard: Shard
    position: int
    size: int
    checkpoint: str


def pending(transaction: Transaction, entries_max: int) -> list[PendingEntry]:
    """The entries that wait, oldest ids first."""
    # Twenty thousand rows at once: the driver's own are read in a third of the time.
    statement = (
        "SELECT entry_id, entry, lookup_keys FROM pending_entries"  # noqa: S608 # a number
        f" ORDER BY entry_id LIMIT {entries_max:d}"
    )
    cursor = transaction.raw_cursor()
    try:
        if transaction.is_sqlite:
            cursor.execute(statement)
        else:
            # As text each byte would travel as two digits.
            cursor.execute(statement, binary=True)
        found: list[PendingEntry] = cursor.fetchall()
        return found
    finally:
        cursor.close()


def last_pending(transaction: Transaction) -> UUID | None:
    """The id of the waiting entry whose turn comes after all others'."""
    # Not max(): PostgreSQL has none for bytea before version 18.
    column = pending_entries.c.entry_id
    found = transaction.execute(sa.select(column).order_by(column.desc()).limit(1)).scalar()
    return None if found is None else UUID(bytes=bytes(found))


def still_pending(transaction: Transaction, entries: Collection[UUID]) -> set[UUID]:
    """Those of `entries` that wait for their place."""
    column = pending_entries.c.entry_id
    select = sa.select(column).where(column.in_([each.bytes for each in entries]))
    return {UUID(bytes=bytes(entry)) for entry in transaction.execute(select).scalars()}


def heads(transaction: Transaction) -> list[Head]:
    """The head of every shard there is."""
    return [_head(row) for row in transaction.execute(sa.select(log_heads))]


def head(transaction: Transaction, shard: Shard) -> Head | None:
    """The head of one shard."""
    columns = log_heads.c
    row = transaction.execute(
        sa.select(log_heads).where(columns.log == shard.log, columns.shard == shard.half_year)
    ).one_or_none()
    return None if row is None else _head(row)


def put_head(transaction: Transaction, shard: Shard, *, size: int, root: bytes) -> None:
    """Says how far a shard has got."""
    values = {
        "log": int(shard.log),
        "shard": shard.half_year,
        "size": size,
        "root": root,
        "published_size": 0,
    }
    transaction.execute(
        insert_or_replace(transaction, log_heads, replaced=["size", "root"]), values
    )


def publish(
    transaction: Transaction, shard: Shard, *, size: int, checkpoint: str, now: datetime
) -> bool:
    """Makes a checkpoint the one that is served; False where a newer one is."""
    columns = log_heads.c
    update = (
        sa.update(log_heads)
        .where(
            columns.log == shard.log,
            columns.shard == shard.half_year,
            columns.published_size <= size,
        )
        .values(published_size=size, checkpoint=checkpoint, published_at=now)
    )
    return transaction.execute(update).rowcount == 1


def add_entries(
    transaction: Transaction, shard: Shard, *, first: int, entries: Sequence[PendingEntry]
) -> None:
    """Gives entries their places, from `first` on."""
    log, half_year = int(shard.log), shard.half_year
    if transaction.is_sqlite:
        _execute_many(
            transaction,
            "INSERT INTO log_entries (log, shard, position, entry_id, entry)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (log, half_year, position, entry_id, entry)
                for position, (entry_id, entry, _) in enumerate(entries, first)
            ],
        )
        return
    # What does not fit its field would be cut or filled up.
    assert all(len(each[0]) == ID_BYTES and len(each[1]) == ENTRY_BYTES for each in entries)
    name = half_year.encode()
    # Each field after its length, the row after the number of its fields.
    begin = struct.pack(f">hihi{len(name)}si", 5, 2, log, len(name), name, 8)
    pack = struct.Struct(f">{len(begin)}sqi{ID_BYTES}si{ENTRY_BYTES}s").pack
    copy_binary(
        transaction,
        "log_entries (log, shard, position, entry_id, entry)",
        [
            pack(begin, position, ID_BYTES, entry_id, ENTRY_BYTES, entry)
            for position, (entry_id, entry, _) in enumerate(entries, first)
        ],
    )


def add_subjects(transaction: Transaction, entries: Iterable[PendingEntry]) -> None:
    """Notes which subjects each entry is about."""
    # Each once: a row that cannot be written would stop the log for everyone. In the order
    # of the index, in which keys stand as if at random: a page of it is touched once.
    rows = sorted(
        {
            (keys[at : at + HASH_BYTES], entry_id)
            for entry_id, _, keys in entries
            for at in range(0, len(keys), HASH_BYTES)
        }
    )
    if not rows:
        return
    if transaction.is_sqlite:
        _execute_many(
            transaction, "INSERT INTO log_subjects (lookup_key, entry_id) VALUES (?, ?)", rows
        )
        return
    assert all(len(key) == HASH_BYTES and len(entry_id) == ID_BYTES for key, entry_id in rows)
    pack = struct.Struct(f">hi{HASH_BYTES}si{ID_BYTES}s").pack
    copy_binary(
        transaction,
        "log_subjects (lookup_key, entry_id)",
        [pack(2, HASH_BYTES, key, ID_BYTES, entry_id) for key, entry_id in rows],
    )


def settle(transaction: Transaction, entries: Sequence[PendingEntry]) -> None:
    """Takes entries that have their place out of the queue; their payloads stay where they are."""
    chosen: Any
    if transaction.is_sqlite:
        # One writer: nothing older than the last of these can have come meanwhile.
        where, chosen = "entry_id <= ?", entries[-1][0]
    else:
        where, chosen = "entry_id = ANY(%b)", [entry_id for entry_id, _, _ in entries]
    cursor = transaction.raw_cursor()
    try:
        if not transaction.is_sqlite:
            # The trigger is shown all that is deleted: beyond 4 MB through files.
            cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(f"DELETE FROM pending_entries WHERE {where}", (chosen,))  # noqa: S608
        assert cursor.rowcount == len(entries), "each entry that has its place leaves the queue"
    finally:
        cursor.close()


def entries_between(transaction: Transaction, shard: Shard, *, first: int, end: int) -> list[bytes]:
    """The entries at the places from `first` to before `end`."""
    columns = log_entries.c
    select = (
        sa.select(columns.entry)
        .where(
            columns.log == shard.log,
            columns.shard == shard.half_year,
            columns.position >= first,
            columns.position < end,
        )
        .order_by(columns.position)
    )
    return [bytes(entry) for entry in transaction.execute(select).scalars()]


def settled(transaction: Transaction, entry: UUID) -> AppendedRow | None:
    """An entry that has its place, with its payload; None once that is erased."""
    select = (
        sa.select(log_payloads, log_entries.c.log, log_entries.c.entry)
        .join(log_entries, log_entries.c.entry_id == log_payloads.c.entry_id)
        .where(log_payloads.c.entry_id == entry.bytes, log_payloads.c.erased_by.is_(None))
    )
    row = transaction.execute(select).mappings().one_or_none()
    if row is None:
        return None
    return appended_row(row, log=row[log_entries.c.log], entry=row[log_entries.c.entry])


def entries_about(transaction: Transaction, lookup_key: bytes) -> list[UUID]:
    """The entries that are about a subject, oldest first."""
    columns = log_subjects.c
    select = (
        sa.select(columns.entry_id)
        .where(columns.lookup_key == lookup_key)
        .order_by(columns.entry_id)
    )
    return [UUID(bytes=bytes(entry)) for entry in transaction.execute(select).scalars()]


def place_of(transaction: Transaction, entry: UUID) -> Place | None:
    """Where an entry stands; None while it waits, or is none."""
    columns = log_entries.c
    row = transaction.execute(
        sa.select(log_entries).where(columns.entry_id == entry.bytes)
    ).one_or_none()
    if row is None:
        return None
    shard = Shard(log=Log(row.log), half_year=row.shard)
    return Place(shard=shard, position=row.position, entry=bytes(row.entry))


def published(transaction: Transaction, entry: UUID) -> Published | None:
    """Where an entry stands in the newest checkpoint of its log; None until it does."""
    cursor = transaction.hot_cursor()
    try:
        cursor.execute(_PUBLISHED_SQLITE if transaction.is_sqlite else _PUBLISHED, (entry.bytes,))
        row = cursor.fetchone()
    finally:
        cursor.close()
    if row is None:
        return None
    log, half_year, position, size, checkpoint = row
    shard = Shard(log=Log(log), half_year=half_year)
    return Published(shard=shard, position=position, size=size, checkpoint=checkpoint)


_PUBLISHED = (
    "SELECT e.log, e.shard, e.position, h.published_size, h.checkpoint"
    " FROM log_entries e JOIN log_heads h ON h.log = e.log AND h.shard = e.shard"
    " WHERE e.entry_id = %s AND h.checkpoint IS NOT NULL AND h.published_size > e.position"
)
_PUBLISHED_SQLITE = _PUBLISHED.replace("%s", "?")


def _head(row: sa.Row[Any]) -> Head:
    return Head(
        shard=Shard(log=Log(row.log), half_year=row.shard),
        size=row.size,
        root=bytes(row.root),
        published_size=row.published_size,
        checkpoint=row.checkpoint,
        published_at=row.published_at,
    )


def _execute_many(
    transaction: Transaction, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    cursor = transaction.raw_cursor()
    try:
        cursor.executemany(statement, rows)
    finally:
        cursor.close()
