"""The tables of the two logs, and the only queries on them.

Only the sequencer writes here. Triggers refuse changes of an entry that has its
place, and any change of a payload that is not its erasure.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from registry.database.statements import insert_or_replace
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.ledger.model import ENTRY_BYTES, SALT_BYTES, Log, Shard
from registry.ledger.store import PendingRow, pending_entries

HASH_BYTES = 32

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
log_payloads = sa.Table(
    "log_payloads",
    metadata,
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("header", sa.LargeBinary),
    sa.Column("subject_sealed", sa.LargeBinary),
    sa.Column("header_salt", sa.LargeBinary(SALT_BYTES)),
    sa.Column("subject_salt", sa.LargeBinary(SALT_BYTES)),
    sa.Column("signed_request", sa.Text),
    sa.Column("erased_by", sa.LargeBinary(16)),
)
log_subjects = sa.Table(
    "log_subjects",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
)


class PendingEntry(NamedTuple):
    """What the sequencer needs of a waiting entry; `lookup_keys` are 32 bytes each, joined."""

    entry_id: bytes
    log: int
    entry: bytes
    lookup_keys: bytes


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


def pending(transaction: Transaction, entries_max: int) -> list[PendingEntry]:
    """The entries that wait, oldest ids first."""
    # Twenty thousand rows at once: the driver's own are read in a third of the time.
    cursor = transaction.raw_cursor()
    try:
        cursor.execute(
            f"SELECT {', '.join(PendingEntry._fields)} FROM pending_entries"  # noqa: S608
            f" ORDER BY entry_id LIMIT {entries_max:d}"
        )
        return [PendingEntry._make(row) for row in cursor.fetchall()]
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
    rows = [
        (int(shard.log), shard.half_year, first + offset, each.entry_id, each.entry)
        for offset, each in enumerate(entries)
    ]
    _insert_many(transaction, "log_entries", _ENTRY_COLUMNS, rows)


def add_subjects(transaction: Transaction, entries: Iterable[PendingEntry]) -> None:
    """Notes which subjects each entry is about."""
    # Each once: a row that cannot be written would stop the log for everyone.
    rows = list(
        dict.fromkeys(
            (each.lookup_keys[at : at + HASH_BYTES], each.entry_id)
            for each in entries
            for at in range(0, len(each.lookup_keys), HASH_BYTES)
        )
    )
    if rows:
        _insert_many(transaction, "log_subjects", ("lookup_key", "entry_id"), rows)


def settle_payloads(transaction: Transaction, entries: Sequence[PendingEntry]) -> None:
    """Moves the payloads of entries that have their place out of the queue."""
    names = "entry_id, header, subject_sealed, header_salt, subject_salt, signed_request"
    cursor = transaction.raw_cursor()
    try:
        if transaction.is_sqlite:
            # One writer: nothing older than the last of these can have come meanwhile.
            last = entries[-1].entry_id
            cursor.execute(
                f"INSERT INTO log_payloads ({names}) SELECT {names} FROM pending_entries"  # noqa: S608
                " WHERE entry_id <= ?",
                (last,),
            )
            cursor.execute("DELETE FROM pending_entries WHERE entry_id <= ?", (last,))
        else:
            cursor.execute(
                f"WITH moved AS (DELETE FROM pending_entries WHERE entry_id = ANY(%b)"  # noqa: S608
                f" RETURNING {names}) INSERT INTO log_payloads ({names}) SELECT {names} FROM moved",
                ([each.entry_id for each in entries],),
            )
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


def settled(transaction: Transaction, entry: UUID) -> PendingRow | None:
    """An entry that has its place, with its payload; None once that is erased."""
    select = (
        sa.select(log_payloads, log_entries.c.log, log_entries.c.entry)
        .join(log_entries, log_entries.c.entry_id == log_payloads.c.entry_id)
        .where(log_payloads.c.entry_id == entry.bytes, log_payloads.c.erased_by.is_(None))
    )
    row = transaction.execute(select).one_or_none()
    if row is None:
        return None
    return PendingRow(
        entry_id=bytes(row.entry_id),
        log=row.log,
        entry=bytes(row.entry),
        header=bytes(row.header),
        subject_sealed=bytes(row.subject_sealed),
        header_salt=bytes(row.header_salt),
        subject_salt=bytes(row.subject_salt),
        signed_request=row.signed_request,
        lookup_keys=b"",
    )


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


_ENTRY_COLUMNS = ("log", "shard", "position", "entry_id", "entry")


def _head(row: sa.Row[Any]) -> Head:
    return Head(
        shard=Shard(log=Log(row.log), half_year=row.shard),
        size=row.size,
        root=bytes(row.root),
        published_size=row.published_size,
        checkpoint=row.checkpoint,
        published_at=row.published_at,
    )


def _insert_many(
    transaction: Transaction, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Adds many rows the fastest way each database has inside a transaction."""
    names = ", ".join(columns)
    cursor = transaction.raw_cursor()
    try:
        if transaction.is_sqlite:
            places = ", ".join("?" * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608
        else:
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types([_COPY_TYPES[name] for name in columns])
                for row in rows:
                    copy.write_row(row)
    finally:
        cursor.close()


_COPY_TYPES = {
    "log": "int2",
    "shard": "varchar",
    "position": "int8",
    "entry_id": "bytea",
    "entry": "bytea",
    "lookup_key": "bytea",
}
