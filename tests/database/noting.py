"""What a transaction asks its database by hot cursors, which SQLAlchemy's events do not see."""

from collections.abc import Iterator
from typing import Any

from registry.database.transaction import Transaction


class Noting(Transaction):
    """A transaction that notes what its hot cursors are opened for."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.connection)
        self.asked: list[str] = []

    def hot_cursor(self) -> Any:
        """The same cursor, which tells what it executes."""
        return NotingCursor(super().hot_cursor(), self.asked)


class NotingCursor:
    """Notes a statement, then runs it."""

    def __init__(self, cursor: Any, asked: list[str]) -> None:
        self._cursor = cursor
        self._asked = asked

    def execute(self, statement: str, parameters: Any) -> None:
        self._asked.append(statement)
        self._cursor.execute(statement, parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
