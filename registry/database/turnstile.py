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
import stat
import time
from pathlib import Path

# How soon a free lock is seen. A wait in the kernel could not be bounded.
LOOK_SECONDS = 0.0005
_ROOT = 0
_READ_AND_WRITE = 0o666


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
        held, self._held = self._held, None
        # The lock is of the open file.
        os.close(held)

    def _locked(self, path: Path, until: float) -> int:
        # Opened for each turn: a fork shares what is open, and with it the lock. No link is
        # followed: root may be asked for a turn in somebody else's directory.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags, 0o600)
        try:
            self._share(file)
            _lock(file, until)
        except BaseException:
            os.close(file)
            raise
        return file

    def _share(self, file: int) -> None:
        """Has whoever may write to the database lock the file, too, whoever made it.

        As SQLite does with its own files, so that a command shuts no server out.
        """
        try:
            of = self._database.stat()
        except FileNotFoundError:
            return
        own = os.fstat(file)
        is_ours = stat.S_ISREG(own.st_mode) and own.st_nlink == 1
        if not is_ours or os.geteuid() not in (_ROOT, own.st_uid):
            return
        mode = of.st_mode & _READ_AND_WRITE
        if stat.S_IMODE(own.st_mode) != mode:
            os.fchmod(file, mode)
        if os.geteuid() == _ROOT and (own.st_uid, own.st_gid) != (of.st_uid, of.st_gid):
            os.fchown(file, of.st_uid, of.st_gid)


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
