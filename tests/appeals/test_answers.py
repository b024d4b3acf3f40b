"""What of an answer proves what the furnisher was asked for."""

from registry.appeals.answering import Answer
from registry.appeals.model import Basis, Ground, Outcome, Stance, State
from tests.appeals.world import REASONS, AppealsWorld
from tests.rulebook.filings import item


def test_what_was_named_once_is_named(world: AppealsWorld):
    """Another word does not take it back; the same item again is not another."""
    appeal = world.lodge(world.filed(), Ground.NOTICE_MISSING)
    assert State.ANSWERED is world.answer(appeal, evidence=1).state
    assert State.ANSWERED is world.answer(appeal, evidence=0).state


def test_what_never_counts_proves_nothing_in_an_answer_either(world: AppealsWorld):
    """The output of a detector is no delivery of a notice."""
    appeal = world.lodge(world.filed(), Ground.NOTICE_MISSING)
    said = Answer(stance=Stance.STANDS, reasons=REASONS, evidence=(item("E0", 90),))
    with world.call("alpha") as call:
        closed = world.contesting.answering.answer(call, appeal.id, said)
    assert (Outcome.OVERTURNED, Basis.PLAYBOOK) == (closed.outcome, closed.basis)
