"""A database that cannot keep a promise is a DatabaseUnavailable, in bounded time."""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from registry.database import engine
from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable, Transaction

INCREMENT = sa.text("UPDATE directory_version SET version = version + 1")
# Far above the limits set below, far below those of an operating system.
SECONDS_MAX = 8


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of production would make these tests wait as long."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(engine, "POOL_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(engine, "STATEMENT_TIMEOUT_MILLISECONDS", 400)
    monkeypatch.setattr(engine, "LOCK_TIMEOUT_MILLISECONDS", 200)
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT_SECONDS", 2)


@contextmanager
def unavailable_soon() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable) as problem:
        yield
    assert 1 == problem.value.retry_after_seconds
    assert time.monotonic() - began < SECONDS_MAX


def increment(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(INCREMENT)


def increment_by_raw_cursor(database: Database) -> None:
    with database.transaction() as transaction:
        cursor = transaction.raw_cursor()
        try:
            cursor.execute(str(INCREMENT))
        finally:
            cursor.close()


def test_a_sqlite_file_locked_by_another_process(sqlite_url: str) -> None:
    """A writer that does not end keeps the others waiting, but not for ever."""
    holder = sqlite3.connect(sa.make_url(sqlite_url).database or "", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    database = Database(sqlite_url)
    with unavailable_soon():
        increment(database)
    holder.execute("ROLLBACK")
    holder.close()
    increment(database)
    database.close()


def test_a_writer_of_this_process_that_does_not_end(database: Database) -> None:
    """Threads queue for it, but not for ever."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction() as transaction:
            transaction.execute(INCREMENT)
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        with unavailable_soon():
            increment(database)
    finally:
        release.set()
        holder.join()
    increment(database)


def test_a_sqlite_path_that_is_no_file(tmp_path: Path) -> None:
    """Nothing can be opened there."""
    database = Database(f"sqlite:///{tmp_path}")
    with unavailable_soon():
        increment(database)
    database.close()


@pytest.mark.parametrize("write", [increment, increment_by_raw_cursor])
def test_a_postgresql_table_locked_by_another(
    postgresql_url: str, write: Callable[[Database], None]
) -> None:
    """The lock's time limit speaks, by Core and by the raw cursor; then all is well again."""
    database = Database(postgresql_url)
    holder = psycopg.connect(
        sa.make_url(postgresql_url).set(drivername="postgresql").render_as_string()
    )
    holder.execute("LOCK TABLE directory_version")
    with unavailable_soon():
        write(database)
    holder.close()
    write(database)
    database.close()


def test_a_postgresql_statement_that_takes_too_long(postgresql_url: str) -> None:
    """It is stopped."""
    database = Database(postgresql_url)
    with unavailable_soon(), database.reading() as transaction:
        transaction.execute(sa.text("SELECT pg_sleep(20)"))
    database.close()


def by_core(transaction: Transaction) -> None:
    transaction.execute(INCREMENT)


def by_raw_cursor(transaction: Transaction) -> None:
    transaction.raw_cursor().execute(str(INCREMENT))


@pytest.mark.parametrize("write", [by_core, by_raw_cursor])
def test_a_postgresql_that_drops_the_connection(
    postgresql_url: str, write: Callable[[Transaction], None]
) -> None:
    """As when it restarts; the next call gets a connection that works."""
    database = Database(postgresql_url, connections_max=1)

    def lose_the_connection() -> None:
        with database.transaction() as transaction:
            pid = transaction.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            conninfo = sa.make_url(postgresql_url).set(drivername="postgresql").render_as_string()
            with psycopg.connect(conninfo) as killer:
                killer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            write(transaction)

    with unavailable_soon():
        lose_the_connection()
    increment(database)
    database.close()


def test_a_postgresql_socket_where_nobody_listens(tmp_path: Path) -> None:
    """Refused at once."""
    database = Database(f"postgresql+psycopg://registry@/x?host={tmp_path}")
    with unavailable_soon():
        increment(database)
    database.close()


def test_a_postgresql_that_never_answers() -> None:
    """A listener that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        database = Database(f"postgresql+psycopg://registry@127.0.0.1:{port}/x")
        with unavailable_soon():
            increment(database)
        database.close()


def test_a_pool_with_no_connection_left(database_url: str) -> None:
    """Whoever waits for one is told."""
    database = Database(database_url, connections_max=1)
    with database.reading(), unavailable_soon():
        increment(database)
    increment(database)
    database.close()
