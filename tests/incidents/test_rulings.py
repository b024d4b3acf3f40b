"""Disputed, blocked, upheld, overturned, released: entries, standings, and exact ways back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from registry.database.transaction import Transaction
from registry.incidents.changes import Change
from registry.incidents.model import (
    Amendment,
    Block,
    Course,
    Incident,
    IncidentClosed,
    Recertification,
    ReinsertionRefused,
    Report,
    State,
    etag_of,
)
from registry.incidents.recording import Actor, registry_itself
from registry.ledger.model import RecordType
from registry.rulebook.calendar import due_at, local_date
from registry.rulebook.filing import DecisionKind, LinkedDecision
from registry.score.model import Doubt
from tests.incidents.world import WEEK, World, report, with_notice
from tests.rulebook.filings import EDITION, evidence_for

Step = Callable[[Transaction, Actor, Incident], Incident]


def rule(world: World, incident: Incident, step: str, **more: object) -> Incident:
    """The incident after one ruling, made by the registry itself."""
    rulings = world.incidents.rulings
    with world.database.transaction() as transaction:
        locked = rulings.find_and_lock(transaction, incident.id)
        assert locked is not None
        actor = registry_itself(world.clock.now(), {"appeal": "apl"})
        act: Step = getattr(rulings, step)
        return act(transaction, actor, locked, **more)


@pytest.fixture
def incident(world: World) -> Incident:
    """One that has effect, of S3."""
    filed = world.file(report()).incident
    world.move(WEEK)
    return filed


def test_a_dispute_halves_a_grave_incident_and_release_restores_the_exact_score(world, incident):
    """Flagged in the same transaction; what nothing came of leaves no trace in the score."""
    before = world.assess()
    disputed = rule(world, incident, "dispute")
    assert (Course.DISPUTED, 2, State.DISPUTED) == (
        disputed.course,
        disputed.version,
        world.state(disputed),
    )
    during = world.assess()
    assert (0, 1) == (during.counts.active, during.counts.under_appeal)
    assert before.points_total // 2 <= during.points_total <= before.points_total // 2 + 1
    released = rule(world, disputed, "release", to=Course.FILED)
    assert State.ACTIVE is world.state(released)
    after = world.assess()
    assert (before.score, before.reasons, before.counts) == (
        after.score,
        after.reasons,
        after.counts,
    )


def test_a_dispute_takes_a_light_incident_out_of_the_score(world):
    """S1 and S2 count nothing while they are contested."""
    filed = world.file(report(code="B110", evidence=_evidence("B110"))).incident
    world.move(WEEK)
    assert world.assess().points_total > 0
    rule(world, filed, "dispute")
    assert 0 == world.assess().points_total


def test_an_overturned_incident_is_in_no_answer_and_the_score_is_what_it_was_before_it(
    world, incident
):
    """Beside another furnisher's incident: to the point, reasons and counts included."""
    world.file(report("other", code="B110", evidence=_evidence("B110")), by="beta")
    # What beta filed has effect a moment later, the first incident not being there.
    rule(world, incident, "dispute")
    overturned = rule(world, incident, "overturn")
    assert State.OVERTURNED is world.state(overturned)
    alone = world.assess()
    assert [c.furnisher for c in world.standing().contributions] == [world.members["beta"]]
    assert 1 == alone.counts.active
    with pytest.raises(IncidentClosed):
        rule(world, incident, "dispute")


def test_upheld_counts_in_full_again_and_may_be_disputed_anew(world, incident):
    """The course says that it was upheld; a new dispute flags it again."""
    before = world.assess().score
    rule(world, incident, "dispute")
    upheld = rule(world, incident, "uphold")
    assert (State.UPHELD, before) == (world.state(upheld), world.assess().score)
    rule(world, incident, "dispute")
    released = rule(world, incident, "release", to=Course.UPHELD)
    assert State.UPHELD is world.state(released)


def test_a_blocked_incident_counts_for_nothing_until_the_block_is_lifted(world, incident):
    """Provisional or confirmed; any decision ends the block with the dispute."""
    disputed = world.assess() and rule(world, incident, "dispute")
    half = world.assess().points_total
    blocked = rule(world, disputed, "block", block=Block.PROVISIONAL)
    assert 0 == world.assess().points_total
    (line,) = world.standing().contributions
    assert Doubt.BLOCKED is line.doubt
    assert Block.CONFIRMED is rule(world, blocked, "block", block=Block.CONFIRMED).block
    assert None is rule(world, blocked, "unblock").block
    assert half == world.assess().points_total
    rule(world, blocked, "block", block=Block.CONFIRMED)
    assert None is rule(world, blocked, "uphold").block


def test_each_ruling_is_an_entry_and_is_told(world, incident):
    """3 for a dispute, 4 for what is decided; the header says what, and of which appeal."""
    told: list[Change] = []

    class Ear:
        def incident_changed(self, transaction: Transaction, change: Change) -> None:
            told.append(change)

    world.listeners.subscribe(Ear())
    rule(world, incident, "dispute")
    rule(world, incident, "block", block=Block.PROVISIONAL)
    rule(world, incident, "overturn")
    entries = [each for each in world.entries() if each["type"] in (3, 4)]
    said = [(each["type"], each["header"]["outcome"], each["header"]["ruling"]) for each in entries]
    assert [
        (3, "disputed", "disputed"),
        (4, "disputed", "blocked"),
        (4, "overturned", "overturned"),
    ] == sorted(said)
    assert {None} == {each["header"]["member"] for each in entries}
    assert {"apl"} == {each["header"]["appeal"] for each in entries}
    assert {incident.id} == {each["subject"]["incident"] for each in entries}
    assert [RecordType.DISPUTE, RecordType.DECISION, RecordType.DECISION] == [
        each.record_type for each in told
    ]
    assert told[-1].after == replace(told[-1].after, course=Course.OVERTURNED, version=4)


def test_what_was_removed_is_refused_under_any_reference(world, incident):
    """Overturned or withdrawn, by act or by order, until certified anew and told again."""
    rule(world, incident, "dispute")
    rule(world, incident, "overturn")
    again = report("another reference")
    same_order = report("and another", code="B102", evidence=_evidence("B102"))
    for each in (again, same_order):
        with pytest.raises(ReinsertionRefused) as refused:
            world.file(each)
        assert ["recertification_missing", "notice_before_removal"] == [
            error.code for error in refused.value.errors
        ]
    # Another member's own order, another day and order, another person: that is not the same.
    world.file(replace_order(again, "beta-1"), by="beta")
    world.file(report("different", "hong"))


def test_what_was_removed_does_not_come_back_through_another_member(world, incident):
    """Not by one of the same reporter group in any way, nor by anyone with the same order."""
    rule(world, incident, "dispute")
    rule(world, incident, "overturn")
    world.furnisher("sister", group=world.directory.group_of(incident.furnisher))
    again = report("once more")
    same_act, same_order = replace_order(again, "sister-1"), replace_code(again, "B102")
    for each in (again, same_act, same_order):
        with pytest.raises(ReinsertionRefused):
            world.file(each, by="sister")
    with pytest.raises(ReinsertionRefused):
        world.file(again, by="beta")
    world.file(same_act, by="beta")


@pytest.mark.parametrize("by", ["alpha", "sister", "beta"])
def test_no_amendment_makes_of_another_incident_what_was_removed(world, incident, by):
    """A report that only looks like another act is not amended to the removed one."""
    rule(world, incident, "dispute")
    rule(world, incident, "overturn")
    world.furnisher("sister", group=world.directory.group_of(incident.furnisher))
    gone = incident.filing
    later = gone.occurred_on + timedelta(days=1)
    other = replace_order(report("another", occurred_on=later), "order-9")
    standing = world.file(other, by=by).incident

    def amend(**changes):
        with world.call(by) as call:
            tag = etag_of(standing, world.state(standing))
            return world.incidents.amend(call, standing.id, Amendment(**changes), tag)

    with pytest.raises(ReinsertionRefused) as refused:
        amend(occurred_on=gone.occurred_on, order=gone.order)
    assert ["amended_to_removed"] == [each.code for each in refused.value.errors]
    assert "order-8" == amend(order="order-8").filing.order


def test_what_came_back_certified_may_be_amended(world, incident):
    """It is what was removed already; it becomes nothing else that was."""
    with world.call() as call:
        world.incidents.withdraw(call, incident.id, None, None)
    world.move(timedelta(days=1))
    now = world.clock.now()
    back = _again(world, certified_on=local_date(now, world.edition), told_at=now)
    # By its act alone it is known, and by its order when that is added.
    filed = world.file(replace_order(back, "order-9")).incident
    for change in (
        Amendment(intent="Sent a photo that was made by a generator."),
        Amendment(order=incident.filing.order),
    ):
        with world.call() as call:
            tag = etag_of(filed, world.state(filed))
            filed = world.incidents.amend(call, filed.id, change, tag)
    assert incident.filing.order == filed.filing.order


def test_what_comes_back_has_effect_when_its_new_notice_has_run(world, incident):
    """Five working days at the least, seven days by the rule for any notice."""
    with world.call() as call:
        world.incidents.withdraw(call, incident.id, None, None)
    world.move(timedelta(days=1))
    now = world.clock.now()
    today = local_date(now, world.edition)
    back = _again(world, certified_on=today, told_at=now)
    with pytest.raises(ReinsertionRefused):
        world.file(replace(back, recertification=None))
    early = replace(back.recertification, certified_on=today - WEEK)
    with pytest.raises(ReinsertionRefused) as refused:
        world.file(replace(back, recertification=early))
    assert ["certified_before_removal"] == [each.code for each in refused.value.errors]
    filed = world.file(back).incident
    assert back.recertification == world.get(filed).recertification
    assert filed.effective_at >= due_at(
        now, world.edition.deadlines.reinsertion_notice, world.edition
    )
    assert filed.effective_at >= now + WEEK
    assert filed.id == world.file(back).incident.id


def test_what_came_back_and_is_removed_again_is_refused_again(world, incident):
    """The later removal counts: the certification that was enough once is too old now."""
    with world.call() as call:
        world.incidents.withdraw(call, incident.id, None, None)
    world.move(timedelta(days=1))
    now = world.clock.now()
    back = _again(world, certified_on=local_date(now, world.edition), told_at=now)
    filed = world.file(back).incident
    world.move(timedelta(days=2))
    rule(world, filed, "dispute")
    rule(world, filed, "overturn")
    with pytest.raises(ReinsertionRefused):
        world.file(replace(back, reference="third"))


def replace_order(filed: Report, order: str) -> Report:
    return replace(filed, filing=replace(filed.filing, order=order))


def replace_code(filed: Report, code: str) -> Report:
    return replace(filed, filing=replace(filed.filing, code=code, evidence=_evidence(code)))


def _again(world: World, *, certified_on, told_at) -> Report:
    decided = LinkedDecision(kind=DecisionKind.REFUND_REFUSED, decided_on=certified_on)
    filed = report("second", notice=with_notice(told_at), decision=decided)
    certified = Recertification(
        reviewer="staff-0101",
        certified_on=certified_on,
        ground="The carrier has confirmed the weight in writing.",
    )
    return replace(filed, recertification=certified)


def _evidence(code: str):
    return evidence_for(EDITION.codes[code])
