"""The hot cursor means what the driver's own cursor means, on both databases."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable, Transaction

# Of all that hot statements carry.
ROWS = sa.Table(
    "hot_rows",
    sa.MetaData(),
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("number", sa.SmallInteger, nullable=False),
    sa.Column("one", sa.LargeBinary, nullable=False),
    sa.Column("other", sa.LargeBinary, nullable=False),
    sa.Column("text", sa.Text),
)
COLUMNS = "id, number, one, other, text"


def with_rows(database: Database) -> Database:
    """The database with the table `hot_rows`."""
    with database.transaction() as transaction:
        ROWS.create(transaction.connection)
    return database


@pytest.fixture
def database(database: Database) -> Database:
    """A database with the table `hot_rows`."""
    return with_rows(database)


def insert(transaction: Transaction, *rows: tuple[Any, ...]) -> int:
    mark = "?" if transaction.is_sqlite else "%s"
    places = ", ".join(["(" + ", ".join([mark] * 5) + ")"] * len(rows))
    cursor = transaction.hot_cursor()
    cursor.execute(
        f"INSERT INTO hot_rows ({COLUMNS}) VALUES {places}",
        [value for row in rows for value in row],
    )
    touched = cursor.rowcount
    cursor.close()
    assert isinstance(touched, int)
    return touched


def row(number: int, text: str | None) -> tuple[Any, ...]:
    key = number.to_bytes(16, "big")
    return (key, 2, b"\x00\xff", b"", text)


def rows_of(transaction: Transaction) -> list[tuple[Any, ...]]:
    cursor = transaction.hot_cursor()
    cursor.execute(f"SELECT {COLUMNS} FROM hot_rows ORDER BY id")
    return [tuple(each) for each in cursor]


def test_what_went_in_comes_out(database: Database) -> None:
    """Bytes with zeros, no bytes, text beyond ASCII, NULL and small integers."""
    written = [row(1, "令牌 é"), row(2, None), row(3, "")]
    with database.transaction() as transaction:
        assert 3 == insert(transaction, *written)
    with database.reading() as transaction:
        assert written == rows_of(transaction)


def test_no_row_is_none(database: Database) -> None:
    """fetchone tells an empty result from a row."""
    with database.reading() as transaction:
        cursor = transaction.hot_cursor()
        cursor.execute("SELECT version FROM directory_version")
        assert (0,) == cursor.fetchone()
        cursor.execute("SELECT kid FROM member_keys")
        assert cursor.fetchone() is None


def test_what_fails_leaves_nothing(database: Database) -> None:
    """A hot statement is part of the transaction it is run in."""

    def write_and_fail() -> None:
        with database.transaction() as transaction:
            insert(transaction, row(1, None))
            transaction.execute(sa.text("UPDATE directory_version SET version = 7"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.reading() as transaction:
        assert [] == rows_of(transaction)
        assert 0 == transaction.execute(sa.text("SELECT version FROM directory_version")).scalar()


def test_errors_are_the_drivers_own(postgresql_url: str) -> None:
    """A taken key, a statement with a mistake, text that PostgreSQL does not take."""
    database = with_rows(Database(postgresql_url))
    refused: list[type[Exception]] = []
    for bad in (
        lambda transaction: insert(transaction, row(1, None), row(1, None)),
        lambda transaction: transaction.hot_cursor().execute("SELECT nothing_of_this_name"),
        lambda transaction: insert(transaction, row(2, "cut\x00short")),
    ):
        with pytest.raises(psycopg.Error) as caught, database.transaction() as transaction:
            bad(transaction)
        refused.append(caught.type)
    assert [
        psycopg.errors.UniqueViolation,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.CharacterNotInRepertoire,
    ] == refused
    with database.transaction() as transaction:
        assert 1 == insert(transaction, row(1, None))
    database.close()


def test_more_statements_than_are_kept_prepared(database: Database) -> None:
    """Each of a hundred texts gives its own answer, the first ones again too."""
    with database.reading() as transaction:
        answers = []
        for number in [*range(100), 0, 1]:
            cursor = transaction.hot_cursor()
            cursor.execute(f"SELECT version + {number} FROM directory_version")
            answers.append(cursor.fetchone())
        assert [(number,) for number in [*range(100), 0, 1]] == answers


def test_a_lost_connection_is_the_databases_fault(postgresql_url: str) -> None:
    """The call is refused as unavailable; the next one gets a connection that works."""
    database = with_rows(Database(postgresql_url, connections_max=1))
    killer = psycopg.connect(
        sa.make_url(postgresql_url).set(drivername="postgresql").render_as_string(),
        autocommit=True,
    )

    def lose_the_connection() -> None:
        with database.transaction() as transaction:
            insert(transaction, row(1, None))
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            insert(transaction, row(2, None))

    with pytest.raises(DatabaseUnavailable):
        lose_the_connection()
    with database.transaction() as transaction:
        assert [] == rows_of(transaction)
        assert 1 == insert(transaction, row(3, None))
    killer.close()
    database.close()


def test_an_unended_transaction_does_not_outlive_its_connection(postgresql_url: str) -> None:
    """What a caller of the pool left open is undone before the next one gets it."""
    database = with_rows(Database(postgresql_url, connections_max=1))
    pooled = database.engine.raw_connection()
    pooled.cursor().execute("UPDATE directory_version SET version = 7")
    pooled.close()
    with database.reading() as transaction:
        assert 0 == transaction.execute(sa.text("SELECT version FROM directory_version")).scalar()
    database.close()


def test_a_rollback_forgets_no_hot_statement(database: Database) -> None:
    """Ordinary statements often enough to be prepared, undone: the hot ones go on."""
    for _ in range(12):
        with database.transaction() as transaction:
            rows_of(transaction)
            transaction.execute(sa.text("SELECT 1"))
    with pytest.raises(KeyError):
        read_and_fail(database)
    with database.reading() as transaction:
        assert [] == rows_of(transaction)


def later(transaction: Transaction, *rows: tuple[Any, ...]) -> Any:
    mark = "?" if transaction.is_sqlite else "%s"
    places = ", ".join(["(" + ", ".join([mark] * 5) + ")"] * len(rows))
    return transaction.execute_later(
        f"INSERT INTO hot_rows ({COLUMNS}) VALUES {places}",
        [value for row in rows for value in row],
    )


def test_what_is_sent_later_is_there_for_all_that_comes_after_it(database: Database) -> None:
    """For a hot statement, for Core, for the driver's own cursor, and after the commit."""
    looks: list[Callable[[Transaction], int]] = [
        lambda transaction: len(rows_of(transaction)),
        lambda transaction: transaction.execute(COUNT).scalar_one(),
        lambda transaction: counted_by_the_driver(transaction),
    ]
    for number, look in enumerate(looks, 1):
        with database.transaction() as transaction:
            later(transaction, row(number, None))
            assert number == look(transaction)
    with database.transaction() as transaction:
        later(transaction, row(4, None))
        later(transaction, row(5, None))
    with database.reading() as transaction:
        assert [row(number, None) for number in range(1, 6)] == rows_of(transaction)


COUNT = sa.text("SELECT count(*) FROM hot_rows")


def counted_by_the_driver(transaction: Transaction) -> int:
    cursor = transaction.raw_cursor()
    cursor.execute(str(COUNT))
    (count,) = cursor.fetchone()
    assert isinstance(count, int)
    return count


def test_what_is_sent_later_tells_what_it_found(database: Database) -> None:
    """Each its own, in whatever order they are asked, once or not at all."""
    with database.reading() as transaction:
        cursors = [
            transaction.execute_later(f"SELECT version + {number} FROM directory_version")
            for number in range(3)
        ]
        assert (2,) == cursors[2].fetchone()
        assert (0,) == cursors[0].fetchone()


def test_what_is_sent_later_is_undone_with_the_rest(database: Database) -> None:
    """Before it was sent and after; the connection is as good as before."""

    def fail(*, is_sent: bool) -> None:
        with database.transaction() as transaction:
            later(transaction, row(1, None))
            if is_sent:
                rows_of(transaction)
            raise ZeroDivisionError

    for is_sent in (False, True):
        with pytest.raises(ZeroDivisionError):
            fail(is_sent=is_sent)
        with database.reading() as transaction:
            assert [] == rows_of(transaction)


def test_what_fails_later_fails_the_commit(postgresql_url: str) -> None:
    """With the error it would have had at once; nothing of the transaction is kept."""
    database = with_rows(Database(postgresql_url, connections_max=1))

    def write() -> None:
        with database.transaction() as transaction:
            later(transaction, row(1, None))
            later(transaction, row(2, None), row(2, None))
            later(transaction, row(3, None))

    with pytest.raises(sa.exc.IntegrityError):
        write()
    with database.transaction() as transaction:
        assert [] == rows_of(transaction)
        later(transaction, row(4, None))
    with database.reading() as transaction:
        assert [row(4, None)] == rows_of(transaction)
    database.close()


def test_a_connection_lost_before_the_commit_is_the_databases_fault(postgresql_url: str) -> None:
    """What waited with the commit is not kept, and is said not to be."""
    database = with_rows(Database(postgresql_url, connections_max=1))
    killer = psycopg.connect(
        sa.make_url(postgresql_url).set(drivername="postgresql").render_as_string(),
        autocommit=True,
    )

    def lose_the_connection() -> None:
        with database.transaction() as transaction:
            rows_of(transaction)
            later(transaction, row(1, None))
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with pytest.raises(DatabaseUnavailable):
        lose_the_connection()
    with database.transaction() as transaction:
        assert [] == rows_of(transaction)
    killer.close()
    database.close()


def test_more_is_sent_at_once_than_a_socket_holds(postgresql_url: str) -> None:
    """Some megabytes before the server has answered anything."""
    database = with_rows(Database(postgresql_url, connections_max=1))
    big = [(*row(number, "x" * 2_000_000)[:-1], "x" * 2_000_000) for number in range(8)]
    with database.transaction() as transaction:
        for each in big:
            later(transaction, each)
    with database.reading() as transaction:
        assert big == rows_of(transaction)
    database.close()


def read_and_fail(database: Database) -> None:
    with database.transaction() as transaction:
        rows_of(transaction)
        transaction.execute(sa.text("SELECT 1"))
        raise KeyError
