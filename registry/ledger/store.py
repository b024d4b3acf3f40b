"""The entries that wait for their place in a log; triggers refuse any change to them."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from registry.database.bulk import insert_rows
from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.ledger.model import ENTRY_BYTES, SALT_BYTES

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
    """Inserts `rows` in one statement."""
    if len(rows) > STATEMENT_ROWS_MAX:
        insert_rows(transaction, pending_entries, rows)
        return
    cursor = transaction.hot_cursor()
    try:
        cursor.execute(
            _insert_statement("?" if transaction.is_sqlite else "%s", len(rows)),
            [value for row in rows for value in row],
        )
    finally:
        cursor.close()


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


@cache
def _insert_statement(placeholder: str, rows: int) -> str:
    # Constant text and placeholders only; one text a list length, so that the
    # driver can keep it prepared.
    columns = ", ".join(PendingRow._fields)
    values = "(" + ", ".join([placeholder] * len(PendingRow._fields)) + ")"
    return f"INSERT INTO pending_entries ({columns}) VALUES " + ", ".join([values] * rows)  # noqa: S608
