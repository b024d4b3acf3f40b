"""Assembles the worker: the kinds of work of all rooms, and the hand that does them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.http import idempotency, replay
from registry.jobs.kinds import Errand, Kind, Periodic, Share
from registry.jobs.model import Again, Job
from registry.jobs.worker import Worker
from registry.kernel.clock import Clock, SystemClock
from registry.members.service import Directory

SWEEP_EVERY = timedelta(minutes=1)
SWEEP_ROWS_MAX = 1000


def assemble_worker(
    database: Database, clock: Clock, directory: Directory, kinds: Sequence[Kind]
) -> Worker:
    """The worker of one node; each room's service gives its `kinds`, the doors' are added."""
    # Leases are between processes: they go by the machine's clock, never by a moved one.
    wall = SystemClock()
    seeing = [_seeing_members(each, directory) for each in kinds]
    return Worker(
        database=database, clock=clock, wall=wall, kinds=[*_kinds_of_doors(wall), *seeing]
    )


def _seeing_members(kind: Kind, directory: Directory) -> Kind:
    """The same work, which sees every member: where jobs are done perhaps no call ever comes."""
    if isinstance(kind, Errand):
        settle = kind.settle

        def settle_seeing(
            transaction: Transaction, job: Job, found: Any, now: datetime
        ) -> Again | None:
            directory.refresh(transaction)
            return settle(transaction, job, found, now)

        return replace(kind, settle=settle_seeing)
    run = kind.run

    def run_seeing(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        directory.refresh(transaction)
        return run(transaction, job, now)

    return replace(kind, run=run_seeing)


def _kinds_of_doors(wall: Clock) -> Sequence[Kind]:
    """What doors leave behind is swept away; the rooms of doors know nothing of jobs."""

    def sweep(transaction: Transaction, _job: Job, now: datetime) -> Again | None:
        # Requests are signed by the machine's time, whatever time the rules go by.
        rows = [
            each.forget_expired(transaction, wall.now(), SWEEP_ROWS_MAX)
            for each in (replay, idempotency)
        ]
        return None if max(rows) < SWEEP_ROWS_MAX else Again(run_at=now)

    return [Periodic(kind="doors.sweep", every=SWEEP_EVERY, run=sweep, share=Share.BULK)]
