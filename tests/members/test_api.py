"""A member reads its own grant."""

import secrets
from datetime import timedelta

from flask import Flask

from registry.app.node import Node
from registry.crypto.signature import Algorithm, PrivateKey
from registry.http.caller import Scope
from registry.kernel.clock import SystemClock, format_instant
from registry.members.key_proof import JTI_BYTES, make_key_proof
from registry.members.model import Role
from registry.rulebook.model import Purpose
from tests.nodes import ORIGIN, Caller, new_caller


def rotated(node: Node, caller: Caller, overlap: timedelta) -> Caller:
    """The same member with a fresh key; the old one ends after `overlap`."""
    now, key = SystemClock().now(), PrivateKey.generate(Algorithm.ES256)
    proof = make_key_proof(key, audience=ORIGIN, now=now, jti=secrets.token_bytes(JTI_BYTES))
    with node.database.transaction() as transaction:
        node.members.rotate_key(transaction, caller.member.id, proof, overlap, now)
    return Caller(app=caller.app, member=caller.member, key=key)


def test_a_member_reads_what_it_may_do(node: Node, app: Flask) -> None:
    """Roles, scopes, purposes, quotas and keys, as they were granted."""
    caller = new_caller(
        node,
        app,
        "Platform One",
        {Role.INQUIRER},
        scopes=frozenset({Scope.LOOK_UP}),
        purposes=frozenset({Purpose.RETURN_REVIEW}),
        reporter_group="group-a",
        evaluations_per_hour=7,
        requests_per_minute=70,
    )
    answer = caller.call("GET", "/v1/members/me")
    assert 200 == answer.status_code
    assert {
        "id": caller.member.id,
        "name": "Platform One",
        "roles": ["inquirer"],
        "scopes": ["lookups:make"],
        "withheld": [],
        "purposes": ["return_review"],
        "reporter_group": "group-a",
        "evaluations_per_hour": 7,
        "requests_per_minute": 70,
        "admitted_at": format_instant(caller.member.admitted_at),
        "keys": [
            {
                "kid": caller.key.public.kid,
                "alg": "EdDSA",
                "registered_at": format_instant(caller.member.admitted_at),
                "revoked_at": None,
            }
        ],
    } == answer.json


def test_only_its_own(node: Node, app: Flask) -> None:
    """Each sees itself, whoever else there is."""
    one, two = new_caller(node, app, "One"), new_caller(node, app, "Two")
    for caller in (one, two):
        grant = caller.call("GET", "/v1/members/me").json
        assert grant is not None
        assert (caller.member.id, caller.member.name) == (grant["id"], grant["name"])


def test_an_unsigned_call_is_refused(app: Flask) -> None:
    """There is no grant of nobody."""
    answer = app.test_client().get("/v1/members/me")
    assert 401 == answer.status_code
    assert "application/problem+json" == answer.mimetype


def test_both_keys_work_during_a_rotation(node: Node, app: Flask) -> None:
    """And the member sees when the old one ends."""
    old = new_caller(node, app, "One")
    new = rotated(node, old, timedelta(hours=1))
    for caller in (old, new):
        answer = caller.call("GET", "/v1/members/me")
        assert 200 == answer.status_code
        assert answer.json is not None
        ends = {key["kid"]: key["revoked_at"] for key in answer.json["keys"]}
        assert None is ends[new.key.public.kid]
        assert None is not ends[old.key.public.kid]


def test_a_key_that_was_rotated_out_is_refused_at_once(node: Node, app: Flask) -> None:
    """Without overlap the next call with it fails."""
    old = new_caller(node, app, "One")
    assert 200 == old.call("GET", "/v1/members/me").status_code
    new = rotated(node, old, timedelta(0))
    assert 401 == old.call("GET", "/v1/members/me").status_code
    assert 200 == new.call("GET", "/v1/members/me").status_code


def test_a_suspended_member_is_refused_until_it_is_reinstated(node: Node, app: Flask) -> None:
    """From the very next call on, both ways."""
    caller, now = new_caller(node, app, "One"), SystemClock().now()
    assert 200 == caller.call("GET", "/v1/members/me").status_code
    with node.database.transaction() as transaction:
        node.members.suspend(transaction, caller.member.id, now)
    assert 401 == caller.call("GET", "/v1/members/me").status_code
    with node.database.transaction() as transaction:
        node.members.reinstate(transaction, caller.member.id, now)
    assert 200 == caller.call("GET", "/v1/members/me").status_code


def test_a_member_sees_what_is_withheld_from_it_and_cannot_use_it(node: Node, app: Flask) -> None:
    """From the next call on, and what it owes others it may still do."""
    caller = new_caller(node, app, "Platform One", {Role.FURNISHER})
    before = caller.call("POST", "/v1/incidents", {})
    with node.database.transaction() as transaction:
        node.members.withhold(
            transaction, caller.member.id, Scope.REPORT, "R901", SystemClock().now()
        )
    refused = caller.call("POST", "/v1/incidents", {})
    grant = caller.call("GET", "/v1/members/me").json
    assert (422, 403) == (before.status_code, refused.status_code)
    assert grant is not None
    assert [("incidents:report", "R901")] == [
        (each["scope"], each["reason"]) for each in grant["withheld"]
    ]
    assert "incidents:report" in grant["scopes"]
    assert 422 == caller.call("POST", "/v1/evaluations", {}).status_code
