"""The process beside a server's: it sequences, indexes and does jobs.

In a server's process these would take turns with the answers at Python's one lock. One
companion serves a home: it is begun by whichever process of the server gets the lock,
keeps the lock for as long as it lives, and ends when the process that began it does, in
whatever way. Another process then begins the next.

    server's process:  lock free? -> begin companion --(its stdin)--> held open
    companion:         chores ... stdin ends -> finish steps, give back leases -> lock free

Source: decision on the companion; flock(2).
"""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from registry.app.background import STOP_SECONDS_MAX, Background, Chore

LOCK_FILE_NAME = "companion.lock"
# How soon a server's process sees that there is none, or that its own has ended.
LOOK_SECONDS = 1.0
# After one that ended by itself, such as when the database was away as it began.
AGAIN_SECONDS = 5.0

logger = logging.getLogger("registry.companion")


class Companion:
    """One server process's part: has a companion run unless another process has one."""

    def __init__(self, home: Path) -> None:
        self._lock_file = home / LOCK_FILE_NAME
        self._process: subprocess.Popen[bytes] | None = None

    def chore(self) -> Chore:
        """Looks after the companion again and again, and ends it at the end."""
        return Chore(name="companion", step=self._step, finish=self._end)

    def _step(self, _stop: threading.Event) -> float:
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return LOOK_SECONDS
            self._let_go()
            logger.warning("the companion ended with status %d; another is begun", status)
            return AGAIN_SECONDS
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return LOOK_SECONDS
        else:
            # The lock is of the open file, which the companion inherits: ours is closed
            # below, and it stays locked until the companion is gone.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "registry.app.companion"],
                stdin=subprocess.PIPE,
                pass_fds=(lock,),
            )
        finally:
            os.close(lock)
        return LOOK_SECONDS

    def _end(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None, "it was begun with a pipe"
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            # A step that was cut off is undone by the database; its lease runs out.
            self._process.kill()
        self._let_go()

    def _let_go(self) -> None:
        assert self._process is not None, "one was begun"
        assert self._process.stdin is not None, "it was begun with a pipe"
        self._process.stdin.close()
        self._process.wait()
        self._process = None


def main() -> None:
    """Does a node's chores until the process that began this one has ended, or SIGTERM."""
    # Only here: a server's process has no use for a second node.
    from registry.app.chores import chores_of_a_node
    from registry.app.lines import write_lines
    from registry.app.memory import keep_memory_together
    from registry.app.node import open_node
    from registry.database.transaction import DatabaseUnavailable

    keep_memory_together()
    ended = threading.Event()

    def wait_for_the_end() -> None:
        # Nobody writes: it ends with the last process that holds the other end.
        os.read(sys.stdin.fileno(), 1)
        ended.set()

    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    # A terminal's interrupt reaches the whole group: the server says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_lines()
    threading.Thread(target=wait_for_the_end, name="end", daemon=True).start()
    try:
        with open_node() as node:
            threads = Background.start(chores_of_a_node(node))
            ended.wait()
            Background.stop(threads)
    except DatabaseUnavailable:
        # The server's process says that this one ended, and begins the next.
        sys.exit(1)


if __name__ == "__main__":
    main()
