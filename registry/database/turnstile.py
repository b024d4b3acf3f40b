"""Turns of the processes that write to one SQLite file.

SQLite has one writer, and who finds its lock taken polls for it, ever more seldom, while
whoever lets go of it may take it again at once. Here two files are locked in turn: who
waits for the second holds the first, so that whoever had the second and wants it again
comes after.

    enter:  lock FILE-next --> lock FILE-turn --> unlock FILE-next
    leave:  unlock FILE-turn

SQLite's own lock still says who writes: that a process does without turns costs the
others patience, not the file. A process that ends lets go of both.

Source: flock(2); decision on the companion of SQLite.
"""

import fcntl
import os
import time
from pathlib import Path

# How soon a free lock is seen. A wait in the kernel could not be bounded.
LOOK_SECONDS = 0.0005


_ROOT = 0


class TurnTimedOut(Exception):
    """Another process has kept the turn for longer than was to be waited."""


class Turnstile:
    """One process's way to the turns of a database file; for one thread at a time."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._next = database.with_name(f"{database.name}-next")
        self._turn = database.with_name(f"{database.name}-turn")
        self._held: int | None = None

    def enter(self, seconds_max: float) -> None:
        """Returns once it is this process's turn.

        Raises: TurnTimedOut; OSError when the files cannot be opened.
        """
        assert self._held is None, "one thread at a time"
        until = time.monotonic() + seconds_max
        waiting = self._locked(self._next, until)
        try:
            self._held = self._locked(self._turn, until)
        finally:
            os.close(waiting)

    def leave(self) -> None:
        """Ends the turn."""
        assert self._held is not None, "it is this process's turn"
        # The lock is of the open file.
        os.close(self._held)
        self._held = None

    def _locked(self, path: Path, until: float) -> int:
        # Opened for each turn: a fork shares what is open, and with it the lock.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == _ROOT and self._database.exists():
                # As SQLite does with its own files: a command of root's shuts nobody out.
                of = self._database.stat()
                os.fchown(file, of.st_uid, of.st_gid)
            _lock(file, until)
        except BaseException:
            os.close(file)
            raise
        return file


def _lock(file: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise TurnTimedOut from None
            time.sleep(LOOK_SECONDS)
        else:
            return
