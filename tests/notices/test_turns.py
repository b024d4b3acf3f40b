"""Slow receivers keep nobody waiting but their own member."""

import threading
from uuid import UUID

from registry.kernel.ids import MemberId
from registry.notices.service import DELIVER
from registry.notices.turns import QUICK_SECONDS_MAX, Turns
from tests.notices.receiver import Receiver, receiving
from tests.notices.test_webhooks import add, deliveries
from tests.notices.world import World

A, B = MemberId("mem_a"), MemberId("mem_b")
FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
HOOK, OTHER_HOOK = UUID(int=11), UUID(int=12)


def test_of_a_members_slow_receivers_one_is_waited_for_at_a_time() -> None:
    """Not known yet, or slow the last time: they take turns; other members have their own."""
    turns = Turns()
    assert turns.take(A, FIRST, HOOK)
    assert not turns.take(A, SECOND, HOOK)
    assert not turns.take(A, THIRD, OTHER_HOOK)
    assert turns.take(B, SECOND, UUID(int=13))
    turns.give_back(A, FIRST, HOOK, QUICK_SECONDS_MAX + 0.1)
    assert turns.take(A, SECOND, HOOK)
    assert not turns.take(A, THIRD, HOOK)


def test_who_answers_quickly_is_sent_all_at_once_until_it_does_not() -> None:
    """Also beside a slow one of the same member."""
    turns = Turns()
    assert turns.take(A, FIRST, HOOK)
    turns.give_back(A, FIRST, HOOK, 0.1)
    assert turns.take(A, FIRST, OTHER_HOOK)
    assert turns.take(A, SECOND, HOOK)
    assert turns.take(A, THIRD, HOOK)
    turns.give_back(A, SECOND, HOOK, QUICK_SECONDS_MAX + 0.1)
    assert not turns.take(A, SECOND, HOOK)


def test_a_receiver_that_hangs_holds_up_no_other_member(world: World, receiver: Receiver) -> None:
    """While one message hangs, the member's others are put off without an attempt; all arrive."""
    arrived, release = threading.Event(), threading.Event()
    receiver.hold = (arrived, release)
    slow, quick = world.market.furnisher, world.inquirer("Quick")
    hanging = add(slow, receiver)["webhook"]["id"]
    world.tell(slow, "appeal.relayed", appeal="apl_1")
    stop = threading.Event()
    lane = threading.Thread(target=world.node.worker.round, args=([DELIVER], stop))
    lane.start()
    arrived.wait()
    try:
        with receiving() as other:
            working = add(quick, other)["webhook"]["id"]
            world.tell(slow, "appeal.relayed", appeal="apl_2")
            world.tell(quick, "appeal.relayed", appeal="apl_3")
            world.work()
            assert ["delivered"] == [each["state"] for each in deliveries(quick, working)]
            both = deliveries(slow, hanging)
            assert [("pending", [])] * 2 == [(each["state"], each["attempts"]) for each in both]
            # Made in one millisecond they are listed in any order.
            assert [False, True] == sorted(
                each["next_attempt_at"] > each["created_at"] for each in both
            )
    finally:
        release.set()
        lane.join()
    world.move(seconds=10)
    assert ["delivered"] * 2 == [each["state"] for each in deliveries(slow, hanging)]
    assert 2 == len({each.id for each in receiver.received})
