"""Who counts as a reviewer, and who as a second one."""

import pytest

from registry.appeals.model import State
from registry.appeals.problems import ReviewedBefore, ReviewerConflicted
from registry.incidents.rulings import Ruling
from tests.appeals.world import AppealsWorld


def test_one_reviewer_written_otherwise_is_no_second_one(world: AppealsWorld):
    """Nor does whoever confirmed the filing, or decided before, become another by a capital."""
    incident = world.filed("B101", reviewers=("staff-a1", "staff-a2"))
    appeal = world.lodge(incident)
    world.answer(appeal)
    with pytest.raises(ReviewerConflicted):
        world.decide(appeal, Ruling.UPHELD, "Staff-A1")
    once = world.decide(appeal, Ruling.UPHELD, "staff-r1", "Staff-R1 ", "staff-r1\u200b")
    assert State.ANSWERED is once.state
    with pytest.raises(ReviewedBefore):
        world.decide(appeal, Ruling.OVERTURNED, "STAFF-R1")
    assert State.UPHELD is world.decide(appeal, Ruling.UPHELD, "staff-r2").state
    world.own("ask_second_tier", appeal)
    with pytest.raises(ReviewerConflicted):
        world.decide(appeal, Ruling.OVERTURNED, "Staff-r2")
