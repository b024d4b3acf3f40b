"""Worker processes that kill themselves in the middle of jobs, at each place where it matters.

Run as `python -m tests.jobs.killed_worker URL FILE`; they work until nothing is left to do, one
that was killed is followed by another, and how many there were is printed. Each beginning of
an attempt is a line of FILE, as is each performance of an errand.
"""

import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.jobs.kinds import Errand, Step
from registry.jobs.model import Again, Job
from registry.jobs.worker import Worker
from registry.kernel.clock import SystemClock

LEASE = timedelta(seconds=1)
PROCESSES = 2
STARTS_MAX = 60


def die_if(is_time: bool) -> None:
    if is_time:
        os.kill(os.getpid(), signal.SIGKILL)


class Doer:
    """Does jobs whose payload says where their first attempt dies."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, what: str, job: Job) -> None:
        # One write, appended whole: no line is lost with the process or mixed with another's.
        os.write(self._file, f"{what} {job.id} {job.attempt}\n".encode())

    def place(self, what: str, job: Job) -> str | None:
        """Where to die: once, at the first beginning."""
        begun = self._path.read_text().count(f"{what} {job.id} ")
        place: str | None = job.payload["dies"]
        return place if begun == 1 else None

    def run(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        self.note("run", job)
        place = self.place("run", job)
        die_if(place == "before")
        insert = sa.text("INSERT INTO effects (job) VALUES (:job)")
        transaction.execute(insert, {"job": str(job.id)})
        die_if(place == "after")
        return None

    def perform(self, job: Job) -> str:
        self.note("perform", job)
        die_if(self.place("perform", job) == "performing")
        return str(job.id)

    def settle(self, transaction: Transaction, job: Job, found: str, now: datetime) -> Again | None:
        assert str(job.id) == found
        return self.run(transaction, job, now)


def main() -> None:
    url, file = sys.argv[1:]
    starts = running = 0
    is_over = False
    while running or not is_over:
        while running < PROCESSES and not is_over:
            assert starts < STARTS_MAX
            # Forked before anything is opened: an interpreter for each would take longer.
            if os.fork() == 0:
                work(url, Path(file))
                os._exit(0)
            starts, running = starts + 1, running + 1
        _, status = os.wait()
        running -= 1
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            is_over = True
    sys.stdout.write(f"{starts}\n")


def work(url: str, file: Path) -> None:
    """Does jobs until there are none."""
    doer = Doer(file)
    database = Database(url)
    worker = Worker(
        database=database,
        clock=SystemClock(),
        wall=SystemClock(),
        kinds=[
            Step(kind="step", run=doer.run),
            Errand(kind="errand", perform=doer.perform, settle=doer.settle),
        ],
        lease=LEASE,
    )
    never = threading.Event()
    while _left(database):
        if not worker.round(["step", "errand"], never):
            never.wait(0.05)
    database.close()


def _left(database: Database) -> int:
    with database.reading() as transaction:
        left: int = transaction.execute(sa.text("SELECT count(*) FROM jobs")).scalar_one()
    return left


if __name__ == "__main__":
    main()
