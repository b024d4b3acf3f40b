"""The doors of furnishers: the wire, its limits and its problems."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from registry.incidents.schemas import FiledSchema, filed_document
from registry.members.model import Role
from tests.incidents.door import Signer, document
from tests.incidents.world import World

PATH = "/v1/incidents"


@pytest.fixture
def alpha(world: World) -> Signer:
    return Signer(world, "alpha")


@pytest.fixture
def filed(alpha: Signer) -> dict[str, Any]:
    """An incident filed by alpha."""
    answer = alpha.send("POST", PATH, document())
    assert 201 == answer.status_code, answer.text
    incident = answer.json["incident"]
    assert isinstance(incident, dict)
    return incident


def errors(answer) -> set[tuple[str, str]]:
    assert "application/problem+json" == answer.content_type
    return {(error["pointer"], error["code"]) for error in answer.json.get("errors", [])}


def test_a_report_is_answered_as_published(alpha: Signer):
    """201 with the incident, its receipt, where it is and its entity tag."""
    answer = alpha.send("POST", PATH, document())
    incident = answer.json["incident"]
    assert 201 == answer.status_code
    assert {
        "id": incident["id"],
        "state": "noticed",
        "effective_at": "2026-10-13T03:00:00Z",
        "expires_on": "2029-10-01",
        "edition": "cn-2026.1",
        "severity": "S3",
    } == incident
    assert 3 == len(answer.json["receipt"].split("."))
    assert f"{PATH}/{incident['id']}" == answer.headers["Location"]
    assert '"1-noticed"' == answer.headers["ETag"]


def test_what_is_written_by_hand_is_what_the_schema_says(world: World):
    """Also where the incident is protective and has no severity."""
    incident = world.file().incident
    for each in (incident, replace(incident, severity=None)):
        state = world.state(each)
        facts = {field.name: getattr(each, field.name) for field in fields(each)}
        described = {"incident": facts | {"state": state}, "receipt": each.report_receipt}
        assert FiledSchema().dump(described) == filed_document(each, state)


def test_the_same_body_again_is_200_and_another_409(alpha: Signer):
    """Members in another order are the same body."""
    first = alpha.send("POST", PATH, document())
    again = alpha.send("POST", PATH, dict(reversed(document().items())))
    assert (200, first.json) == (again.status_code, again.json)
    other = alpha.send("POST", PATH, document(order="order-2"))
    assert (409, "reference-taken") == (other.status_code, other.json["type"].rsplit("/")[-1])


def test_everything_missing_is_told_at_once(alpha: Signer, world: World):
    """The members of the proof are not the schema's to ask for; nothing is left behind."""
    bare = document(
        **dict.fromkeys(
            ("evidence", "intent", "reviewers", "decision", "notice", "confirmed_on"), None
        ),
        adult_attested=None,
        amount=None,
        order=None,
    )
    answer = alpha.send("POST", PATH, bare)
    assert 422 == answer.status_code
    assert {
        ("/evidence", "evidence_class_missing"),
        ("/evidence", "evidence_classes_too_few"),
        ("/intent", "intent_missing"),
        ("/reviewers", "reviewers_too_few"),
        ("/decision", "decision_missing"),
        ("/notice", "notice_missing"),
        ("/confirmed_on", "confirmation_missing"),
        ("/adult_attested", "adult_not_attested"),
    } == errors(answer)
    assert (0, 0, []) == (world.count("incidents"), world.count("standings"), world.entries())


BAD_TOKENS = ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "B", "!" * 43, 7, None]
WRONG = [
    ("/reference", {"reference": ""}),
    ("/reference", {"reference": "r" * 65}),
    ("/reference", {"reference": "a\u0000b"}),
    ("/reference", {"reference": "a\nb"}),
    ("/reference", {"reference": 7}),
    ("/code", {"code": ["B101"]}),
    ("/code", {"code": "B\u0085"}),
    ("/role", {"role": "BUYER"}),
    ("/role", {"role": True}),
    ("/occurred_on", {"occurred_on": "2026-10-1"}),
    ("/occurred_on", {"occurred_on": "20261001"}),
    ("/occurred_on", {"occurred_on": "2026-02-30"}),
    ("/occurred_on", {"occurred_on": "2026-10-01\n"}),
    ("/occurred_on", {"occurred_on": "２０２６-10-01"}),
    ("/occurred_on", {"occurred_on": 20261001}),
    ("/occurred_on", {"occurred_on": "0001-01-01"}),
    ("/confirmed_on", {"confirmed_on": "2026-W40-1"}),
    ("/amount/minor_units", {"amount": {"minor_units": 4.7, "currency": "CNY"}}),
    ("/amount/minor_units", {"amount": {"minor_units": 4.0, "currency": "CNY"}}),
    ("/amount/minor_units", {"amount": {"minor_units": "4", "currency": "CNY"}}),
    ("/amount/minor_units", {"amount": {"minor_units": True, "currency": "CNY"}}),
    ("/amount/minor_units", {"amount": {"minor_units": -1, "currency": "CNY"}}),
    ("/amount/minor_units", {"amount": {"minor_units": 10**15 + 1, "currency": "CNY"}}),
    ("/amount/currency", {"amount": {"minor_units": 1, "currency": "cny"}}),
    ("/amount/currency", {"amount": {"minor_units": 1}}),
    ("/amount/fen", {"amount": {"minor_units": 1, "currency": "CNY", "fen": 1}}),
    ("/order", {"order": "o" * 65}),
    ("/intent", {"intent": "i" * 501}),
    ("/intent", {"intent": "a tab\tin it, and twenty characters"}),
    ("/reviewers", {"reviewers": "staff-1"}),
    ("/reviewers/0", {"reviewers": [None]}),
    ("/reviewers", {"reviewers": [f"staff-{number}" for number in range(9)]}),
    ("/decision/kind", {"decision": {"kind": "maybe", "decided_on": "2026-10-05"}}),
    ("/decision/decided_on", {"decision": {"kind": "refund_refused"}}),
    (
        "/notice/delivered_at",
        {"notice": {"delivered_at": "2026-10-06", "channel": "sms", "reply": "none"}},
    ),
    (
        "/notice/delivered_at",
        {"notice": {"delivered_at": "2026-10-06T03:00:00", "channel": "sms", "reply": "none"}},
    ),
    ("/adult_attested", {"adult_attested": "true"}),
    ("/adult_attested", {"adult_attested": 1}),
    ("/identities", {"identities": []}),
    ("/identities", {"identities": {}}),
    ("/identities", {"identities": [document()["identities"][0]] * 9}),
    ("/evidence/0/class", {"evidence": [document()["evidence"][0] | {"class": "E10"}]}),
    ("/evidence/0/digest", {"evidence": [document()["evidence"][0] | {"digest": "md5:0"}]}),
    (
        "/evidence/0/digest",
        {"evidence": [document()["evidence"][0] | {"digest": "sha256:" + "A" * 64}]},
    ),
    ("/evidence/0/media_type", {"evidence": [document()["evidence"][0] | {"media_type": "jpeg"}]}),
    ("/evidence/0/adjudicator", {"evidence": [document()["evidence"][0] | {"adjudicator": "me"}]}),
    ("/evidence", {"evidence": [document()["evidence"][0]] * 33}),
    ("/blacklisted", {"blacklisted": True}),
]


def test_what_does_not_fit_is_refused_where_it_is_wrong(alpha: Signer, world: World):
    """422 with a pointer, and no other error beside; nothing is left of any of it."""
    for pointer, changes in WRONG:
        answer = alpha.send("POST", PATH, document(**changes))
        told = {each for each, _ in errors(answer)}
        assert (changes, 422, {pointer}) == (changes, answer.status_code, told)
    assert (0, []) == (world.count("incidents"), world.entries())


def test_a_token_is_32_bytes_in_one_spelling(alpha: Signer):
    """Shorter, longer, padded, with bits set beyond the end, or no text at all: refused."""
    for token in BAD_TOKENS:
        identity = document()["identities"][0] | {"token": token}
        answer = alpha.send("POST", PATH, document(identities=[identity]))
        told = {pointer for pointer, _ in errors(answer)}
        assert (token, 422, {"/identities/0/token"}) == (token, answer.status_code, told)


NO_REPORTS = {
    b"[]": 422,
    b"null": 422,
    b"7": 422,
    b"{": 400,
    b'{"code":"B101","code":"B102"}': 400,
    b'{"amount":NaN}': 400,
    b'{"intent":"\xff"}': 400,
    b'{"intent":"\\ud800"}': 400,
    b"[" * 40 + b"]" * 40: 400,
}


def test_what_is_no_report_at_all_is_a_problem(alpha: Signer):
    """Malformed JSON is 400, JSON of another shape 422."""
    got = {body: alpha.send("POST", PATH, body).status_code for body in NO_REPORTS}
    assert NO_REPORTS == got


def test_an_incident_is_read_with_all_it_says_and_no_token(alpha: Signer, filed):
    """Everything filed comes back; of identities only type, key and day."""
    answer = alpha.send("GET", f"{PATH}/{filed['id']}")
    expected = document()
    for name in ("adult_attested", "identities"):
        del expected[name]
    for each in expected["evidence"]:
        each["adjudicator"] = None
    assert 200 == answer.status_code
    assert expected == {name: answer.json[name] for name in expected}
    assert [{"type": "phone/1", "key_id": "k1", "last_verified_on": "2026-10-01"}] == (
        answer.json["identities"]
    )
    assert (1, None) == (answer.json["version"], answer.json["withdrawal_reason"])
    assert document()["identities"][0]["token"] not in answer.text


def test_what_has_not_changed_is_not_sent_again(alpha: Signer, filed, world: World):
    """304 for the entity tag in hand, until time or hand changes what would be shown."""
    target = f"{PATH}/{filed['id']}"
    tag = alpha.send("GET", target).headers["ETag"]
    again = alpha.send("GET", target, headers={"If-None-Match": tag})
    assert (304, b"", tag) == (again.status_code, again.data, again.headers["ETag"])
    world.move(timedelta(days=8))
    active = alpha.send("GET", target, headers={"If-None-Match": tag})
    assert (200, "active", '"1-active"') == (
        active.status_code,
        active.json["state"],
        active.headers["ETag"],
    )


def test_an_amendment_names_its_version(alpha: Signer, filed):
    """428 without If-Match, 412 with another, 200 and the next entity tag with the right one."""
    target = f"{PATH}/{filed['id']}"
    change = {"order": "order-2"}
    assert 428 == alpha.send("PATCH", target, change).status_code
    other = alpha.send("PATCH", target, change, headers={"If-Match": '"7-noticed"'})
    assert 412 == other.status_code
    amended = alpha.send("PATCH", target, change, headers={"If-Match": '"1-noticed"'})
    assert (200, '"2-noticed"') == (amended.status_code, amended.headers["ETag"])
    assert "order-2" == alpha.send("GET", target).json["order"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({}, ""),
        ({"reference": "other"}, "/reference"),
        ({"identities": []}, "/identities"),
        ({"adult_attested": True}, "/adult_attested"),
        ({"amount": None}, "/amount"),
        ({"occurred_on": "2027-01-01"}, "/occurred_on"),
    ],
)
def test_an_amendment_changes_what_may_be_changed(alpha: Signer, filed, change, pointer):
    """Neither whom it is about nor its reference, and never nothing."""
    answer = alpha.send("PATCH", f"{PATH}/{filed['id']}", change, headers={"If-Match": "*"})
    assert 422 == answer.status_code
    assert pointer in {each for each, _ in errors(answer)}


def test_a_withdrawal_needs_no_body_and_is_made_once(alpha: Signer, filed, world: World):
    """Without a body, or with a reason: the first stands and is answered again."""
    target = f"{PATH}/{filed['id']}/withdrawal"
    first = alpha.send("POST", target)
    again = alpha.send("POST", target, {"reason": "The wrong person."})
    assert (200, "withdrawn") == (first.status_code, first.json["incident"]["state"])
    assert (200, first.json) == (again.status_code, again.json)
    assert 2 == len(world.entries())


def test_a_reason_is_a_reason(alpha: Signer, filed):
    """1 to 500 characters, and no other member."""
    for body in ({"reason": ""}, {"reason": "r" * 501}, {"reason": 1}, {"why": ""}):
        answer = alpha.send("POST", f"{PATH}/{filed['id']}/withdrawal", body)
        assert (body, 422) == (body, answer.status_code)


def test_what_is_not_there_is_not_found(alpha: Signer):
    """An id of nothing, or no id."""
    for name in ("inc_01992f5e-7c00-7abc-8def-0123456789ab", "inc_x", "x", "%00", "mem_1"):
        assert (name, 404) == (name, alpha.send("GET", f"{PATH}/{name}").status_code)


def test_what_another_filed_is_not_found(alpha: Signer, filed, world: World):
    """A stranger cannot tell it from nothing."""
    beta = Signer(world, "beta")
    target = f"{PATH}/{filed['id']}"
    change = beta.send("PATCH", target, {"order": "x"}, headers={"If-Match": "*"})
    assert [404, 404, 404] == [
        beta.send("GET", target).status_code,
        change.status_code,
        beta.send("POST", f"{target}/withdrawal").status_code,
    ]
    assert [] == beta.send("GET", PATH).json["incidents"]


def test_the_list_leads_on_from_page_to_page(alpha: Signer, world: World):
    """Link rel=next until there is no more; oldest first."""
    for number in range(5):
        alpha.send("POST", PATH, document(reference=f"case-{number}"))
        world.move(timedelta(seconds=1))
    seen: list[str] = []
    target = f"{PATH}?limit=2"
    while target:
        answer = alpha.send("GET", target)
        assert 200 == answer.status_code
        seen += [incident["reference"] for incident in answer.json["incidents"]]
        target = answer.headers.get("Link", "<>").partition("<")[2].partition(">")[0]
    assert [f"case-{number}" for number in range(5)] == seen


PAGES = {
    "limit=0": 422,
    "limit=101": 422,
    "limit=x": 422,
    "limit=1&limit=2": 422,
    "page=1": 422,
    "cursor=AAAA": 400,
    "cursor=YzEA": 400,
    "cursor=YzEnOyAtLQ": 400,
    "cursor=%00": 422,
}


def test_a_page_is_asked_for_as_it_was_offered(alpha: Signer):
    """Foreign cursors, a NUL inside one among them, and limits out of range."""
    got = {query: alpha.send("GET", f"{PATH}?{query}").status_code for query in PAGES}
    assert PAGES == got


def test_only_furnishers_report(world: World):
    """An inquirer is told that it lacks the scope."""
    inquirer = Signer(world, "inquirer", Role.INQUIRER)
    assert [403, 403] == [
        inquirer.send("POST", PATH, document()).status_code,
        inquirer.send("GET", PATH).status_code,
    ]


def test_the_rulebook_is_for_everyone(alpha: Signer):
    """Whole, cacheable, by name; unsigned."""
    http = alpha._http
    answer = http.get("/v1/rulebook")
    assert (200, "cn-2026.1") == (answer.status_code, answer.json["edition"]["name"])
    assert ["cn-2026.1", "us-2026.1"] == answer.json["editions"]
    assert answer.headers["Cache-Control"].startswith("public")
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert (304, b"") == (
        http.get("/v1/rulebook", headers=tag).status_code,
        http.get("/v1/rulebook", headers=tag).data,
    )
    us = http.get("/v1/rulebook?edition=us-2026.1", headers=tag)
    assert (200, "USD") == (us.status_code, us.json["edition"]["currency"])
    assert 404 == http.get("/v1/rulebook?edition=cn-1999.1").status_code
    assert 422 == http.get("/v1/rulebook?edition=%00").status_code
    assert 33 == len(json.loads(answer.data)["edition"]["codes"])
