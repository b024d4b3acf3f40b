"""Filings that lack something: every code of the taxonomy, and every step out of order."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from tests.journeys.filings import (
    MEMBER_MISCONDUCT,
    NOT_FILABLE,
    TAXONOMY,
    ZONE_OFFSET,
    Code,
    days_ago,
    instant,
    manifest,
    report,
    today,
)
from tests.journeys.independent import Answer, b64u
from tests.journeys.nodes import Node
from tests.journeys.people import Platforms, file, phone


@pytest.fixture(scope="module")
def tokens(platforms: Platforms) -> list[dict[str, str]]:
    return platforms.first.tokens(phone())


def refused(node: Node, platforms: Platforms, document: dict[str, Any]) -> Answer:
    """The refusal of a filing, which leaves nothing behind but that it was seen."""
    kept = node.kept()
    answer = platforms.first.call("POST", "/v1/incidents", document)
    assert (422, "filing-incomplete") == (answer.status, answer.type)
    assert kept == node.kept()
    return answer


def codes(answer: Answer) -> set[tuple[str, str]]:
    return {(each["pointer"], each["code"]) for each in answer.json["errors"]}


def by_code(code: Code) -> str:
    return code.code


@pytest.mark.parametrize("code", TAXONOMY, ids=by_code)
def test_the_minimum_of_evidence_is_enough(platforms: Platforms, code: Code) -> None:
    """Exactly what the table asks for is accepted, under the severity of the table."""
    for classes in _minima(code):
        person = [
            {"type": "phone/1", "key_id": "k1", "token": _some_token(code.code + "".join(classes))}
        ]
        filed = file(platforms.first, report(person, code=code.code, evidence=classes))
        assert code.severity == filed["incident"]["severity"]


@pytest.mark.parametrize("code", TAXONOMY, ids=by_code)
def test_one_class_short_is_refused(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]], code: Code
) -> None:
    """Whatever is left out, and with a detector's output in its place, the evidence is missing."""
    for classes in code.one_short:
        answer = refused(node, platforms, report(tokens, code=code.code, evidence=classes))
        found = codes(answer)
        assert {"/evidence"} == {pointer for pointer, _ in found}
        wanted = {"evidence_class_missing", "evidence_condition_unmet"}
        assert wanted & {each for _, each in found}


@pytest.mark.parametrize("name", NOT_FILABLE)
def test_what_may_not_be_filed_is_refused_by_name(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]], name: str
) -> None:
    """Dissatisfaction, rights, criticism and forbidden data have a name and a reason."""
    answer = refused(node, platforms, {**report(tokens), "code": name})
    assert ("/code", "not_filable") in codes(answer)
    (error,) = [each for each in answer.json["errors"] if each["pointer"] == "/code"]
    assert error["detail"].startswith("Not filable: ")


@pytest.mark.parametrize("code", [*MEMBER_MISCONDUCT, "B999", "b101", "B101 ", "V403", "E1"])
def test_no_other_code_is_filed(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]], code: str
) -> None:
    """Misconduct of members, codes of the subject alone, and what is no code at all."""
    answer = refused(node, platforms, {**report(tokens), "code": code})
    expected = {"V403": "filed_by_subject_only"}
    if code in MEMBER_MISCONDUCT:
        expected[code] = "member_misconduct"
    assert ("/code", expected.get(code, "unknown_code")) in codes(answer)


def test_everything_missing_is_told_at_once(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]]
) -> None:
    """An empty filing lists all that the five proofs ask for."""
    full = report(tokens)
    bare = {name: full[name] for name in ("reference", "identities", "code", "role", "occurred_on")}
    answer = refused(node, platforms, bare)
    assert {
        ("/evidence", "evidence_class_missing"),
        ("/evidence", "evidence_classes_too_few"),
        ("/reviewers", "reviewers_too_few"),
        ("/confirmed_on", "confirmation_missing"),
        ("/intent", "intent_missing"),
        ("/decision", "decision_missing"),
        ("/notice", "notice_missing"),
        ("/adult_attested", "adult_not_attested"),
    } == codes(answer)


TOMORROW = (today() + timedelta(days=1)).isoformat()
WRONG_MEMBERS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"occurred_on": TOMORROW}, ("/occurred_on", "in_the_future")),
    ({"confirmed_on": TOMORROW}, ("/confirmed_on", "in_the_future")),
    (
        {"decision": {"kind": "refund_refused", "decided_on": TOMORROW}},
        ("/decision/decided_on", "in_the_future"),
    ),
    (
        {"confirmed_on": days_ago(31).isoformat()},
        ("/confirmed_on", "before_occurrence"),
    ),
    (
        {"decision": {"kind": "refund_refused", "decided_on": days_ago(31).isoformat()}},
        ("/decision/decided_on", "before_occurrence"),
    ),
    (
        {"decision": {"kind": "refund_refused", "decided_on": days_ago(10).isoformat()}},
        ("/decision/decided_on", "before_confirmation"),
    ),
    (
        {"decision": {"kind": "benefit_obtained", "decided_on": days_ago(31).isoformat()}},
        ("/decision/decided_on", "before_occurrence"),
    ),
    ({"role": "seller"}, ("/role", "role_mismatch")),
    ({"reviewers": ["one"]}, ("/reviewers", "reviewers_too_few")),
    ({"reviewers": ["one", "one"]}, ("/reviewers/1", "duplicate_reviewer")),
    ({"adult_attested": False}, ("/adult_attested", "adult_not_attested")),
]


@pytest.mark.parametrize(("changes", "expected"), WRONG_MEMBERS)
def test_a_wrong_member_is_pointed_at(
    node: Node,
    platforms: Platforms,
    tokens: list[dict[str, str]],
    changes: dict[str, Any],
    expected: tuple[str, str],
) -> None:
    """Days in the future, steps in reverse, too few reviewers: each has its pointer and code."""
    assert expected in codes(refused(node, platforms, report(tokens, **changes)))


@pytest.mark.parametrize("day", ["9999-12-31", "1900-01-01", "2000-02-29"])
def test_the_ends_of_time_are_refused_like_any_other(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]], day: str
) -> None:
    """A day that no arithmetic can go beyond is a wrong day, in every place."""
    good = report(tokens)
    for changes in (
        {"occurred_on": day},
        {"confirmed_on": day},
        {"decision": {"kind": "benefit_obtained", "decided_on": day}},
        {"notice": {**good["notice"], "delivered_at": f"{day}T23:59:59.999999Z"}},
        {"occurred_on": day, "confirmed_on": day, "code": "V402", "role": "protective"},
    ):
        refused(node, platforms, good | changes)


def _told(at: datetime) -> dict[str, str]:
    return {"delivered_at": instant(at), "channel": "sms", "reply": "none"}


@pytest.mark.parametrize(
    ("days", "code"),
    [(-1, "in_the_future"), (10, "before_decision"), (31, "before_decision")],
)
def test_a_notice_out_of_order_is_refused(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]], days: int, code: str
) -> None:
    """Told before it was decided, or not told yet."""
    notice = _told(datetime.now(UTC) - timedelta(days=days))
    answer = refused(node, platforms, report(tokens, notice=notice))
    assert {("/notice/delivered_at", code)} == codes(answer)


def test_days_are_those_of_the_zone(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]]
) -> None:
    """A notice one second before midnight in Shanghai is of the day before."""
    midnight = datetime.combine(days_ago(8), datetime.min.time(), UTC) - ZONE_OFFSET
    on_the_day = {"kind": "account_sanctioned", "decided_on": days_ago(8).isoformat()}
    late = report(tokens, decision=on_the_day, notice=_told(midnight - timedelta(seconds=1)))
    expected = {("/notice/delivered_at", "before_decision")}
    assert expected == codes(refused(node, platforms, late))
    file(platforms.first, report(tokens, decision=on_the_day, notice=_told(midnight)))


def test_a_filing_comes_within_ninety_days(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]]
) -> None:
    """On the ninetieth day after the confirmation it is accepted, on the next refused."""
    late = report(tokens, occurred=100, confirmed_on=days_ago(91).isoformat())
    assert {("/confirmed_on", "filed_too_late")} == codes(refused(node, platforms, late))
    file(platforms.first, report(tokens, occurred=100, confirmed_on=days_ago(90).isoformat()))


def test_evidence_is_of_different_bytes(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]]
) -> None:
    """The same digest is no second item; an adjudicator belongs to an adjudication."""
    evidence = manifest(["E1", "E3", "E6"])
    evidence[1]["digest"] = evidence[0]["digest"]
    evidence[0]["adjudicator"] = "court"
    answer = refused(node, platforms, report(tokens, evidence=None) | {"evidence": evidence})
    assert {
        ("/evidence/1/digest", "duplicate_digest"),
        ("/evidence/0/adjudicator", "adjudicator_without_adjudication"),
    } <= codes(answer)


def test_identities_are_of_this_registry_and_once(
    node: Node, platforms: Platforms, tokens: list[dict[str, str]]
) -> None:
    """An unknown key, an identity twice, a verification in the future."""
    verified = days_ago(30).isoformat()
    identities = [
        {**tokens[0], "last_verified_on": verified},
        {**tokens[0], "last_verified_on": verified},
        {
            **tokens[0],
            "token": _some_token("another"),
            "key_id": "k9",
            "last_verified_on": TOMORROW,
        },
    ]
    answer = refused(node, platforms, report(tokens) | {"identities": identities})
    assert {
        ("/identities/1", "repeated"),
        ("/identities/2/key_id", "key_unknown"),
        ("/identities/2/last_verified_on", "in_the_future"),
    } == codes(answer)


def _minima(code: Code) -> list[list[str]]:
    """The minimum with each alternative of each group in turn."""
    minima = [code.minimum]
    for place, group in enumerate(code.groups):
        for alternative in group[1:]:
            changed = list(code.minimum)
            changed[place] = alternative
            minima.append(changed)
    return minima


def _some_token(name: str) -> str:
    return b64u(sha256(name.encode()).digest())
