"""Facts a person adds after lodging, and the time they give."""

from dataclasses import replace
from datetime import timedelta

from registry.appeals.model import Ground, Milestone
from registry.rulebook.calendar import due_at
from tests.appeals.world import AppealsWorld


def test_facts_told_with_the_appeal_do_not_use_up_the_time_that_later_ones_give(
    world: AppealsWorld,
):
    """What a person adds before anybody has read it is relayed with the rest."""
    appeal = world.lodge(world.filed(), Ground.EVIDENCE_FORGED)
    world.move(timedelta(minutes=1))
    world.own("add_facts", appeal, ["I have the original."])
    world.move(timedelta(minutes=1))
    relayed = world.acknowledge(appeal)
    world.move(timedelta(minutes=1))
    first = world.own("add_facts", appeal, ["And a witness."])
    limits = world.edition.deadlines
    together = replace(
        limits.furnisher_answer,
        amount=limits.furnisher_answer.amount + limits.furnisher_answer_extension.amount,
    )
    assert due_at(world.clock.now(), together, world.edition) == (
        first.deadlines[Milestone.ANSWER].due_at
    )
    assert relayed.deadlines[Milestone.ANSWER].due_at < first.deadlines[Milestone.ANSWER].due_at
    world.move(timedelta(minutes=1))
    assert first.deadlines == world.own("add_facts", appeal, ["And another."]).deadlines
