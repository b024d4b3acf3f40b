"""What every answer has, whatever it is about."""

import json
import re
from uuid import UUID, uuid4

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from registry.app.node import Node
from registry.cli.node import DESCRIPTION_FILE, DESCRIPTION_ORIGIN
from registry.crypto.cosignature import WitnessKey
from registry.database.migrate import shipped_directory
from registry.http.openapi import description_yaml
from tests.nodes import new_caller

OPEN = ("/livez", "/v1/rulebook", "/.well-known/consumer-credit-registry", "/v1/openapi.json", "/")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("target", [*OPEN, "/v1/members/me", "/nothing"])
def test_every_answer_has_an_id_and_a_trace(app: Flask, target: str) -> None:
    """Of its own, where the caller sent none."""
    answers = [app.test_client().get(target) for _ in range(2)]
    identifiers = [UUID(each.headers["X-Request-ID"]) for each in answers]
    assert identifiers[0] != identifiers[1]
    for each in answers:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", each.headers["traceparent"])
        assert "nosniff" == each.headers["X-Content-Type-Options"]
        assert "Cache-Control" in each.headers


def test_a_request_id_of_the_caller_is_taken_over(app: Flask) -> None:
    """If it is a UUID; in the header and in the problem."""
    mine = str(uuid4())
    answer = app.test_client().get("/nothing", headers={"X-Request-ID": mine})
    assert (mine, f"urn:uuid:{mine}") == (answer.headers["X-Request-ID"], answer.json["instance"])


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"00-{TRACE}-00f067aa0ba902b7-00", True),
        (f"00-{TRACE}-0000000000000000-01", False),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", False),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        ("", False),
    ],
)
def test_a_trace_is_taken_over_with_a_span_of_ours(app: Flask, parent: str, kept: bool) -> None:
    """W3C Trace Context: the trace goes on, the parent is this node; what is none is ignored."""
    answer = app.test_client().get("/livez", headers={"traceparent": parent})
    version, trace, span, _ = answer.headers["traceparent"].split("-")
    assert ("00", kept) == (version, trace == TRACE)
    assert "00f067aa0ba902b7" != span


def test_the_committed_description_is_the_one_served(app: Flask) -> None:
    """No drift between the code and api_spec/openapi.yaml."""
    served = json.loads(app.test_client().get("/v1/openapi.json").data)
    committed = (shipped_directory("api_spec") / DESCRIPTION_FILE).read_text(encoding="utf-8")
    assert committed == description_yaml(served)
    assert DESCRIPTION_ORIGIN not in committed


def test_the_description_is_valid_and_whole(app: Flask) -> None:
    """OpenAPI 3.1; every operation says what it does, who signs it, and how it is refused."""
    served = json.loads(app.test_client().get("/v1/openapi.json").data)
    OpenAPIV31SpecValidator(served).validate()
    for path, operations in served["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            assert operation["summary"], (path, method)
            statuses = operation["responses"].keys()
            assert {"400", "503"} <= statuses
            if "security" in operation:
                assert {"401", "429"} <= statuses
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert ["application/problem+json"] == list(response["content"])


def test_every_route_is_described(app: Flask) -> None:
    """All of the API, and nothing that is not there."""
    served = json.loads(app.test_client().get("/v1/openapi.json").data)
    described = {
        (path, method.upper())
        for path, operations in served["paths"].items()
        for method in operations
        if method != "parameters"
    }
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("pages.")
    }
    assert routes == described


def test_the_rulebook_has_a_tag_that_can_be_asked_for(app: Flask) -> None:
    """304 for the version a caller has, 200 for any other."""
    first = app.test_client().get("/v1/rulebook")
    assert (200, True) == (first.status_code, "public" in first.headers["Cache-Control"])
    tag = first.headers["ETag"]
    for condition in (tag, f'"other", {tag}', "*", f"W/{tag}"):
        again = app.test_client().get("/v1/rulebook", headers={"If-None-Match": condition})
        assert (304, b"", tag) == (again.status_code, again.data, again.headers["ETag"])
    other = app.test_client().get("/v1/rulebook", headers={"If-None-Match": '"other"'})
    assert (200, first.data) == (other.status_code, other.data)


def test_the_rulebook_shows_each_edition(app: Flask) -> None:
    """The current one, and any other by its name."""
    current = app.test_client().get("/v1/rulebook").json
    assert ("cn-2026.1", ["cn-2026.1", "us-2026.1"]) == (current["current"], current["editions"])
    assert "Asia/Shanghai" == current["edition"]["calendar"]["zone"]
    other = app.test_client().get("/v1/rulebook?edition=us-2026.1").json
    assert ("us-2026.1", "cn-2026.1") == (other["edition"]["name"], other["current"])


def test_the_well_known_document_says_what_a_client_needs(app: Flask, node: Node) -> None:
    """Exactly these members, and one current key whose share is the key."""
    document = app.test_client().get("/.well-known/consumer-credit-registry").json
    origin = node.settings.origin
    (key,) = document.pop("keys")
    logs = document.pop("logs")
    witness = WitnessKey.from_vkey(document["witness"]["vkey"])
    assert (document.pop("witness")["name"], node.signing_key.public) == (
        witness.name,
        witness.public_key,
    )
    assert {
        "federation": node.settings.federation,
        "origin": origin,
        "edition": "cn-2026.1",
        "api": "v1",
        "mode": "sandbox",
    } == document
    share = {"origin": origin, "share_public_key": key["public_key"]}
    assert {
        "key_id": "k1",
        "suite": "ristretto255-SHA512",
        "public_key": key["public_key"],
        "threshold": 1,
        "nodes": [share],
        "status": "current",
    } == key
    assert ["incidents", "access"] == [log["name"] for log in logs]
    for log in logs:
        # The present half-year's shard of each log.
        assert log["origin"].startswith(f"registry.example/log/{log['name']}/20")
        assert log["vkey"].startswith(log["origin"] + "+")


def test_limits_are_told_with_every_signed_answer(app: Flask, node: Node) -> None:
    """How many calls are left of this minute, and evaluations of this hour."""
    caller = new_caller(node, app, "Platform", evaluations_per_hour=50, requests_per_minute=9)
    first = caller.call("GET", "/v1/members/me")
    assert '"requests";q=9;w=60' == first.headers["RateLimit-Policy"]
    assert re.fullmatch(r'"requests";r=8;t=\d+', first.headers["RateLimit"])
    element = "4vKuCmq8TnGohKlhxQBRX1jjC2qlgt2NtqZZReCNLXY"
    evaluation = {"key_id": "k1", "blinded": [element] * 3}
    answer = caller.call("POST", "/v1/evaluations", evaluation)
    assert 200 == answer.status_code
    policy = '"requests";q=9;w=60, "evaluations";q=50;w=3600'
    assert policy == answer.headers["RateLimit-Policy"]
    assert re.fullmatch(
        r'"requests";r=\d;t=\d+, "evaluations";r=47;t=\d+', answer.headers["RateLimit"]
    )


def test_answers_about_people_are_kept_by_no_cache(app: Flask, node: Node) -> None:
    """no-store, unless an answer says otherwise."""
    caller = new_caller(node, app, "Platform")
    assert "no-store" == caller.call("GET", "/v1/members/me").headers["Cache-Control"]
    assert "no-store" == app.test_client().get("/v1/members/me").headers["Cache-Control"]
