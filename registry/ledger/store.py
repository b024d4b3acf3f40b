"""What is appended: the entries that wait for their place in a log, and all payloads.

A payload is written once and stays where it is when its entry gets its place. Triggers
refuse any change of a waiting entry, and of a payload any that is not its erasure.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from registry.database.bulk import insert_rows
from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.ledger.model import ENTRY_BYTES, RECORD_TYPE_AT, SALT_BYTES, RecordType

# Beyond so many rows in one statement it pays to send them as a stream.
STATEMENT_ROWS_MAX = 128

pending_entries = sa.Table(
    "pending_entries",
    metadata,
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("log", sa.SmallInteger, nullable=False),
    sa.Column("entry", sa.LargeBinary(ENTRY_BYTES), nullable=False),
    sa.Column("lookup_keys", sa.LargeBinary, nullable=False, server_default=sa.text("''")),
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


class AppendedRow(NamedTuple):
    """An entry and its payload, as they are appended."""

    entry_id: bytes
    log: int
    entry: bytes
    header: bytes
    subject_sealed: bytes
    header_salt: bytes
    subject_salt: bytes
    signed_request: str | None
    lookup_keys: bytes


def insert(transaction: Transaction, rows: Sequence[AppendedRow]) -> None:
    """Inserts `rows` in one statement on PostgreSQL, sent with the next one or the commit."""
    if len(rows) > STATEMENT_ROWS_MAX:
        insert_rows(transaction, log_payloads, [(*_payload_of(row), None) for row in rows])
        insert_rows(transaction, pending_entries, list(map(_waiting_of, rows)))
    elif transaction.is_sqlite:
        for table, columns, part_of in (
            ("log_payloads", _PAYLOAD, _payload_of),
            ("pending_entries", _WAITING, _waiting_of),
        ):
            values = [value for row in rows for value in part_of(row)]
            transaction.execute_later(_insert_sqlite(table, columns, len(rows)), values)
    else:
        # One text for any number of rows: prepared once. As a rule nothing but the
        # commit comes after it.
        by_column = [list(column) for column in zip(*rows, strict=True)]
        transaction.execute_later(_INSERT_POSTGRESQL, by_column)


def find(transaction: Transaction, uuid: UUID) -> AppendedRow | None:
    """The entry `uuid` with its payload; None where it does not wait."""
    statement = (
        sa.select(pending_entries, log_payloads)
        .join(log_payloads, log_payloads.c.entry_id == pending_entries.c.entry_id)
        .where(pending_entries.c.entry_id == uuid.bytes)
    )
    row = transaction.execute(statement).mappings().one_or_none()
    if row is None:
        return None
    entry = pending_entries.c
    return appended_row(
        row, log=row[entry.log], entry=row[entry.entry], lookup_keys=row[entry.lookup_keys]
    )


def appended_row(
    payload: sa.RowMapping, *, log: int, entry: Any, lookup_keys: Any = b""
) -> AppendedRow:
    """An entry with the row of its payload, which is not erased."""
    columns = log_payloads.c
    return AppendedRow(
        entry_id=bytes(payload[columns.entry_id]),
        log=log,
        entry=bytes(entry),
        header=bytes(payload[columns.header]),
        subject_sealed=bytes(payload[columns.subject_sealed]),
        header_salt=bytes(payload[columns.header_salt]),
        subject_salt=bytes(payload[columns.subject_salt]),
        signed_request=payload[columns.signed_request],
        lookup_keys=bytes(lookup_keys),
    )


def first_pending(
    transaction: Transaction, record_types: Iterable[RecordType] | None = None
) -> UUID | None:
    """The id of the waiting entry, of these types if any, whose turn comes before all others'."""
    column = pending_entries.c.entry_id
    select = sa.select(column).order_by(column).limit(1)
    if record_types is not None:
        kind = sa.func.substr(pending_entries.c.entry, RECORD_TYPE_AT + 1, 2)
        wanted = [sa.literal(each.to_bytes(2, "big"), sa.LargeBinary) for each in record_types]
        select = select.where(kind.in_(wanted))
    found = transaction.execute(select).scalar()
    return None if found is None else UUID(bytes=bytes(found))


_WAITING = ("entry_id", "log", "entry", "lookup_keys")
_PAYLOAD = (
    "entry_id",
    "header",
    "subject_sealed",
    "header_salt",
    "subject_salt",
    "signed_request",
)


# As quick as a row is: some of these are taken of every call.
_waiting_of = itemgetter(*map(AppendedRow._fields.index, _WAITING))
_payload_of = itemgetter(*map(AppendedRow._fields.index, _PAYLOAD))


@cache
def _insert_sqlite(table: str, columns: Sequence[str], rows: int) -> str:
    # Constant text and question marks only.
    values = "(" + ", ".join(["?"] * len(columns)) + ")"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES " + ", ".join([values] * rows)  # noqa: S608


_INSERT_POSTGRESQL = (
    "WITH appended AS (SELECT * FROM unnest("  # noqa: S608
    "%s::bytea[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[],"
    f" %s::bytea[], %s::text[], %s::bytea[]) AS one ({', '.join(AppendedRow._fields)})),"
    f" kept AS (INSERT INTO log_payloads ({', '.join(_PAYLOAD)})"
    f" SELECT {', '.join(_PAYLOAD)} FROM appended)"
    f" INSERT INTO pending_entries ({', '.join(_WAITING)})"
    f" SELECT {', '.join(_WAITING)} FROM appended"
)
