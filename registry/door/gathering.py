"""Gathers what has arrived, and has it done together as soon as a slot is free.

No timer: a lone arrival begins at once, and what comes while every slot works is the
next batch. One slot on a fast disk: what is paid once a batch is then paid least. More
where even the fastest commits are slow, so that a slow disk is waited for by several
batches at a time. A busy processor makes commits slow now and then, a slow disk always.
A batch that takes long, because it waits for somebody's lock, keeps its slot to itself.

    loop:    arrive -> waiting -> (a slot is free) -> batch -> ... -> replies
    threads:                                          perform(batch)

Source: decision on gathering; docs/performance.md (facts measured).
"""

import asyncio
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from registry.database.transaction import DatabaseUnavailable
from registry.door.arrivals import Arrival, Reply
from registry.http.problems import InternalFault
from registry.kernel.problems import Problem

logger = logging.getLogger("registry.door")


@dataclass(frozen=True, slots=True)
class Done:
    """Replies to a batch in its order, and how long its commit took; None: it had several."""

    replies: Sequence[Reply]
    commit_seconds: float | None = None


Perform = Callable[[Sequence[Arrival]], Done]

SLOTS_MIN = 1
SLOTS_MAX = 8
# For every so long that the fastest of the last commits took, one slot more.
SLOT_SECONDS = 0.002
# A batch that has been under way for longer does not keep others from beginning.
HOLDING_SECONDS_MAX = 0.1
# Beyond these an arrival is told at once, or after so long, to come again.
WAITING_MAX = 4096
WAIT_SECONDS_MAX = 5.0
# A batch that takes longer has stalled: its arrivals are told so.
BATCH_SECONDS_MAX = 10.0
WATCH_SECONDS = 0.5
# Nothing under way has ended for so long: whoever asks now will hardly be answered.
STALLED_SECONDS = 2.0
# With each commit the fastest one is taken to have been so much slower.
_FORGETTING = 1.02


@dataclass(slots=True)
class _Waiting:
    arrival: Arrival
    reply: "asyncio.Future[Reply]"
    since: float


@dataclass(slots=True, eq=False)
class _Batch:
    waiting: list[_Waiting]
    began: float


class Gatherer:
    """Answers arrivals in batches of at most `weight_max`; lives on one event loop.

    `perform` runs in a thread of its own and answers all of a batch or none.
    """

    def __init__(self, name: str, perform: Perform, *, weight_max: int) -> None:
        self._name = name
        self._perform = perform
        self._weight_max = weight_max
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._under_way: set[_Batch] = set()
        self._flush_is_due = False
        self._commit_seconds = 0.0
        self._ended = self._loop.time()
        self._batches: SimpleQueue[_Batch | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)

    async def answer(self, arrival: Arrival) -> Reply:
        """The reply to `arrival`.

        Raises: DatabaseUnavailable when too many wait, or it took too long; the
        problem that `perform` raises, InternalFault for anything else it does.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise DatabaseUnavailable
        waiting = _Waiting(arrival, self._loop.create_future(), self._loop.time())
        self._waiting.append(waiting)
        if not self._flush_is_due:
            # After whatever else the loop has just received.
            self._flush_is_due = True
            self._loop.call_soon(self._flush)
        return await waiting.reply

    @property
    def is_stalled(self) -> bool:
        """Whether work is under way and none of it has ended for a while."""
        began = min((each.began for each in self._under_way), default=math.inf)
        return self._loop.time() - max(began, self._ended) > STALLED_SECONDS

    async def close(self) -> None:
        """Lets the batches at hand end, then the threads."""
        while self._waiting or self._under_way:
            await asyncio.sleep(0.01)
        self._watch.cancel()
        for _ in self._threads:
            self._batches.put(None)

    @property
    def _slots(self) -> int:
        return min(SLOTS_MAX, SLOTS_MIN + int(self._commit_seconds / SLOT_SECONDS))

    def _flush(self) -> None:
        self._flush_is_due = False
        while self._waiting and self._has_slot():
            batch = _Batch(self._take(), self._loop.time())
            self._under_way.add(batch)
            if len(self._threads) < len(self._under_way):
                self._start_thread()
            self._batches.put(batch)

    def _has_slot(self) -> bool:
        if len(self._under_way) < self._slots:
            return True
        since = self._loop.time() - HOLDING_SECONDS_MAX
        holding = sum(batch.began > since for batch in self._under_way)
        return len(self._under_way) < SLOTS_MAX and holding < self._slots

    def _take(self) -> list[_Waiting]:
        taken = [self._waiting.popleft()]
        weight = taken[0].arrival.weight
        while self._waiting and weight + self._waiting[0].arrival.weight <= self._weight_max:
            taken.append(self._waiting.popleft())
            weight += taken[-1].arrival.weight
        return taken

    def _start_thread(self) -> None:
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            results, commit_seconds = self._perform_all(batch)
            try:
                self._loop.call_soon_threadsafe(self._finish, batch, results, commit_seconds)
            except RuntimeError:
                # The loop has ended; whoever asked is gone.
                return

    def _perform_all(self, batch: _Batch) -> tuple[Sequence[Reply | Problem], float | None]:
        arrivals = [each.arrival for each in batch.waiting]
        try:
            done = self._perform(arrivals)
        except Problem as problem:
            return [problem] * len(arrivals), None
        except Exception:
            # Everything was undone. What one of them brought is not the others' failure.
            logger.exception("a batch of %d failed; each is tried alone", len(arrivals))
            return [self._perform_alone(each) for each in arrivals], None
        return done.replies, done.commit_seconds

    def _perform_alone(self, arrival: Arrival) -> Reply | Problem:
        try:
            (reply,) = self._perform([arrival]).replies
        except Problem as problem:
            return problem
        except Exception:
            # One of the outermost loops: the caller learns the request id, the
            # operator the traceback.
            logger.exception("request %s failed", arrival.request_id)
            return InternalFault()
        return reply

    def _finish(
        self, batch: _Batch, results: Sequence[Reply | Problem], commit_seconds: float | None
    ) -> None:
        if commit_seconds is not None:
            remembered = self._commit_seconds * _FORGETTING or commit_seconds
            self._commit_seconds = min(remembered, commit_seconds)
        self._under_way.discard(batch)
        self._ended = self._loop.time()
        for each, result in zip(batch.waiting, results, strict=True):
            if each.reply.done():
                continue
            if isinstance(result, Problem):
                each.reply.set_exception(result)
            else:
                each.reply.set_result(result)
        self._flush()

    def _look(self) -> None:
        """Tells those who have waited too long, in the queue or in a batch."""
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)
        now = self._loop.time()
        while self._waiting and now - self._waiting[0].since > WAIT_SECONDS_MAX:
            _give_up(self._waiting.popleft())
        for batch in self._under_way:
            if now - batch.began > BATCH_SECONDS_MAX:
                for each in batch.waiting:
                    _give_up(each)
        self._flush()


def _give_up(waiting: _Waiting) -> None:
    # It may still be written: an entry too many is no harm, an answer too early is.
    if not waiting.reply.done():
        waiting.reply.set_exception(DatabaseUnavailable())
