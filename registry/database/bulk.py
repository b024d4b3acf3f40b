"""Many rows at once, each database its own way: COPY on PostgreSQL, executemany on SQLite.

A row is a tuple of text, bytes, integers and None in the order of the columns, in
the one form that both databases read: days as ISO 8601, instants by
`instant_text`, documents as JSON.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, lru_cache
from typing import cast

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant

RowValue = str | bytes | int | None
Row = Sequence[RowValue]

_NULL = "\\N"
_SPECIAL = "\\\t\n\r"
_UNIQUE_VIOLATION = "23505"
# A megabyte of incidents.
_COPIED_ROWS = 512
# Source: PostgreSQL, COPY, binary format.
_BINARY_BEGINS = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_BINARY_ENDS = b"\xff\xff"


class RowTaken(Exception):
    """A row of this key stands already; nothing of the attempt remains."""


@contextmanager
def attempt(transaction: Transaction) -> Iterator[None]:
    """A part of the transaction that may find rows taken, and is then undone alone.

    Raises: RowTaken.
    """
    try:
        with transaction.connection.begin_nested():
            yield
    except Exception as error:
        # psycopg's own, from a raw cursor. Nobody else writes to SQLite meanwhile.
        if getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION:
            raise RowTaken from error
        raise


def insert_rows(transaction: Transaction, table: sa.Table, rows: Sequence[Row]) -> None:
    """Inserts `rows`, whose values are in the order of the table's columns."""
    if not rows:
        return
    assert len(rows[0]) == len(table.columns), "a row has a value for each column"
    cursor = transaction.raw_cursor()
    try:
        if transaction.is_sqlite:
            cursor.executemany(insert_statement(table, is_sqlite=True), rows)
            return
        columns = ", ".join(column.name for column in table.columns)
        with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
            for start in range(0, len(rows), _COPIED_ROWS):
                copy.write(_copied(rows[start : start + _COPIED_ROWS]))
    finally:
        cursor.close()


def copy_binary(transaction: Transaction, target: str, rows: Sequence[bytes]) -> None:
    """Adds rows, each packed as PostgreSQL's binary COPY has it, to `table (columns)`.

    For where rows come by tens of thousands: the driver's packing costs three times
    what `struct` does.
    """
    cursor = transaction.raw_cursor()
    try:
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"".join((_BINARY_BEGINS, *rows, _BINARY_ENDS)))
    finally:
        cursor.close()


@cache
def insert_statement(table: sa.Table, *, is_sqlite: bool, rows: int = 1, ending: str = "") -> str:
    """An INSERT of whole rows for a hot cursor; `ending` is what follows VALUES."""
    columns = ", ".join(column.name for column in table.columns)
    places = ", ".join("?" if is_sqlite else _place(column) for column in table.columns)
    values = ", ".join([f"({places})"] * rows)
    return f"INSERT INTO {table.name} ({columns}) VALUES {values} {ending}".rstrip()  # noqa: S608 # names of our own tables and placeholders


# As with `format_instant`: few instants, many rows.
@lru_cache(maxsize=256)
def instant_text(instant: datetime) -> str:
    """An instant in UTC as SQLite keeps it and PostgreSQL reads it."""
    return instant.isoformat(timespec="microseconds")[:26] + "Z"


def _place(column: sa.Column[object]) -> str:
    """A placeholder that takes text, and is cast where the column is of another type."""
    kind = column.type
    if isinstance(kind, Instant):
        return "%s::text::timestamptz"
    if isinstance(kind, sa.Date):
        return "%s::text::date"
    if isinstance(kind, sa.JSON):
        return "%s::text::jsonb"
    return "%s"


def _copied(rows: Sequence[Row]) -> str:
    """The rows in COPY's text format.

    Column by column: the values of one are of one kind, and looked at together.
    """
    columns = [_column(values) for values in zip(*rows, strict=True)]
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _column(values: Sequence[RowValue]) -> Sequence[str]:
    kinds = set(map(type, values))
    if kinds == {str}:
        texts = cast("Sequence[str]", values)
        every = "".join(texts)
        if not any(special in every for special in _SPECIAL):
            return texts
    elif kinds == {int}:
        return list(map(str, values))
    return list(map(_field, values))


def _field(value: RowValue) -> str:
    if value is None:
        return _NULL
    if isinstance(value, str):
        return (
            value.replace("\\", "\\\\")
            .replace("\t", "\\t")
            .replace("\n", "\\n")
            .replace("\r", "\\r")
        )
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value)
