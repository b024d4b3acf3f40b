"""What somebody may try who would rather choose the jury, or its verdict, themselves."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from registry.app.node import Node
from registry.appeals.jury import Vote
from registry.appeals.jury_model import JuryNotFound, NotVotingNow, Stage, person_mark, taken
from registry.appeals.jury_seating import mark_of
from registry.appeals.jury_verifier import JuryNotVerified
from registry.kernel import base64url
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
    # The panel does not see what the jury before it found.
    waiting = court.published(case)["rounds"][0]
    assert (None, None) == (waiting["votes"], waiting["verdict"])
    assert [1, 2] == [each.round for each in court.verified(court.published(case))]
    court.move_to(court.jury(case, 2).voting_until)
    document = court.published(case)
    assert "overturn" == document["rounds"][0]["verdict"]
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


def test_what_is_published_of_the_end_is_the_end(court: JuryWorld) -> None:
    """No juror is made to have left, no vote is taken out from its salt, no end is another."""
    court.fill(30)
    case = court.contest()
    court.voting(case)
    court.vote(taken(court.seats(case))[:15], [UP] * 6 + [OVER] * 9)
    document = court.published(case)
    assert "close" == document["rounds"][0]["ending"]
    court.verified(document)
    changed = copy.deepcopy(document)
    changed["rounds"][0]["commitment"]["id"] = "ent_01992f5e-7c00-7abc-8def-0123456789ab"
    with pytest.raises(JuryNotVerified):
        court.verified(changed)
    for ending in (None, "no_list", "no_beacon", "no_quorum", "decided", "x"):
        changed = copy.deepcopy(document)
        changed["rounds"][0]["ending"] = ending
        with pytest.raises(JuryNotVerified):
            court.verified(changed)
    for values in ({"left": True}, {"commitment": "x"}, {"salt": "A" * 43}):
        changed = copy.deepcopy(document)
        silent = [each for each in changed["rounds"][0]["votes"] if each["vote"] is None]
        silent[0].update(values)
        with pytest.raises(JuryNotVerified):
            court.verified(changed)


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


def test_the_appellant_is_no_juror_by_another_identity(court: JuryWorld) -> None:
    """Nor is who traded with them by it, in either round; and when it is over nobody is noted."""
    court.fill(60)
    names = ("mail of ming", "trader")
    barred = {
        court.name("mail of ming"),
        court.name("trader", counterparties=frozenset({court.key("mail of ming")})),
    }
    case = court.contest(proved=["mail of ming"])
    court.voting(case)
    noted = {person_mark(case.appeal, court.key(each)) for each in names}
    assert noted <= court.jury(case).barred
    court.vote(taken(court.seats(case))[:15], [UP] * 6 + [OVER] * 9)
    with court.node.database.transaction() as transaction:
        court.juries.ask_panel(transaction, case.appeal, court.clock.now())
    court.run()
    first, panel = court.published(case)["rounds"]
    assert (60, 60 - 21) == (len(first["candidates"]), len(panel["candidates"]))
    for round_ in (1, 2):
        assert barred.isdisjoint(each.candidate for each in court.seats(case, round_))
    assert set() == court.jury(case).barred
    assert noted <= court.jury(case, 2).barred


def test_who_is_barred_stays_barred_under_another_name(court: JuryWorld) -> None:
    """Named again as another candidate, also withdrawn in between, or named for the first time."""
    court.fill(60)
    mail = court.key("mail of ming")
    court.name("ming", keys=frozenset({mail}))
    case = court.contest("li", proved=["mail of ming"])
    assert court.convene(case)
    with court.node.database.transaction() as transaction:
        court.pool.withdraw(court.call(transaction, "beta"), "ming")
    court.name("ming", keys=frozenset({mail}))
    again = court.name("ming", keys=frozenset({mail, court.key("second phone")}))
    court.run()
    court.move_to(court.jury(case).evidence_until)
    court.vote(taken(court.seats(case))[:15], [UP] * 6 + [OVER] * 9)
    trader = court.name("trader", counterparties=frozenset({mail}))
    with court.node.database.transaction() as transaction:
        court.juries.ask_panel(transaction, case.appeal, court.clock.now(), {mail})
    court.run()
    for round_, unlisted in ((1, [again]), (2, [again, trader])):
        marks = {each["mark"] for each in court.published(case)["rounds"][round_ - 1]["candidates"]}
        jury = court.jury(case, round_)
        assert marks.isdisjoint(base64url.encode(mark_of(jury, each)) for each in unlisted)


def test_who_sat_is_on_no_larger_panel_under_another_name(court: JuryWorld) -> None:
    """Named again with one identity more, or withdrawn and named as before."""
    court.fill(60)
    case = court.contest()
    court.voting(case)
    seats = taken(court.seats(case))
    court.vote(seats[:15], [UP] * 6 + [OVER] * 9)
    one, other = map(court.reference, seats[:2])
    with court.node.database.transaction() as transaction:
        court.pool.withdraw(court.call(transaction, "beta"), other)
    again = {
        court.name(one, keys=frozenset({court.key(one), court.key("second phone")})),
        court.name(other),
    }
    assert again.isdisjoint(each.candidate for each in seats)
    with court.node.database.transaction() as transaction:
        court.juries.ask_panel(transaction, case.appeal, court.clock.now())
    court.run()
    panel = court.jury(case, 2)
    marks = {each["mark"] for each in court.published(case)["rounds"][1]["candidates"]}
    assert 60 - 21 == len(marks)
    assert marks.isdisjoint(base64url.encode(mark_of(panel, each)) for each in again)


def test_who_traded_with_the_appellant_by_any_of_their_identities_is_no_juror(
    court: JuryWorld,
) -> None:
    """By another than the incident names, and by what is attested of the appellant alone."""
    court.fill(40)
    ming, mail = court.key("ming"), court.key("mail of ming")
    friend = frozenset({court.key("friend")})
    court.name("ming", keys=frozenset({ming, mail}), counterparties=friend)
    barred = [court.name("friend"), court.name("trader", counterparties=frozenset({mail}))]
    case = court.contest()
    jury = court.seated(case)
    marks = {each["mark"] for each in court.published(case)["rounds"][0]["candidates"]}
    assert 40 == len(marks)
    assert marks.isdisjoint(base64url.encode(mark_of(jury, each)) for each in barred)


def test_who_draws_late_has_no_choice_of_beacons(court: JuryWorld) -> None:
    """The first checkpoint after the list decides, whatever was signed until the draw."""
    court.fill(30)
    case = court.contest()
    assert court.convene(case)
    court.worker.run_due()
    court.world.settle()
    with court.node.database.reading() as transaction:
        listed = court.jury(case).entry
        assert listed is not None
        first = court.node.ledger.proof(transaction, listed)
    assert first is not None
    for name in ("hua", "li", "qiang"):
        court.world.file(name, by="alpha", reference=name)
        court.world.settle()
    court.clock.move(timedelta(hours=1))
    court.worker.run_due()
    document = court.published(case)
    assert first.checkpoint == document["rounds"][0]["beacon"]["checkpoint"]
    assert 30 == court.verified(document)[0].candidates
    # Taken once, and then not kept.
    with court.node.database.reading() as transaction:
        assert court.node.ledger.take_first_proof(transaction, listed) is None
