"""What anyone may read of decided appeals, and that nobody reads a single one from it."""

from datetime import timedelta

from registry.appeals import precedents
from registry.appeals.model import Ground, Outcome
from registry.incidents.rulings import Ruling
from tests.appeals.world import AppealsWorld


def published(world: AppealsWorld) -> list[tuple[str, int, str, str]]:
    with world.database.reading() as transaction:
        found = precedents.published(transaction, world.edition, world.clock.now())
    return [
        (each.outcome.value, each.cases, each.from_quarter, each.until_quarter) for each in found
    ]


def test_cases_are_told_in_whole_lots(world: AppealsWorld):
    """Who reads before and after one decision learns nothing of it, nor its quarter."""
    decided = world.decide(world.lodge(world.filed("B110")), Ruling.OVERTURNED, "staff-r1")
    lot = world.edition.appeals.precedent_cases_min

    def decide_alike(times: int) -> None:
        for _ in range(times):
            world.do(lambda each: precedents.add(each, decided, world.edition, world.clock.now()))

    decide_alike(lot - 2)
    assert [] == published(world)
    decide_alike(1)
    assert [] == published(world), "the last of them would be known by the day"
    world.move(timedelta(days=92))
    (told,) = published(world)
    assert ("overturned", lot) == told[:2]
    for _ in range(lot):
        decide_alike(1)
        assert [told] == published(world)
    world.move(timedelta(days=92))
    (more,) = published(world)
    assert ("overturned", 2 * lot, told[2]) == more[:3]
    assert more[3] > told[3]


def test_what_was_removed_already_is_no_further_case(world: AppealsWorld):
    """However often it is contested again: it was decided once."""
    incident = world.filed("B110")
    world.decide(world.lodge(incident), Ruling.OVERTURNED, "staff-r1")
    rows = world.count("precedents")
    for ground in (Ground.DID_NOT_HAPPEN, Ground.ALREADY_SETTLED):
        assert Outcome.OVERTURNED is world.lodge(incident, ground).outcome
    assert rows == world.count("precedents")
