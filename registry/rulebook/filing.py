"""What a furnisher files, as far as the rulebook looks at it.

A member that the standard of proof asks for may be absent here: the proof then
reports it missing together with everything else, and not one at a time.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from registry.kernel.money import Money
from registry.rulebook.model import EvidenceClass, Role


class DecisionKind(StrEnum):
    """What was decided, or obtained, before the filing."""

    REFUND_REFUSED = "refund_refused"
    REFUND_REVERSED = "refund_reversed"
    ACCOUNT_SANCTIONED = "account_sanctioned"
    BENEFIT_OBTAINED = "benefit_obtained"


class NoticeChannel(StrEnum):
    """How the subject was told."""

    IN_APP = "in_app"
    SMS = "sms"
    EMAIL = "email"
    LETTER = "letter"


class Reply(StrEnum):
    """What became of the subject's reply to the notice."""

    NONE = "none"
    CONSIDERED = "considered"


class Adjudicator(StrEnum):
    """Who reached the adjudication that an E6 item records."""

    PLATFORM = "platform"
    JURY = "jury"
    COURT = "court"
    POLICE = "police"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One line of the evidence manifest; the bytes stay with the furnisher.

    `digest` is `sha256:` and 64 lower-case hex digits. `adjudicator` is None
    where the furnisher named none.
    """

    evidence_class: EvidenceClass
    digest: str
    media_type: str
    adjudicator: Adjudicator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedDecision:
    """The decision the filing rests on."""

    kind: DecisionKind
    decided_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The notice the subject was given."""

    delivered_at: datetime
    channel: NoticeChannel
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The facts of one filing; `code` may be any text until the proof has seen it."""

    code: str
    role: Role
    occurred_on: date
    confirmed_on: date | None
    amount: Money | None
    order: str | None
    evidence: tuple[EvidenceItem, ...]
    intent: str | None
    reviewers: tuple[str, ...]
    decision: LinkedDecision | None
    notice: Notice | None
    adult_attested: bool
