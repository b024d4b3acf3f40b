"""The door of evaluations: signed, strict, counted, and proven to whoever asks."""

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from registry.crypto import voprf
from registry.crypto.signature import PrivateKey, sign_compact
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.http.caller import Caller, KeyRecord, Scope
from registry.http.limits import register_limit_headers
from registry.http.openapi import create_api, describe
from registry.http.problems import register_problem_answers
from registry.http.requests import register_request_facts
from registry.http.signed import Door
from registry.http.wiring import provide
from registry.identity.api import blueprint
from registry.identity.keyring import Keyring
from registry.identity.model import EvaluationKey, KeyNode
from registry.identity.service import Evaluations
from registry.kernel import base64url
from registry.kernel.clock import SystemClock
from registry.kernel.ids import MemberId

ORIGIN = "https://registry.example"
MEMBER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ab")
KEY = PrivateKey.generate()
PAIR = voprf.derive_key_pair(b"s" * 32, b"")
QUOTA = 5

Post = Callable[..., TestResponse]


class OneMember:
    """A directory of one member with one key."""

    def __init__(self, *scopes: Scope) -> None:
        caller = Caller(
            member=MEMBER,
            kid=KEY.public.kid,
            scopes=frozenset(scopes),
            purposes=frozenset(),
            requests_per_minute=1000,
            evaluations_per_hour=QUOTA,
        )
        self._record = KeyRecord(public_key=KEY.public, is_active=True, caller=caller)

    def find_key(self, kid: str) -> KeyRecord | None:
        return self._record if kid == KEY.public.kid else None

    def refresh(self, transaction: Transaction) -> None:
        """Nothing ever changes."""


def app_of(database: Database, directory: OneMember) -> Flask:
    node = KeyNode(origin=ORIGIN, share_public_key=PAIR.public)
    key = EvaluationKey(
        key_id="k1",
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        public_key=PAIR.public,
        threshold=1,
        nodes=(node,),
        share=PAIR,
    )
    app = Flask("test")
    register_request_facts(app)
    register_limit_headers(app)
    register_problem_answers(app, ORIGIN)
    clock = SystemClock()
    door = Door(database=database, directory=directory, origin=ORIGIN, wall=clock, clock=clock)
    provide(app, door, Evaluations(keyring=Keyring([key]), database=database))
    api = create_api(app, version="0")
    api.register_blueprint(blueprint)
    app.extensions["description"] = describe(api)
    return app


def poster(app: Flask) -> Post:
    def post(document: Any, **headers: str) -> TestResponse:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        authorization = {"Authorization": f"Bearer {signed(body)}"} | headers
        return app.test_client().post(
            "/v1/evaluations", data=body, content_type="application/json", headers=authorization
        )

    return post


def signed(body: bytes) -> str:
    now = int(datetime.now(UTC).timestamp())
    return sign_compact(
        header={"alg": "EdDSA", "kid": KEY.public.kid, "typ": "ccr-request+jwt"},
        claims={
            "iss": MEMBER,
            "sub": MEMBER,
            "aud": ORIGIN,
            "iat": now,
            "exp": now + 60,
            "jti": base64url.encode(secrets.token_bytes(16)),
            "htm": "POST",
            "htu": "/v1/evaluations",
            "bsh": base64url.encode(hashlib.sha256(body).digest()),
        },
        key=KEY,
    )


@pytest.fixture
def post(database: Database) -> Post:
    """Posts as the member that may evaluate."""
    return poster(app_of(database, OneMember(Scope.EVALUATE)))


def asked(*messages: bytes) -> tuple[list[voprf.Blinded], dict[str, Any]]:
    blinded = [voprf.blind(message) for message in messages]
    elements = [base64url.encode(one.element) for one in blinded]
    return blinded, {"key_id": "k1", "blinded": elements}


def test_a_client_gets_what_the_key_makes(post: Post) -> None:
    """The proof verifies under the share's public key, and the outputs are the key's."""
    blinded, document = asked(b"one", b"two")
    response = post(document)
    assert 200 == response.status_code
    answer = response.get_json()
    assert {"key_id", "evaluated", "proof"} == answer.keys()
    outputs = voprf.finalize(
        inputs=[b"one", b"two"],
        blinded=blinded,
        evaluation=voprf.Evaluation(
            elements=tuple(map(base64url.decode, answer["evaluated"])),
            proof=base64url.decode(answer["proof"]),
        ),
        public_key=PAIR.public,
    )
    again = voprf.blind(b"one")
    alone = voprf.finalize(
        inputs=[b"one"],
        blinded=[again],
        evaluation=voprf.evaluate(PAIR, [again.element]),
        public_key=PAIR.public,
    )
    assert 2 == len(outputs)
    assert alone[0] == outputs[0]


def test_the_quota_is_announced_and_then_refused(post: Post) -> None:
    """RateLimit says what is left; then 429 with the seconds to wait."""
    response = post(asked(b"1", b"2", b"3")[1])
    assert '"evaluations";r=2;t=' in response.headers["RateLimit"]
    assert '"evaluations";q=5;w=3600' in response.headers["RateLimit-Policy"]
    refused = post(asked(b"1", b"2", b"3")[1])
    assert 429 == refused.status_code
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert refused.get_json()["type"] == f"{ORIGIN}/problems/evaluation-quota-spent"
    assert 200 == post(asked(b"1", b"2")[1]).status_code


def test_bad_elements_are_all_named(post: Post) -> None:
    """422 with a pointer at each; nothing was counted."""
    _, document = asked(b"one")
    document["blinded"] += [base64url.encode(bytes(32)), base64url.encode(b"\xff" * 32)]
    response = post(document)
    assert 422 == response.status_code
    errors = response.get_json()["errors"]
    assert ["/blinded/1", "/blinded/2"] == [error["pointer"] for error in errors]
    assert 200 == post(asked(b"1", b"2", b"3", b"4", b"5")[1]).status_code


ELEMENT = base64url.encode(voprf.blind(b"x").element)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, 422),
        ([], 422),
        ("text", 422),
        ({"key_id": "k1"}, 422),
        ({"blinded": [ELEMENT]}, 422),
        ({"key_id": "k1", "blinded": []}, 422),
        ({"key_id": "k1", "blinded": [ELEMENT] * 65}, 422),
        ({"key_id": "k1", "blinded": ELEMENT}, 422),
        ({"key_id": "k1", "blinded": None}, 422),
        ({"key_id": "k1", "blinded": [7]}, 422),
        ({"key_id": "k1", "blinded": [None]}, 422),
        ({"key_id": "k1", "blinded": [""]}, 422),
        ({"key_id": "k1", "blinded": [ELEMENT + "="]}, 422),
        ({"key_id": "k1", "blinded": [ELEMENT[:-1]]}, 422),
        ({"key_id": "k1", "blinded": [base64url.encode(bytes(31))]}, 422),
        ({"key_id": "k1", "blinded": [base64url.encode(bytes(33))]}, 422),
        ({"key_id": "k1", "blinded": [ELEMENT.replace(ELEMENT[5], "/")]}, 422),
        ({"key_id": "", "blinded": [ELEMENT]}, 422),
        ({"key_id": "k" * 33, "blinded": [ELEMENT]}, 422),
        ({"key_id": "k\x00", "blinded": [ELEMENT]}, 422),
        ({"key_id": 1, "blinded": [ELEMENT]}, 422),
        ({"key_id": "k1", "blinded": [ELEMENT], "more": 1}, 422),
        ({"key_id": "k2", "blinded": [ELEMENT]}, 404),
        (b"", 422),
        (b"{", 400),
        (b'{"key_id":"k1","key_id":"k1","blinded":[]}', 400),
        (b'{"key_id":NaN}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100, 400),
    ],
)
def test_anything_else_is_a_problem_document(document: Any, status: int, post: Post) -> None:
    """Wrong types, lengths, members, keys and bytes: 4xx, and the quota untouched."""
    response = post(document)
    assert (status, "application/problem+json") == (response.status_code, response.mimetype)
    assert 200 == post(asked(b"1", b"2", b"3", b"4", b"5")[1]).status_code


def test_an_unsigned_call_is_refused(post: Post) -> None:
    """401 without saying more."""
    assert 401 == post(asked(b"one")[1], Authorization="Bearer x").status_code


def test_a_member_without_the_scope_is_refused(database: Database) -> None:
    """403: the scope is granted, not taken."""
    post = poster(app_of(database, OneMember(Scope.REPORT)))
    assert 403 == post(asked(b"one")[1]).status_code


def test_the_operation_is_described(database: Database) -> None:
    """The description names the scope, the limits and the problems."""
    app = app_of(database, OneMember())
    operation = app.extensions["description"]["paths"]["/v1/evaluations"]["post"]
    assert "identity:evaluate" == operation["x-scope"]
    assert {"200", "401", "403", "404", "422", "429"} <= operation["responses"].keys()
    schemas = app.extensions["description"]["components"]["schemas"]
    blinded = schemas["EvaluationRequest"]["properties"]["blinded"]
    assert (1, 64) == (blinded["minItems"], blinded["maxItems"])
