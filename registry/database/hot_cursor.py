"""The few hot statements on PostgreSQL, next to libpq.

psycopg's own cursor adapts anything to anything; a lookup's statements carry
bytes, text and integers. Same connection, same transaction, same errors, a
quarter of the processor time; a statement is prepared once a connection. Statements
whose answer is not needed at once travel with the next one, in libpq's pipeline mode:
a lookup's transaction goes to the server and back twice, not six times.
Source: decision on hot statements; psycopg 3, module `psycopg.pq`; PostgreSQL, libpq,
"Pipeline Mode".
"""

import functools
import select
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

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
_PIPELINE_SYNC = pq.ExecStatus.PIPELINE_SYNC
_IDLE = pq.TransactionStatus.IDLE


class ConnectionLost(psycopg.OperationalError):
    """The server hung up, or was hung up on; its other connections will be gone too."""


class _Message(NamedTuple):
    """A statement as libpq takes it: prepared under `name`, or as `text` where that is None."""

    name: bytes | None
    text: bytes
    values: Sequence[bytes | None]
    formats: Sequence[pq.Format]


_BEGIN = _Message(None, b"BEGIN", (), ())
_COMMIT = _Message(None, b"COMMIT", (), ())


class HotStatements:
    """The hot statements of one connection: what is prepared, and what waits to be sent.

    What waits is sent before anything else is: `Database` sees to it for statements
    that take another way.
    """

    __slots__ = ("_pgconn", "_prepared", "_waiting")

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._pgconn = connection.pgconn
        self._prepared: dict[str, bytes] = {}
        self._waiting: list[tuple[_Message, HotCursor]] = []

    def cursor(self) -> "HotCursor":
        """A cursor in the connection's transaction."""
        return HotCursor(self)

    def add(self, statement: str, parameters: Sequence[HotValue], cursor: "HotCursor") -> None:
        """Has a statement sent with the next that is, or with the commit.

        Raises: what preparing it does.
        """
        values, formats = [], []
        for parameter in parameters:
            value, form = _encode(parameter)
            values.append(value)
            formats.append(form)
        message = _Message(self._name(statement), _numbered(statement), values, formats)
        self._waiting.append((message, cursor))

    def send(self) -> None:
        """Sends what waits, and gives each cursor its result; begins a transaction if none is.

        Raises: what psycopg's own cursor would, for the first that failed; those after
        it were not run.
        """
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        # As psycopg does it: the first statement begins the transaction that
        # Database commits or undoes.
        begins = self._pgconn.transaction_status == _IDLE
        messages = [message for message, _ in waiting]
        if begins:
            _, *results = self._run([_BEGIN, *messages])
        elif len(messages) == 1:
            results = [self._run_one(messages[0])]
        else:
            results = self._run(messages)
        for (_, cursor), result in zip(waiting, results, strict=True):
            cursor.result = result

    def commit(self) -> None:
        """Sends what waits, and the commit with it.

        Raises: what psycopg's own commit would; InFailedSqlTransaction where the server
        rolled back instead.
        """
        waiting, self._waiting = self._waiting, []
        is_idle = self._pgconn.transaction_status == _IDLE
        if not waiting:
            if is_idle:
                return
            committed = self._checked(self._pgconn.exec_(b"COMMIT"))
        else:
            begin = [_BEGIN] if is_idle else []
            *_, committed = self._run([*begin, *(message for message, _ in waiting), _COMMIT])
        if committed.command_status != b"COMMIT":
            raise errors.InFailedSqlTransaction("the transaction had failed and was rolled back")

    def forget(self) -> None:
        """Lets what waits go, with the transaction that is undone."""
        self._waiting = []

    def _name(self, statement: str) -> bytes | None:
        name = self._prepared.get(statement)
        if name is None and len(self._prepared) < PREPARED_MAX:
            # In the order they were made: what waits may be what this one stands on.
            self.send()
            name = b"hot_%d" % len(self._prepared)
            self._checked(self._pgconn.prepare(name, _numbered(statement)))
            self._prepared[statement] = name
        return name

    def _run_one(self, message: _Message) -> pq.abc.PGresult:
        name, text, values, formats = message
        # psycopg's stub knows no NULL here; the function does.
        if name is None:
            result = self._pgconn.exec_params(text, values, None, formats, _BINARY)
        else:
            result = self._pgconn.exec_prepared(name, values, formats, _BINARY)  # type: ignore[arg-type]
        return self._checked(result)

    def _run(self, messages: Sequence[_Message]) -> list[pq.abc.PGresult]:
        """Runs several in one exchange; what comes after one that fails is not run."""
        pgconn = self._pgconn
        pgconn.enter_pipeline_mode()
        try:
            for name, text, values, formats in messages:
                if name is None:
                    pgconn.send_query_params(text, values, None, formats, _BINARY)
                else:
                    pgconn.send_query_prepared(name, values, formats, _BINARY)
            pgconn.pipeline_sync()
            results = [self._next_result() for _ in messages]
            self._next_result(is_last=True)
        except psycopg.OperationalError as error:
            if pgconn.status == pq.ConnStatus.BAD:
                raise ConnectionLost("the connection to the database is lost") from error
            raise
        pgconn.exit_pipeline_mode()
        return [self._checked(result) for result in results]

    def _next_result(self, *, is_last: bool = False) -> pq.abc.PGresult:
        pgconn = self._pgconn
        # Not in libpq, which would keep the interpreter's lock while it waits.
        if pgconn.flush() or pgconn.is_busy():
            self._wait()
        result = pgconn.get_result()
        if result is None:
            raise ConnectionLost("the connection to the database is lost")
        if is_last:
            assert result.status == _PIPELINE_SYNC, "each statement has one result"
        elif pgconn.get_result() is not None:
            raise AssertionError("each statement has one result")
        return result

    def _wait(self) -> None:
        pgconn = self._pgconn
        poll = select.poll()
        while True:
            unsent = pgconn.flush()
            if not unsent and not pgconn.is_busy():
                return
            poll.register(pgconn.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
            poll.poll()
            pgconn.consume_input()

    def _checked(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status in (_COMMAND_OK, _TUPLES_OK):
            return result
        # What is not said by the server, libpq says: nobody took what was sent, or answered.
        is_said = result.error_field(pq.DiagnosticField.SQLSTATE) is not None
        if self._pgconn.status == pq.ConnStatus.BAD or not is_said:
            raise ConnectionLost("the connection to the database is lost")
        raise errors.error_from_result(result)


class HotCursor:
    """As much of a DBAPI cursor as hot statements use; placeholders are `%s`.

    Parameters and results are bytes, text and integers; an array is of one of them,
    integers as bigint.
    """

    __slots__ = ("_statements", "result")

    def __init__(self, statements: HotStatements) -> None:
        self._statements = statements
        self.result: pq.abc.PGresult | None = None

    def execute(self, statement: str, parameters: Sequence[HotValue] = ()) -> None:
        """Runs one statement, inside the connection's transaction.

        Raises: what psycopg's own cursor would.
        """
        self.execute_later(statement, parameters)
        self._statements.send()

    def execute_later(self, statement: str, parameters: Sequence[HotValue] = ()) -> None:
        """Runs one statement with the next one or the commit, which raise what it does.

        Asking for what it found sends it.
        """
        self.result = None
        self._statements.add(statement, parameters, self)

    @property
    def rowcount(self) -> int:
        """How many rows the statement touched or found."""
        return self._found().command_tuples or 0

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return next(iter(self), None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        result = self._found()
        decoders = [_DECODERS[result.ftype(column)] for column in range(result.nfields)]
        for row in range(result.ntuples):
            values = [result.get_value(row, column) for column in range(len(decoders))]
            yield tuple(
                None if value is None else decode(value)
                for decode, value in zip(decoders, values, strict=True)
            )

    def close(self) -> None:
        """Lets the result go."""
        self.result = None

    def _found(self) -> pq.abc.PGresult:
        if self.result is None:
            self._statements.send()
        assert self.result is not None, "nothing has been executed"
        return self.result


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
