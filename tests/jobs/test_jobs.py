"""Jobs are promised with their cause, done once, tried again, and set aside in the end."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.jobs.kinds import Errand, Kind, Periodic, Share, Step
from registry.jobs.model import FAILURES_MAX, LEASE, Again, Job, JobDraft, NoSuchJob
from registry.jobs.service import Jobs
from registry.jobs.worker import Worker
from registry.kernel.clock import MovableClock

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(START)


@pytest.fixture
def wall() -> MovableClock:
    """The machine's clock, which leases go by."""
    return MovableClock(datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def effects(database: Database) -> Callable[[], list[str]]:
    """What jobs did, kept in the database beside them."""
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE effects (what VARCHAR(64))"))

    def done() -> list[str]:
        with database.reading() as transaction:
            return sorted(transaction.execute(sa.text("SELECT what FROM effects")).scalars())

    return done


def write(transaction: Transaction, what: str) -> None:
    transaction.execute(sa.text("INSERT INTO effects (what) VALUES (:what)"), {"what": what})


def writing(transaction: Transaction, job: Job, now: datetime) -> Again | None:
    """A step whose effect is a row."""
    write(transaction, job.payload["what"])
    return None


class World:
    """Jobs, and workers over one database and two clocks."""

    def __init__(self, database: Database, clock: MovableClock, wall: MovableClock) -> None:
        self.database, self.clock, self.wall = database, clock, wall
        self.jobs = Jobs()

    def worker(self, *kinds: Kind) -> Worker:
        return Worker(database=self.database, clock=self.clock, wall=self.wall, kinds=kinds)

    def enqueue(self, kind: str, what: str = "", **more: Any) -> UUID | None:
        draft = JobDraft(kind=kind, payload={"what": what}, **{"run_at": self.clock.now(), **more})
        with self.database.transaction() as transaction:
            return self.jobs.enqueue(transaction, draft)

    def rows(self) -> Sequence[sa.Row[Any]]:
        with self.database.reading() as transaction:
            return transaction.execute(sa.text("SELECT * FROM jobs ORDER BY id")).all()

    def dead(self) -> list[UUID]:
        with self.database.reading() as transaction:
            return [each.id for each in self.jobs.dead_letters(transaction, 100)]

    def run_until_dead(self, worker: Worker) -> None:
        for _ in range(FAILURES_MAX):
            worker.run_due()
            self.clock.move(timedelta(hours=1))


@pytest.fixture
def world(database: Database, clock: MovableClock, wall: MovableClock) -> World:
    return World(database, clock, wall)


def test_a_job_is_done_when_it_is_due_and_leaves_nothing(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """Not before, once, and its row is gone with its effect."""
    worker = world.worker(Step(kind="write", run=writing))
    world.enqueue("write", "now")
    world.enqueue("write", "later", run_at=START + SECOND)
    assert 1 == worker.run_due()
    assert ["now"] == effects()
    world.clock.move(SECOND)
    assert (1, 0) == (worker.run_due(), worker.run_due())
    assert ["later", "now"] == effects()
    assert [] == world.rows()


def test_a_job_is_promised_with_its_cause_or_not_at_all(world: World) -> None:
    """What undoes the cause undoes the job."""

    def promise_and_fail() -> None:
        with world.database.transaction() as transaction:
            world.jobs.enqueue(transaction, JobDraft(kind="write", payload={}, run_at=START))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        promise_and_fail()
    assert [] == world.rows()


def test_of_one_key_one_job_lives(world: World, effects: Callable[[], list[str]]) -> None:
    """At the earlier of the instants asked for; another kind and a done one do not count."""
    worker = world.worker(Step(kind="write", run=writing), Step(kind="other", run=writing))
    key = {"deduplication_key": "one"}
    assert world.enqueue("write", "a", run_at=START + 5 * SECOND, **key)
    assert world.enqueue("write", "b", run_at=START + 3 * SECOND, **key) is None
    assert world.enqueue("write", "c", run_at=START + 9 * SECOND, **key) is None
    assert world.enqueue("other", "d", **key)
    assert 1 == worker.run_due()
    world.clock.move(3 * SECOND)
    assert 1 == worker.run_due()
    assert ["a", "d"] == effects()
    assert world.enqueue("write", "e", **key)


def test_what_is_asked_for_while_it_runs_is_done_once_more(world: World) -> None:
    """The run at hand may have read too early to see why it was asked for."""
    runs: list[datetime] = []

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        runs.append(now)
        if len(runs) == 1:
            draft = JobDraft(kind="see", payload={}, run_at=START, deduplication_key="one")
            assert world.jobs.enqueue(transaction, draft) is None
        return None

    worker = world.worker(Step(kind="see", run=run))
    world.enqueue("see", deduplication_key="one")
    assert 2 == worker.run_due()
    assert 2 == len(runs)
    assert [] == world.rows()


def test_a_failure_undoes_the_effect_and_is_tried_again_later(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """Twice as late each time, less a random part; the error's text is not kept."""
    tried: list[datetime] = []

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        tried.append(now)
        write(transaction, "half done")
        if len(tried) < 4:
            raise ValueError("said to nobody")
        return None

    worker = world.worker(Step(kind="fail", run=run))
    world.enqueue("fail")
    while len(tried) < 4:
        worker.run_due()
        for row in world.rows():
            assert "ValueError in" in row.error
            assert "nobody" not in row.error
        world.clock.move(SECOND)
    assert ["half done"] == effects()
    waits = [(after - before) / SECOND for before, after in pairwise(tried)]
    for wait, longest in zip(waits, (5, 10, 20), strict=True):
        assert longest / 2 <= wait <= longest + 1


def test_what_always_fails_is_set_aside_and_keeps_nobody_waiting(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """The others of its kind are done in the same round; nothing runs a dead letter."""

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        if job.payload["what"] == "poison":
            raise ValueError
        return writing(transaction, job, now)

    worker = world.worker(Step(kind="mixed", run=run))
    poison = world.enqueue("mixed", "poison")
    for number in range(20):
        world.enqueue("mixed", f"{number:02}", run_at=START + SECOND)
    world.clock.move(SECOND)
    worker.run_due()
    assert 20 == len(effects())
    world.run_until_dead(worker)
    assert [poison] == world.dead()
    assert 0 == worker.run_due()


def test_an_operator_requeues_or_drops_a_dead_letter(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """With all its attempts; a job of its key that lives meanwhile does its work."""
    is_mended = threading.Event()

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        if not is_mended.is_set():
            raise ValueError
        return writing(transaction, job, now)

    worker = world.worker(Step(kind="write", run=run))
    world.enqueue("write", "first", deduplication_key="one")
    world.enqueue("write", "second")
    world.enqueue("write", "third")
    world.run_until_dead(worker)
    first, second, third = sorted(world.dead(), key=lambda each: each.bytes)
    world.enqueue("write", "fourth", deduplication_key="one")
    with world.database.transaction() as transaction:
        names = {each.id: each.payload["what"] for each in world.jobs.dead_letters(transaction, 9)}
        for each in (first, second, third):
            if names[each] == "third":
                world.jobs.drop(transaction, each)
            else:
                world.jobs.requeue(transaction, each, world.clock.now())
        for act in (world.jobs.drop, world.jobs.find):
            with pytest.raises(NoSuchJob):
                act(transaction, UUID(int=1))
    is_mended.set()
    worker.run_due()
    assert ["fourth", "second"] == effects()
    assert [] == world.rows()


def test_a_periodic_job_renews_itself_and_is_never_set_aside(world: World) -> None:
    """One row for any number of workers; batches come at once, a failure within its period."""
    runs: list[datetime] = []

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        runs.append(now)
        if now >= START + timedelta(hours=2):
            raise ValueError
        return Again(run_at=now) if len(runs) == 1 else None

    kind = Periodic(kind="sweep", every=timedelta(minutes=30), run=run)
    for _ in range(3):
        world.worker(kind).prepare()
    worker = world.worker(kind)
    assert 2 == worker.run_due()
    world.clock.move(timedelta(minutes=29))
    assert 0 == worker.run_due()
    world.clock.move(timedelta(minutes=1))
    assert 1 == worker.run_due()
    world.clock.move(timedelta(hours=2))
    for _ in range(FAILURES_MAX + 3):
        before = len(runs)
        worker.run_due()
        assert before + 1 == len(runs)
        world.clock.move(timedelta(minutes=30))
    assert 1 == len(world.rows())
    assert [] == world.dead()


def test_a_shorter_period_and_a_clock_set_back_hold_from_the_next_start(world: World) -> None:
    """A row is never further away than its period."""
    runs: list[datetime] = []

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        runs.append(now)
        return None

    world.worker(Periodic(kind="sweep", every=timedelta(days=30), run=run)).run_due()
    worker = world.worker(Periodic(kind="sweep", every=timedelta(hours=1), run=run))
    worker.prepare()
    world.clock.move(timedelta(hours=1))
    assert 1 == worker.run_due()


def test_an_errand_performs_outside_and_settles_once(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """What it found is settled with its end; a failure to settle performs it again."""
    performed: list[UUID] = []

    def perform(job: Job) -> str:
        performed.append(job.id)
        return f"sent {len(performed)}"

    def settle(transaction: Transaction, job: Job, found: str, now: datetime) -> Again | None:
        write(transaction, found)
        if found == "sent 1":
            raise ValueError
        return None if found == "sent 3" else Again(run_at=now + SECOND)

    worker = world.worker(Errand(kind="send", perform=perform, settle=settle))
    world.enqueue("send")
    for _ in range(10):
        worker.run_due()
        world.clock.move(SECOND)
    assert ["sent 2", "sent 3"] == effects()
    assert (3, 1) == (len(performed), len(set(performed)))


def test_who_lost_its_lease_cannot_end_what_it_began(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """A worker that was away for longer than its lease leaves nothing behind."""
    worker = world.worker(Step(kind="write", run=writing))

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        write(transaction, "of the zombie")
        return None

    def perform(job: Job) -> None:
        world.wall.move(LEASE)
        # Meanwhile another takes the job over, and does it.
        assert 1 == worker.run_due()

    def settle(transaction: Transaction, job: Job, found: None, now: datetime) -> Again | None:
        return run(transaction, job, now)

    zombie = world.worker(Errand(kind="write", perform=perform, settle=settle))
    world.enqueue("write", "once")
    zombie.run_due()
    assert ["once"] == effects()
    assert [] == world.rows()


def test_who_lost_its_lease_cannot_note_a_failure_either(world: World) -> None:
    """The new holder's claim stands as it is."""
    second = world.worker(Step(kind="write", run=writing))

    def perform(job: Job) -> None:
        world.wall.move(LEASE)
        [again] = second._claim(second._kinds["write"], 5)
        assert job.attempt + 1 == again.job.attempt
        raise ValueError

    def settle(transaction: Transaction, job: Job, found: None, now: datetime) -> Again | None:
        return None

    zombie = world.worker(Errand(kind="write", perform=perform, settle=settle))
    world.enqueue("write")
    zombie.run_due()
    [row] = world.rows()
    assert (2, 1, "its lease ran out") == (row.attempt, row.failures, row.error)
    assert row.leased_until is not None


def test_a_job_that_kills_its_workers_is_set_aside(world: World) -> None:
    """A lease that runs out counts; claimed once too often, it is run no more."""
    worker = world.worker(Step(kind="write", run=writing))
    job = world.enqueue("write")
    for _ in range(FAILURES_MAX):
        assert 1 == len(worker._claim(worker._kinds["write"], 5))
        assert [] == worker._claim(worker._kinds["write"], 5)
        world.wall.move(LEASE)
    assert [] == worker._claim(worker._kinds["write"], 5)
    assert [job] == world.dead()


def test_what_kills_its_worker_takes_nobody_along(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """Of a batch that died with its worker each is tried alone: only the culprit goes on dying."""
    worker = world.worker(Step(kind="write", run=writing))
    kind = worker._kinds["write"]
    culprit = world.enqueue("write", "culprit")
    for number in range(3):
        world.enqueue("write", str(number), run_at=START + SECOND)
    world.clock.move(SECOND)
    assert 4 == len(worker._claim(kind, 8))
    world.wall.move(LEASE)
    for _ in range(FAILURES_MAX + 3):
        for held in worker._claim(kind, 8):
            if held.job.id == culprit:
                world.wall.move(LEASE)
            else:
                worker._run(kind, held)
    assert ["0", "1", "2"] == effects()
    assert [culprit] == world.dead()


def test_a_flood_of_one_kind_keeps_no_other_waiting(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """Each round takes some of each kind, more of the urgent."""
    worker = world.worker(
        Step(kind="bulk", run=writing, share=Share.BULK),
        Step(kind="normal", run=writing),
        Step(kind="urgent", run=writing, share=Share.URGENT),
    )
    for kind in ("bulk", "normal", "urgent"):
        for _ in range(20):
            world.enqueue(kind, kind)
    assert 26 == worker.round(worker.steps, threading.Event())
    counts = {kind: effects().count(kind) for kind in ("bulk", "normal", "urgent")}
    assert {"bulk": 2, "normal": 8, "urgent": 16} == counts


def test_who_is_told_to_stop_gives_back_what_it_has_not_begun(
    world: World, effects: Callable[[], list[str]]
) -> None:
    """Others need not wait for its lease, and no failure is counted."""
    stop = threading.Event()

    def run(transaction: Transaction, job: Job, now: datetime) -> Again | None:
        stop.set()
        return writing(transaction, job, now)

    worker = world.worker(Step(kind="write", run=run))
    for number in range(5):
        world.enqueue("write", str(number))
    worker.round(worker.steps, stop)
    assert 1 == len(effects())
    assert {(0, None)} == {(row.failures, row.leased_until) for row in world.rows()}
    assert 4 == worker.run_due()


def test_many_workers_do_each_job_once(world: World, effects: Callable[[], list[str]]) -> None:
    """Threads with workers of their own, over one table."""
    for number in range(200):
        world.enqueue("write", f"{number:03}")

    def work() -> None:
        worker = world.worker(Step(kind="write", run=writing))
        while worker.round(worker.steps, threading.Event()):
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    world.worker(Step(kind="write", run=writing)).run_due()
    assert [f"{number:03}" for number in range(200)] == effects()


def test_kinds_nobody_does_here_are_left_alone_and_seen(world: World) -> None:
    """An older version beside a newer one; the backlog tells how long they have waited."""
    world.enqueue("unknown")
    world.clock.move(timedelta(minutes=3))
    assert 0 == world.worker(Step(kind="write", run=writing)).run_due()
    with world.database.reading() as transaction:
        backlog = world.jobs.backlog(transaction, world.clock.now())
    assert (180, 0) == (backlog.lag_seconds(world.clock.now()), backlog.dead_letters)
