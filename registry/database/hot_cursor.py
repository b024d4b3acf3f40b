"""A cursor for the few hot statements on PostgreSQL, next to libpq.

psycopg's own cursor adapts anything to anything; a lookup's statements carry
bytes, text and integers. Same connection, same transaction, same errors, a
quarter of the processor time; a statement is prepared once a connection.
Source: decision on hot statements; psycopg 3, module `psycopg.pq`.
"""

import functools
import struct
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import psycopg
from psycopg import errors, pq

HotValue = bytes | str | int | None | Sequence[bytes] | Sequence[str] | Sequence[int]

# Beyond these a statement is sent unprepared: batches have a text for each length.
PREPARED_MAX = 64

_BYTEA, _INT8, _TEXT_TYPE = 17, 20, 25
_ARRAY_HEADER = struct.Struct(">iiIii").pack
_ARRAY_HEADER_BYTES = 20
_LENGTH = struct.Struct(">i").pack
_LENGTH_AND_EIGHT_BYTES = struct.Struct(">iq").pack
_NULL = _LENGTH(-1)
_TEXT, _BINARY = pq.Format.TEXT, pq.Format.BINARY
_COMMAND_OK, _TUPLES_OK = pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK
_IDLE = pq.TransactionStatus.IDLE


class ConnectionLost(psycopg.OperationalError):
    """The server hung up, or was hung up on; its other connections will be gone too."""


class HotCursor:
    """As much of a DBAPI cursor as hot statements use; placeholders are `%s`.

    Parameters and results are bytes, text and integers; an array is of one of them,
    integers as bigint.
    `prepared` belongs to the connection: its statements and their names.
    """

    __slots__ = ("_pgconn", "_prepared", "_result")

    def __init__(
        self, connection: "psycopg.Connection[Any]", prepared: MutableMapping[str, bytes]
    ) -> None:
        self._pgconn = connection.pgconn
        self._prepared = prepared
        self._result: pq.abc.PGresult | None = None

    def execute(self, statement: str, parameters: Sequence[HotValue] = ()) -> None:
        """Runs one statement, inside the connection's transaction.

        Raises: what psycopg's own cursor would.
        """
        # As psycopg does it: the first statement begins the transaction that
        # Database commits or undoes.
        if self._pgconn.transaction_status == _IDLE:
            self._checked(self._pgconn.exec_(b"BEGIN"))
        values, formats = [], []
        for parameter in parameters:
            value, form = _encode(parameter)
            values.append(value)
            formats.append(form)
        self._result = self._checked(self._run(statement, values, formats))

    @property
    def rowcount(self) -> int:
        """How many rows the statement touched or found."""
        assert self._result is not None, "nothing has been executed"
        return self._result.command_tuples or 0

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return next(iter(self), None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        result = self._result
        assert result is not None, "nothing has been executed"
        decoders = [_DECODERS[result.ftype(column)] for column in range(result.nfields)]
        for row in range(result.ntuples):
            values = [result.get_value(row, column) for column in range(len(decoders))]
            yield tuple(
                None if value is None else decode(value)
                for decode, value in zip(decoders, values, strict=True)
            )

    def close(self) -> None:
        """Lets the result go."""
        self._result = None

    def _run(
        self, statement: str, values: Sequence[bytes | None], formats: Sequence[pq.Format]
    ) -> pq.abc.PGresult:
        name = self._prepared.get(statement)
        if name is None:
            if len(self._prepared) >= PREPARED_MAX:
                return self._pgconn.exec_params(
                    _numbered(statement), values, None, formats, _BINARY
                )
            name = b"hot_%d" % len(self._prepared)
            self._checked(self._pgconn.prepare(name, _numbered(statement)))
            self._prepared[statement] = name
        # psycopg's stub knows no NULL here; the function does.
        return self._pgconn.exec_prepared(name, values, formats, _BINARY)  # type: ignore[arg-type]

    def _checked(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status in (_COMMAND_OK, _TUPLES_OK):
            return result
        if self._pgconn.status == pq.ConnStatus.BAD:
            raise ConnectionLost("the connection to the database is lost")
        raise errors.error_from_result(result)


def commit(connection: "psycopg.Connection[Any]") -> None:
    """Commits as psycopg does, without its way through generators.

    Raises: what psycopg's own commit would; InFailedSqlTransaction where the server
    rolled back instead.
    """
    pgconn = connection.pgconn
    if pgconn.transaction_status == _IDLE:
        return
    result = pgconn.exec_(b"COMMIT")
    if result.status != _COMMAND_OK:
        if pgconn.status == pq.ConnStatus.BAD:
            raise ConnectionLost("the connection to the database is lost")
        raise errors.error_from_result(result)
    if result.command_status != b"COMMIT":
        raise errors.InFailedSqlTransaction("the transaction had failed and was rolled back")


@functools.lru_cache(maxsize=256)
def _numbered(statement: str) -> bytes:
    """The statement as libpq wants it: `$1`, `$2` … for its placeholders."""
    first, *rest = statement.split("%s")
    return (first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))).encode()


def _encode(value: HotValue) -> tuple[bytes | None, pq.Format]:
    # Text goes as binary too: its length is sent, so that U+0000 is refused by
    # the server and never cuts a value short.
    if isinstance(value, bytes):
        return value, _BINARY
    if isinstance(value, str):
        return value.encode(), _BINARY
    if value is None:
        return None, _TEXT
    if isinstance(value, int):
        return b"%d" % value, _TEXT
    if None in value:
        return _array_with_nulls(value)
    return _array(value), _BINARY


def _array(values: Sequence[Any]) -> bytes:
    """One dimension, no nulls, numbered from 1: the form array_recv reads."""
    first = values[0]
    if isinstance(first, bytes):
        oid = _BYTEA
        items = [_LENGTH(len(value)) + value for value in values]
    elif isinstance(first, str):
        oid = _TEXT_TYPE
        encoded = [value.encode() for value in values]
        items = [_LENGTH(len(value)) + value for value in encoded]
    else:
        oid = _INT8
        items = [_LENGTH_AND_EIGHT_BYTES(8, value) for value in values]
    return _ARRAY_HEADER(1, 0, oid, len(values), 1) + b"".join(items)


def _array_with_nulls(values: Sequence[Any]) -> tuple[bytes, pq.Format]:
    known = [value for value in values if value is not None]
    if not known:
        # Of no type of their own: as text the server takes them for any.
        return b"{" + b",".join([b"NULL"] * len(values)) + b"}", _TEXT
    plain = _array(known)
    rest = iter(_items(plain, len(known)))
    items = [_NULL if value is None else next(rest) for value in values]
    oid = int.from_bytes(plain[8:12], "big")
    return _ARRAY_HEADER(1, 1, oid, len(values), 1) + b"".join(items), _BINARY


def _items(array: bytes, count: int) -> Iterator[bytes]:
    """The items of an array without nulls, each with its length before it."""
    place = _ARRAY_HEADER_BYTES
    for _ in range(count):
        end = place + 4 + int.from_bytes(array[place : place + 4], "big")
        yield array[place:end]
        place = end


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


# By type: bytea, int8, int2, int4, text, varchar.
_DECODERS: Mapping[int, Callable[[bytes], Any]] = {
    _BYTEA: bytes,
    20: _integer,
    21: _integer,
    23: _integer,
    25: bytes.decode,
    1043: bytes.decode,
}
