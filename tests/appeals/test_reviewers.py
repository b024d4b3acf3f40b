"""Who counts as a reviewer, who as a second one, and what they have before them."""

import json
from datetime import UTC, datetime, time

import pytest

from registry.appeals.model import State
from registry.appeals.problems import ReviewedBefore, ReviewerConflicted
from registry.incidents.rulings import Ruling
from tests.appeals.town import NUMBER, REASONS, Town, evidence_item, lodge, ok, slug
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


def test_reviewers_see_what_was_filed_as_long_as_it_is_to_be_judged(town: Town):
    """All that it rests on, as amended; not who confirmed it; and each look is on record."""
    incident = town.file()
    town.move(days=8)
    person = town.person()
    appeal = lodge(person, incident)["id"]
    own = ok(town.platform.call("GET", f"/v1/incidents/{incident}"))
    seen = town.review(appeal, "views")["filed"]
    withheld = {"reviewers", "reference", "identities", "receipt", "id", "state", "edition"}
    for name in own.keys() - withheld - {"withdrawal_reason", "block"}:
        assert own[name] == seen[name], name
    assert (town.platform.member.id, len(own["reviewers"])) == (
        seen["furnisher"],
        seen["confirmed_by"],
    )
    assert not withheld & seen.keys()
    for name in (own["reference"], NUMBER, *own["reviewers"]):
        assert name not in json.dumps(seen)

    amended = {"minor_units": 100, "currency": own["amount"]["currency"]}
    said = {"reasons": REASONS, "evidence": [evidence_item()]}
    said |= {"stance": "amend", "amendment": {"amount": amended}}
    ok(town.platform.call("POST", f"/v1/appeals/{appeal}/answer", said))
    viewed = town.review(appeal, "views", reviewer="staff-r2")
    assert amended == viewed["filed"]["amount"]
    assert own["version"] < viewed["filed"]["version"]
    [answer] = [each for each in viewed["appeal"]["said"] if each["kind"] == "answer"]
    assert [evidence_item()["class"]] == [each["class"] for each in answer["evidence"]]

    for reviewer in ("staff-r1", "staff-r2"):
        decision = {"ruling": "overturned", "reasons": REASONS, "reviewer": reviewer}
        town.review(appeal, "decisions", **decision)
    closed = town.review(appeal, "views")
    assert ("overturned", None) == (closed["appeal"]["outcome"], closed["filed"])
    assert "answer" in [each["kind"] for each in closed["appeal"]["said"]]
    town.node.sequencer.step()
    entries = ok(person.call("GET", "/v1/subject/history?limit=100"))["entries"]
    looks = [each["said"]["agent"] for each in entries if each["outcome"] == "appeal_viewed"]
    assert ["staff-r1", "staff-r1", "staff-r2"] == sorted(looks)

    town.node.sequencer.step()
    town.move(days=10)
    list(town.node.auditing.retention.run(town.clock.now()))
    target = f"/v1/review/appeals/{appeal}/views"
    gone = town.operator.call("POST", target, {"reviewer": "staff-r1"})
    assert "appeal-not-found" == slug(gone, 404)


def test_what_has_expired_is_shown_to_no_reviewer(world: AppealsWorld):
    """Time takes it out of every answer, of this one too, whether a job has come by or not."""
    incident = world.filed()
    appeal = world.lodge(incident)
    for has_expired in (False, True):
        with world.staff_call() as call:
            seen = world.contesting.reviews.view(call, appeal.id, "staff-r1")
        assert appeal.id == seen.shown.appeal.id
        assert has_expired is (seen.filed is None)
        world.clock.move(datetime.combine(incident.expires_on, time(), UTC) - world.clock.now())
