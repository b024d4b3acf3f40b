"""Group commit for SQLite: writers that come while another writes share its commit.

SQLite has one writer, and a commit waits for the disk. A writer that finds others
waiting leaves its work in the open transaction and hands it on; the last of them,
or the one that fills the group, commits for all. Nobody goes on before the commit
that holds its work is on disk. All but the first work inside a savepoint, so that
one that fails undoes nothing of the others'.

    turn --> work, after the first in a savepoint --+--> somebody waits: hand the group on
                                                    '--> nobody waits, or it is full: COMMIT
    every member waits for that commit, and fails with it

Source: sqlite.org/lang_savepoint.html, sqlite.org/lang_transaction.html (errors
that roll a whole transaction back).
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from registry.database.transaction import DatabaseUnavailable, Transaction
from registry.database.turnstile import Turnstile, TurnTimedOut

MEMBERS_MAX = 64
# How long a member waits for the next one to commit before it does so itself: the
# next one may have given up waiting for its turn.
HANDED_ON_SECONDS = 0.05


class _Group:
    """One open transaction, and those whose work is in it."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.transaction = connection.begin()
        self.members = 0
        self.done = threading.Event()
        self.error: Exception | None = None

    @property
    def is_broken(self) -> bool:
        """Whether SQLite has rolled the whole transaction back, as a full disk makes it do."""
        return not self._driver.in_transaction

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Undoes what is done inside, and nothing else, when that fails."""
        if not self.members:
            # What fails first fails alone: the whole transaction is undone.
            yield
            return
        # The driver's own: SQLAlchemy would compile both statements anew each time.
        self._driver.execute("SAVEPOINT member")
        try:
            yield
        except BaseException:
            if not self.is_broken:
                self._driver.execute("ROLLBACK TO member")
                self._driver.execute("RELEASE member")
            raise
        self._driver.execute("RELEASE member")

    @property
    def _driver(self) -> sqlite3.Connection:
        return self.connection.connection.dbapi_connection  # type: ignore[return-value] # SQLite's


class GroupCommit:
    """The one place where this process writes to a SQLite database.

    A group has the turn of all processes from its begin to its commit.
    """

    def __init__(self, engine: sa.Engine, turnstile: Turnstile, *, turn_seconds_max: float) -> None:
        self._engine = engine
        self._turnstile = turnstile
        self._turn_seconds_max = turn_seconds_max
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._group: _Group | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A unit of work, on disk when this ends without an error.

        Raises: DatabaseUnavailable when no turn comes in time, or the commit it
        shared failed.
        """
        until = time.monotonic() + self._turn_seconds_max
        self._take_turn()
        group = None
        try:
            group = self._group or self._open(until)
            with group.apart():
                yield Transaction(group.connection)
            group.members += 1
        finally:
            self._end_turn(group)
        self._wait_for_commit(group)

    def _take_turn(self) -> None:
        with self._count:
            self._waiting += 1
        try:
            if not self._turn.acquire(timeout=self._turn_seconds_max):
                raise DatabaseUnavailable
        finally:
            with self._count:
                self._waiting -= 1

    def _open(self, until: float) -> _Group:
        connection = self._engine.connect()
        try:
            self._enter(until)
            try:
                connection.info["begin"] = "IMMEDIATE"
                self._group = _Group(connection)
            except BaseException:
                self._turnstile.leave()
                raise
        except BaseException:
            connection.close()
            raise
        return self._group

    def _enter(self, until: float) -> None:
        # What was waited for the turn inside the process is waited for no second time.
        try:
            self._turnstile.enter(max(0.0, until - time.monotonic()))
        except (TurnTimedOut, OSError) as error:
            raise DatabaseUnavailable from error

    def _end_turn(self, group: _Group | None) -> None:
        try:
            if group is not None:
                if group.is_broken or not group.members:
                    self._close(group, RuntimeError("the transaction was rolled back"))
                elif group.members >= MEMBERS_MAX or not self._somebody_waits():
                    self._commit(group)
        finally:
            self._turn.release()

    def _somebody_waits(self) -> bool:
        with self._count:
            return self._waiting > 0

    def _commit(self, group: _Group) -> None:
        try:
            group.transaction.commit()
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            # Nobody was told that anything is kept: it is every member's failure.
            self._close(group, error)
        else:
            self._close(group, None)

    def _close(self, group: _Group, error: Exception | None) -> None:
        group.error = error
        self._group = None
        if error is not None:
            with suppress(Exception):
                group.transaction.rollback()
        try:
            self._turnstile.leave()
            with suppress(Exception):
                group.connection.close()
        finally:
            group.done.set()

    def _wait_for_commit(self, group: _Group) -> None:
        while not group.done.wait(HANDED_ON_SECONDS):
            if self._turn.acquire(blocking=False):
                try:
                    if self._group is group:
                        self._commit(group)
                finally:
                    self._turn.release()
        if group.error is not None:
            raise DatabaseUnavailable from group.error
