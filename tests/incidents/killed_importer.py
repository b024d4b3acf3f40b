"""A worker process that kills itself somewhere in an import, after so many calls of functions.

Run as `python -m tests.incidents.killed_importer`; what it needs comes pickled by stdin.
"""

import os
import pickle
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.app.node import assemble
from registry.jobs.worker import Worker
from registry.kernel.clock import MovableClock
from registry.settings import Settings


@dataclass(frozen=True)
class Life:
    """Where a process works, what time it is there, and how many calls it lives; None: all."""

    settings: Settings
    now: datetime
    wall: datetime
    calls_max: int | None


class Death:
    """Kills the process, in whatever it calls or returns from then."""

    def __init__(self, calls_max: int) -> None:
        self._left = calls_max

    def __call__(self, _frame: object, _event: str, _argument: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    life: Life = pickle.loads(sys.stdin.buffer.read())
    node = assemble(life.settings, MovableClock(life.now))
    worker = Worker(
        database=node.database,
        clock=node.clock,
        wall=MovableClock(life.wall),
        kinds=node.imports.kinds(),
    )
    if life.calls_max is not None:
        sys.setprofile(Death(life.calls_max))
    worker.run_due()
    sys.setprofile(None)
    node.database.close()


if __name__ == "__main__":
    main()
