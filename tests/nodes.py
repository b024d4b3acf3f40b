"""A whole node for tests of doors and journeys, and members that make signed calls to it."""

import json
import secrets
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.app import create_app
from registry.app.home import create_node
from registry.app.node import Node, assemble
from registry.client.signing import Signer
from registry.crypto.signature import PrivateKey
from registry.kernel.clock import Clock, SystemClock
from registry.members.key_proof import JTI_BYTES, make_key_proof
from registry.members.model import Admission, Member, Role
from registry.settings import Mode, Settings

ORIGIN = "https://registry.example"
FEDERATION = "federation.example"
PLATFORM_ROLES = frozenset({Role.FURNISHER, Role.INQUIRER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A member with its key, calling one application."""

    app: Flask
    member: Member
    key: PrivateKey

    def call(
        self,
        method: str,
        target: str,
        document: Any = None,
        *,
        content_type: str = "application/json",
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """The answer to a signed call; `document` is sent as JSON, bytes as they are."""
        body = b"" if document is None else document
        if not isinstance(body, bytes):
            body = json.dumps(document).encode()
        signer = Signer(origin=ORIGIN, member=self.member.id, key=self.key)
        return self.app.test_client().open(
            target,
            method=method,
            data=body,
            content_type=content_type if body else None,
            headers={
                "Authorization": "Bearer " + signer.sign(method, target, body, datetime.now(UTC)),
                **({} if if_match is None else {"If-Match": if_match}),
                **(headers or {}),
            },
        )


def new_node(home: Path, database_url: str, clock: Clock, wall: Clock | None = None) -> Node:
    """A fresh sandbox node on the migrated database at `database_url`.

    `wall` is what sessions and codes go by; without one, the machine's clock.
    """
    settings = Settings(
        home=home,
        origin=ORIGIN,
        federation=FEDERATION,
        mode=Mode.SANDBOX,
        database_url=database_url,
    )
    create_node(settings)
    return assemble(settings, clock, wall)


def new_caller(
    node: Node,
    app: Flask,
    name: str,
    roles: Set[Role] = PLATFORM_ROLES,
    *,
    origin: str = ORIGIN,
    **grant: Any,
) -> Caller:
    """A member admitted under `name` with a fresh key; `grant` is more of its admission."""
    now = SystemClock().now()
    key = PrivateKey.generate()
    proof = make_key_proof(key, audience=origin, now=now, jti=secrets.token_bytes(JTI_BYTES))
    admission = Admission(name=name, roles=roles, **grant)
    with node.database.transaction() as transaction:
        member = node.members.admit(transaction, admission, [proof], now)
    return Caller(app=app, member=member, key=key)


def new_app(node: Node) -> Flask:
    """The application of `node`."""
    return create_app(node)
