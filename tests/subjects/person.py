"""People who come to their own door: they ask for a code, read it, and open their blind."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.app.own_door import SANDBOX_CODES_FILE
from registry.crypto import voprf
from registry.crypto.identity_token import identity_token, oprf_input
from registry.identity.normalise import IdentifierType, normalise
from registry.kernel import base64url
from tests.nodes import FEDERATION

PHONE = IdentifierType.PHONE
EMAIL = IdentifierType.EMAIL


@dataclass(slots=True, kw_only=True)
class Person:
    """Someone at the door of one application; `bearer` once they are in."""

    app: Flask
    node: Node
    bearer: str | None = None

    def call(self, method: str, target: str, document: Any = None) -> TestResponse:
        """The answer to a call, under the session if there is one."""
        headers = {} if self.bearer is None else {"Authorization": f"Bearer {self.bearer}"}
        return self.app.test_client().open(
            target,
            method=method,
            data=None if document is None else json.dumps(document),
            content_type=None if document is None else "application/json",
            headers=headers,
        )

    def start(
        self, identifier: str, type: IdentifierType = PHONE
    ) -> tuple[TestResponse, voprf.Blinded]:
        """The answer to a sign-in, and the blind that opens it."""
        blinded = voprf.blind(input_of(type, identifier))
        body = {
            "type": type.value,
            "identifier": identifier,
            "blinded": base64url.encode(blinded.element),
        }
        return self.call("POST", "/v1/subject/sign-ins", body), blinded

    def prove(
        self,
        sign_in: str,
        code: str,
        blinded: voprf.Blinded,
        held_since: date | None = None,
        **more: str,
    ) -> TestResponse:
        """The answer to a proof; a session that it gives is this person's from then on."""
        body: dict[str, Any] = {"code": code, "blind": base64url.encode(blinded.blind), **more}
        if held_since is not None:
            body["held_since"] = held_since.isoformat()
        answer = self.call("POST", f"/v1/subject/sign-ins/{sign_in}/proof", body)
        if answer.status_code == 201:
            self.bearer = answer.json["session"]["bearer"]
        return answer

    def sign_in(
        self,
        identifier: str,
        type: IdentifierType = PHONE,
        held_since: date | None = None,
        **more: str,
    ) -> dict[str, Any]:
        """Signs in as whoever reads what is sent to `identifier`."""
        started, blinded = self.start(identifier, type)
        assert started.status_code == 202, started.text
        code = last_code(self.node, identifier, type)["long"]
        proven = self.prove(started.json["sign_in"]["id"], code, blinded, held_since, **more)
        assert proven.status_code == 201, proven.text
        document: dict[str, Any] = proven.json
        return document


def codes_sent(node: Node) -> list[dict[str, str]]:
    """Everything the node has sent so far, once its jobs are done."""
    node.worker.run_due()
    path = node.settings.home / SANDBOX_CODES_FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def last_code(node: Node, identifier: str, type: IdentifierType = PHONE) -> dict[str, str]:
    """What was sent last to an identifier."""
    to = normalise(type, identifier)
    return [each for each in codes_sent(node) if each["to"] == to][-1]


def input_of(type: IdentifierType, identifier: str) -> bytes:
    """What is blinded for an identifier."""
    return oprf_input(
        federation=FEDERATION, type_name=type.value, canonical=normalise(type, identifier)
    )


def token_of(node: Node, type: IdentifierType, identifier: str) -> dict[str, str]:
    """The identity of an identifier as a member sends it, made with the node's own key."""
    key = node.keyring.current()
    data = input_of(type, identifier)
    blinded = voprf.blind(data)
    (evaluated,) = voprf.evaluate_unproven(key.share, [blinded.element])
    token = identity_token(voprf.finalize_unproven(data, blinded, evaluated), key.key_id)
    return {"type": type.value, "key_id": key.key_id, "token": base64url.encode(token)}
