"""Several calls at once on one database: nothing is lost, nothing is done twice."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from registry.incidents.model import Amendment, ReferenceTaken, VersionOutOfDate, etag_of
from registry.incidents.service import Filed
from registry.kernel.problems import Problem
from tests.incidents.world import WEEK, World, report
from tests.together import together

AT_ONCE = 6
ROUNDS = 5


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act gives, or the problem it raises, all begun at the same moment."""

    def run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Problem as problem:
            return type(problem)

    return together([partial(run, act) for act in acts])


@pytest.fixture
def furnishers(world: World) -> list[str]:
    names = [f"platform-{number}" for number in range(AT_ONCE)]
    for name in names:
        world.furnisher(name)
    return names


def test_reports_about_one_person_at_once_are_all_in_the_standing(world, furnishers):
    """Each round several furnishers report the same new person, under several identities."""
    for round_ in range(ROUNDS):
        person = [f"person {round_} {each}" for each in "abc"]

        def act(name: str, person=person) -> Callable[[], Any]:
            # Everyone names the identities in another order.
            turn = furnishers.index(name) % 3
            names = person[turn:] + person[:turn]
            return lambda: world.file(report(" ".join(person), *names), by=name)

        filed = at_once([act(name) for name in furnishers])
        expected = {each.incident.id for each in filed}
        assert AT_ONCE == len(expected)
        for each in person:
            assert expected == {c.incident_id for c in world.standing(each).contributions}


def test_one_report_sent_several_times_at_once_is_one_incident(world):
    """One makes it, the others find it: same incident, same receipt, one entry."""
    world.furnisher()
    for round_ in range(ROUNDS):
        same = report(f"case-{round_}")
        filed = at_once([lambda same=same: world.file(same)] * AT_ONCE)
        assert 1 == len({each.incident.id for each in filed})
        assert 1 == len({each.incident.report_receipt for each in filed})
        assert [Filed.NOW] == [each.filed for each in filed if each.filed is Filed.NOW]
    assert (ROUNDS, ROUNDS) == (world.count("incidents"), len(world.entries()))


def test_two_reports_under_one_reference_at_once_are_one_and_a_refusal(world):
    """Whoever is second is told that the reference is taken, and leaves nothing."""
    world.furnisher()
    for round_ in range(ROUNDS):
        results = at_once(
            [
                lambda name=name, round_=round_: world.file(report(f"case-{round_}", name))
                for name in ("ming", "hong")
            ]
        )
        assert 1 == results.count(ReferenceTaken)
    assert (ROUNDS, ROUNDS) == (world.count("incidents"), len(world.entries()))


def test_withdrawals_of_one_incident_at_once_are_one(world):
    """All get the same receipt; there is one entry."""
    incident = world.file().incident

    def withdraw() -> str:
        with world.call() as call:
            return world.incidents.withdraw(call, incident.id, None, None).receipt

    assert 1 == len(set(at_once([withdraw] * AT_ONCE)))
    assert 2 == len(world.entries())
    assert () == world.standing().contributions


def test_amendments_of_one_version_at_once_are_one(world):
    """The first wins; the others learn that the incident has changed."""
    incident = world.file().incident
    tag = etag_of(incident, world.state(incident))

    def amend(number: int) -> Callable[[], Any]:
        def act() -> Any:
            with world.call() as call:
                change = Amendment(order=f"order-{number}")
                return world.incidents.amend(call, incident.id, change, tag)

        return act

    results = at_once([amend(number) for number in range(AT_ONCE)])
    assert AT_ONCE - 1 == results.count(VersionOutOfDate)
    (amended,) = [each for each in results if each is not VersionOutOfDate]
    assert amended == world.get(incident)
    assert 2 == len(world.entries())


def test_reports_and_withdrawals_of_one_person_at_once_leave_what_is_left(world, furnishers):
    """Half of the furnishers withdraw while the other half report, each an act of its own."""
    leaving, coming = furnishers[::2], furnishers[1::2]
    # The very order of one that was withdrawn would be refused, or not, by who comes first.
    filings = {name: report(order=f"order of {name}") for name in furnishers}
    incidents = {name: world.file(filings[name], by=name).incident for name in leaving}

    def withdraw(name: str) -> Callable[[], Any]:
        def act() -> Any:
            with world.call(name) as call:
                return world.incidents.withdraw(call, incidents[name].id, None, None)

        return act

    acts = [withdraw(name) for name in leaving]
    acts += [lambda name=name: world.file(filings[name], by=name) for name in coming]
    at_once(acts)
    world.move(WEEK)
    left = {each.furnisher for each in world.standing().contributions}
    assert {world.members[name] for name in coming} == left
    assert 1 == world.count("standings")
