"""The chores of a node: sequencing its logs, indexing them, doing its jobs, serving what is new."""

import threading
import time
from collections.abc import Sequence

from registry.app.background import Chore
from registry.app.companion import Companion
from registry.app.node import Node
from registry.jobs.worker import Worker
from registry.ledger.high_water import LogForked
from registry.ledger.sequencer import BATCH_ENTRIES_MAX, INTERVAL_SECONDS
from registry.lookups.screening_serving import STALE_SECONDS_MAX
from registry.settings import Place

# A step takes SQLite's one turn to write: whoever asks meanwhile waits for some milliseconds.
INDEX_ENTRIES_MAX_SQLITE = 40
# On PostgreSQL it takes a processor and the disk, which the same calls want: some 15 ms.
INDEX_ENTRIES_MAX_POSTGRESQL = 100
INDEX_IDLE_SECONDS = 2.0
# It rests so many times as long as it worked, and takes no more than a part of a processor.
# Whatever is left, a search catches up with.
INDEX_REST_FACTOR_SQLITE = 5
INDEX_REST_FACTOR_POSTGRESQL = 3
# Well within the lease, so that an idle sequencer remains the one.
SEQUENCER_IDLE_SECONDS = 4.0
# However long a step took, others come to the database in between.
SEQUENCER_REST_SECONDS_MIN = 0.1
JOBS_IDLE_SECONDS = 1.0
# Sooner than a call would look for itself.
SNAPSHOT_REST_SECONDS = STALE_SECONDS_MAX / 2
# Beside the API a round of jobs rests as long as it worked.
JOBS_REST_FACTOR = 1.0
# Errands wait for others: several of a kind wait at once, and no kind for another. Codes
# go out however many receivers of members hang.
ERRAND_LANES = 4


def chores_of_a_server(node: Node) -> list[Chore]:
    """What a server's process does beside answering: it leaves most to a companion."""
    return [serving_snapshots(node), Companion(node.settings.home).chore()]


def chores_of_a_node(node: Node) -> list[Chore]:
    """What has to be done for a node by somebody, as the settings say; leases say by whom."""
    chores = [indexing(node)]
    if node.settings.sequencer is Place.INLINE:
        chores.append(sequencing(node))
    if node.settings.jobs is Place.INLINE:
        chores += working(node, rest_factor=JOBS_REST_FACTOR)
    return chores


def sequencing(node: Node) -> Chore:
    """About once a second, and at once where more waits than a step takes.

    While nothing waits it only looks whether something does; a whole step, which writes
    to keep its lease, is seldom enough then.
    """

    whole_step_at = 0.0

    def step(_stop: threading.Event) -> float:
        nonlocal whole_step_at
        if time.monotonic() < whole_step_at and not node.sequencer.has_waiting():
            return INTERVAL_SECONDS
        began = time.monotonic()
        stepped = node.sequencer.step()
        ended = time.monotonic()
        # What is behind is not left to the next entry that comes.
        idle_seconds = 0.0 if stepped.is_behind else SEQUENCER_IDLE_SECONDS
        whole_step_at = ended + idle_seconds
        if stepped.sequenced >= BATCH_ENTRIES_MAX:
            return 0.0
        # From beginning to beginning: a step that takes long beside many calls must not
        # make the next checkpoint later still.
        return max(INTERVAL_SECONDS - (ended - began), SEQUENCER_REST_SECONDS_MIN)

    return Chore(name="sequencer", step=step, finish=node.sequencer.release, halted_by=(LogForked,))


def indexing(node: Node) -> Chore:
    """Brings the supervisors' index up to the logs, without getting in the API's way."""
    if node.settings.is_sqlite:
        entries_max, rest_factor = INDEX_ENTRIES_MAX_SQLITE, INDEX_REST_FACTOR_SQLITE
    else:
        entries_max, rest_factor = INDEX_ENTRIES_MAX_POSTGRESQL, INDEX_REST_FACTOR_POSTGRESQL

    def step(_stop: threading.Event) -> float:
        indexer = node.auditing.indexer
        with node.database.reading() as transaction:
            is_behind = indexer.is_behind(transaction)
        if not is_behind:
            return INDEX_IDLE_SECONDS
        began = time.monotonic()
        with node.database.transaction() as transaction:
            indexer.step(transaction, entries_max)
        return (time.monotonic() - began) * rest_factor

    return Chore(name="indexer", step=step)


def serving_snapshots(node: Node) -> Chore:
    """Keeps what this process serves of screening fresh, so that no call has to."""

    def step(_stop: threading.Event) -> float:
        node.screening.door.refresh()
        return SNAPSHOT_REST_SECONDS

    return Chore(name="screening", step=step)


def working(node: Node, *, rest_factor: float = 0.0) -> list[Chore]:
    """Jobs: one lane for steps, several for each kind of errand, so that none waits for another."""
    worker = node.worker
    lanes = [_lane(worker, worker.steps, rest_factor)]
    for errand in worker.errands:
        # The others have nothing to do while the first has not: they do not even look.
        is_busy = threading.Event()
        lanes.append(_lane(worker, [errand], rest_factor, tells=is_busy))
        lanes += [_lane(worker, [errand], rest_factor, heeds=is_busy)] * (ERRAND_LANES - 1)
    return lanes


def _lane(
    worker: Worker,
    kinds: Sequence[str],
    rest_factor: float,
    *,
    tells: threading.Event | None = None,
    heeds: threading.Event | None = None,
) -> Chore:
    """Rounds of `kinds`; it `tells` that it is at one, or looks only where another is."""
    is_prepared = threading.Event()

    def step(stop: threading.Event) -> float:
        if heeds is not None and not heeds.is_set():
            return JOBS_IDLE_SECONDS
        if not is_prepared.is_set():
            worker.prepare()
            is_prepared.set()
        began = time.monotonic()
        if not worker.round(kinds, stop, on_due=None if tells is None else tells.set):
            if tells is not None:
                tells.clear()
            return JOBS_IDLE_SECONDS
        worked_seconds = time.monotonic() - began
        return min(worked_seconds * rest_factor, JOBS_IDLE_SECONDS)

    return Chore(name="jobs", step=step)
