"""What appeals cost a furnisher, and what they give back."""

from registry.appeals.model import Milestone
from registry.http.caller import Scope
from registry.incidents.rulings import Ruling
from registry.members.reliability import UNRELIABLE
from tests.appeals.world import AppealsWorld


def withheld(world: AppealsWorld) -> list[Scope]:
    with world.database.reading() as transaction:
        found = world.operator.withheld_from(transaction, world.members["alpha"])
    return [each.scope for each in found]


def test_what_speaks_for_a_furnisher_does_not_stop_it_again(world: AppealsWorld):
    """The operator let it report again: an upheld incident is no reason to stop it, a loss is."""
    kept, lost = world.lodge(world.filed("B102")), world.lodge(world.filed("B111"))
    for appeal in (kept, lost):
        world.answer(appeal)
    world.decide(kept, Ruling.UPHELD, "staff-r1")
    for _ in range(5):
        world.decide(world.lodge(world.filed("B110")), Ruling.OVERTURNED, "staff-r1")
    assert [Scope.REPORT] == withheld(world)
    with world.database.transaction() as transaction:
        world.operator.restore(
            transaction, world.members["alpha"], Scope.REPORT, UNRELIABLE, world.clock.now()
        )
    world.move_to(world.stored(kept).deadlines[Milestone.SECOND_TIER_REQUEST].due_at)
    assert 0 < world.member().upheld_ppm
    assert [] == withheld(world)
    world.decide(lost, Ruling.OVERTURNED, "staff-r1")
    assert [Scope.REPORT] == withheld(world)
