"""The hand that does jobs: claims, runs, ends; one of many, in any process.

    round: kinds that are due, in turn --> claim a few under a lease --> each: run, end

Two workers never hold one job; a worker that was taken for dead cannot end what it held.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable, Transaction
from registry.jobs import store
from registry.jobs.kinds import Errand, Kind, Periodic
from registry.jobs.model import (
    FAILURES_MAX,
    LEASE,
    Again,
    Job,
    JobDraft,
    JobStatus,
    LeaseLost,
    retry_at,
)
from registry.kernel.clock import Clock
from registry.kernel.ids import new_uuid

logger = logging.getLogger("registry.jobs")

# What is claimed together and not begun in this part of the lease is given back.
BEGIN_WITHIN = 0.5
# A step that renews itself for now without end is a defect of its room.
DUE_ROUNDS_MAX = 100_000
_PERIODIC_KEY = "periodic"
_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A claimed job, and how often it failed before."""

    job: Job
    failures: int


class Worker:
    """Does the jobs of `kinds`.

    `clock` says what is due; `wall` is the machine's, for leases.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        wall: Clock,
        kinds: Sequence[Kind],
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wall = wall
        self._lease = lease
        self._kinds: Mapping[str, Kind] = {each.kind: each for each in kinds}
        assert len(self._kinds) == len(kinds), "each kind of work has one doer"

    @property
    def kinds(self) -> Sequence[Kind]:
        """All it does."""
        return list(self._kinds.values())

    @property
    def steps(self) -> list[str]:
        """The kinds whose work is in the database."""
        return [name for name, kind in self._kinds.items() if not isinstance(kind, Errand)]

    @property
    def errands(self) -> list[str]:
        """The kinds that wait for others outside."""
        return [name for name, kind in self._kinds.items() if isinstance(kind, Errand)]

    def prepare(self) -> None:
        """Sees that each periodic kind has its row; any number of workers may, at any time."""
        now = self._clock.now()
        with self._database.transaction() as transaction:
            for kind in self._kinds.values():
                if isinstance(kind, Periodic):
                    draft = JobDraft(
                        kind=kind.kind, payload={}, run_at=now, deduplication_key=_PERIODIC_KEY
                    )
                    store.stand(transaction, new_uuid(now), draft, latest=now + kind.every)

    def round(
        self,
        kinds: Sequence[str],
        stop: threading.Event,
        *,
        on_due: Callable[[], None] | None = None,
    ) -> int:
        """Does some jobs of each of `kinds` that is due, in turn; how many it claimed.

        Once `stop` is set it begins no other job. `on_due` is called before the first.
        Raises: DatabaseUnavailable: what was claimed is claimed again when its lease ends.
        """
        with self._database.reading() as transaction:
            due = store.due_kinds(transaction, kinds, self._clock.now(), self._wall.now())
        if due and on_due is not None:
            on_due()
        claimed = 0
        for name in due:
            if stop.is_set():
                break
            claimed += self._serve(self._kinds[name], stop)
        return claimed

    def run_due(self) -> int:
        """Does all that is due by the clock, until nothing is; how many jobs were claimed.

        For a clock that stands: what is promised for later stays.
        """
        self.prepare()
        never = threading.Event()
        done = 0
        for _ in range(DUE_ROUNDS_MAX):
            claimed = self.round(list(self._kinds), never)
            if not claimed:
                return done
            done += claimed
        raise AssertionError("jobs renew themselves for now without end")

    def _serve(self, kind: Kind, stop: threading.Event) -> int:
        # What waits for others is claimed alone: its lease is for one.
        jobs_max = 1 if isinstance(kind, Errand) else kind.share.value
        begin_by = self._wall.now() + self._lease * BEGIN_WITHIN
        held = self._claim(kind, jobs_max)
        for number, each in enumerate(held):
            if stop.is_set() or self._wall.now() >= begin_by:
                with self._database.transaction() as transaction:
                    store.give_back(transaction, [left.job for left in held[number:]])
                break
            self._run(kind, each)
        return len(held)

    def _claim(self, kind: Kind, jobs_max: int) -> list[_Held]:
        now, wall = self._clock.now(), self._wall.now()
        with self._database.transaction() as transaction:
            claimed = store.claim(
                transaction,
                kind.kind,
                now=now,
                wall=wall,
                until=wall + self._lease,
                jobs_max=jobs_max,
            )
            dead = [each for each in claimed if _is_given_up(kind, each.failures)]
            for each in dead:
                # It took its workers with it, again and again: nobody runs it any more.
                store.set_aside(transaction, _job_of(each), now)
        for each in dead:
            logger.error("job %s (%s) is a dead letter: %s", each.id, each.kind, each.error)
        # Crash point: claimed and not begun is claimed again when the lease ends.
        return [
            _Held(job=_job_of(each), failures=each.failures) for each in claimed if each not in dead
        ]

    def _run(self, kind: Kind, held: _Held) -> None:
        try:
            self._attempt(kind, held.job)
        except LeaseLost:
            logger.warning("job %s (%s) was taken over; undone here", held.job.id, held.job.kind)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            # One of the outermost loops: what failed was undone, and is tried again.
            logger.exception("job %s (%s) failed", held.job.id, held.job.kind)
            self._note_failure(kind, held, _name_of(error))

    def _attempt(self, kind: Kind, job: Job) -> None:
        if isinstance(kind, Errand):
            found = kind.perform(job)
            # Crash point: done outside and not settled is performed again.
            with self._database.transaction() as transaction:
                now = self._clock.now()
                self._end(transaction, kind, job, kind.settle(transaction, job, found, now), now)
            return
        with self._database.transaction() as transaction:
            now = self._clock.now()
            # Crash point: effect and end are one transaction; before its commit nothing was
            # done, after it nothing is left to do.
            self._end(transaction, kind, job, kind.run(transaction, job, now), now)

    def _end(
        self, transaction: Transaction, kind: Kind, job: Job, again: Again | None, now: datetime
    ) -> None:
        if again is None and isinstance(kind, Periodic):
            again = Again(run_at=now + kind.every, payload={})
        if again is None:
            is_ended = store.finish(transaction, job)
        else:
            is_ended = store.renew(transaction, job, again)
        if not is_ended:
            # Raised inside the transaction: what this attempt did is undone with it.
            raise LeaseLost

    def _note_failure(self, kind: Kind, held: _Held, error: str) -> None:
        now, failures = self._clock.now(), held.failures + 1
        is_given_up = _is_given_up(kind, failures)
        with self._database.transaction() as transaction:
            is_noted = store.retry(
                transaction,
                held.job,
                run_at=self._retry_at(kind, now, failures),
                error=error,
                dead_at=now if is_given_up else None,
            )
        if is_given_up and is_noted:
            logger.error("job %s (%s) is a dead letter: %s", held.job.id, held.job.kind, error)

    def _retry_at(self, kind: Kind, now: datetime, failures: int) -> datetime:
        at = retry_at(now, failures, _random.random())
        return min(at, now + kind.every) if isinstance(kind, Periodic) else at


def _is_given_up(kind: Kind, failures: int) -> bool:
    return failures >= FAILURES_MAX and not isinstance(kind, Periodic)


def _job_of(status: JobStatus) -> Job:
    return Job(
        id=status.id,
        kind=status.kind,
        payload=status.payload,
        run_at=status.run_at,
        attempt=status.attempt,
    )


def _name_of(error: Exception) -> str:
    """What was raised, and where: never its text, which may repeat what it was about."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" in {place.tb_frame.f_code.co_qualname}"
    return f"{type(error).__name__}{where}"
