"""What a transaction wrote is on disk when it ends well, and gone when it does not."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.database.engine import Database

ROOT = Path(__file__).parent.parent.parent
COUNT = sa.text("SELECT version FROM directory_version")
INCREMENT = sa.text("UPDATE directory_version SET version = version + 1")
# Commits five times and says so after each; then writes once more without
# committing, says so, and waits to be killed.
WRITER = """
import sys
import sqlalchemy as sa
from registry.database.engine import Database

increment = sa.text("UPDATE directory_version SET version = version + 1")
database = Database(sys.argv[1])
for number in range(5):
    with database.transaction() as transaction:
        transaction.execute(increment)
    print("committed", flush=True)
with database.transaction() as transaction:
    transaction.execute(increment)
    print("written", flush=True)
    sys.stdin.read()
"""


def count(database: Database) -> int:
    with database.reading() as transaction:
        return int(transaction.execute(COUNT).scalar_one())


def test_what_was_committed_is_seen_by_others(database: Database, database_url: str) -> None:
    """By another pool of connections, as in another process."""
    with database.transaction() as transaction:
        transaction.execute(INCREMENT)
    other = Database(database_url)
    assert 1 == count(other)
    other.close()


def test_what_failed_leaves_nothing(database: Database) -> None:
    """Not one of its statements, by Core or by the raw cursor."""

    def write_and_fail() -> None:
        with database.transaction() as transaction:
            transaction.execute(INCREMENT)
            cursor = transaction.raw_cursor()
            cursor.execute(str(INCREMENT))
            cursor.close()
            assert 2 == transaction.execute(COUNT).scalar_one()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert 0 == count(database)


def test_a_killed_process_loses_what_it_had_not_committed_and_nothing_else(
    database: Database, database_url: str
) -> None:
    """kill -9 in the middle of a transaction, after five that were acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, database_url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(6)]
        writer.send_signal(signal.SIGKILL)
    assert ["committed"] * 5 + ["written"] == said
    assert 5 == count(database)
    with database.transaction() as transaction:
        transaction.execute(INCREMENT)
    assert 6 == count(database)


def test_writers_of_two_processes_lose_nothing(database: Database, database_url: str) -> None:
    """Eight threads on two pools, each waiting its turn."""
    other = Database(database_url)

    def write(mine: Database) -> None:
        for _ in range(10):
            with mine.transaction() as transaction:
                transaction.execute(INCREMENT)

    threads = [threading.Thread(target=write, args=(mine,)) for mine in (database, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert 80 == count(database)


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """It sees what was committed before."""
    with database.transaction() as transaction:
        transaction.execute(INCREMENT)
        assert 0 == count(database)
    assert 1 == count(database)


def test_of_idle_connections_the_one_used_last_is_taken(database: Database) -> None:
    """However many there are: its pages, and its process of PostgreSQL, are at hand."""
    with database.reading() as one, database.reading() as other:
        assert one.connection.connection.dbapi_connection is not (
            other.connection.connection.dbapi_connection
        )
    used = set()
    for _ in range(5):
        with database.reading() as transaction:
            used.add(transaction.connection.connection.dbapi_connection)
    assert 1 == len(used)
