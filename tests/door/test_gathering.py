"""What has arrived is done together, at once, within bounds, and each is told of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from registry.crypto.signature import PrivateKey
from registry.database.transaction import DatabaseUnavailable
from registry.door import gathering
from registry.door.arrivals import Arrival, Reply
from registry.door.gathering import Done, Gatherer
from registry.http.caller import Caller, KeyRecord
from registry.http.problems import InternalFault
from registry.http.signed_request import VerifiedCall
from registry.kernel.ids import MemberId
from registry.kernel.problems import Problem

CALLER = Caller(
    member=MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ab"),
    kid="kid",
    scopes=frozenset(),
    purposes=frozenset(),
    requests_per_minute=1,
    evaluations_per_hour=1,
)
KEY = KeyRecord(public_key=PrivateKey.generate().public, is_active=True, caller=CALLER)
VERIFIED = VerifiedCall(key=KEY, jwt="a.b.c", jti=bytes(16), expires_at=datetime.now(UTC))


def arrival(asked: str, weight: int = 1) -> Arrival:
    return Arrival(verified=VERIFIED, asked=asked, weight=weight, request_id=uuid4())


def echo(arrivals: Sequence[Arrival]) -> list[Reply]:
    return [Reply(status=200, body=each.asked.encode()) for each in arrivals]


class Held:
    """Work that waits until it is let go, and knows the batches it was given."""

    def __init__(self, commit_seconds: float = 0.0) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self._commit_seconds = commit_seconds

    def perform(self, arrivals: Sequence[Arrival]) -> Done:
        self.batches.append([each.asked for each in arrivals])
        self.begun.release()
        assert self.go.acquire(timeout=30)
        return Done(echo(arrivals), self._commit_seconds)


def played(play: Callable[[], Awaitable[object]]) -> None:
    async def run() -> None:
        await play()

    asyncio.run(run())


async def begun(held: Held, count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        assert await loop.run_in_executor(None, lambda: held.begun.acquire(timeout=30))


def test_a_lone_arrival_begins_at_once_and_the_rest_together() -> None:
    """What comes while a slot works is one batch, in order, for when it is free."""
    held = Held()

    async def play() -> None:
        gatherer = Gatherer("test", held.perform, weight_max=10)
        first = asyncio.ensure_future(gatherer.answer(arrival("a")))
        await begun(held, 1)
        rest = [asyncio.ensure_future(gatherer.answer(arrival(each))) for each in "bcdef"]
        await asyncio.sleep(0)
        assert [["a"]] == held.batches
        held.go.release(2)
        replies = await asyncio.gather(first, *rest)
        assert b"abcdef" == b"".join(each.body for each in replies)
        await gatherer.close()

    played(play)
    assert [["a"], ["b", "c", "d", "e", "f"]] == held.batches


def test_a_batch_that_takes_long_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may wait for somebody's lock: what comes after it begins without it."""
    monkeypatch.setattr(gathering, "HOLDING_SECONDS_MAX", 0.0)
    held = Held()

    async def play() -> None:
        gatherer = Gatherer("test", held.perform, weight_max=10)
        slow = asyncio.ensure_future(gatherer.answer(arrival("slow")))
        await begun(held, 1)
        later = asyncio.ensure_future(gatherer.answer(arrival("later")))
        await begun(held, 1)
        held.go.release(2)
        await asyncio.gather(slow, later)
        await gatherer.close()

    played(play)
    assert [["slow"], ["later"]] == held.batches


def test_what_arrives_in_one_turn_of_the_loop_is_one_batch_within_its_weight() -> None:
    """As much as the bound allows; what weighs more than all of it goes alone."""
    held = Held()
    held.go.release(10)
    asked = [("a", 3), ("b", 3), ("c", 5), ("d", 40), ("e", 1)]

    async def play() -> None:
        gatherer = Gatherer("test", held.perform, weight_max=10)
        await asyncio.gather(*(gatherer.answer(arrival(*each)) for each in asked))
        await gatherer.close()

    played(play)
    assert [["a", "b"], ["c"], ["d"], ["e"]] == sorted(held.batches)


@pytest.mark.parametrize(
    ("commit_seconds", "slots"), [(0.0001, 1), (0.001, 1), (0.004, 3), (0.1, 8)]
)
def test_a_slow_disk_is_waited_for_by_more_batches(
    commit_seconds: float, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By as many as its fastest commits are slow, and by eight at most."""
    monkeypatch.setattr(gathering, "HOLDING_SECONDS_MAX", 600.0)
    held = Held(commit_seconds)

    async def play() -> None:
        gatherer = Gatherer("test", held.perform, weight_max=1)
        held.go.release(1)
        await gatherer.answer(arrival("first"))
        rest = [asyncio.ensure_future(gatherer.answer(arrival("x"))) for _ in range(20)]
        await begun(held, 1 + slots)
        await asyncio.sleep(0)
        assert 1 + slots == len(held.batches)
        held.go.release(20)
        await asyncio.gather(*rest)
        await gatherer.close()

    played(play)


def test_one_that_breaks_a_batch_breaks_it_for_nobody_else() -> None:
    """All of it was undone, and each is tried alone."""
    tried: list[int] = []

    def perform(arrivals: Sequence[Arrival]) -> Done:
        tried.append(len(arrivals))
        if any(each.asked == "poison" for each in arrivals):
            raise ValueError("poisoned")
        return Done(echo(arrivals), 0.0)

    async def play() -> None:
        gatherer = Gatherer("test", perform, weight_max=10)
        asked = ["a", "poison", "b"]
        replies = await asyncio.gather(
            *(gatherer.answer(arrival(each)) for each in asked), return_exceptions=True
        )
        assert isinstance(replies[1], InternalFault)
        assert [b"a", b"b"] == [each.body for each in replies if isinstance(each, Reply)]
        await gatherer.close()

    played(play)
    assert [3, 1, 1, 1] == tried


def test_a_problem_is_everyones_and_nothing_is_tried_again() -> None:
    """A database that is away is away for each of them."""
    tried: list[int] = []

    def perform(arrivals: Sequence[Arrival]) -> Done:
        tried.append(len(arrivals))
        raise DatabaseUnavailable

    async def play() -> None:
        gatherer = Gatherer("test", perform, weight_max=10)
        replies = await asyncio.gather(
            *(gatherer.answer(arrival("a")) for _ in range(3)), return_exceptions=True
        )
        assert [DatabaseUnavailable] * 3 == [type(each) for each in replies]
        await gatherer.close()

    played(play)
    assert [3] == tried


def test_beyond_what_may_wait_an_arrival_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked to come again; those that wait are answered."""
    monkeypatch.setattr(gathering, "WAITING_MAX", 3)
    monkeypatch.setattr(gathering, "HOLDING_SECONDS_MAX", 600.0)
    held = Held()

    async def play() -> None:
        gatherer = Gatherer("test", held.perform, weight_max=1)
        working = asyncio.ensure_future(gatherer.answer(arrival("w")))
        await begun(held, 1)
        waiting = [asyncio.ensure_future(gatherer.answer(arrival("x"))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await gatherer.answer(arrival("late"))
        assert isinstance(refused.value, DatabaseUnavailable)
        held.go.release(10)
        await asyncio.gather(working, *waiting)
        await gatherer.close()

    played(play)
