"""Values of the wrong type in every place: refused, pointed at, and nothing left behind."""

import json
from typing import Any

import pytest

from tests.journeys.filings import question, report
from tests.journeys.independent import Answer, Member, b64u
from tests.journeys.nodes import Node
from tests.journeys.refusals import (
    BATCH,
    EVALUATIONS,
    INCIDENTS,
    LOOKUPS,
    NOT_A_LOOKUP,
    Refused,
    is_problem,
)


def replaced(document: Any, path: str, value: Any) -> Any:
    """A copy of a JSON value with something else at `path`, names joined by dots."""
    name, _, rest = path.partition(".")
    if isinstance(document, list):
        copy: Any = list(document)
        copy[int(name)] = replaced(document[int(name)], rest, value) if rest else value
        return copy
    inside = replaced(document[name], rest, value) if rest else value
    return {**document, name: inside}


TOKEN_31, TOKEN_32, TOKEN_33 = (b64u(bytes(range(length))) for length in (31, 32, 33))
CONTROLS = ["\x00", "a\x1fb", "a\nb", "\x7f", "\x85", "\u2028", "\u2029", "\u202ea", "a\u200b"]
NOT_TEXTS: list[Any] = [1, 4.0, True, None, [], {}, ["a"]]
NOT_DAYS: list[Any] = [
    *("2026-13-01", "2026-02-30", "20261001", "2026-10-01T00:00:00Z", "2026-1-1", " 2026-10-01"),
    *("2026-10-01\n", "٢٠٢٦-10-01", "0000-01-01", "1800-01-01", "", 20261001, None, True),
]
NOT_INSTANTS: list[Any] = [
    *("2026-10-06T03:00:00", "2026-10-06", "2026-10-06T25:00:00Z", "2026-10-06T03:00:60Z"),
    *("0000-00-00T00:00:00Z", "0001-01-01T00:00:00+23:59", "2026-10-06 03:00:00Z", "now", 1, None),
    *("9999-12-31T23:59:59-23:59", "2026-10-06T03:00:00+24:00", "1800-01-01T00:00:00Z"),
]
NOT_INTEGERS: list[Any] = [True, False, 4.0, 4.7, "4", None, -1, 10**15 + 1, 10**400, [], {}]
NOT_TOKENS: list[Any] = [
    *(TOKEN_31, TOKEN_33, TOKEN_32 + "=", TOKEN_32[:-1], TOKEN_32[:-1] + "9", "", "+" * 43),
    *("/" * 43, " " + TOKEN_32, TOKEN_32 + "\n", TOKEN_32[:-1] + "é", "A" * 1000, 1, None, [1], {}),
]

REPORT_FAULTS: dict[str, list[Any]] = {
    "reference": [*NOT_TEXTS, "", "a" * 65, *CONTROLS],
    "identities": [[], {}, None, "a", [[]], [1], [{}]],
    "identities.0.type": ["phone/2", "phone", "PHONE/1", "", 1, None],
    "identities.0.key_id": [1, None, "", "k" * 33, "\x00"],
    "identities.0.token": NOT_TOKENS,
    "identities.0.last_verified_on": NOT_DAYS,
    "code": [*NOT_TEXTS, "", "B" * 65, "B101\x00"],
    "role": ["Buyer", "", "nobody", 1, None, []],
    "occurred_on": NOT_DAYS,
    "confirmed_on": NOT_DAYS,
    "amount": [1, "1", [], {}, {"minor_units": 1}, {"currency": "CNY"}],
    "amount.minor_units": NOT_INTEGERS,
    "amount.currency": ["cny", "CN", "CNYY", "C1Y", "CNY\n", "", 1, None, "ＣＮＹ"],
    "order": [*NOT_TEXTS, "", "o" * 65, *CONTROLS],
    "evidence": [1, {}, "E1", [1], [{}], [[]]],
    "evidence.0.class": ["E10", "e1", "", 1, None],
    "evidence.0.digest": [
        *("sha256:" + "a" * 63, "sha256:" + "a" * 65, "sha256:" + "A" * 64, "a" * 64),
        *("sha512:" + "a" * 64, "sha256:" + "a" * 64 + "\n", "", 1, None),
    ],
    "evidence.0.media_type": ["jpeg", "image/", "/jpeg", "image/jpeg; q=1", "a/" + "b" * 99, "", 1],
    "intent": [*NOT_TEXTS, "i" * 501, *CONTROLS],
    "reviewers": [1, "one", {}, [1], [""], [None], ["r" * 65], ["r"] * 9, ["a\x00"]],
    "decision": [1, "refund_refused", [], {}],
    "decision.kind": ["refunded", "", 1, None],
    "decision.decided_on": NOT_DAYS,
    "notice": [1, [], {}, "told"],
    "notice.delivered_at": NOT_INSTANTS,
    "notice.channel": ["pigeon", "", 1, None],
    "notice.reply": ["ignored", "", 1, None],
    "adult_attested": ["true", "yes", 1, 0, 1.0, None, [], {}],
}
LOOKUP_FAULTS: dict[str, list[Any]] = {
    "identities": [[], {}, None, "a", [[]], [1], [{}]],
    "identities.0.type": ["phone/2", "", 1, None],
    "identities.0.token": NOT_TOKENS,
    "identities.0.held_since": [each for each in NOT_DAYS if each is not None],
    "purpose": [
        "pricing",
        "marketing",
        "employment",
        "lending",
        "insurance",
        "tenancy",
        "",
        1,
        None,
    ],
    "order": [*NOT_TEXTS, "", "o" * 65, *CONTROLS],
    "authorisation": [1, "consent", [], {}, None],
    "authorisation.basis": ["consent", "", 1, None],
    "authorisation.reference": [*NOT_TEXTS, "", "r" * 129, *CONTROLS],
    "agent": [*NOT_TEXTS, "", "a" * 65, *CONTROLS],
}
EVALUATION_FAULTS: dict[str, list[Any]] = {
    "key_id": [1, None, "", "k" * 33, "\x00", []],
    "blinded": [[], {}, None, "a", [1], [None], [[]], [TOKEN_31], [TOKEN_33], [TOKEN_32] * 65],
    "blinded.0": NOT_TOKENS,
}
OUTCOME_FAULTS: dict[str, list[Any]] = {
    "decision": ["maybe", "", 1, None, []],
    "human_reviewed": ["true", 1, 0, 1.0, None, [], "no"],
    "notice_given_at": [each for each in NOT_INSTANTS if each is not None],
}


def each_fault(faults: dict[str, list[Any]]) -> Any:
    return pytest.mark.parametrize("path", faults)


@each_fault(REPORT_FAULTS)
def test_a_report_of_wrong_types_is_invalid(
    member: Member, tokens: list[dict[str, str]], refused: Refused, path: str
) -> None:
    """Nothing is coerced: no text for a number, 4.0 for 4, 1 for true, no other spelling."""
    good = report(tokens)
    for value in REPORT_FAULTS[path]:
        answer = refused(422, member.call("POST", INCIDENTS, replaced(good, path, value)))
        pointed(answer, path)


@each_fault(LOOKUP_FAULTS)
def test_a_lookup_of_wrong_types_is_invalid(
    member: Member, tokens: list[dict[str, str]], refused: Refused, path: str
) -> None:
    """Nor is a purpose taken that is not permissible at all."""
    good = question([{**tokens[0], "held_since": "2026-01-01"}])
    for value in LOOKUP_FAULTS[path]:
        answer = refused(422, member.call("POST", LOOKUPS, replaced(good, path, value)))
        pointed(answer, path)
    batch = [replaced(good, path, value) for value in LOOKUP_FAULTS[path]]
    answer = member.call("POST", BATCH, {"lookups": batch})
    results = answer.json["results"]
    assert (200, [422] * len(batch)) == (answer.status, [each["status"] for each in results])


@each_fault(EVALUATION_FAULTS)
def test_an_evaluation_of_wrong_types_is_invalid(
    member: Member, refused: Refused, path: str
) -> None:
    """Elements are 32 bytes in one spelling, 1 to 64 of them."""
    good = {"key_id": "k1", "blinded": [TOKEN_32]}
    for value in EVALUATION_FAULTS[path]:
        answer = refused(422, member.call("POST", EVALUATIONS, replaced(good, path, value)))
        pointed(answer, path)


@each_fault(OUTCOME_FAULTS)
def test_an_outcome_of_wrong_types_is_invalid(member: Member, refused: Refused, path: str) -> None:
    """Whatever lookup it is about."""
    good = {"decision": "approved", "human_reviewed": True, "notice_given_at": None}
    for value in OUTCOME_FAULTS[path]:
        answer = refused(422, member.call("POST", NOT_A_LOOKUP, replaced(good, path, value)))
        pointed(answer, path)


def pointed(answer: Answer, path: str) -> None:
    """An error points at the place, or at something inside of it."""
    pointer = "/" + path.replace(".", "/")
    assert [] != [
        e for e in answer.json["errors"] if (e["pointer"] + "/").startswith(pointer + "/")
    ]


@pytest.mark.parametrize(
    "element",
    [
        bytes(32),
        b"\1" + bytes(31),
        b"\xed" + b"\xff" * 30 + b"\x7f",
        b"\xff" * 32,
        bytes(31) + b"\x80",
    ],
    ids=["identity", "negative", "p", "too large", "minus zero"],
)
def test_what_is_no_usable_element_is_not_evaluated(
    member: Member, refused: Refused, element: bytes
) -> None:
    """The identity and encodings that are not canonical are refused, each position named."""
    good = b64u(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))
    document = {"key_id": "k1", "blinded": [good, b64u(element)]}
    answer = refused(422, member.call("POST", EVALUATIONS, document))
    assert ["/blinded/1"] == [each["pointer"] for each in answer.json["errors"]]


def test_an_unknown_evaluation_key_is_not_found(member: Member, refused: Refused) -> None:
    """Nobody learns anything from a key that is not there."""
    refused(404, member.call("POST", EVALUATIONS, {"key_id": "k2", "blinded": [TOKEN_32]}))


def test_a_lookup_under_an_unknown_key_is_refused_and_logged(
    node: Node, member: Member, tokens: list[dict[str, str]]
) -> None:
    """Its token was made for another registry: no answer may pretend to know of nobody."""
    before = node.entries(17)
    asked = question([{**tokens[0], "key_id": "k9"}])
    answer = member.call("POST", LOOKUPS, asked)
    is_problem(answer, node)
    assert (422, "lookup-key-unknown", before + 1) == (answer.status, answer.type, node.entries(17))


def test_a_refusal_never_repeats_what_was_sent(
    member: Member, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """A problem may be logged by whoever gets it: it holds no token and no body."""
    marked = replaced(report(tokens), "intent", "SECRET\x00SECRET")
    for document in (
        marked,
        {**report(tokens), "SECRET": 1},
        replaced(report(tokens), "role", "SECRET"),
        replaced(report(tokens), "identities.0.token", "SECRET"),
    ):
        answer = refused(422, member.call("POST", INCIDENTS, document))
        text = json.dumps([each["detail"] for each in answer.json["errors"]])
        assert "SECRET" not in text
        assert tokens[0]["token"] not in answer.body.decode()
