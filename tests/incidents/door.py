"""The doors of incidents over a world, and members that sign their calls."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.crypto.signature import PrivateKey, sign_compact
from registry.http.limits import register_limit_headers
from registry.http.openapi import create_api
from registry.http.problems import register_problem_answers
from registry.http.requests import register_request_facts
from registry.http.signed import Door
from registry.http.wiring import provide
from registry.incidents import api, rulebook_api
from registry.kernel import base64url
from registry.kernel.clock import SystemClock
from registry.members.key_proof import make_key_proof
from registry.members.model import Admission, Role
from tests.incidents.world import ORIGIN, RULEBOOK, World, identity


def app_of(world: World) -> Flask:
    """The room's URLs, served as the application serves them."""
    app = Flask("test")
    register_request_facts(app)
    register_limit_headers(app)
    register_problem_answers(app, ORIGIN)
    door = Door(
        database=world.database,
        directory=world.directory,
        origin=ORIGIN,
        wall=SystemClock(),
        clock=world.clock,
    )
    provide(app, door, world.incidents, RULEBOOK)
    described = create_api(app, version="0")
    described.register_blueprint(api.blueprint)
    described.register_blueprint(rulebook_api.blueprint)
    return app


class Signer:
    """A member that calls over HTTP, each call signed afresh."""

    def __init__(self, world: World, name: str, *roles: Role) -> None:
        self._http = app_of(world).test_client()
        self._key = PrivateKey.generate()
        now = datetime.now(UTC)
        proof = make_key_proof(self._key, audience=ORIGIN, now=now, jti=secrets.token_bytes(16))
        admission = Admission(name=name, roles=set(roles) or {Role.FURNISHER})
        with world.database.transaction() as transaction:
            member = world.operator.admit(transaction, admission, [proof], now)
        world.members[name] = member.id
        self._member = member.id

    def send(
        self, method: str, target: str, document: Any = None, *, headers: Mapping[str, str] = {}
    ) -> TestResponse:
        """The answer to a call; `document` is sent as JSON, bytes as they are."""
        body = b"" if document is None else document
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        every = {"Authorization": f"Bearer {self._signed(method, target, body)}", **headers}
        if body:
            every.setdefault("Content-Type", "application/json")
        return self._http.open(target, method=method, data=body, headers=every)

    def _signed(self, method: str, target: str, body: bytes) -> str:
        now = int(datetime.now(UTC).timestamp())
        claims: dict[str, Any] = {
            "iss": self._member,
            "sub": self._member,
            "aud": ORIGIN,
            "iat": now,
            "exp": now + 60,
            "jti": base64url.encode(secrets.token_bytes(16)),
            "htm": method,
            "htu": target,
        }
        if body:
            claims["bsh"] = base64url.encode(hashlib.sha256(body).digest())
        header = {"alg": "EdDSA", "kid": self._key.public.kid, "typ": "ccr-request+jwt"}
        return sign_compact(header=header, claims=claims, key=self._key)


def document(**changes: Any) -> dict[str, Any]:
    """The body of a report that is proved, but for `changes`; None takes a member away."""
    whole = {
        "reference": "case-1",
        "identities": [
            {
                "type": "phone/1",
                "key_id": "k1",
                "token": base64url.encode(identity("ming").identity.token),
                "last_verified_on": "2026-10-01",
            }
        ],
        "code": "B101",
        "role": "buyer",
        "occurred_on": "2026-10-01",
        "confirmed_on": "2026-10-05",
        "amount": {"minor_units": 12900, "currency": "CNY"},
        "order": "order-1",
        "evidence": [
            {"class": kind, "digest": f"sha256:{number:064x}", "media_type": "image/jpeg"}
            for number, kind in enumerate(("E1", "E3", "E5"))
        ],
        "intent": "The photo was made by a generator; the buyer admitted it.",
        "reviewers": ["staff-0017", "staff-0093"],
        "decision": {"kind": "refund_refused", "decided_on": "2026-10-05"},
        "notice": {
            "delivered_at": "2026-10-06T03:00:00Z",
            "channel": "in_app",
            "reply": "considered",
        },
        "adult_attested": True,
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}
