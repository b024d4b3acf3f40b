"""A stranger who has another's ids reads, to the byte, what they read of ids that are nobody's."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from registry.crypto import voprf
from registry.kernel import base64url
from registry.kernel.ids import Prefix, new_uuid, parse_id, with_prefix
from registry.kernel.paging import encode_cursor
from tests.appeals import pictures
from tests.appeals.test_jury_of_appeal import drawn, fill, upheld_once
from tests.appeals.town import NUMBER, OTHER, STATEMENT, Town, lodge, ok
from tests.subjects.person import PHONE, Person, token_of

# What an answer says of the call alone, not of what was asked for.
PASSING = {
    "x-request-id",
    "traceparent",
    "date",
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-remaining",
}


def octets(answer: TestResponse, asked: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer, without the id that was asked for and the id of the request."""
    passing = [answer.headers.get("X-Request-Id", "-")]
    document = json.loads(answer.data) if answer.data else {}
    passing += [str(document[each]) for each in ("instance", "request_id") if each in document]
    body = answer.data
    for each in (*passing, asked):
        body = body.replace(each.encode(), b"*")
    headers = [
        (name.lower(), value.replace(asked, "*"))
        for name, value in answer.headers
        if name.lower() not in PASSING
    ]
    return answer.status_code, body, sorted(headers)


Door = Callable[[Person, str], TestResponse]


def call(method: str, target: str, document: Any = None) -> Door:
    return lambda person, asked: person.call(method, target.replace("{}", asked), document)


def evidence(person: Person, asked: str) -> TestResponse:
    return person.app.test_client().post(
        f"/v1/subject/appeals/{asked}/evidence",
        data=pictures.image("PNG"),
        content_type="image/png",
        headers={"Authorization": f"Bearer {person.bearer}"},
    )


def hostile_evidence(person: Person, asked: str) -> TestResponse:
    return person.app.test_client().post(
        f"/v1/subject/appeals/{asked}/evidence",
        data=b"MZ",
        content_type="image/png",
        headers={"Authorization": f"Bearer {person.bearer}"},
    )


CONTEST = {"grounds": ["not_me"], "statement": STATEMENT}
VOTE = {"vote": "overturn", "salt": base64url.encode(bytes(32))}
OF_APPEALS = (
    call("GET", "/v1/subject/appeals/{}"),
    call("PATCH", "/v1/subject/appeals/{}", CONTEST),
    call("POST", "/v1/subject/appeals/{}/lodgement", {}),
    call("POST", "/v1/subject/appeals/{}/facts", {"facts": ["I was abroad."]}),
    call("POST", "/v1/subject/appeals/{}/withdrawal", {}),
    call("POST", "/v1/subject/appeals/{}/second-tier", {}),
    call("POST", "/v1/subject/appeals/{}/close-verdict", {"decided_by": "staff"}),
    call("POST", "/v1/subject/appeals/{}/close-verdict", {"decided_by": "panel"}),
    evidence,
    hostile_evidence,
    call("GET", "/v1/subject/jury/{}"),
    call("GET", "/v1/subject/jury/{}/case"),
    call("GET", "/v1/subject/jury/{}/files/01992f5e-7c00-7abc-8def-0123456789ab"),
    call("POST", "/v1/subject/jury/{}/commitment", {"commitment": base64url.encode(bytes(32))}),
    call("POST", "/v1/subject/jury/{}/vote", VOTE),
    call("POST", "/v1/subject/jury/{}/recusal", {}),
)
OF_INCIDENTS = (
    lambda person, asked: person.call(
        "POST", "/v1/subject/appeals", {"incident": asked, "then": "draft", **CONTEST}
    ),
    lambda person, asked: person.call(
        "POST", "/v1/subject/appeals", {"incident": asked, "then": "lodge", **CONTEST}
    ),
    call("GET", "/v1/subject/corrections/{}/certificate"),
)
OF_MARKERS = (
    call("POST", "/v1/subject/markers/{}/renewal"),
    call("DELETE", "/v1/subject/markers/{}"),
)


def beside(asked: str, town: Town) -> str:
    """An id of the same kind that is nobody's."""
    prefix = Prefix(asked.partition("_")[0])
    assert isinstance(parse_id(prefix, asked), UUID)
    return with_prefix(prefix, new_uuid(town.clock.now()))


def assert_alike(town: Town, stranger: Person, doors: tuple[Door, ...], known: list[str]) -> None:
    before = [town.count(each) for each in ("appeals", "appeal_files", "appeal_texts")]
    for asked in known:
        nobodys = beside(asked, town)
        for door in doors:
            found = octets(door(stranger, asked), asked)
            assert found == octets(door(stranger, nobodys), nobodys)
            assert 404 == found[0] or 422 == found[0], found
    assert before == [town.count(each) for each in ("appeals", "appeal_files", "appeal_texts")]


def test_another_s_ids_are_nobody_s_to_a_stranger(town: Town) -> None:
    """Appeals in each state, a jury's case, incidents, corrections, markers, letters."""
    fill(town)
    person = town.person(NUMBER)
    heard = upheld_once(town, person)
    second = town.file("case-2", order="order-2", occurred_on="2026-09-20")
    third = town.file("case-3", order="order-3", occurred_on="2026-09-19")
    body = {"incident": second, **CONTEST}
    draft = ok(person.call("POST", "/v1/subject/appeals", body), 201)["appeal"]["id"]
    answer = person.call("POST", "/v1/subject/markers", {"code": "V402"})
    (marker,) = ok(answer, 201)["sayings"]["markers"]
    lodged = lodge(person, third)["id"]
    drawn(town, person, heard)
    ok(town.platform.call("POST", f"/v1/incidents/{third}/withdrawal"))
    town.node.worker.run_due()
    first = ok(person.call("GET", f"/v1/subject/appeals/{heard}"))["appeal"]["incident"]

    stranger = town.person(OTHER)
    assert_alike(town, stranger, OF_APPEALS, [heard, draft, lodged])
    assert_alike(town, stranger, OF_INCIDENTS, [first, second, third])
    assert_alike(town, stranger, OF_MARKERS, [marker["id"]])
    # Nor does anything of it happen to whose it is.
    mine = ok(person.call("GET", "/v1/subject/record"))
    assert [marker["id"]] == [each["id"] for each in mine["sayings"]["markers"]]


def test_a_page_begins_behind_any_id_and_shows_only_one_s_own(town: Town) -> None:
    """A cursor made of another's id is a place in the order of ids, and nothing else."""
    incident = town.file()
    stranger = town.person(OTHER)
    nobodys = beside(incident, town)
    for target in ("incidents", "appeals"):
        for asked in (incident, nobodys):
            cursor = encode_cursor(asked)
            answer = stranger.call("GET", f"/v1/subject/{target}?cursor={cursor}")
            assert answer.status_code in (200, 400), answer.text
            assert incident not in answer.text


def test_another_s_sign_in_is_nobody_s(town: Town) -> None:
    """A stranger who has the id of somebody's sign-in, and not the code, learns nothing of it."""
    somebody = Person(app=town.app, node=town.node)
    started, _ = somebody.start(NUMBER)
    asked = started.json["sign_in"]["id"]
    nobodys = beside(asked, town)
    stranger = Person(app=town.app, node=town.node)
    blinded = voprf.blind(b"another")
    found = stranger.prove(asked, "00000000", blinded)
    assert octets(found, asked) == octets(stranger.prove(nobodys, "00000000", blinded), nobodys)


def test_another_s_authorisation_opens_nothing_and_tells_nothing(town: Town) -> None:
    """Whose code it is, and that it is one, shows in no refusal."""
    town.file()
    town.move(days=8)
    person = town.person(NUMBER)
    ok(person.call("PUT", "/v1/subject/freeze"))
    other = town.person(OTHER)
    asked = {"member": town.platform.member.id, "order": "order-7"}
    theirs = ok(other.call("POST", "/v1/subject/authorisations", asked), 201)
    answers = []
    for reference in (theirs["authorisation"]["reference"], base64url.encode(bytes(24))):
        body = look_up_with(town, reference)
        answer = town.platform.call("POST", "/v1/lookups", body)
        assert 403 == answer.status_code, answer.text
        answers.append({k: v for k, v in answer.json.items() if k not in ("instance", "receipt")})
    assert answers[0] == answers[1]


def look_up_with(town: Town, reference: str) -> dict[str, Any]:
    return {
        "identities": [token_of(town.node, PHONE, NUMBER)],
        "purpose": "refund_only_review",
        "order": "order-7",
        "authorisation": {"basis": "one_use", "reference": reference},
        "agent": "staff-7",
    }
