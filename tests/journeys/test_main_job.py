"""The main job: one platform reports, another looks the person up before a refund."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.journeys.arithmetic import Event, add_months, band, score
from tests.journeys.filings import (
    NOTICE_BEFORE_EFFECT,
    ZONE_OFFSET,
    days_ago,
    question,
    report,
    today,
)
from tests.journeys.independent import (
    Answer,
    Member,
    b64u,
    opened,
    seed_of,
    send,
    verify_receipt,
)
from tests.journeys.nodes import BOTH, FURNISHER, INQUIRER, Node, leaks, only_in

REPORT, AMENDMENT, WITHDRAWAL, LOOKUP, REFUSED_LOOKUP, OUTCOME = 1, 2, 5, 16, 17, 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """Members with nothing in common, and one that belongs to the first's group."""

    first: Member
    second: Member
    third: Member
    inquirer: Member
    affiliate: Member


@pytest.fixture(scope="module")
def platforms(node: Node) -> Platforms:
    return Platforms(
        first=node.admit(*BOTH, options=["--reporter-group", "first-and-friends"]),
        second=node.admit(*FURNISHER),
        third=node.admit(*BOTH),
        inquirer=node.admit(*INQUIRER),
        affiliate=node.admit(*FURNISHER, options=["--reporter-group", "first-and-friends"]),
    )


def phone() -> tuple[str, str]:
    """A number nobody else in this run has."""
    return "phone/1", f"+86138{secrets.randbelow(10**8):08d}"


def email() -> tuple[str, str]:
    return "email/1", f"person-{secrets.token_hex(6)}@example.com"


def file(member: Member, document: dict[str, Any]) -> dict[str, Any]:
    """Reports, and gives the answer to the accepted filing."""
    answer = member.call("POST", "/v1/incidents", document)
    assert (201, "application/json") == (answer.status, answer.headers["content-type"])
    filed: dict[str, Any] = answer.json
    return filed


def ask(member: Member, tokens: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    answer = member.call("POST", "/v1/lookups", question(tokens, **changes))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def withdraw(member: Member, incident: str) -> Answer:
    return member.call("POST", f"/v1/incidents/{incident}/withdrawal")


def day_of(lookup: dict[str, Any]) -> date:
    """The day of the edition's zone a lookup was answered on."""
    at = datetime.fromisoformat(lookup["lookup"]["at"])
    return (at + ZONE_OFFSET).date()


def told_at(filing: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(filing["notice"]["delivered_at"])


NOTHING = {"active": 0, "under_appeal": 0, "furnishers": 0, "latest_on": None}


def about(found: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of the person, without what belongs to this one lookup."""
    return {name: value for name, value in found.items() if name not in {"lookup", "receipt"}}


CLEAN = {
    "match": "none",
    "band": "N",
    "score": None,
    "reasons": [],
    "incidents": NOTHING,
    "protective": [],
    "advice": "proceed",
    "adverse_action_notice": None,
}


def test_the_main_job_from_end_to_end(node: Node, platforms: Platforms):
    """A report under two identities answers a lookup by either, explained and proved to the point;
    withdrawn, the person is exactly as unknown as before."""
    first, inquirer = platforms.first, platforms.inquirer
    directory = first.directory()
    tokens = first.tokens(phone(), email())
    before = ask(inquirer, tokens)
    assert CLEAN == about(before)

    filing = report(tokens, code="B101", occurred=30)
    filed = file(first, filing)
    incident = filed["incident"]
    occurred_on = days_ago(30)
    assert "active" == incident["state"]
    assert add_months(occurred_on, 36).isoformat() == incident["expires_on"]
    effective_at = datetime.fromisoformat(incident["effective_at"])
    assert told_at(filing) + NOTICE_BEFORE_EFFECT <= effective_at <= datetime.now(UTC)
    assert ("S3", "cn-2026.1") == (incident["severity"], incident["edition"])

    # The inquirer computes the person's token by itself; no two evaluations look alike.
    by_mail = ask(inquirer, [tokens[1]], order="O-2026-11")
    found = ask(inquirer, tokens)
    event = Event(severity="S3", occurred_on=occurred_on)
    expected = score([[event]], day_of(found))
    assert (expected, band(expected)) == (found["score"], found["band"])
    assert [("B101", 830 - expected)] == [(r["code"], r["points"]) for r in found["reasons"]]
    texts = {"en": "AI-forged damage evidence", "zh": "AI伪造破损凭证"}
    assert texts == found["reasons"][0]["text"]
    assert "match" == found["match"]
    counted = {
        "active": 1,
        "under_appeal": 0,
        "furnishers": 1,
        "latest_on": occurred_on.isoformat(),
    }
    assert counted == found["incidents"]
    assert "ask_for_return" == found["advice"]
    assert {"en", "zh"} == found["adverse_action_notice"].keys()
    assert about(found) == about(by_mail)
    valid_until = datetime.fromisoformat(by_mail["lookup"]["valid_until"])
    assert datetime.fromisoformat(by_mail["lookup"]["at"]) < valid_until

    # Both stand in their logs, committed to who, why and about whom.
    logged = opened(first, directory, filed["receipt"], "incidents")
    assert (1, REPORT) == (logged["entry"].log, logged["entry"].record_type)
    assert first.id == logged["header"]["member"]
    seeds = sorted(seed_of(each["token"]) for each in tokens)
    assert (seeds, incident["id"]) == (logged["subject"]["seeds"], logged["subject"]["incident"])
    asked = opened(inquirer, directory, by_mail["receipt"], "access")
    assert (2, LOOKUP) == (asked["entry"].log, asked["entry"].record_type)
    assert (inquirer.id, "refund_only_review", "O-2026-11") == (
        asked["header"]["member"],
        asked["header"]["purpose"],
        asked["header"]["order"],
    )
    assert [incident["id"]] == asked["subject"]["incidents"]
    assert [seed_of(tokens[1]["token"])] == asked["subject"]["seeds"]
    entry = verify_receipt(by_mail["receipt"], directory, "access")["entry"]
    assert by_mail["lookup"]["id"].removeprefix("lkp_") == entry.removeprefix("ent_")

    gone = withdraw(first, incident["id"])
    assert (200, "withdrawn") == (gone.status, gone.json["incident"]["state"])
    ended = opened(first, directory, gone.json["receipt"], "incidents")
    assert (WITHDRAWAL, incident["id"]) == (
        ended["entry"].record_type,
        ended["subject"]["incident"],
    )
    assert about(before) == about(ask(inquirer, tokens))
    assert about(before) == about(ask(inquirer, tokens[:1]))


def test_tokens_of_one_person_are_the_same_for_every_member(platforms: Platforms):
    """Two members that never met find the same token behind different blinds."""
    person = phone()
    assert platforms.first.tokens(person) == platforms.inquirer.tokens(person)
    assert platforms.first.tokens(person) != platforms.first.tokens(phone())


def test_the_signed_request_stands_in_the_log(platforms: Platforms):
    """The entry commits to the digest of the very JWT the member signed; it cannot deny it."""
    member = platforms.inquirer
    document = question(member.tokens(phone()))
    body = json.dumps(document).encode()
    jwt = member.jwt("POST", "/v1/lookups", body)
    found = member.call("POST", "/v1/lookups", body=body, jwt=jwt)
    entry = opened(member, member.directory(), found.json["receipt"], "access")
    digest = b64u(hashlib.sha256(jwt.encode()).digest())
    assert digest == entry["header"]["signed_request"]
    request_id = found.headers["x-request-id"]
    assert request_id == entry["header"]["request_id"]


def test_a_noticed_incident_touches_nothing(platforms: Platforms):
    """Until a week after the notice the answer is the one of a person nothing is known of."""
    first, inquirer = platforms.first, platforms.inquirer
    tokens = first.tokens(phone())
    filing = report(tokens, told=NOTICE_BEFORE_EFFECT - timedelta(minutes=5))
    filed = file(first, filing)
    effective_at = datetime.fromisoformat(filed["incident"]["effective_at"])
    assert told_at(filing) + NOTICE_BEFORE_EFFECT == effective_at
    assert "noticed" == filed["incident"]["state"]
    assert CLEAN == about(ask(inquirer, tokens))
    file(first, report(tokens, code="B110", told=NOTICE_BEFORE_EFFECT + timedelta(minutes=1)))
    found = ask(inquirer, tokens)
    assert (1, ["B110"]) == (found["incidents"]["active"], [r["code"] for r in found["reasons"]])


@pytest.mark.parametrize("code", ["V401", "V402"])
def test_a_protective_marker_is_shown_and_costs_nothing(platforms: Platforms, code: str):
    """It takes effect at once, without notice, and leaves the band at N."""
    tokens = platforms.first.tokens(phone())
    filing = report(tokens, code=code, occurred=10)
    for accusation in ("intent", "decision", "notice", "confirmed_on"):
        del filing[accusation]
    filed = file(platforms.first, filing)
    assert (None, "active") == (filed["incident"]["severity"], filed["incident"]["state"])
    expected = {**CLEAN, "protective": [code]}
    assert expected == about(ask(platforms.inquirer, tokens))


def test_two_groups_reach_lower_bands_than_one(platforms: Platforms):
    """One group takes 120 points whatever it files, affiliates included; a second takes its own."""
    tokens = platforms.first.tokens(phone())
    grave = Event(severity="S4", occurred_on=days_ago(30))
    graver = Event(severity="S4", occurred_on=days_ago(20))
    file(platforms.first, report(tokens, code="B121", occurred=30))
    file(platforms.affiliate, report(tokens, code="B121", occurred=20))
    alone = ask(platforms.inquirer, tokens)
    assert (710, "B", 2) == (alone["score"], alone["band"], alone["incidents"]["furnishers"])
    assert score([[grave, graver]], day_of(alone)) == alone["score"]
    assert 120 == sum(reason["points"] for reason in alone["reasons"])

    lighter = Event(severity="S2", occurred_on=days_ago(25))
    file(platforms.second, report(tokens, code="B110", occurred=25))
    both = ask(platforms.inquirer, tokens)
    expected = score([[grave, graver], [lighter]], day_of(both))
    assert (expected, band(expected)) == (both["score"], both["band"])

    gravest = Event(severity="S4", occurred_on=days_ago(15))
    file(platforms.second, report(tokens, code="O304", occurred=15))
    worse = ask(platforms.inquirer, tokens)
    expected = score([[grave, graver], [lighter, gravest]], day_of(worse))
    assert (590, "D") == (expected, band(expected))
    assert (590, "D", "human_review") == (worse["score"], worse["band"], worse["advice"])

    file(platforms.third, report(tokens, code="B121", occurred=12, adjudicator="court"))
    worst = ask(platforms.inquirer, tokens)
    assert (470, "E") == (worst["score"], worst["band"])


def test_the_same_act_reported_twice_counts_once(platforms: Platforms):
    """Two groups make an act surer, not double: 1 − (1 − 0.8)² of its cost; affiliates nothing."""
    tokens = platforms.first.tokens(phone())
    file(platforms.first, report(tokens, code="B102", occurred=40))
    file(platforms.affiliate, report(tokens, code="B102", occurred=40))
    one = ask(platforms.inquirer, tokens)
    event = Event(severity="S2", occurred_on=days_ago(40))
    assert score([[event]], day_of(one)) == one["score"]
    file(platforms.second, report(tokens, code="B102", occurred=40))
    two = ask(platforms.inquirer, tokens)
    surer = Event(severity="S2", occurred_on=days_ago(40), groups=2)
    assert score([[surer]], day_of(two)) == two["score"]
    assert 3 == two["incidents"]["active"]


def test_the_order_of_filing_is_irrelevant(platforms: Platforms):
    """The same filings in another order make the same person."""
    filings = [("B110", 30), ("B111", 20), ("B113", 45), ("B118", 12), ("B116", 60)]
    answers = []
    for ordered in (filings, filings[::-1]):
        tokens = platforms.first.tokens(phone())
        for code, occurred in ordered:
            file(platforms.first, report(tokens, code=code, occurred=occurred, verified=1))
        answers.append(about(ask(platforms.inquirer, tokens)))
    assert answers[0] == answers[1]
    assert 4 == len(answers[0]["reasons"])
    points = [reason["points"] for reason in answers[0]["reasons"]]
    assert sorted(points, reverse=True) == points


def test_a_recycled_number_is_a_weak_match(platforms: Platforms):
    """Held since more than 90 days after it was last verified: a human looks, nothing is scored."""
    tokens = platforms.first.tokens(phone(), email())
    file(platforms.first, report(tokens, verified=95))
    late = [{**tokens[0], "held_since": days_ago(4).isoformat()}]
    in_time = [{**tokens[0], "held_since": days_ago(5).isoformat()}]
    weak = ask(platforms.inquirer, late)
    assert ("weak", "N", None, "human_review") == tuple(
        weak[name] for name in ("match", "band", "score", "advice")
    )
    changed = "IDENTIFIER_MAY_HAVE_CHANGED_HANDS"
    assert [(changed, 0)] == [(r["code"], r["points"]) for r in weak["reasons"]]
    assert 1 == weak["incidents"]["active"]
    sure = ask(platforms.inquirer, in_time)
    assert ("match", "B") == (sure["match"], sure["band"])
    # One identity that is surely the person's is enough.
    assert about(sure) == about(ask(platforms.inquirer, [*late, tokens[1]]))


def test_a_refused_purpose_is_logged(node: Node, platforms: Platforms):
    """A purpose outside of the grant is 403, tells nothing, and stands in the access log."""
    tokens = platforms.first.tokens(phone())
    file(platforms.first, report(tokens))
    for changes, slug in (
        ({"purpose": "supervision"}, "purpose-not-granted"),
        ({"authorisation": {"basis": "one_use", "reference": "a"}}, "authorisation-not-known"),
    ):
        before = node.entries(REFUSED_LOOKUP)
        kept = node.kept()
        refused = platforms.inquirer.call("POST", "/v1/lookups", question(tokens, **changes))
        assert (403, slug) == (refused.status, refused.type)
        assert {"type", "title", "status", "detail", "instance"} == refused.json.keys()
        assert before + 1 == node.entries(REFUSED_LOOKUP)
        assert {"pending_entries": 1} == only_in(node.kept(), kept)


def test_a_lookup_without_the_scope_is_logged(node: Node, platforms: Platforms):
    """A furnisher that may not ask is refused, on the record."""
    tokens = platforms.second.tokens(phone())
    before = node.entries(REFUSED_LOOKUP)
    refused = platforms.second.call("POST", "/v1/lookups", question(tokens))
    assert (403, before + 1) == (refused.status, node.entries(REFUSED_LOOKUP))


def test_an_outcome_is_recorded_once(node: Node, platforms: Platforms):
    """The same outcome again is the one that stands; another is 409, except after an escalation."""
    member = platforms.inquirer
    found = ask(member, member.tokens(phone()))
    target = f"/v1/lookups/{found['lookup']['id']}/outcome"
    escalated = {"decision": "escalated", "human_reviewed": False, "notice_given_at": None}
    first = member.call("POST", target, escalated)
    assert (201, found["lookup"]["id"]) == (first.status, first.json["lookup"])
    logged = opened(member, member.directory(), first.json["receipt"], "access")
    assert (2, OUTCOME) == (logged["entry"].log, logged["entry"].record_type)
    again = member.call("POST", target, escalated)
    assert (200, first.json) == (again.status, again.json)
    final = {
        "decision": "refused",
        "human_reviewed": True,
        "notice_given_at": "2026-11-02T03:04:05Z",
    }
    assert [201, 200] == [member.call("POST", target, final).status for _ in range(2)]
    kept = node.kept()
    other = member.call("POST", target, {**final, "decision": "approved"})
    assert (409, kept) == (other.status, node.kept())


def test_an_outcome_of_a_lookup_by_another_member_is_not_found(node: Node, platforms: Platforms):
    """Nor of a refused lookup, nor of one that never was."""
    found = ask(platforms.inquirer, platforms.first.tokens(phone()))
    own_report = file(platforms.first, report(platforms.first.tokens(phone())))
    outcome = {"decision": "approved", "human_reviewed": True}
    claims = verify_receipt(own_report["receipt"], platforms.first.directory(), "incidents")
    kept = node.kept()
    for lookup in (
        found["lookup"]["id"],
        claims["entry"].replace("ent_", "lkp_"),
        "lkp_01992f5e-7c00-7abc-8def-0123456789ab",
    ):
        refused = platforms.first.call("POST", f"/v1/lookups/{lookup}/outcome", outcome)
        assert (404, kept) == (refused.status, node.kept())


def test_a_batch_answers_each_lookup_by_itself(node: Node, platforms: Platforms):
    """What does not fit and what is not permitted are that lookup's own problem."""
    known, unknown = platforms.first.tokens(phone(), phone())
    file(platforms.first, report([known]))
    misshapen = question([known], purpose="marketing")
    not_permitted = question([known], purpose="own_record")
    batch = [question([unknown]), misshapen, question([known]), not_permitted, 7]
    before = (node.entries(LOOKUP), node.entries(REFUSED_LOOKUP))
    answer = platforms.inquirer.call("POST", "/v1/lookups/batch", {"lookups": batch})
    results = answer.json["results"]
    assert (200, [200, 422, 200, 403, 422]) == (answer.status, [r["status"] for r in results])
    assert ["none", "match"] == [results[place]["answer"]["match"] for place in (0, 2)]
    assert ["/purpose"] == [each["pointer"] for each in results[1]["problem"]["errors"]]
    assert (before[0] + 2, before[1] + 1) == (node.entries(LOOKUP), node.entries(REFUSED_LOOKUP))
    alone = ask(platforms.inquirer, [known])
    assert about(alone) == about(results[2]["answer"])
    directory = platforms.inquirer.directory()
    for place in (0, 2):
        entry = opened(platforms.inquirer, directory, results[place]["answer"]["receipt"], "access")
        assert batch[place]["order"] == entry["header"]["order"]  # type: ignore[index]


def test_a_reference_names_one_filing(node: Node, platforms: Platforms):
    """The same body again answers 200 with the same incident, another body 409; other members
    have references of their own."""
    member = platforms.first
    tokens = member.tokens(phone())
    filing = report(tokens)
    filed = file(member, filing)
    kept = node.kept()
    again = member.call("POST", "/v1/incidents", dict(reversed(filing.items())))
    assert (200, filed) == (again.status, again.json)
    spaced = member.call("POST", "/v1/incidents", body=json.dumps(filing, indent=3).encode())
    assert (200, filed) == (spaced.status, spaced.json)
    other = member.call("POST", "/v1/incidents", {**filing, "order": "another"})
    assert (409, "reference-taken") == (other.status, other.type)
    assert kept == node.kept()
    elsewhere = file(platforms.second, filing)
    assert filed["incident"]["id"] != elsewhere["incident"]["id"]


def test_an_idempotency_key_gives_the_first_answer_again(node: Node, platforms: Platforms):
    """A lookup repeated with its key is not a second lookup; another call with the key is 422."""
    member = platforms.inquirer
    document = question(member.tokens(phone()))
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = member.call("POST", "/v1/lookups", document, headers=key)
    kept = node.kept()
    again = member.call("POST", "/v1/lookups", document, headers=key)
    assert (200, first.body) == (again.status, again.body)
    other = member.call("POST", "/v1/lookups", {**document, "order": "x"}, headers=key)
    assert (422, "idempotency-key-reused") == (other.status, other.type)
    assert kept == node.kept()


def test_an_amendment_needs_the_version_it_amends(node: Node, platforms: Platforms):
    """Without If-Match 428, with an old one 412, with the present one the whole is judged again."""
    member = platforms.first
    tokens = member.tokens(phone())
    filed = file(member, report(tokens, code="B112", occurred=30))
    target = f"/v1/incidents/{filed['incident']['id']}"
    etag = {"If-Match": member.call("GET", target).headers["etag"]}
    lighter = {"code": "B110"}
    kept = node.kept()
    assert 428 == member.call("PATCH", target, lighter).status
    assert 412 == member.call("PATCH", target, lighter, headers={"If-Match": '"9"'}).status
    incomplete = member.call("PATCH", target, {"reviewers": []}, headers=etag)
    assert (422, ["/reviewers"]) == (
        incomplete.status,
        [each["pointer"] for each in incomplete.json["errors"]],
    )
    assert kept == node.kept()

    amended = member.call("PATCH", target, lighter, headers=etag)
    assert (200, "S2") == (amended.status, amended.json["incident"]["severity"])
    logged = opened(member, member.directory(), amended.json["receipt"], "incidents")
    assert AMENDMENT == logged["entry"].record_type
    assert 412 == member.call("PATCH", target, lighter, headers=etag).status
    found = ask(platforms.inquirer, tokens)
    event = Event(severity="S2", occurred_on=days_ago(30))
    assert score([[event]], day_of(found)) == found["score"]
    shown = member.call("GET", target)
    assert (amended.headers["etag"], "B110") == (shown.headers["etag"], shown.json["code"])
    unchanged = member.call("GET", target, headers={"If-None-Match": shown.headers["etag"]})
    assert (304, b"") == (unchanged.status, unchanged.body)


def test_an_amendment_that_weighs_more_needs_a_new_notice(platforms: Platforms):
    """A graver code under the old notice is refused; with a new one it waits a week again."""
    member = platforms.first
    tokens = member.tokens(phone())
    filed = file(member, report(tokens, code="B110", occurred=30))
    target = f"/v1/incidents/{filed['incident']['id']}"
    graver = {"code": "B113"}
    refused = member.call("PATCH", target, graver, headers={"If-Match": "*"})
    assert (422, ["new_notice_missing"]) == (
        refused.status,
        [each["code"] for each in refused.json["errors"]],
    )
    notice = report(tokens, told=timedelta(hours=1))["notice"]
    amended = member.call("PATCH", target, {**graver, "notice": notice}, headers={"If-Match": "*"})
    assert (200, "noticed") == (amended.status, amended.json["incident"]["state"])
    assert CLEAN == about(ask(platforms.inquirer, tokens))


def test_incidents_of_another_member_are_not_found(node: Node, platforms: Platforms):
    """Who did not file it can neither read, amend nor withdraw it, nor learn that it is there."""
    filed = file(platforms.first, report(platforms.first.tokens(phone())))
    target = f"/v1/incidents/{filed['incident']['id']}"
    never = "/v1/incidents/inc_01992f5e-7c00-7abc-8def-0123456789ab"
    kept = node.kept()
    for method, path, document in (
        ("GET", "", None),
        ("PATCH", "", {"order": "x"}),
        ("POST", "/withdrawal", {"reason": "x"}),
    ):
        there = platforms.second.call(method, target + path, document, headers={"If-Match": "*"})
        nowhere = platforms.second.call(method, never + path, document, headers={"If-Match": "*"})
        assert (404, 404) == (there.status, nowhere.status)
        documents = [{**each.json, "instance": ""} for each in (there, nowhere)]
        assert documents[0] == documents[1]
    assert kept == node.kept()


def test_pages_of_incidents_follow_the_link(node: Node):
    """Every own incident once, oldest first, over as many pages as it takes."""
    member = node.admit(*FURNISHER)
    tokens = member.tokens(phone())
    filed = [file(member, report(tokens, occurred=n + 9))["incident"]["id"] for n in range(5)]
    target, found = "/v1/incidents?limit=2", []
    while target:
        page = member.call("GET", target)
        found += [each["id"] for each in page.json["incidents"]]
        link = page.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        target = link.partition("<")[2].partition(">")[0]
    assert filed == found


def test_a_withdrawn_incident_is_closed(node: Node, platforms: Platforms):
    """Withdrawn again is the same answer; amended is 409; nothing brings it back."""
    member = platforms.first
    filed = file(member, report(member.tokens(phone())))
    target = f"/v1/incidents/{filed['incident']['id']}"
    first = member.call("POST", f"{target}/withdrawal", {"reason": "Wrong person."})
    kept = node.kept()
    again = member.call("POST", f"{target}/withdrawal")
    assert (200, first.json) == (again.status, again.json)
    amended = member.call("PATCH", target, {"code": "B110"}, headers={"If-Match": "*"})
    assert (409, kept) == (amended.status, node.kept())


def test_a_filing_too_old_to_be_kept_is_refused(platforms: Platforms):
    """What would have expired already is told so."""
    old = report(platforms.first.tokens(phone()), code="B114", occurred=366)
    refused = platforms.first.call("POST", "/v1/incidents", old)
    assert (422, ["already_expired"]) == (
        refused.status,
        [each["code"] for each in refused.json["errors"]],
    )


def test_decay_leaves_nothing_on_the_last_day(platforms: Platforms):
    """The day before it expires an incident costs next to nothing; the score says so exactly."""
    occurred = (today() - add_months(today(), -12)).days - 1
    tokens = platforms.first.tokens(phone())
    file(platforms.first, report(tokens, code="B118", occurred=occurred))
    found = ask(platforms.inquirer, tokens)
    event = Event(severity="S1", occurred_on=days_ago(occurred))
    assert (score([[event]], day_of(found)), "A") == (found["score"], found["band"])
    assert (830, []) == (found["score"], found["reasons"])


def test_a_call_leaves_one_line_of_ids_and_nothing_else(node: Node, platforms: Platforms):
    """The access line names request, route and member; not the path, the address or the body."""
    member = platforms.inquirer
    answer = member.call("POST", "/v1/lookups", question(member.tokens(phone())))
    request_id = answer.headers["x-request-id"]
    (line,) = [each for each in node.lines().splitlines() if request_id in each]
    written = json.loads(line)
    assert written.pop("microseconds") > 0
    expected = {
        "request": request_id,
        "method": "POST",
        "route": "/v1/lookups",
        "status": 200,
        "problem": None,
        "member": member.id,
    }
    assert expected == written
    assert [] == leaks(node.lines())


def test_the_answers_agree_on_time(platforms: Platforms):
    """A lookup's `at` is the server's Date, in UTC."""
    answer = platforms.inquirer.call(
        "POST", "/v1/lookups", question(platforms.inquirer.tokens(phone()))
    )
    at = answer.json["lookup"]["at"]
    assert at.endswith("Z")
    drift = abs(datetime.now(UTC) - datetime.fromisoformat(at))
    assert drift < timedelta(seconds=30)
    assert send(platforms.inquirer.address, "GET", "/livez").headers["date"]
