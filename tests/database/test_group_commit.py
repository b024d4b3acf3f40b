"""Writers of one process share commits on SQLite, and none is told more than is on disk."""

import sqlite3
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable

INSERT = sa.text("INSERT INTO notes (id, text) VALUES (:id, :text)")


@pytest.fixture
def notes(sqlite_url: str) -> Database:
    database = Database(sqlite_url)
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)"))
    return database


def write(database: Database, number: int) -> None:
    with database.transaction() as transaction:
        transaction.execute(INSERT, {"id": number, "text": "x"})


def count(database: Database) -> int:
    with database.reading() as transaction:
        found: int = transaction.execute(sa.text("SELECT count(*) FROM notes")).scalar_one()
    return found


def in_threads(works: list[Callable[[], None]]) -> list[Exception | None]:
    """Runs each in a thread of its own and gives what each raised."""
    errors: list[Exception | None] = [None] * len(works)

    def run(position: int) -> None:
        try:
            works[position]()
        except Exception as error:  # noqa: BLE001 - the test looks at every one
            errors[position] = error

    threads = [threading.Thread(target=run, args=(each,)) for each in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_waiting_writers_share_a_commit(notes: Database) -> None:
    """Eight writers that wait while one writes need far fewer commits than eight."""
    commits: list[None] = []
    event.listen(notes.engine, "commit", lambda _connection: commits.append(None))
    inside, go = threading.Event(), threading.Event()

    def slow() -> None:
        with notes.transaction() as transaction:
            inside.set()
            go.wait()
            transaction.execute(INSERT, {"id": 0, "text": "slow"})

    first = threading.Thread(target=slow)
    first.start()
    inside.wait()
    arrived = threading.Barrier(9, action=go.set)

    def follow(number: int) -> None:
        arrived.wait()
        write(notes, number)

    def let_go() -> None:
        arrived.wait()

    errors = in_threads([lambda n=n: follow(n) for n in range(1, 9)] + [let_go])
    first.join()
    assert [None] * 9 == errors
    assert 9 == count(notes)
    assert len(commits) < 9


def test_one_that_fails_undoes_nothing_of_the_others(notes: Database) -> None:
    """Sixteen writers at once, every other one failing after its write: eight remain."""

    def work(number: int) -> None:
        with notes.transaction() as transaction:
            transaction.execute(INSERT, {"id": number, "text": "x"})
            if number % 2:
                raise KeyError(number)

    errors = in_threads([lambda n=n: work(n) for n in range(16)])
    assert [KeyError if n % 2 else None for n in range(16)] == [
        None if each is None else type(each) for each in errors
    ]
    assert 8 == count(notes)


def test_a_statement_that_breaks_a_rule_breaks_only_its_own_work(notes: Database) -> None:
    """A duplicate key is one writer's problem."""
    write(notes, 5)
    errors = in_threads([lambda: write(notes, 5), lambda: write(notes, 6)])
    assert isinstance(errors[0], sa.exc.IntegrityError)
    assert (None, 2) == (errors[1], count(notes))


def test_nobody_is_told_that_a_full_disk_kept_something(notes: Database) -> None:
    """When there is no room, every writer that was acknowledged is there, and no other."""
    with notes.transaction() as transaction:
        pages = transaction.execute(sa.text("PRAGMA page_count")).scalar_one()

    @event.listens_for(notes.engine, "begin")
    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")

    def work(number: int) -> None:
        with notes.transaction() as transaction:
            transaction.execute(INSERT, {"id": number, "text": "x" * 3000})

    errors = in_threads([lambda n=n: work(n) for n in range(24)])
    assert {type(None), DatabaseUnavailable} == {type(each) for each in errors}
    path = notes.engine.url.database
    assert path is not None
    with sqlite3.connect(path) as other:
        kept = {row[0] for row in other.execute("SELECT id FROM notes")}
    assert {n for n, each in enumerate(errors) if each is None} == kept


def test_many_writers_lose_and_double_nothing(notes: Database) -> None:
    """Twenty threads with twenty writes each leave four hundred rows."""

    def work(thread: int) -> None:
        for number in range(20):
            write(notes, thread * 100 + number)

    assert [None] * 20 == in_threads([lambda n=n: work(n) for n in range(20)])
    assert 400 == count(notes)
