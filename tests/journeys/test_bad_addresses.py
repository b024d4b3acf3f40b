"""Addresses, queries, methods and headers that mean nothing: refused, and nothing left behind."""

import pytest

from tests.journeys.filings import question, report
from tests.journeys.independent import Member, send
from tests.journeys.nodes import Node
from tests.journeys.refusals import INCIDENTS, LOOKUPS, Refused, is_problem

MALFORMED_IDS = [
    *(
        "inc_",
        "inc_1",
        "inc_01992F5E-7C00-7ABC-8DEF-0123456789AB",
        "01992f5e-7c00-7abc-8def-0123456789ab",
    ),
    *("lkp_01992f5e-7c00-7abc-8def-0123456789ab", "inc_01992f5e-7c00-4abc-8def-0123456789ab"),
    *("inc_01992f5e7c007abc8def0123456789ab", "inc_{01992f5e-7c00-7abc-8def-0123456789ab}"),
    *("%00", "inc_%00", "%ff", "%C0%80", "..", "%2e%2e", "%2F", "'", '"', "%0a", "a" * 1500, "%"),
    *("inc_01992f5e-7c00-7abc-8def-0123456789ab%0a", "inc_01992f5e-7c00-7abc-8def-0123456789ab%20"),
    *(
        "%F0%9F%99%82",
        "%ED%A0%80",
        "inc_%D9%A01992f5e-7c00-7abc-8def-0123456789a",
    ),
]


@pytest.mark.parametrize("malformed", MALFORMED_IDS)
def test_a_malformed_id_names_nothing(member: Member, refused: Refused, malformed: str) -> None:
    """404 for every method, also with a NUL, a line break or bytes that are no text."""
    for target, document in (
        (f"/v1/incidents/{malformed}", None),
        (f"/v1/receipts/{malformed}", None),
        (f"/problems/{malformed}", None),
    ):
        refused(404, member.call("GET", target, document))
    refused(404, member.call("POST", f"/v1/incidents/{malformed}/withdrawal"))
    outcome = {"decision": "approved", "human_reviewed": True}
    refused(404, member.call("POST", f"/v1/lookups/{malformed}/outcome", outcome))
    patch = member.call(
        "PATCH", f"/v1/incidents/{malformed}", {"order": "x"}, headers={"If-Match": "*"}
    )
    refused(404, patch)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=-1", 422),
        ("limit=1.0", 422),
        ("limit=1e1", 422),
        ("limit=one", 422),
        ("limit=", 422),
        ("limit=%00", 422),
        ("limit=" + "9" * 500, 422),
        ("limit=%D9%A1", 422),
        ("limit=+1", 422),
        ("limit=1_0", 422),
        ("limit=1&limit=2", 422),
        ("limit=1&limit=1", 422),
        ("more=1", 422),
        ("cursor=", 422),
        ("cursor=a%00b", 422),
        ("cursor=" + "a" * 513, 422),
        ("cursor=a", 400),
        ("cursor=YWJj", 400),
        ("cursor=YzHDqQ", 400),
        ("cursor=YzEA", 400),
        ("%ff=1", 422),
        ("limit=%ff", 422),
        ("a" * 1500, 422),
    ],
)
def test_a_query_that_does_not_fit_is_refused(
    member: Member, refused: Refused, query: str, status: int
) -> None:
    """Unknown, repeated, out of range, of another spelling, or no cursor of ours."""
    refused(status, member.call("GET", f"/v1/incidents?{query}"))


@pytest.mark.parametrize("query", ["edition=a&edition=b", "edition=%00", "edition=CN", "x=1"])
def test_a_query_of_an_open_door_is_read_as_strictly(
    node: Node, refused: Refused, query: str
) -> None:
    """The rulebook, without a signature."""
    refused(422, send(node.address, "GET", f"/v1/rulebook?{query}"))


def test_an_edition_that_is_not_there_is_not_found(node: Node, refused: Refused) -> None:
    """Of a good form, and nobody's."""
    refused(404, send(node.address, "GET", "/v1/rulebook?edition=xx-2026.1"))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH", "POST"])
def test_a_method_that_is_not_there_is_not_allowed(
    node: Node, member: Member, refused: Refused, method: str
) -> None:
    """405 with Allow, signed or not."""
    for answer in (
        member.call(method, "/v1/rulebook"),
        send(node.address, method, "/v1/members/me"),
        send(node.address, method, "/.well-known/consumer-credit-registry"),
    ):
        assert "GET" in refused(405, answer).headers["allow"]


def test_a_method_nobody_knows_is_refused(node: Node, member: Member, refused: Refused) -> None:
    """Flask has no such method there; the lean door's parser knows none of the name at all."""
    status = 400 if node.door == "lean" else 405
    refused(status, member.call("FOO", "/v1/rulebook"))
    refused(status, send(node.address, "FOO", "/v1/members/me"))


def test_head_and_options_answer_without_a_body(node: Node, member: Member) -> None:
    """HEAD as GET without its body; OPTIONS with what is allowed. Neither leaves anything."""
    kept = node.kept()
    for target in ("/v1/rulebook", "/livez", "/", "/v1/openapi.json"):
        head = send(node.address, "HEAD", target)
        assert (200, b"") == (head.status, head.body)
        options = send(node.address, "OPTIONS", target)
        assert (200, b"") == (options.status, options.body)
        assert {"GET", "HEAD", "OPTIONS"} == set(options.headers["allow"].split(", "))
    head = member.call("HEAD", "/v1/members/me")
    assert (200, b"") == (head.status, head.body)
    assert kept == node.kept()


@pytest.mark.parametrize(
    "target",
    ["/v2/incidents", "/v1", "/v1/", "/v1/incidents/", "/%00", "/favicon.ico"],
)
def test_what_is_not_there_is_not_found(node: Node, refused: Refused, target: str) -> None:
    """Not one address more than the description has."""
    refused(404, send(node.address, "GET", target))


@pytest.mark.parametrize(
    "name",
    [
        *("../../app/server.py", "..%2f..%2fserver.py", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"),
        *("a%00b", "index.html%00", "....//", "%ff", "swagger-ui.css/"),
    ],
)
def test_no_file_outside_of_the_assets_is_served(node: Node, refused: Refused, name: str) -> None:
    """Neither by the browser's assets nor by the pages' own."""
    for place in ("/docs/assets/", "/static/"):
        refused(404, send(node.address, "GET", place + name))


@pytest.mark.parametrize("if_match", ["", "*x", "1", '"', "W/", '"1', "\xff", '"' * 8000])
def test_an_if_match_that_is_no_tag_matches_nothing(
    node: Node, member: Member, tokens: list[dict[str, str]], if_match: str
) -> None:
    """412, and the incident is as it was."""
    filed = member.call("POST", INCIDENTS, report(tokens)).json["incident"]["id"]
    kept = node.kept()
    answer = member.call(
        "PATCH", f"{INCIDENTS}/{filed}", {"order": "x"}, headers={"If-Match": if_match}
    )
    is_problem(answer, node)
    assert (412, kept) == (answer.status, node.kept())


@pytest.mark.parametrize("key", ["", "a b", "a" * 65, "\x7f", "é", "a\tb"])
def test_an_idempotency_key_that_is_none_is_malformed(
    member: Member, tokens: list[dict[str, str]], refused: Refused, key: str
) -> None:
    """1 to 64 visible ASCII characters."""
    headers = {"Idempotency-Key": key}
    refused(400, member.call("POST", LOOKUPS, question(tokens), headers=headers))


@pytest.mark.parametrize("value", ["", "x", "\xff", "1" * 5000, "0" * 36, "{" * 36])
def test_headers_of_no_meaning_change_nothing(
    node: Node, member: Member, tokens: list[dict[str, str]], value: str
) -> None:
    """Request ids, traces and conditions that cannot be read are as if they were not there."""
    names = ("X-Request-ID", "traceparent", "If-None-Match", "Accept", "X-Forwarded-For", "Range")
    headers = dict.fromkeys(names, value)
    answer = member.call("POST", LOOKUPS, question(tokens), headers=headers)
    assert 200 == answer.status
    assert 36 == len(answer.headers["x-request-id"])
    assert 200 == send(node.address, "GET", "/v1/rulebook", headers=headers).status
