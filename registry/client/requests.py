"""What a member says to the registry: identifiers, reports, lookups, outcomes.

Raw identifiers are in no repr. Where an `Identifier` may stand, so may the
`IdentityToken` it was turned into before.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from registry.client.results import IdentityToken
from registry.identity.normalise import IdentifierType, InvalidIdentifier, normalise
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Something that points at one person, as the member holds it.

    `last_verified_on` is when the member last saw that it is the person's (for
    a report), `held_since` when the person's account got it (for a lookup).
    """

    type: IdentifierType
    value: str = field(repr=False)
    last_verified_on: date | None = None
    held_since: date | None = None

    @staticmethod
    def phone(
        value: str, *, last_verified_on: date | None = None, held_since: date | None = None
    ) -> "Identifier":
        """A mobile number, in any usual spelling."""
        return Identifier(
            type=IdentifierType.PHONE,
            value=value,
            last_verified_on=last_verified_on,
            held_since=held_since,
        )

    @staticmethod
    def email(
        value: str, *, last_verified_on: date | None = None, held_since: date | None = None
    ) -> "Identifier":
        """A mail address."""
        return Identifier(
            type=IdentifierType.EMAIL,
            value=value,
            last_verified_on=last_verified_on,
            held_since=held_since,
        )


def mailbox(
    address: str, *, last_verified_on: date | None = None, held_since: date | None = None
) -> list[Identifier]:
    """The identifiers of a mail address: as written and, where the provider is known
    to ignore dots or tags, the mailbox behind every such spelling.

    Raises: InvalidIdentifier.
    """
    types = [IdentifierType.EMAIL]
    normalise(IdentifierType.EMAIL, address)
    try:
        normalise(IdentifierType.EMAIL_CANONICAL, address)
        types.append(IdentifierType.EMAIL_CANONICAL)
    except InvalidIdentifier:
        # Not a provider whose ways are known: the address itself is all there is.
        pass
    return [
        Identifier(
            type=type_, value=address, last_verified_on=last_verified_on, held_since=held_since
        )
        for type_ in types
    ]


Identity = Identifier | IdentityToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One item of the manifest; the bytes themselves stay with the member.

    `digest` is `sha256:` and lower-case hex. `adjudicator` says whose reasoned
    decision an E6 item is: platform, jury, court or police.
    """

    evidence_class: str
    digest: str
    media_type: str
    adjudicator: str | None = None

    @staticmethod
    def of(
        content: bytes, *, evidence_class: str, media_type: str, adjudicator: str | None = None
    ) -> "Evidence":
        """The item for these bytes."""
        return Evidence(
            evidence_class=evidence_class,
            digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
            media_type=media_type,
            adjudicator=adjudicator,
        )

    def to_document(self) -> dict[str, JsonValue]:
        """The item as it is sent."""
        return _without_none(
            {
                "class": self.evidence_class,
                "digest": self.digest,
                "media_type": self.media_type,
                "adjudicator": self.adjudicator,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision a report rests on: refund_refused, refund_reversed,
    account_sanctioned or benefit_obtained."""

    kind: str
    decided_on: date

    def to_document(self) -> dict[str, JsonValue]:
        """The decision as it is sent."""
        return {"kind": self.kind, "decided_on": self.decided_on.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The notice the person got before anything takes effect.

    `channel` is in_app, sms, email or letter; `reply` none or considered.
    """

    delivered_at: datetime
    channel: str
    reply: str = "none"

    def to_document(self) -> dict[str, JsonValue]:
        """The notice as it is sent."""
        return {
            "delivered_at": format_instant(self.delivered_at),
            "channel": self.channel,
            "reply": self.reply,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What a report and an amendment may say about the act and its proof.

    What is left out of a report that needs it, the rulebook reports as missing.
    `reviewers` are the member's own names for its staff, two for the severities
    S3 and S4.
    """

    confirmed_on: date | None = None
    amount: Money | None = None
    order: str | None = None
    evidence: Sequence[Evidence] | None = None
    intent: str | None = None
    reviewers: Sequence[str] | None = None
    decision: Decision | None = None
    notice: Notice | None = None

    def _members(self) -> dict[str, JsonValue]:
        evidence, amount = self.evidence, self.amount
        return {
            "confirmed_on": _day(self.confirmed_on),
            "amount": None
            if amount is None
            else {"minor_units": amount.minor_units, "currency": amount.currency},
            "order": self.order,
            "evidence": None if evidence is None else [item.to_document() for item in evidence],
            "intent": self.intent,
            "reviewers": None if self.reviewers is None else list(self.reviewers),
            "decision": None if self.decision is None else self.decision.to_document(),
            "notice": None if self.notice is None else self.notice.to_document(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Filing):
    """One confirmed act of one person.

    `reference` is unique among this member's reports: the same report sent
    again under it counts once. `adult_attested` states that the person is of
    age. `identities` say when they were last verified.
    """

    reference: str
    identities: Sequence[Identity]
    code: str
    role: str
    occurred_on: date
    adult_attested: bool

    def to_document(self, tokens: Sequence[IdentityToken]) -> dict[str, JsonValue]:
        """The report as it is sent, with `tokens` for its identities."""
        return _without_none(
            {
                "reference": self.reference,
                "identities": [reported_identity(token) for token in tokens],
                "code": self.code,
                "role": self.role,
                "occurred_on": self.occurred_on.isoformat(),
                "adult_attested": self.adult_attested,
                **self._members(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment(Filing):
    """What to replace in an incident; what is None stays as it is."""

    code: str | None = None
    role: str | None = None
    occurred_on: date | None = None

    def to_document(self) -> dict[str, JsonValue]:
        """The amendment as it is sent."""
        return _without_none(
            {
                "code": self.code,
                "role": self.role,
                "occurred_on": _day(self.occurred_on),
                **self._members(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """Why the member may ask: separate_consent or one_use, and its reference."""

    basis: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRequest:
    """One question about one person. `agent` is who asks, by the member's own name."""

    identities: Sequence[Identity]
    purpose: str
    order: str
    authorisation: Authorisation
    agent: str

    def to_document(self, tokens: Sequence[IdentityToken]) -> dict[str, JsonValue]:
        """The question as it is sent, with `tokens` for its identities."""
        return {
            "identities": [asked_identity(token) for token in tokens],
            "purpose": self.purpose,
            "order": self.order,
            "authorisation": {
                "basis": self.authorisation.basis,
                "reference": self.authorisation.reference,
            },
            "agent": self.agent,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the member did after a lookup: approved, refused, returned or escalated.

    `notice_given_at` is when the person was told of an adverse decision.
    """

    decision: str
    human_reviewed: bool
    notice_given_at: datetime | None = None

    def to_document(self) -> dict[str, JsonValue]:
        """The outcome as it is sent."""
        given = self.notice_given_at
        return _without_none(
            {
                "decision": self.decision,
                "human_reviewed": self.human_reviewed,
                "notice_given_at": None if given is None else format_instant(given),
            }
        )


def reported_identity(token: IdentityToken) -> dict[str, JsonValue]:
    """A token as a report carries it."""
    return _with_day(token, "last_verified_on", token.last_verified_on)


def asked_identity(token: IdentityToken) -> dict[str, JsonValue]:
    """A token as a lookup carries it."""
    return _with_day(token, "held_since", token.held_since)


def _with_day(token: IdentityToken, name: str, day: date | None) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {
        "type": token.type.value,
        "key_id": token.key_id,
        "token": base64url.encode(token.token),
    }
    if day is not None:
        document[name] = day.isoformat()
    return document


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _without_none(members: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in members.items() if value is not None}
