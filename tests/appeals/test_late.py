"""What comes after a time limit and before its job, as when the worker was down, is too late."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry.appeals.model import Appeal, Basis, Ending, Ground, Milestone, Outcome, State, What
from registry.appeals.problems import AppealStateRefuses
from registry.appeals.review import BlockWord
from registry.incidents.rulings import Ruling
from tests.appeals.world import AppealsWorld

MOMENT = timedelta(microseconds=1)


@pytest.fixture
def staffed(world: AppealsWorld) -> AppealsWorld:
    world.staff()
    return world


def answered(world: AppealsWorld) -> Appeal:
    appeal = world.lodge(world.filed("B110"))
    world.acknowledge(appeal)
    return world.answer(appeal)


def before(world: AppealsWorld, appeal: Appeal, milestone: Milestone) -> None:
    """A moment before a limit runs out; nobody enforces anything."""
    due_at = world.stored(appeal).deadlines[milestone].due_at
    world.clock.move(due_at - world.clock.now() - MOMENT)


def too_late(world: AppealsWorld, appeal: Appeal, act: Callable[[], Any]) -> Appeal:
    """What becomes of the appeal where the act comes at the very instant the limit runs out."""
    world.clock.move(MOMENT)
    seen = world.stored(appeal)
    with pytest.raises(AppealStateRefuses):
        act()
    assert seen == world.stored(appeal)
    world.enforce()
    return world.stored(appeal)


def ending(appeal: Appeal, milestone: Milestone) -> Ending | None:
    return appeal.deadlines[milestone].ending


def test_a_late_answer_is_silence(staffed: AppealsWorld):
    """A moment before the limit it would have been taken."""
    appeal = staffed.lodge(staffed.filed("B110"))
    staffed.acknowledge(appeal)
    before(staffed, appeal, Milestone.ANSWER)
    closed = too_late(staffed, appeal, lambda: staffed.answer(appeal))
    assert (Outcome.OVERTURNED, Basis.SILENCE) == (closed.outcome, closed.basis)
    assert Ending.MISSED is ending(closed, Milestone.ANSWER)


def test_an_answer_in_the_last_moment_is_taken(staffed: AppealsWorld):
    """And its limit is kept."""
    appeal = staffed.lodge(staffed.filed("B110"))
    staffed.acknowledge(appeal)
    before(staffed, appeal, Milestone.ANSWER)
    taken = staffed.answer(appeal)
    assert (State.ANSWERED, Ending.MET) == (taken.state, ending(taken, Milestone.ANSWER))


def test_nothing_is_upheld_after_the_absolute_limit(staffed: AppealsWorld):
    """Undecided by then is removed, whatever staff says a moment later."""
    appeal = answered(staffed)
    before(staffed, appeal, Milestone.ABSOLUTE_LIMIT)
    uphold = lambda: staffed.decide(appeal, Ruling.UPHELD, "staff-r1")  # noqa: E731
    closed = too_late(staffed, appeal, uphold)
    assert (Outcome.OVERTURNED, Basis.ABSOLUTE_LIMIT) == (closed.outcome, closed.basis)


def test_what_staff_overturns_late_is_overturned_and_the_limits_missed(staffed: AppealsWorld):
    """For the person nothing is too late; that it was late stands in the history."""
    appeal = answered(staffed)
    before(staffed, appeal, Milestone.ABSOLUTE_LIMIT)
    staffed.clock.move(MOMENT)
    closed = staffed.decide(appeal, Ruling.OVERTURNED, "staff-r1")
    assert (State.CLOSED, Basis.REVIEW) == (closed.state, closed.basis)
    for missed in (Milestone.FIRST_DECISION, Milestone.ABSOLUTE_LIMIT):
        assert Ending.MISSED is ending(staffed.stored(closed), missed)


def test_a_late_acknowledgement_is_missed_and_says_so(staffed: AppealsWorld):
    """The one who reads it at last does not make it in time."""
    appeal = staffed.lodge(staffed.filed("B110"), Ground.NOT_ME)
    before(staffed, appeal, Milestone.ACKNOWLEDGEMENT)
    staffed.clock.move(MOMENT)
    read = staffed.acknowledge(appeal)
    assert Ending.MISSED is ending(staffed.stored(read), Milestone.ACKNOWLEDGEMENT)
    with staffed.database.reading() as transaction:
        shown = staffed.contesting.appeals.show(transaction, staffed.appellant(), appeal.id)
    said = [each.detail for each in shown.events if each.what is What.LIMIT_MISSED]
    assert [Milestone.ACKNOWLEDGEMENT.value] == said


def test_the_second_tier_is_asked_for_in_time_or_not(staffed: AppealsWorld):
    """The first decision is the last word from the instant its limit runs out."""
    appeal = staffed.decide(answered(staffed), Ruling.UPHELD, "staff-r1")
    before(staffed, appeal, Milestone.SECOND_TIER_REQUEST)
    closed = too_late(staffed, appeal, lambda: staffed.own("ask_second_tier", appeal))
    assert (State.CLOSED, Outcome.UPHELD) == (closed.state, closed.outcome)


def test_a_panel_upholds_in_time_or_not_at_all(staffed: AppealsWorld):
    """Its silence removes."""
    appeal = staffed.decide(answered(staffed), Ruling.UPHELD, "staff-r1")
    staffed.own("ask_second_tier", appeal)
    staffed.decide(appeal, Ruling.UPHELD, "staff-r2")
    before(staffed, appeal, Milestone.PANEL_DECISION)
    uphold = lambda: staffed.decide(appeal, Ruling.UPHELD, "staff-r3")  # noqa: E731
    closed = too_late(staffed, appeal, uphold)
    assert (Outcome.OVERTURNED, Basis.ABSOLUTE_LIMIT) == (closed.outcome, closed.basis)


def test_facts_make_no_limit_longer_that_has_run_out(staffed: AppealsWorld):
    """The furnisher that was silent gets no more time by what the person says then."""
    appeal = staffed.lodge(staffed.filed("B110"))
    staffed.acknowledge(appeal)
    before(staffed, appeal, Milestone.ANSWER)
    staffed.clock.move(MOMENT)
    due_at = staffed.stored(appeal).deadlines[Milestone.ANSWER].due_at
    said = staffed.own("add_facts", appeal, ["A fact."])
    assert due_at == said.deadlines[Milestone.ANSWER].due_at
    staffed.enforce()
    assert Basis.SILENCE is staffed.stored(appeal).basis


def test_a_block_is_refused_in_time_or_stands_provisionally(staffed: AppealsWorld):
    """Nobody had looked when it was due."""
    appeal = staffed.lodge(staffed.filed("B110"), Ground.IDENTITY_THEFT)
    before(staffed, appeal, Milestone.BLOCK)

    def refuse() -> None:
        with staffed.staff_call() as call:
            staffed.contesting.reviews.rule_on_block(
                call, appeal.id, "staff-r1", BlockWord.REFUSE, "The account was their own."
            )

    blocked = too_late(staffed, appeal, refuse)
    assert blocked.blocking is not None
    assert "provisional" == blocked.blocking.value
