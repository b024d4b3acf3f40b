"""When snapshots are made: looked for every few seconds, made when one is due."""

from datetime import datetime, timedelta

from registry.database.transaction import Transaction
from registry.jobs.kinds import Errand, Kind, Periodic, Step
from registry.jobs.model import Again, Job
from registry.kernel.clock import Clock
from registry.lookups.screening_service import ASK_KIND, SNAPSHOT_KIND, Prepared, Screening

WATCH_KIND = "screening.watch"
WATCH_EVERY = timedelta(seconds=15)


def screening_kinds(screening: Screening, clock: Clock) -> list[Kind]:
    """The work of screening."""

    def watch(transaction: Transaction, _job: Job, now: datetime) -> None:
        if screening.is_due(transaction, now):
            screening.ask_for_snapshot(transaction, now)

    def ask(transaction: Transaction, _job: Job, now: datetime) -> None:
        screening.ask_for_snapshot(transaction, now)

    def perform(_job: Job) -> Prepared:
        return screening.prepare(clock.now())

    def settle(
        transaction: Transaction, _job: Job, prepared: Prepared, now: datetime
    ) -> Again | None:
        screening.settle(transaction, prepared, now)
        return Again(run_at=now) if prepared.is_more_left else None

    return [
        Step(kind=ASK_KIND, run=ask),
        Periodic(kind=WATCH_KIND, every=WATCH_EVERY, run=watch),
        Errand(kind=SNAPSHOT_KIND, perform=perform, settle=settle),
    ]
