"""Facts a person adds after lodging, and the time they give."""

from dataclasses import replace
from datetime import timedelta

import pytest

from registry.appeals.model import Ground, Milestone
from registry.rulebook.calendar import due_at
from tests.appeals.world import AppealsWorld


@pytest.mark.parametrize("is_told_with_it", [True, False])
def test_facts_of_the_instant_of_the_relay_give_time_once(
    world: AppealsWorld, is_told_with_it: bool
):
    """Told with the appeal they leave the time to later ones; told after it they are those."""
    appeal = world.lodge(world.filed(), Ground.EVIDENCE_FORGED)
    world.move(timedelta(minutes=1))
    if is_told_with_it:
        world.own("add_facts", appeal, ["I have the original."])
    relayed = world.acknowledge(appeal)
    answers = [relayed.deadlines[Milestone.ANSWER].due_at]
    for fact in ("And a witness.", "And another."):
        added = world.own("add_facts", appeal, [fact])
        answers.append(added.deadlines[Milestone.ANSWER].due_at)
        world.move(timedelta(minutes=1))
    assert answers[0] < answers[1] == answers[2]


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
