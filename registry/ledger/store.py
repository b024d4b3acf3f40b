"""The entries that wait for their place in a log; triggers refuse any change to them."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple
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
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Column("subject_sealed", sa.LargeBinary, nullable=False),
    sa.Column("header_salt", sa.LargeBinary(SALT_BYTES), nullable=False),
    sa.Column("subject_salt", sa.LargeBinary(SALT_BYTES), nullable=False),
    sa.Column("signed_request", sa.Text),
    sa.Column("lookup_keys", sa.LargeBinary, nullable=False, server_default=sa.text("''")),
)


class PendingRow(NamedTuple):
    """A row of `pending_entries`, in the order of its columns."""

    entry_id: bytes
    log: int
    entry: bytes
    header: bytes
    subject_sealed: bytes
    header_salt: bytes
    subject_salt: bytes
    signed_request: str | None
    lookup_keys: bytes


def insert(transaction: Transaction, rows: Sequence[PendingRow]) -> None:
    """Inserts `rows` in one statement, on PostgreSQL with the next one or the commit."""
    if len(rows) > STATEMENT_ROWS_MAX:
        insert_rows(transaction, pending_entries, rows)
        return
    if transaction.is_sqlite:
        values = [value for row in rows for value in row]
        transaction.execute_later(_insert_sqlite(len(rows)), values)
    else:
        # One text for any number of rows: prepared once. As a rule nothing but the
        # commit comes after it.
        columns = [list(column) for column in zip(*rows, strict=True)]
        transaction.execute_later(_INSERT_POSTGRESQL, columns)


def find(transaction: Transaction, uuid: UUID) -> PendingRow | None:
    """The row of the entry `uuid`."""
    statement = sa.select(pending_entries).where(pending_entries.c.entry_id == uuid.bytes)
    row = transaction.execute(statement).one_or_none()
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
        lookup_keys=bytes(row.lookup_keys),
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


@cache
def _insert_sqlite(rows: int) -> str:
    # Constant text and question marks only.
    values = "(" + ", ".join(["?"] * len(PendingRow._fields)) + ")"
    return f"INSERT INTO pending_entries ({_COLUMNS}) VALUES " + ", ".join([values] * rows)  # noqa: S608


_COLUMNS = ", ".join(PendingRow._fields)
_INSERT_POSTGRESQL = (
    f"INSERT INTO pending_entries ({_COLUMNS}) SELECT * FROM unnest("  # noqa: S608
    "%s::bytea[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[],"
    " %s::bytea[], %s::text[], %s::bytea[])"
)
