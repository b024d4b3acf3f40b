"""The main job: one platform reports, another looks the person up before a refund."""

import hashlib
import json
import secrets
import time
from datetime import UTC, datetime, timedelta

from tests.journeys.arithmetic import Event, add_months, band, score
from tests.journeys.filings import (
    NOTICE_BEFORE_EFFECT,
    days_ago,
    question,
    report,
)
from tests.journeys.independent import (
    Answer,
    Member,
    b64u,
    never_stored,
    opened,
    seed_of,
    send,
    verify_receipt,
)
from tests.journeys.nodes import Node, leaks, only_in
from tests.journeys.people import CLEAN, Platforms, about, ask, day_of, email, file, phone, told_at


def withdraw(member: Member, incident: str) -> Answer:
    return member.call("POST", f"/v1/incidents/{incident}/withdrawal")


LINE_SECONDS_MAX = 10
# Record types of log entries.
REPORT, WITHDRAWAL, LOOKUP, REFUSED_LOOKUP, OUTCOME = 1, 5, 16, 17, 21


def test_the_main_job_from_end_to_end(node: Node, platforms: Platforms) -> None:
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


def test_tokens_of_one_person_are_the_same_for_every_member(platforms: Platforms) -> None:
    """Two members that never met find the same token behind different blinds."""
    person = phone()
    assert platforms.first.tokens(person) == platforms.inquirer.tokens(person)
    assert platforms.first.tokens(person) != platforms.first.tokens(phone())


def test_the_signed_request_stands_in_the_log(platforms: Platforms) -> None:
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


def test_a_refused_purpose_is_logged(node: Node, platforms: Platforms) -> None:
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
        assert {"entries": 1} == only_in(node.kept(), kept)


def test_a_lookup_without_the_scope_is_logged(node: Node, platforms: Platforms) -> None:
    """A furnisher that may not ask is refused, on the record."""
    tokens = platforms.second.tokens(phone())
    before = node.entries(REFUSED_LOOKUP)
    refused = platforms.second.call("POST", "/v1/lookups", question(tokens))
    assert (403, before + 1) == (refused.status, node.entries(REFUSED_LOOKUP))


def test_an_outcome_is_recorded_once(node: Node, platforms: Platforms) -> None:
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


def test_an_outcome_of_a_lookup_by_another_member_is_not_found(
    node: Node, platforms: Platforms
) -> None:
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


def test_a_batch_answers_each_lookup_by_itself(node: Node, platforms: Platforms) -> None:
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


def test_an_idempotency_key_gives_the_first_answer_again(node: Node, platforms: Platforms) -> None:
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


def test_a_call_leaves_one_line_of_ids_and_nothing_else(node: Node, platforms: Platforms) -> None:
    """The access line names request, route and member; not the path, the address or the body."""
    member = platforms.inquirer
    answer = member.call("POST", "/v1/lookups", question(member.tokens(phone())))
    request_id = answer.headers["x-request-id"]
    until = time.monotonic() + LINE_SECONDS_MAX
    # It is written in the turn of the loop that answers, which may end after the answer.
    while not (lines := [each for each in node.lines().splitlines() if request_id in each]):
        assert time.monotonic() < until
        time.sleep(0.01)
    (line,) = lines
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


def test_the_answers_agree_on_time(platforms: Platforms) -> None:
    """A lookup's `at` is the server's Date, in UTC."""
    answer = platforms.inquirer.call(
        "POST", "/v1/lookups", question(platforms.inquirer.tokens(phone()))
    )
    at = answer.json["lookup"]["at"]
    assert at.endswith("Z")
    drift = abs(datetime.now(UTC) - datetime.fromisoformat(at))
    assert drift < timedelta(seconds=30)
    assert send(platforms.inquirer.address, "GET", "/livez").headers["date"]


def test_no_identifier_token_or_seed_is_stored(node: Node, platforms: Platforms) -> None:
    """A stolen database alone leads back to nobody: neither what was sent nor what peers share
    stands in it, after a report, lookups, an outcome and a withdrawal."""
    member = platforms.first
    tokens = member.tokens(phone(), email())
    filed = file(member, report(tokens))
    found = ask(member, tokens)
    outcome = {"decision": "refused", "human_reviewed": True}
    target = f"/v1/lookups/{found['lookup']['id']}/outcome"
    key = {"Idempotency-Key": secrets.token_hex(8)}
    assert 201 == member.call("POST", target, outcome, headers=key).status
    assert 200 == withdraw(member, filed["incident"]["id"]).status
    stored = node.everything_stored()
    assert filed["incident"]["id"].encode() in stored
    assert [] == [each for each in never_stored if each in stored]
