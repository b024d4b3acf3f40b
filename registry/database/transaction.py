"""The transaction a door opens and services compose inside; services never commit."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from registry.kernel.problems import Kind, Problem, Text

# Under this name a connection's info holds its hot statements; on SQLite there are
# none, the driver's own way is as good.
HOT_STATEMENTS = "registry.hot_statements"


class DatabaseUnavailable(Problem):
    """The database cannot keep a promise now, so none is made.

    As a rule nothing is kept. Where the connection was lost between a commit and the
    word of it, everything is, and nobody can know: it is then as with any answer that
    is lost on its way.
    """

    kind = Kind.UNAVAILABLE
    title = Text(en="The registry cannot answer now", zh="登记系统暂时无法应答")
    advice = Text(
        en="Nothing was promised, and as a rule nothing recorded. Try again after the time in"
        " Retry-After; under the same Idempotency-Key nothing is done twice.",
        zh="本次请求未获确认，通常未留下任何记录。请按 Retry-After 给出的时间后重试；"
        "使用相同的 Idempotency-Key 不会重复执行。",
    )

    def __init__(self) -> None:
        super().__init__(
            "The database is unavailable; nothing was acknowledged.", retry_after_seconds=1
        )


class Transaction:
    """One open unit of work on one connection."""

    __slots__ = ("connection", "is_sqlite")

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.is_sqlite = connection.dialect.name == "sqlite"

    def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Runs a Core statement."""
        result = self.connection.execute(statement, parameters)
        assert isinstance(result, sa.CursorResult)
        return result

    def raw_cursor(self) -> Any:
        """A DBAPI cursor on the same transaction.

        Placeholders are the driver's: `?` on SQLite, `%s` on PostgreSQL.
        """
        hot = self.connection.info.get(HOT_STATEMENTS)
        if hot is not None:
            hot.send()
        return self.connection.connection.cursor()

    def hot_cursor(self) -> Any:
        """As `raw_cursor`, for statements of every call: bytes, text and integers only.

        A statement costs 15 µs of CPU this way, 45 through psycopg's cursor and
        more than 100 through Core.
        """
        hot = self.connection.info.get(HOT_STATEMENTS)
        return self.connection.connection.cursor() if hot is None else hot.cursor()

    def execute_later(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """A hot cursor whose statement PostgreSQL is sent with the next one, or the commit.

        They raise what it does. Whatever comes after it in the transaction sees what
        it has written; asking the cursor for its rows sends it.
        """
        cursor = self.hot_cursor()
        if self.is_sqlite:
            cursor.execute(statement, parameters)
        else:
            cursor.execute_later(statement, parameters)
        return cursor
