"""What somebody may try who would rather choose the jury, or its verdict, themselves."""

import copy
from typing import Any

import pytest
from flask import Flask

from registry.app.node import Node
from registry.appeals.jury import Vote
from registry.appeals.jury_model import JuryNotFound, NotVotingNow, Stage, taken
from registry.appeals.jury_verifier import JuryNotVerified
from registry.kernel.clock import MovableClock
from tests.appeals.jury_world import JuryWorld
from tests.oversight.world import World
from tests.rulebook.filings import NOW

UP, OVER = Vote.UPHOLD, Vote.OVERTURN


@pytest.fixture
def clock() -> MovableClock:
    """It stands where the sample filings are filed."""
    return MovableClock(NOW)


@pytest.fixture
def court(node: Node, app: Flask, clock: MovableClock) -> JuryWorld:
    return JuryWorld(World(node=node, app=app, clock=clock))


def test_votes_cannot_be_left_out_to_make_a_close_verdict_safe(court: JuryWorld) -> None:
    """Neither by saying that jurors left nor by leaving them out, nor the round itself."""
    court.fill(60)
    case = court.contest()
    court.voting(case)
    court.vote(taken(court.seats(case))[:15], [UP] * 6 + [OVER] * 9)
    with court.node.database.transaction() as transaction:
        court.juries.ask_panel(transaction, case.appeal, court.clock.now())
    court.run()
    document = court.published(case)
    assert [1, 2] == [each.round for each in court.verified(document)]

    def tampered(change: Any) -> dict[str, Any]:
        changed = copy.deepcopy(document)
        first = changed["rounds"][0]
        change(changed["rounds"], [each for each in first["votes"] if each["vote"] == "uphold"])
        first["ending"] = "decided"
        return changed

    for change in (
        lambda _, up: [each.update(left=True) for each in up],
        lambda rounds, up: [rounds[0]["votes"].remove(each) for each in up],
        lambda rounds, _: rounds.pop(0),
        lambda rounds, _: rounds[0].update(beacon=None, jurors=rounds[0]["jurors"][::-1]),
    ):
        with pytest.raises(JuryNotVerified):
            court.verified(tampered(change))


def test_nobody_is_called_once_the_votes_are_counted(court: JuryWorld) -> None:
    """Who has not voted by a close verdict has no seat to leave to an alternate."""
    court.fill(60)
    case = court.contest()
    court.voting(case)
    seats = taken(court.seats(case))
    court.vote(seats[:15], [UP] * 6 + [OVER] * 9)
    assert Stage.CLOSE is court.jury(case).stage
    court.told.clear()
    with court.node.database.transaction() as transaction:
        duty = court.duty(transaction, seats[15])
        with pytest.raises(NotVotingNow):
            court.voting_room.recuse(transaction, duty, court.clock.now())
    after = taken(court.seats(case))
    assert ([], [each.mark for each in seats]) == (court.told, [each.mark for each in after])


def test_a_seat_is_of_the_person_that_was_drawn(court: JuryWorld) -> None:
    """Who names somebody else under the same reference, or them too, hands on no seat."""
    court.fill(40)
    case = court.contest()
    court.seated(case)
    for seat, also in zip(taken(court.seats(case))[:2], (False, True), strict=True):
        drawn = court.keys_of(seat)
        [reference] = [n for n in range(40) if court.key(f"juror {n}") in drawn]
        other = frozenset({court.key(f"puppet {also}")})
        court.name(f"juror {reference}", keys=other | drawn if also else other)
        with court.node.database.transaction() as transaction, pytest.raises(JuryNotFound):
            court.voting_room.duty(transaction, other, case.appeal, court.clock.now())
