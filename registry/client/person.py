"""A person's own door, as a person's device sees it: identifiers normalised and blinded here.

    door = OwnDoor("https://registry.example")
    pending = door.start("phone/1", "138 0013 8000")
    session = door.prove(pending, code)           the code that arrived
    record = session.get("/v1/subject/record")

The blind leaves this machine only with the code; what it opens to is checked by the node.
Source: docs/protocol.md, section 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from types import TracebackType
from typing import Self

from registry.client import answers
from registry.client.calls import Calls, Outgoing, document_of, json_body
from registry.client.problems import AnswerNotTrusted
from registry.client.reading import Reader
from registry.client.receipts import log_public_key
from registry.client.retrying import Retries, SystemTimer, Timer
from registry.client.transport import Connections, Transport
from registry.crypto import voprf
from registry.crypto.identity_token import oprf_input
from registry.crypto.signature import PublicKey, split_compact, verify
from registry.identity.normalise import IdentifierType, normalise
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue, canonical_json

WELL_KNOWN_PATH = "/.well-known/consumer-credit-registry"
EXPORT_TYPE = "ccr-own-export+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """A sign-in under way: what the code that arrives is shown with."""

    id: str
    blind: bytes = field(repr=False)


class OwnDoor:
    """The way in to what one registry knows of a person."""

    def __init__(
        self,
        origin: str,
        *,
        region: str = "CN",
        connections: Connections = Connections(),  # noqa: B008 - frozen
        retries: Retries = Retries(),  # noqa: B008 - frozen
        timer: Timer = SystemTimer(),  # noqa: B008 - stateless
    ) -> None:
        self.origin = origin
        self._region = region
        self._timer = timer
        self._transport = Transport(origin, connections)
        self._calls = Calls(transport=self._transport, signer=None, retries=retries, timer=timer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; another call would open them again."""
        self._transport.close()

    def start(self, type: IdentifierType | str, identifier: str) -> PendingSignIn:
        """Has a code sent to the identifier.

        Raises: InvalidIdentifier before anything is sent; RegistryProblem.
        """
        kind = IdentifierType(type)
        canonical = normalise(kind, identifier, region=self._region)
        federation = self._federation()
        blinded = voprf.blind(
            oprf_input(federation=federation, type_name=kind.value, canonical=canonical)
        )
        body: dict[str, JsonValue] = {
            "type": kind.value,
            "identifier": canonical,
            "region": self._region,
            "blinded": base64url.encode(blinded.element),
        }
        answer = self.call("POST", "/v1/subject/sign-ins", body)
        return PendingSignIn(id=answer.child("sign_in").text("id"), blind=blinded.blind)

    def prove(
        self,
        pending: PendingSignIn,
        code: str,
        *,
        held_since: date | None = None,
        session: "OwnSession | None" = None,
    ) -> "OwnSession":
        """The session of whoever has the code; with a `session`, that one and one identity more.

        Raises: RegistryProblem.
        """
        body: dict[str, JsonValue] = {"code": code, "blind": base64url.encode(pending.blind)}
        if held_since is not None:
            body["held_since"] = held_since.isoformat()
        bearer = None if session is None else session.bearer
        answer = self.call("POST", f"/v1/subject/sign-ins/{pending.id}/proof", body, bearer)
        return OwnSession(door=self, bearer=answer.child("session").text("bearer"))

    def call(
        self,
        method: str,
        target: str,
        document: Mapping[str, JsonValue] | None = None,
        bearer: str | None = None,
    ) -> Reader:
        """The document of a successful answer. Raises: RegistryProblem."""
        answer = self._calls.unsigned(
            Outgoing(
                method=method,
                target=target,
                body=None if document is None else json_body(document),
                headers={} if bearer is None else {"Authorization": f"Bearer {bearer}"},
            )
        )
        return document_of(answer, self._timer.now())

    def log_keys(self) -> list[PublicKey]:
        """The keys the registry's logs are signed with, which sign exports, too."""
        known = answers.read_well_known(self.call("GET", WELL_KNOWN_PATH))
        return [log_public_key(log.vkey) for log in known.logs]

    def _federation(self) -> str:
        return self.call("GET", WELL_KNOWN_PATH).text("federation")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A person who is in."""

    door: OwnDoor
    bearer: str = field(repr=False)

    def get(self, target: str) -> Mapping[str, JsonValue]:
        """The document at `target`, such as `/v1/subject/record`."""
        return self.door.call("GET", target, None, self.bearer).document

    def say(
        self, method: str, target: str, document: Mapping[str, JsonValue] | None = None
    ) -> Mapping[str, JsonValue]:
        """The answer to an act, such as PUT `/v1/subject/freeze`."""
        return self.door.call(method, target, document, self.bearer).document

    def authorise(self, member: str, order: str) -> str:
        """The code that lets `member` look once, about this order."""
        body: dict[str, JsonValue] = {"member": member, "order": order}
        answer = self.door.call("POST", "/v1/subject/authorisations", body, self.bearer)
        return answer.child("authorisation").text("reference")

    def export(self) -> Mapping[str, JsonValue]:
        """Everything, once the registry's signature over it is verified.

        Raises: AnswerNotTrusted.
        """
        answer = self.door.call("GET", "/v1/subject/export", None, self.bearer)
        document = answer.document["document"]
        digest = base64url.encode(sha256(canonical_json(document)).digest())
        if not _is_signed(answer.text("proof"), digest, self.door):
            raise AnswerNotTrusted("the export is not what the registry signed")
        assert isinstance(document, Mapping)
        return document


def _is_signed(proof: str, digest: str, door: OwnDoor) -> bool:
    """Whether the registry signed that this is the digest of the export."""
    try:
        compact = split_compact(proof)
        claims = strict_json.parse(compact.claims)
    except (ValueError, strict_json.MalformedJson):
        return False
    keys = {each.kid: each for each in door.log_keys()}
    key = keys.get(str(compact.header.get("kid")))
    return (
        compact.header.get("typ") == EXPORT_TYPE
        and key is not None
        and verify(compact, key)
        and isinstance(claims, dict)
        and (claims.get("iss"), claims.get("sha256")) == (door.origin, digest)
    )
