"""Who is calling: what the door needs to know of a member, whoever keeps it.

The members' room implements `KeyDirectory`; this room only asks it.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from registry.crypto.signature import PublicKey
from registry.database.transaction import Transaction
from registry.http.spool import Spool
from registry.kernel.ids import MemberId
from registry.rulebook.model import Purpose


class Scope(StrEnum):
    """What a member may do at all. Source: docs/protocol.md, section 1."""

    REPORT = "incidents:report"
    LOOK_UP = "lookups:make"
    SCREEN = "screening:read"
    EVALUATE = "identity:evaluate"
    ANSWER_APPEALS = "appeals:answer"
    ACKNOWLEDGE_CORRECTIONS = "corrections:acknowledge"
    AUDIT = "audit:read"
    ADMINISTER = "members:administer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A member, as far as a door needs to know it."""

    member: MemberId
    kid: str
    scopes: Set[Scope]
    purposes: Set[Purpose]
    requests_per_minute: int
    evaluations_per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A registered key; `is_active` speaks for the key and for its member."""

    public_key: PublicKey
    is_active: bool
    caller: Caller


class KeyDirectory(Protocol):
    """Where keys are looked up, by exact `kid`."""

    def find_key(self, kid: str) -> KeyRecord | None:
        """The key of this `kid`, active or not."""

    def refresh(self, transaction: Transaction) -> None:
        """Makes this process see every change of members and keys committed so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedCall:
    """An authenticated call that holds no transaction.

    `request_digest` is SHA-256 of `signed_request`, the JWT.
    """

    caller: Caller
    now: datetime
    request_id: UUID
    signed_request: str
    request_digest: bytes

    def inside(self, transaction: Transaction) -> "Call":
        """The same call inside `transaction`."""
        return Call(
            transaction=transaction,
            caller=self.caller,
            now=self.now,
            request_id=self.request_id,
            signed_request=self.signed_request,
            request_digest=self.request_digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedCall(DetachedCall):
    """A detached call with a body too large for memory, verified to be the signed one."""

    body: Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(DetachedCall):
    """An authenticated call inside its transaction."""

    transaction: Transaction
