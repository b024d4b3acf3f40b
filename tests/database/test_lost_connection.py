"""A PostgreSQL that goes away in the middle of a call, at every place it can."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable, Transaction
from tests.database.cutting import CuttingProxy, message

INCREMENT = "UPDATE directory_version SET version = version + 1"

# As the server ends: without a word; when another backend was killed (`quickdie`); when an
# operator ends it; when a transaction has idled.
LAST_WORDS = {
    "nothing": b"",
    "crashed": message(b"N", b"WARNING", b"57P02"),
    "ended": message(b"E", b"FATAL", b"57P01"),
    "idled": message(b"E", b"FATAL", b"25P03"),
    "broken inside": message(b"E", b"FATAL", b"XX000"),
    "both": message(b"N", b"WARNING", b"57P02") + message(b"E", b"FATAL", b"57P01"),
}
Statement = Callable[[Transaction], object]


def by_core(transaction: Transaction) -> None:
    transaction.execute(sa.text(INCREMENT))


def by_raw_cursor(transaction: Transaction) -> None:
    transaction.raw_cursor().execute(INCREMENT)


def hot(transaction: Transaction) -> None:
    transaction.hot_cursor().execute(INCREMENT)


def hot_and_later(transaction: Transaction) -> None:
    transaction.execute_later(f"{INCREMENT} WHERE version >= %s", (0,))
    transaction.execute_later(INCREMENT)


def nothing(transaction: Transaction) -> None:
    del transaction


STATEMENTS: list[Statement] = [by_core, by_raw_cursor, hot, hot_and_later, nothing]
# Where nothing was sent, nothing is lost.
PAIRS = [pair for pair in itertools.product(STATEMENTS, repeat=2) if pair != (nothing, nothing)]


@pytest.fixture
def proxy(postgresql_url: str) -> Iterator[CuttingProxy]:
    # A socket's path has 108 bytes: pytest's own directories are too deep.
    with tempfile.TemporaryDirectory() as directory:
        running = CuttingProxy(Path(directory), postgresql_url)
        yield running
        running.close()


@pytest.fixture
def database(proxy: CuttingProxy) -> Iterator[Database]:
    opened = Database(proxy.url, connections_max=1)
    version(opened)
    yield opened
    opened.close()


def version(database: Database) -> int:
    with database.reading() as transaction:
        found = transaction.execute(sa.text("SELECT version FROM directory_version")).scalar_one()
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("words", LAST_WORDS)
@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_a_server_that_leaves_between_two_statements(
    database: Database, proxy: CuttingProxy, first: Statement, then: Statement, words: str
) -> None:
    """Unavailable, whatever it said last and whichever way the next statement goes; nothing is
    kept, and the next call is answered."""
    before = version(database)

    def call() -> None:
        with database.transaction() as transaction:
            first(transaction)
            proxy.cut(LAST_WORDS[words])
            then(transaction)

    with pytest.raises(DatabaseUnavailable):
        call()
    assert before == version(database)


@pytest.mark.parametrize("statement", STATEMENTS[:-1])
def test_a_connection_cut_at_any_byte_of_the_answers(
    database: Database, proxy: CuttingProxy, statement: Statement
) -> None:
    """Unavailable; the whole of it is kept where the commit's own answer was lost, else nothing;
    the next call is answered."""

    def call() -> None:
        with database.transaction() as transaction:
            statement(transaction)
            statement(transaction)

    call()
    before = version(database)
    proxy.count()
    call()
    of_one_call, step = proxy.sent, version(database) - before
    for place in range(of_one_call):
        before = version(database)
        # The new connection's statements are prepared: each call gets as many bytes.
        call()
        proxy.count(cut_at=place)
        with pytest.raises(DatabaseUnavailable):
            call()
        proxy.count()
        assert version(database) - before in {step, 2 * step}
