"""Each path of an appeal to its end, by the clock: what is shown, scored and counted."""

from datetime import timedelta

import pytest

from registry.appeals.drafts import Contest
from registry.appeals.model import (
    Basis,
    Blocking,
    Ending,
    Ground,
    Milestone,
    Outcome,
    Stance,
    State,
)
from registry.appeals.problems import (
    AppealNotFound,
    AppealOpen,
    AppealRepeated,
    AppealStateRefuses,
    DraftIncomplete,
    FurnisherUnheard,
    NothingToContest,
    ReviewedBefore,
    ReviewerConflicted,
)
from registry.appeals.review import BlockWord
from registry.http.caller import Scope
from registry.incidents.model import Amendment, Course
from registry.incidents.model import State as IncidentState
from registry.incidents.rulings import Ruling
from registry.rulebook.calendar import due_at
from tests.appeals.world import STATEMENT, AppealsWorld
from tests.incidents.world import WEEK
from tests.rulebook.filings import proved

PPM = 1_000_000


@pytest.fixture(params=["cn-2026.1", "us-2026.1"])
def judged(world: AppealsWorld, request: pytest.FixtureRequest) -> AppealsWorld:
    """The world under each edition."""
    world.use(request.param)
    return world


def test_silence_of_the_furnisher_removes(judged: AppealsWorld):
    """Flagged at once, relayed, not answered: gone, the score as if it never had been."""
    world = judged
    clean = world.assess()
    incident = world.filed()
    world.move(WEEK)
    appeal = world.lodge(incident)
    assert State.RELAYED is appeal.state
    assert IncidentState.DISPUTED is world.state(world.incident(incident))
    assert 1 == world.assess().counts.under_appeal
    answer = appeal.deadlines[Milestone.ANSWER]
    world.move_to(answer.due_at - timedelta(microseconds=1))
    assert State.RELAYED is world.stored(appeal).state
    closed = world.run_out(appeal, Milestone.ANSWER)
    assert (State.CLOSED, Outcome.OVERTURNED, Basis.SILENCE) == (
        closed.state,
        closed.outcome,
        closed.basis,
    )
    assert Ending.MISSED is closed.deadlines[Milestone.ANSWER].ending
    assert not [each for each in closed.deadlines.values() if each.is_running]
    after = world.assess()
    assert (clean.score, clean.band, clean.counts) == (after.score, after.band, after.counts)
    assert PPM == world.member().overturned_ppm
    letters = [name for name, _ in world.outbox.letters]
    assert ["appeal_acknowledged", "appeal_relayed", "appeal_overturned"] == letters


def test_what_is_answered_and_never_decided_is_removed_at_the_absolute_limit(
    judged: AppealsWorld,
):
    """The limit counts whatever the state; every limit that ran out is on record."""
    world = judged
    appeal = world.lodge(world.filed())
    world.answer(appeal)
    closed = world.run_out(appeal, Milestone.ABSOLUTE_LIMIT)
    assert (Outcome.OVERTURNED, Basis.ABSOLUTE_LIMIT) == (closed.outcome, closed.basis)
    assert Ending.MISSED is closed.deadlines[Milestone.FIRST_DECISION].ending
    assert Ending.MISSED is closed.deadlines[Milestone.ACKNOWLEDGEMENT].ending
    limits = world.edition.deadlines
    assert due_at(appeal.lodged_at, limits.absolute_limit, world.edition) == (
        closed.deadlines[Milestone.ABSOLUTE_LIMIT].due_at
    )


def test_upheld_by_two_and_no_second_tier_stays_and_counts_for_the_furnisher(
    judged: AppealsWorld,
):
    """The score is what it was; after the time to ask nothing is contested any more."""
    world = judged
    incident = world.filed()
    world.move(WEEK)
    before = world.assess().score
    appeal = world.lodge(incident)
    world.answer(appeal)
    first = world.decide(appeal, Ruling.UPHELD, "staff-r1")
    assert State.ANSWERED is first.state
    upheld = world.decide(appeal, Ruling.UPHELD, "staff-r2")
    assert (State.UPHELD, Outcome.UPHELD, Basis.REVIEW) == (
        upheld.state,
        upheld.outcome,
        upheld.basis,
    )
    assert IncidentState.UPHELD is world.state(world.incident(incident))
    assert before == world.assess().score
    assert 0 == world.member().upheld_ppm
    closed = world.run_out(appeal, Milestone.SECOND_TIER_REQUEST)
    assert (State.CLOSED, Outcome.UPHELD) == (closed.state, closed.outcome)
    assert PPM == world.member().upheld_ppm
    with pytest.raises(AppealStateRefuses):
        world.own("ask_second_tier", appeal)


def test_overturned_by_review_needs_as_many_eyes_as_the_filing(judged: AppealsWorld):
    """One reviewer for S1 and S2, two for S3 and S4."""
    world = judged
    light = world.lodge(world.filed("B110"))
    assert State.CLOSED is world.decide(light, Ruling.OVERTURNED, "staff-r1").state
    grave = world.lodge(world.filed("B101"))
    assert State.RELAYED is world.decide(grave, Ruling.OVERTURNED, "staff-r1").state
    closed = world.decide(grave, Ruling.OVERTURNED, "staff-r2")
    assert (Outcome.OVERTURNED, Basis.REVIEW) == (closed.outcome, closed.basis)
    assert 2 * PPM == world.member().overturned_ppm


def test_a_panel_of_others_decides_the_second_tier(judged: AppealsWorld):
    """Asked in time, contested again, decided by two who had not decided before."""
    world = judged
    incident = world.filed()
    appeal = world.lodge(incident)
    world.answer(appeal)
    world.decide(appeal, Ruling.UPHELD)
    asked = world.own("ask_second_tier", appeal)
    assert State.PANEL is asked.state
    assert IncidentState.DISPUTED is world.state(world.incident(incident))
    with pytest.raises(ReviewerConflicted):
        world.decide(appeal, Ruling.OVERTURNED, "staff-r1")
    world.decide(appeal, Ruling.OVERTURNED, "staff-p1")
    world.decide(appeal, Ruling.UPHELD, "staff-p2")
    closed = world.decide(appeal, Ruling.OVERTURNED, "staff-p3")
    assert (State.CLOSED, Outcome.OVERTURNED, Basis.PANEL) == (
        closed.state,
        closed.outcome,
        closed.basis,
    )
    assert (0, PPM) == (world.member().upheld_ppm, world.member().overturned_ppm)


def test_a_silent_panel_removes(judged: AppealsWorld):
    """The second tier has its limit, too."""
    world = judged
    appeal = world.lodge(world.filed())
    world.answer(appeal)
    world.decide(appeal, Ruling.UPHELD)
    world.own("ask_second_tier", appeal)
    closed = world.run_out(appeal, Milestone.PANEL_DECISION)
    assert (Outcome.OVERTURNED, Basis.ABSOLUTE_LIMIT) == (closed.outcome, closed.basis)


def test_the_furnisher_withdraws_in_its_answer_or_beside_it(judged: AppealsWorld):
    """Either way the appeal ends with it, and the subject is told."""
    world = judged
    one, other = world.filed(), world.filed("B110")
    by_answer, beside = world.lodge(one), world.lodge(other)
    world.answer(by_answer, Stance.WITHDRAW)
    with world.call() as call:
        world.incidents.withdraw(call, other.id, None, None)
    for each, incident in ((by_answer, one), (beside, other)):
        closed = world.stored(each)
        assert (State.CLOSED, Outcome.WITHDRAWN_BY_FURNISHER) == (closed.state, closed.outcome)
        assert Course.WITHDRAWN is world.incident(incident).course
    assert 0 == world.member().overturned_ppm
    assert 2 == [name for name, _ in world.outbox.letters].count("appeal_overturned")


def test_an_amended_incident_stands_as_amended(judged: AppealsWorld):
    """Neither for nor against the furnisher."""
    world = judged
    incident = world.filed()
    appeal = world.lodge(incident, Ground.WRONG_AMOUNT_OR_CODE)
    world.answer(appeal, Stance.AMEND, amendment=Amendment(order="order-7"))
    upheld = world.decide(appeal, Ruling.UPHELD)
    assert (Outcome.AMENDED, "order-7") == (
        upheld.outcome,
        world.incident(incident).filing.order,
    )
    world.run_out(appeal, Milestone.SECOND_TIER_REQUEST)
    assert (0, 0) == (world.member().upheld_ppm, world.member().overturned_ppm)


def test_given_up_it_is_what_it_was_and_not_contested_again_like_that(judged: AppealsWorld):
    """The same grounds need new evidence; another ground is another appeal."""
    world = judged
    incident = world.filed()
    world.move(WEEK)
    before = world.assess().score
    appeal = world.lodge(incident)
    closed = world.own("withdraw", appeal)
    assert (State.CLOSED, Outcome.WITHDRAWN_BY_SUBJECT) == (closed.state, closed.outcome)
    assert closed == world.own("withdraw", appeal)
    assert (before, Course.FILED) == (world.assess().score, world.incident(incident).course)
    again = world.draft(incident)
    with pytest.raises(AppealRepeated):
        world.own("lodge", again)
    world.attach(again, b"The hospital's letter.", "text/plain")
    assert State.RELAYED is world.own("lodge", again).state


def test_identity_theft_is_read_first_and_blocked_by_silence(judged: AppealsWorld):
    """Nobody acts: blocked after 24 hours, confirmed after 4 working days, removed in the end."""
    world = judged
    incident = world.filed()
    world.move(WEEK)
    appeal = world.lodge(incident, Ground.IDENTITY_THEFT)
    assert (State.LODGED, Blocking.ASKED) == (appeal.state, appeal.blocking)
    assert world.assess().points_total > 0
    blocked = world.run_out(appeal, Milestone.BLOCK)
    assert Blocking.PROVISIONAL is blocked.blocking
    assert 0 == world.assess().points_total
    confirmed = world.run_out(appeal, Milestone.BLOCK_CONFIRMED)
    assert Blocking.CONFIRMED is confirmed.blocking
    world.run_out(appeal, Milestone.RELAY)
    closed = world.run_out(appeal, Milestone.ABSOLUTE_LIMIT)
    assert Outcome.OVERTURNED is closed.outcome
    assert "identity_theft_blocked" in [name for name, _ in world.outbox.letters]


def test_a_block_is_placed_confirmed_and_ends_with_the_decision(judged: AppealsWorld):
    """By reviewers; what is upheld counts again in full."""
    world = judged
    incident = world.filed()
    world.move(WEEK)
    before = world.assess().score
    appeal = world.lodge(incident, Ground.IDENTITY_THEFT)
    assert State.RELAYED is world.acknowledge(appeal).state
    for word, blocking in (("place", Blocking.PROVISIONAL), ("confirm", Blocking.CONFIRMED)):
        assert blocking is _block(world, appeal, word).blocking
        assert 0 == world.assess().points_total
    world.answer(appeal)
    world.decide(appeal, Ruling.UPHELD)
    assert (before, None) == (world.assess().score, world.incident(incident).block)


def test_a_refused_block_leaves_the_incident_contested(world: AppealsWorld):
    """Before it was placed and after."""
    for code, place in (("B101", False), ("B112", True)):
        incident = world.filed(code)
        appeal = world.lodge(incident, Ground.IDENTITY_THEFT)
        if place:
            _block(world, appeal, "place")
        refused = _block(world, appeal, "refuse")
        assert refused.blocking is (Blocking.LIFTED if place else Blocking.DECLINED)
        stored = world.incident(incident)
        assert (Course.DISPUTED, None) == (stored.course, stored.block)
        assert not stored.block


def test_facts_give_more_time_once(judged: AppealsWorld):
    """As much as the edition grants."""
    world = judged
    appeal = world.lodge(world.filed())
    first = world.own("add_facts", appeal, ["I have found the receipt."])
    limits = world.edition.deadlines
    for milestone, start, span, more in (
        (
            Milestone.ANSWER,
            appeal.lodged_at,
            limits.furnisher_answer,
            limits.furnisher_answer_extension,
        ),
        (
            Milestone.FIRST_DECISION,
            appeal.lodged_at,
            limits.first_decision,
            limits.first_decision_extension,
        ),
        (
            Milestone.ABSOLUTE_LIMIT,
            appeal.lodged_at,
            limits.absolute_limit,
            limits.absolute_limit_extension,
        ),
    ):
        together = type(span)(amount=span.amount + more.amount, unit=span.unit)
        assert due_at(start, together, world.edition) == first.deadlines[milestone].due_at
    second = world.own("add_facts", appeal, ["And another."])
    assert first.deadlines == second.deadlines


def test_simple_cases_are_settled_at_once(world: AppealsWorld):
    """A duplicate is overturned; what is in no answer any more is closed as such."""
    same = {"occurred_on": proved().occurred_on, "order": "order-1"}
    first = world.filed("B110", **same)
    world.move(timedelta(seconds=1))
    again = world.filed("B110", **same)
    settled = world.lodge(again)
    assert ("duplicate", Outcome.OVERTURNED, Basis.PLAYBOOK) == (
        settled.playbook,
        settled.outcome,
        settled.basis,
    )
    assert Course.FILED is world.incident(first).course
    with world.call() as call:
        world.incidents.withdraw(call, first.id, None, None)
    taken_back = world.lodge(first)
    assert ("taken_back", Outcome.WITHDRAWN_BY_FURNISHER) == (
        taken_back.playbook,
        taken_back.outcome,
    )
    old = world.filed("B101")
    world.move(timedelta(days=4 * 366))
    expired = world.lodge(old)
    assert ("expired", Outcome.EXPIRED) == (expired.playbook, expired.outcome)
    assert PPM == world.member().overturned_ppm


def test_an_answer_without_the_proof_asked_for_removes(world: AppealsWorld):
    """Who says it gave notice, and shows nothing for it, gave none."""
    appeal = world.lodge(world.filed(), Ground.NOTICE_MISSING)
    closed = world.answer(appeal, evidence=0)
    assert (Outcome.OVERTURNED, Basis.PLAYBOOK) == (closed.outcome, closed.basis)
    other = world.lodge(world.filed("B112"), Ground.NOTICE_MISSING)
    assert State.ANSWERED is world.answer(other, evidence=1).state


def test_who_may_not_decide(world: AppealsWorld):
    """Who reported, who belongs to the furnisher; nobody twice, nothing unheard."""
    appeal = world.lodge(world.filed())
    with pytest.raises(FurnisherUnheard):
        world.decide(appeal, Ruling.UPHELD, "staff-r1")
    with pytest.raises(ReviewerConflicted):
        world.decide(appeal, Ruling.OVERTURNED, "staff-0017")
    world.decide(appeal, Ruling.OVERTURNED, "staff-r1", "staff-r1")
    world.answer(appeal)
    with pytest.raises(ReviewedBefore):
        world.decide(appeal, Ruling.UPHELD, "staff-r1")
    with world.call("alpha") as call, pytest.raises(ReviewerConflicted):
        world.contesting.reviews.decide(call, appeal.id, "staff-r3", Ruling.OVERTURNED, "x" * 20)


def test_only_ones_own_record_can_be_contested(world: AppealsWorld):
    """Neither a stranger's incident, nor somebody's appeal, nor twice at once."""
    incident = world.filed()
    stranger = world.appellant("hong")
    with pytest.raises(NothingToContest):
        world.draft(incident, who=stranger)
    appeal = world.lodge(incident)
    for act in ("withdraw", "lodge", "ask_second_tier"):
        with pytest.raises(AppealNotFound):
            world.own(act, appeal, who=stranger)
    with pytest.raises(AppealOpen):
        world.draft(incident)
    later = world.appellant(since=world.clock.now().date() + timedelta(days=2))
    with pytest.raises(AppealNotFound):
        world.own("withdraw", appeal, who=later)


def test_a_draft_has_no_effect_and_is_dropped_when_nobody_goes_on(world: AppealsWorld):
    """Grounds and statement are needed; a draft of last month is gone with its files."""
    incident = world.filed()
    draft = world.draft(incident, statement=None)
    with pytest.raises(DraftIncomplete):
        world.own("lodge", draft)
    assert Course.FILED is world.incident(incident).course
    same = world.draft(incident, Ground.DID_NOT_HAPPEN)
    assert (draft.id, (Ground.DID_NOT_HAPPEN,)) == (same.id, same.grounds)
    world.rewrite(draft, Contest(statement=STATEMENT, facts=("One.",)))
    world.attach(draft, b"A letter.", "text/plain")
    world.move_to(world.clock.now() + timedelta(days=31))
    assert (0, 0, 0) == tuple(
        world.count(table) for table in ("appeals", "appeal_texts", "appeal_files")
    )


def test_a_furnisher_whose_incidents_fall_may_not_report(world: AppealsWorld):
    """Four silences of a newcomer are enough; the operator gives it back."""
    codes = ("B101", "B102", "B103", "B104")
    appeals = [world.lodge(world.filed(code)) for code in codes]
    withheld = []
    for appeal in appeals:
        world.run_out(appeal, Milestone.ANSWER)
        with world.database.reading() as transaction:
            withheld = world.operator.withheld_from(transaction, world.members["alpha"])
    assert [Scope.REPORT] == [each.scope for each in withheld]
    assert 4 * PPM == world.member().overturned_ppm


def _block(world: AppealsWorld, appeal, word: str):
    with world.staff_call() as call:
        return world.contesting.reviews.rule_on_block(
            call, appeal.id, "staff-r1", BlockWord(word), "The police report was shown to us."
        )
