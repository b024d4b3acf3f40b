"""Several who act on one appeal at once, and jobs that come twice: one of them decides."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from registry.appeals.deadlines import APPEALS_AT_ONCE_MAX
from registry.appeals.model import Milestone, Outcome, State
from registry.incidents.model import Course
from registry.incidents.rulings import Ruling
from registry.kernel.problems import Problem
from registry.ledger.model import RecordType
from tests.appeals.world import AppealsWorld
from tests.together import together

PPM = 1_000_000
ROUNDS = 4


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act gives, or the problem it raises, all begun at the same moment."""

    def run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Problem as problem:
            return type(problem)

    return together([partial(run, act) for act in acts])


def test_an_answer_while_the_deadline_job_runs(world: AppealsWorld):
    """Either it came in time or it did not: never both, and the log says it once."""
    world.staff()
    for _ in range(ROUNDS):
        incident = world.filed("B110")
        appeal = world.lodge(incident)
        due = world.stored(appeal).deadlines[Milestone.ANSWER].due_at
        world.clock.move(due - world.clock.now())
        at_once([lambda a=appeal: world.answer(a), world.enforce_once, world.enforce_once])
        world.enforce()
        stored = world.stored(appeal)
        if stored.state is State.CLOSED:
            assert Course.OVERTURNED is world.incident(incident).course
        else:
            assert State.ANSWERED is stored.state
            assert Course.DISPUTED is world.incident(incident).course
        decided = [
            each
            for each in world.entries()
            if each["type"] is RecordType.DECISION and each["subject"]["incident"] == incident.id
        ]
        assert len(decided) == (stored.state is State.CLOSED)


def test_two_reviewers_at_once_are_four_eyes(world: AppealsWorld):
    """Both count, and the decision is made once."""
    world.staff()
    for _ in range(ROUNDS):
        appeal = world.lodge(world.filed("B101"))
        at_once(
            [
                lambda a=appeal, r=reviewer: world.decide(a, Ruling.OVERTURNED, r)
                for reviewer in ("staff-r1", "staff-r2", "staff-r3")
            ]
        )
        assert Outcome.OVERTURNED is world.stored(appeal).outcome
    assert ROUNDS * PPM == world.member().overturned_ppm


def test_one_incident_is_contested_once_at_a_time(world: AppealsWorld):
    """The same person twice at once: one appeal, one flag."""
    incident = world.filed()
    world.appellant()
    found = at_once([lambda: world.lodge(incident)] * 4)
    lodged = [each for each in found if not isinstance(each, type)]
    assert lodged
    assert 1 == len({each.id for each in lodged})
    assert [RecordType.DISPUTE] == [
        each["type"] for each in world.entries() if each["type"] is RecordType.DISPUTE
    ]


def test_withdrawal_by_the_furnisher_while_a_reviewer_decides(world: AppealsWorld):
    """The incident is gone either way; the appeal says by whose word."""
    world.staff()
    for _ in range(ROUNDS):
        incident = world.filed("B110")
        appeal = world.lodge(incident)

        def withdraw(incident=incident) -> Any:
            with world.call() as call:
                return world.incidents.withdraw(call, incident.id, None, None)

        at_once([withdraw, lambda a=appeal: world.decide(a, Ruling.OVERTURNED, "staff-r1")])
        stored, course = world.stored(appeal), world.incident(incident).course
        assert State.CLOSED is stored.state
        by_furnisher = stored.outcome is Outcome.WITHDRAWN_BY_FURNISHER
        assert course is (Course.WITHDRAWN if by_furnisher else Course.OVERTURNED)


def test_a_step_that_comes_twice_or_is_undone_changes_nothing_more(world: AppealsWorld):
    """Repeated: nothing. Undone before its commit, as by a kill: all of it, later."""
    appeals = [world.lodge(world.filed("B110")) for _ in range(3)]
    world.clock.move(timedelta(days=15))

    class Killed(Exception):
        pass

    letters = len(world.outbox.letters)
    try:
        with world.database.transaction() as transaction:
            world.contesting.deadlines.enforce(transaction, _job(), world.clock.now())
            raise Killed
    except Killed:
        pass
    assert {State.RELAYED} == {world.stored(each).state for each in appeals}
    world.enforce()
    once = [world.stored(each) for each in appeals]
    assert {State.CLOSED} == {each.state for each in once}
    world.enforce()
    assert once == [world.stored(each) for each in appeals]
    assert 3 * PPM == world.member().overturned_ppm
    assert len(world.outbox.letters) > letters


def test_a_step_takes_a_bounded_batch_and_comes_again(world: AppealsWorld):
    """The oldest limits first; as many steps as it takes."""
    count = APPEALS_AT_ONCE_MAX + 5
    appeals = [world.lodge(world.filed("B110")) for _ in range(count)]
    world.clock.move(timedelta(days=15))
    again = world.enforce_once()
    closed = [each for each in appeals if world.stored(each).state is State.CLOSED]
    assert again is not None
    assert len(closed) <= APPEALS_AT_ONCE_MAX
    world.enforce()
    assert {State.CLOSED} == {world.stored(each).state for each in appeals}


def _job() -> Any:
    return None
