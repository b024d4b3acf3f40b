"""Opens the database the way each kind must be set up to keep its promise.

SQLite: WAL, synchronous FULL, BEGIN IMMEDIATE for writers, which share commits
inside a process. PostgreSQL: psycopg 3, bounded waits.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from registry.database.group_commit import GroupCommit
from registry.database.stalls import Stalls
from registry.database.transaction import HOT_STATEMENTS, DatabaseUnavailable, Transaction
from registry.database.turnstile import Turnstile

BUSY_TIMEOUT_SECONDS = 10
POOL_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MILLISECONDS = 10_000
LOCK_TIMEOUT_MILLISECONDS = 5_000
CONNECT_TIMEOUT_SECONDS = 5
# Whoever asks is told so when a whole call's transaction takes longer: PostgreSQL does
# not answer, or has stopped and keeps the connection.
ANSWER_SECONDS_MAX = 15.0
# A network that swallows packets: what was sent must be acknowledged by then.
UNACKNOWLEDGED_MILLISECONDS_MAX = 20_000
# Of each connection; the system keeps the file's pages too, once for all of them.
SQLITE_CACHE_KIB = 2_048
# The server hangs up with these; psycopg takes them for errors of its inside. A session or a
# transaction was idle for too long, a transaction lasted too long.
# Source: PostgreSQL, "Error Codes", classes 25 and 57.
_SESSION_ENDED = {"25P03", "25P04", "57P05"}
# libpq's PQTRANS_IDLE.
_IDLE = 0


class Database:
    """A pool of connections, and the one way to open a transaction on it."""

    def __init__(self, url: str, *, connections_max: int = 16) -> None:
        parsed = sa.make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._stalls = Stalls()
        # SQLite has one writer: threads of this process take turns, and processes do.
        self._writers: GroupCommit | None = None
        if self.is_sqlite:
            assert parsed.database, "a SQLite registry lives in a file"
            self.engine = _sqlite_engine(parsed, connections_max)
            self._writers = GroupCommit(
                self.engine,
                Turnstile(Path(parsed.database)),
                turn_seconds_max=BUSY_TIMEOUT_SECONDS,
            )
        else:
            self.engine = _postgresql_engine(parsed, connections_max)

    @contextmanager
    def transaction(self, *, seconds_max: float | None = None) -> Iterator[Transaction]:
        """One unit of work: committed to disk at the end, or undone by an error.

        With `seconds_max` it fails when PostgreSQL has not answered by then, even one
        that has stopped and keeps the connection.

        Raises: DatabaseUnavailable when the database cannot be reached, is
        locked, full or too slow.
        """
        with self._unavailable_when_operational():
            if self._writers is not None:
                with self._writers.transaction() as transaction:
                    yield transaction
            else:
                with (
                    self.engine.connect() as connection,
                    self._bounded(connection, seconds_max),
                    connection.begin(),
                ):
                    yield Transaction(connection)

    @contextmanager
    def reading(self, *, seconds_max: float | None = None) -> Iterator[Transaction]:
        """A unit of work that only reads and so never waits for a writer.

        `seconds_max` and what it raises: as `transaction`.
        """
        with self._unavailable_when_operational(), self.engine.connect() as connection:
            connection.info["begin"] = "DEFERRED"
            with self._bounded(connection, seconds_max), connection.begin():
                yield Transaction(connection)

    def close(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()

    def _bounded(
        self, connection: sa.Connection, seconds_max: float | None
    ) -> AbstractContextManager[None]:
        if seconds_max is None or self.is_sqlite:
            return nullcontext()
        return self._stalls.bounded(connection.connection.dbapi_connection, seconds_max)

    @contextmanager
    def _unavailable_when_operational(self) -> Iterator[None]:
        """Makes one problem of all the ways in which a database is not there."""
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout, sqlite3.OperationalError) as error:
            raise DatabaseUnavailable from error
        except Exception as error:
            is_gone = isinstance(error, DBAPIError) and error.connection_invalidated
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not (is_gone or _is_operational(cause)):
                raise
            if type(cause).__name__ == "ConnectionLost":
                # SQLAlchemy has not seen it: the pool's other connections would fail
                # one call each before the server is found again.
                self.engine.dispose()
            raise DatabaseUnavailable from error


def _is_operational(error: BaseException | None) -> bool:
    # Raw cursors raise the driver's own errors; psycopg is an extra and may not
    # be installed, so its classes are known here by name.
    kinds = {each.__name__ for each in type(error).__mro__ if each.__module__.startswith("psycopg")}
    if not kinds or kinds & {"OperationalError", "InterfaceError"}:
        return bool(kinds)
    sqlstate = getattr(error, "sqlstate", None)
    # What the server refuses has a SQLSTATE; libpq's own words when a write finds nobody
    # have none, nor psycopg's when the end of a connection answers twice.
    said_by_nobody = sqlstate is None and type(error).__name__ in {"DatabaseError", "InternalError"}
    return said_by_nobody or sqlstate in _SESSION_ENDED


def _sqlite_engine(url: sa.URL, connections_max: int) -> sa.Engine:
    assert url.database, "a SQLite registry lives in a file"
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        poolclass=sa.QueuePool,
        # The one used last knows most pages; those beyond what is needed stay empty.
        pool_use_lifo=True,
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        connect_args={
            "check_same_thread": False,
            "timeout": BUSY_TIMEOUT_SECONDS,
            "isolation_level": None,
        },
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A writer takes its lock at BEGIN: a deferred one that reads first fails
        # with SQLITE_BUSY at its first write, without waiting.
        # The driver's own, as of savepoints: SQLAlchemy would prepare it anew each time.
        driver: Any = connection.connection.dbapi_connection
        driver.execute(f"BEGIN {connection.info.get('begin', 'IMMEDIATE')}")

    return engine


def _postgresql_engine(url: sa.URL, connections_max: int) -> sa.Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        # Parameters are people's tokens: they belong in no traceback.
        hide_parameters=True,
        # The one used last has its server's process and pages at hand.
        pool_use_lifo=True,
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=False,
        pool_recycle=1800,
        # `_reset_where_needed` does it, where there is something to undo.
        pool_reset_on_return=None,
        connect_args=_postgresql_session(),
    )
    _give_hot_statements(engine)
    _reset_where_needed(engine)
    return engine


def _postgresql_session() -> dict[str, Any]:
    """What each connection asks of libpq, psycopg and the server."""
    return {
        "options": (
            f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS} "
            f"-c lock_timeout={LOCK_TIMEOUT_MILLISECONDS} "
            "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
        ),
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "tcp_user_timeout": UNACKNOWLEDGED_MILLISECONDS_MAX,
        "keepalives_idle": UNACKNOWLEDGED_MILLISECONDS_MAX // 1000,
        # psycopg would deallocate all statements of the session, the hot ones
        # among them, whenever it has prepared one and rolls back.
        "prepare_threshold": None,
    }


def _give_hot_statements(engine: sa.Engine) -> None:
    """Has every connection of a PostgreSQL send hot statements, and end with what waits."""
    # psycopg is an extra: what needs it is imported where it is certain to be there.
    hot = import_module("registry.database.hot_cursor")

    # Before SQLAlchemy's own, which commits and rolls back.
    @event.listens_for(engine, "connect", insert=True)
    def set_up(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[HOT_STATEMENTS] = connection.hot = hot.HotStatements(connection)

    # Every call commits: a third of the processor time psycopg's own way takes.
    def commit(connection: Any) -> None:
        connection.hot.commit()

    def rollback(connection: Any) -> None:
        connection.hot.forget()
        connection.rollback()

    engine.dialect.do_rollback = rollback  # type: ignore[assignment,method-assign] # the same
    engine.dialect.do_commit = commit  # type: ignore[assignment,method-assign] # of this engine alone

    @event.listens_for(engine, "before_cursor_execute")
    def send_what_waits(connection: sa.Connection, *_statement: object) -> None:
        connection.info[HOT_STATEMENTS].send()


def _reset_where_needed(engine: sa.Engine) -> None:
    """Has a connection of a PostgreSQL come back to the pool with nothing under way."""

    @event.listens_for(engine, "reset")
    def undo(connection: Any, _record: object, state: PoolResetState) -> None:
        connection.hot.forget()
        # A unit of work has ended its transaction: as a rule there is nothing, and asking
        # the driver to undo nothing costs as much as a statement.
        if state.terminate_only or connection.pgconn.transaction_status == _IDLE:
            return
        connection.rollback()
