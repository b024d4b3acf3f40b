"""A jury is drawn from a list that was fixed first, hears, votes, and decides in time or never."""

import copy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from registry.app.node import Node
from registry.appeals.jury import Side, Vote
from registry.appeals.jury_model import (
    PANEL_ROUND,
    CandidateNamed,
    Ending,
    JuryNotFound,
    NoPanelToAsk,
    NotVotingNow,
    Stage,
    VoteBound,
    taken,
)
from registry.appeals.jury_verifier import JuryNotVerified
from registry.incidents.rulings import Ruling
from registry.kernel.clock import MovableClock
from registry.rulebook.calendar import due_at
from registry.rulebook.model import Severity
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


def test_a_jury_overturns_and_anyone_recomputes_it(court: JuryWorld) -> None:
    """Listed, drawn by a later checkpoint, heard for 72 hours, decided by the ninth vote."""
    court.fill(40)
    case = court.contest()
    jury = court.voting(case)
    assert timedelta(hours=72) == jury.evidence_until - jury.convened_at
    assert timedelta(hours=168) == jury.voting_until - jury.evidence_until
    seats = court.seats(case)
    assert (17, 4) == (len(taken(seats)), sum(each.is_alternate for each in seats))
    court.vote(taken(seats), [OVER] * 9 + [UP] * 8)
    assert [Ruling.OVERTURNED] == court.court.verdicts
    decided = court.jury(case)
    assert (Stage.OVER, Ending.DECIDED, OVER) == (decided.stage, decided.ending, decided.verdict)
    # The ninth was enough: nobody else has revealed.
    assert 9 == sum(each.vote is not None for each in court.seats(case))

    [verified] = court.verified(court.published(case))
    assert (1, 40, 17, 4, OVER) == (
        verified.round,
        verified.candidates,
        verified.jurors,
        verified.alternates,
        verified.verdict,
    )


def test_what_is_published_names_nobody_and_no_other_jury(court: JuryWorld) -> None:
    """Neither keys, references nor ids; every change of it is found."""
    court.fill(40)
    case = court.contest()
    jury = court.voting(case)
    court.vote(taken(court.seats(case)), [UP] * 17)
    document = court.published(case)
    text = str(document)
    for seat in court.seats(case):
        assert str(seat.candidate) not in text
        assert all(key.hex() not in text for key in court.keys_of(seat))
    assert "juror 1" not in text
    assert jury.list_key.hex() not in text

    changes: list[Any] = [
        lambda it: it["jurors"].reverse(),
        lambda it: it["jurors"].__setitem__(0, it["alternates"][0]),
        lambda it: it["alternates"].pop(),
        lambda it: it["candidates"].pop(),
        lambda it: it["candidates"].reverse(),
        lambda it: it["candidates"][0].update(side="seller"),
        lambda it: it["candidates"][1].update(side="buyer"),
        lambda it: it["candidates"][0].update(experience=99),
        lambda it: it["candidates"][0].update(named_by_furnisher=True),
        lambda it: it["candidates"].append(it["candidates"][-1]),
        lambda it: it["beacon"].update(index=it["beacon"]["index"] + 1),
        lambda it: it["beacon"]["proof"].append("A" * 43),
        lambda it: it["beacon"].update(checkpoint=it["beacon"]["checkpoint"][:-1]),
        lambda it: it["commitment"].update(header_salt="A" * 43),
        lambda it: it["commitment"].update(entry=it["commitment"]["entry"][:-4] + "AAAA"),
        lambda it: it.update(round=2),
        lambda it: it.update(edition="xx-2026.1"),
        lambda it: it.update(verdict="overturn"),
        lambda it: it["votes"][0].update(vote="overturn"),
        lambda it: it["votes"].append(it["votes"][0]),
        lambda it: it["votes"].clear(),
        lambda it: next(each for each in it["votes"] if each["vote"]).update(left=True),
        lambda it: it["votes"].pop(),
        lambda it: it.update(votes=None),
        lambda it: it.update(ending="no_quorum"),
        lambda it: it.update(root="A" * 43),
        lambda it: it.update(edition="us-2026.1"),
        lambda it: it["composition"].update(votes_to_decide=3),
        lambda it: it.pop("beacon"),
        lambda it: it.update(beacon=None),
        lambda it: it.update(candidates=None),
    ]
    for number, change in enumerate(changes):
        changed = copy.deepcopy(document)
        change(changed["rounds"][0])
        if changed == document:
            continue
        try:
            court.verified(changed)
        except JuryNotVerified:
            continue
        pytest.fail(f"change {number} was not found")
    other = copy.deepcopy(document)
    other["case"] = case.appeal[:-1] + ("0" if case.appeal[-1] != "0" else "1")
    with pytest.raises(JuryNotVerified):
        court.verified(other)


def test_the_list_is_fixed_before_the_beacon_can_be_known(court: JuryWorld) -> None:
    """Whoever comes into the pool later is not drawn; without a checkpoint nobody is."""
    court.fill(30)
    case = court.contest()
    assert court.convene(case)
    court.worker.run_due()
    listed = court.jury(case)
    assert (Stage.LISTED, None) == (listed.stage, listed.checkpoint)
    root = court.published(case)["rounds"][0]["root"]
    court.fill(30, prefix="late")
    court.clock.move(timedelta(seconds=5))
    court.worker.run_due()
    assert Stage.LISTED is court.jury(case).stage
    court.run()
    document = court.published(case)
    assert (Stage.EVIDENCE, root) == (court.jury(case).stage, document["rounds"][0]["root"])
    assert 30 == court.verified(document)[0].candidates


def test_nobody_with_a_conflict_is_ever_listed(court: JuryWorld) -> None:
    """Parties, who traded with one, who works for the furnisher, who is not qualified or clean."""
    furnisher = court.world.platform("alpha").member.id
    ming = court.key("ming")
    barred = {
        court.name("ming"),
        court.name("trader", counterparties=frozenset({ming})),
        court.name("employee", works_for=frozenset({furnisher})),
        court.name("new", member_since=court.clock.now().date() - timedelta(days=100)),
        court.name("idle", completed_trades=9),
        court.name("untested", qualified_on=date(2099, 1, 1)),
        court.name("stained"),
    }
    court.world.file("stained", by="gamma", reference="of the juror")
    court.clock.move(timedelta(days=8))
    court.fill(21)
    case = court.contest()
    court.seated(case)
    assert 21 == len(court.published(case)["rounds"][0]["candidates"])
    assert barred.isdisjoint(each.candidate for each in court.seats(case))
    assert 21 == len({each.candidate for each in court.seats(case)})


def test_one_person_is_one_candidate_and_has_one_vote(court: JuryWorld) -> None:
    """By whichever identity, of whichever member."""
    first = court.name("person", keys=frozenset({court.key("phone"), court.key("mail")}))
    with pytest.raises(CandidateNamed):
        court.name("again", by="gamma", keys=frozenset({court.key("mail")}))
    assert first == court.name("person", keys=frozenset({court.key("mail")}), experience=7)
    court.name("other", by="gamma", keys=frozenset({court.key("phone")}))
    assert first != court.name("person", keys=frozenset({court.key("another")}))


def test_without_enough_candidates_staff_decides(court: JuryWorld) -> None:
    """At once where the pool is too small, and where who is eligible cannot fill the strata."""
    court.fill(16)
    case = court.contest()
    assert not court.convene(case)
    for number in range(16, 40):
        court.name(f"juror {number}", side=Side.SELLER, completed_trades=0)
    assert court.convene(case)
    court.worker.run_due()
    assert (Ending.NO_LIST, [None]) == (court.jury(case).ending, court.court.verdicts)


@pytest.mark.parametrize("votes", [[OVER] * 9 + [UP] * 5, [UP] * 5 + [OVER] * 9])
def test_a_margin_of_four_is_safe(court: JuryWorld, votes: list[Vote]) -> None:
    """Nine to five; in whichever order they are revealed."""
    court.fill(40)
    case = court.contest()
    court.voting(case)
    court.vote(taken(court.seats(case))[:14], votes)
    assert [Ruling.OVERTURNED] == court.court.verdicts


def close_verdict(court: JuryWorld, pool: int) -> Any:
    """Nine to six."""
    court.fill(pool)
    case = court.contest()
    court.voting(case)
    court.vote(taken(court.seats(case))[:15], [UP] * 6 + [OVER] * 9)
    return case


def test_a_close_verdict_gives_a_right_to_a_larger_panel(court: JuryWorld) -> None:
    """35 others, drawn anew, of whom 18 decide; both draws verify."""
    case = close_verdict(court, 70)
    assert (Stage.CLOSE, []) == (court.jury(case).stage, court.court.verdicts)
    with court.node.database.transaction() as transaction:
        court.juries.ask_panel(transaction, case.appeal, court.clock.now())
        court.juries.ask_panel(transaction, case.appeal, court.clock.now())
    court.run()
    panel = court.seats(case, PANEL_ROUND)
    assert 35 == len(taken(panel))
    sat = {each.candidate for each in court.seats(case)}
    assert sat.isdisjoint(each.candidate for each in panel)
    court.vote(panel, [UP] * 18 + [OVER] * 17)
    assert [Ruling.UPHELD] == court.court.verdicts
    assert court.court.limits[-1] == court.jury(case, PANEL_ROUND).voting_until
    verified = court.verified(court.published(case))
    assert [(1, None), (2, UP)] == [(each.round, each.verdict) for each in verified]


def test_a_close_verdict_goes_to_staff_unless_the_panel_is_asked_for_in_time(
    court: JuryWorld,
) -> None:
    """After the window, at the person's wish, or at once where 35 others cannot sit."""
    case = close_verdict(court, 70)
    jury = court.jury(case)
    assert jury.choice_until == court.court.limits[-1]
    assert jury.choice_until is not None
    court.move_to(jury.choice_until)
    assert (Ending.CLOSE, [None]) == (court.jury(case).ending, court.court.verdicts)
    with court.node.database.transaction() as transaction, pytest.raises(NoPanelToAsk):
        court.juries.ask_panel(transaction, case.appeal, court.clock.now())


def test_a_small_pool_leaves_no_panel_to_ask_for(court: JuryWorld) -> None:
    """Staff reviews at once."""
    case = close_verdict(court, 50)
    assert (Ending.CLOSE, [None]) == (court.jury(case).ending, court.court.verdicts)


def test_who_does_not_vote_is_replaced_by_alternates(court: JuryWorld) -> None:
    """After 168 hours, for 48; then they decide."""
    court.fill(40)
    case = court.contest()
    jury = court.voting(case)
    seats = court.seats(case)
    court.vote(taken(seats)[:13], [UP] * 5 + [OVER] * 8)
    court.move_to(jury.voting_until - timedelta(seconds=1))
    assert Stage.VOTING is court.jury(case).stage
    court.move_to(jury.voting_until)
    assert Stage.ALTERNATES is court.jury(case).stage
    assert due_at(jury.voting_until, court.edition.deadlines.jury_alternates_window, court.edition)
    late = taken(seats)[13]
    with court.node.database.transaction() as transaction, pytest.raises(JuryNotFound):
        court.duty(transaction, late)
    fresh = [each for each in taken(court.seats(case)) if each.is_alternate]
    assert (4, 17) == (len(fresh), len(taken(court.seats(case))))
    court.commit(fresh[0], OVER)
    court.reveal(fresh[0], OVER)
    assert [Ruling.OVERTURNED] == court.court.verdicts
    assert OVER == court.verified(court.published(case))[0].verdict


def test_without_a_quorum_staff_decides(court: JuryWorld) -> None:
    """When the alternates' time is over, too, and not before."""
    court.fill(40)
    case = court.contest()
    jury = court.voting(case)
    court.vote(taken(court.seats(case))[:16], [OVER] * 8 + [UP] * 8)
    court.move_to(jury.voting_until)
    assert jury.alternates_until is not None
    court.move_to(jury.alternates_until - timedelta(seconds=1))
    assert [] == court.court.verdicts
    court.move_to(jury.alternates_until)
    assert (Ending.NO_QUORUM, [None]) == (court.jury(case).ending, court.court.verdicts)


def test_a_log_that_gives_no_beacon_leaves_the_case_to_staff(court: JuryWorld) -> None:
    """A jury that cannot be drawn in time is none."""
    court.fill(40)
    case = court.contest()
    assert court.convene(case)
    court.worker.run_due()
    court.move_to(court.jury(case).voting_until)
    assert (Ending.NO_BEACON, [None]) == (court.jury(case).ending, court.court.verdicts)


def test_votes_are_bound_and_taken_in_their_time_only(court: JuryWorld) -> None:
    """No vote before the evidence is in, none revealed alone, none changed, none by strangers."""
    court.fill(40)
    case = court.contest()
    jury = court.seated(case)
    seats = taken(court.seats(case))
    with pytest.raises(NotVotingNow):
        court.commit(seats[0], OVER)
    court.move_to(jury.evidence_until)
    court.commit(seats[0], OVER)
    court.commit(seats[0], OVER)
    with pytest.raises(VoteBound):
        court.commit(seats[0], UP)
    with pytest.raises(NotVotingNow):
        court.reveal(seats[0], OVER)
    for each in seats[1:9]:
        court.commit(each, UP)
    with pytest.raises(VoteBound):
        court.reveal(seats[0], UP)
    court.reveal(seats[0], OVER)
    court.reveal(seats[0], OVER)
    waiting = next(each for each in court.seats(case) if not each.is_taken)
    with court.node.database.transaction() as transaction:
        for keys in ([court.key("ming")], court.keys_of(waiting), []):
            with pytest.raises(JuryNotFound):
                court.voting_room.duty(transaction, keys, case.appeal, court.clock.now())
    assert court.published(case)["rounds"][0]["votes"] is None


def test_who_leaves_is_followed_by_an_alternate_of_the_same_side(court: JuryWorld) -> None:
    """Before they are bound to a vote; the member that named the successor is told."""
    court.fill(40)
    case = court.contest()
    court.seated(case)
    seats = court.seats(case)
    leaving = taken(seats)[0]
    court.told.clear()
    with court.node.database.transaction() as transaction:
        duty = court.duty(transaction, leaving)
        court.voting_room.recuse(transaction, duty, court.clock.now())
    after = taken(court.seats(case))
    [heir] = [each for each in after if each.is_alternate]
    same = [each for each in seats if each.is_alternate and each.side is leaving.side]
    assert (17, not same or heir.side is leaving.side) == (len(after), True)
    assert [("jury.summoned", case.appeal)] == [(each["type"], each["case"]) for each in court.told]


def test_a_case_that_ends_otherwise_ends_its_jury(court: JuryWorld) -> None:
    """Withdrawn or expired meanwhile: the next who comes finds it dissolved."""
    court.fill(40)
    case = court.contest()
    jury = court.voting(case)
    court.court.waiting.clear()
    court.move_to(jury.voting_until)
    assert (Ending.DISSOLVED, []) == (court.jury(case).ending, court.court.verdicts)


def test_a_juror_alone_sees_how_often_they_went_with_the_outcome(court: JuryWorld) -> None:
    """Over decided cases; of a case that waits nothing is counted."""
    court.fill(40)
    case = court.contest()
    court.voting(case)
    seats = taken(court.seats(case))
    court.vote(seats[:14], [UP] * 5 + [OVER] * 9)
    with court.node.database.reading() as transaction:
        found = [
            court.voting_room.calibration(transaction, court.keys_of(each))
            for each in (seats[0], seats[13], seats[16])
        ]
    assert [(1, 0), (1, 1), (0, 0)] == [(each.votes, each.with_outcome) for each in found]


def test_the_gravest_are_not_for_a_jury(court: JuryWorld) -> None:
    """Staff decides on them, however many candidates there are."""
    court.fill(40)
    case = court.contest()
    assert not court.convene(replace(case, severity=Severity.S4))
    assert court.convene(case)
