"""Letters to people: which there are, what becomes of one, and who may carry it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from registry.kernel.ids import IncidentId, MemberId, Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text

LetterId = NewType("LetterId", str)

# Room for the reasons of two reviewers, 5,000 characters each, in any script.
FACTS_BYTES_MAX = 65_536
# Sent by mail, a letter may still come back; after this its facts are not needed any more.
BOUNCE_WAIT = timedelta(days=7)
LETTERS_KEPT = timedelta(days=365)
# Later than this a code is of no use to anybody.
CODE_LIFETIME = timedelta(minutes=10)

LETTER_TO_DELIVER = "letter.to_deliver"
LETTER_OVERDUE = "letter.overdue"


class LetterNotFound(Problem):
    """No letter of this id waits with this member."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such letter", zh="没有该信函")
    advice = Text(
        en="GET /v1/letters lists those that wait with you.",
        zh="GET /v1/letters 可列出待本机构送达的信函。",
    )


class LetterDelivered(Problem):
    """Another delivery of this letter is on record."""

    kind = Kind.CONFLICT
    title = Text(en="The letter has been delivered", zh="该信函已送达")
    advice = Text(en="There is nothing to do.", zh="无需操作。")


class DeliveryImpossible(Problem):
    """The letter was not yet written then, or the instant lies ahead."""

    kind = Kind.INVALID
    title = Text(en="It cannot have been delivered then", zh="送达时间不成立")
    advice = Text(
        en="delivered_at lies between the writing of the letter and now.",
        zh="送达时间须在信函生成之后、当前时间之前。",
    )


class ContactUnusable(Problem):
    """The address is none that letters can be sent to."""

    kind = Kind.INVALID
    title = Text(en="The address cannot be used", zh="联系地址不可用")
    advice = Text(
        en="Give one plain mail address, such as name@domain.example.",
        zh="请提供一个普通电子邮箱地址，例如 name@domain.example。",
    )


class LetterTemplate(StrEnum):
    """Every letter there is; its texts are in `texts/letters.toml`."""

    INCIDENT_FILED = "incident_filed"
    FILED_UNDER_IDENTIFIER = "filed_under_identifier"
    APPEAL_ACKNOWLEDGED = "appeal_acknowledged"
    APPEAL_RELAYED = "appeal_relayed"
    APPEAL_RELAYED_UNNAMED = "appeal_relayed_unnamed"
    APPEAL_UPHELD = "appeal_upheld"
    APPEAL_AMENDED = "appeal_amended"
    APPEAL_UPHELD_AGAIN = "appeal_upheld_again"
    APPEAL_OVERTURNED = "appeal_overturned"
    APPEAL_ENDED = "appeal_ended"
    APPEAL_VERDICT_CLOSE = "appeal_verdict_close"
    APPEAL_WITH_STAFF = "appeal_with_staff"
    IDENTITY_THEFT_BLOCKED = "identity_theft_blocked"
    IDENTITY_THEFT_NOT_BLOCKED = "identity_theft_not_blocked"
    CORRECTION_MADE = "correction_made"
    IDENTITY_SEVERED = "identity_severed"
    ONE_TIME_CODE = "one_time_code"
    LOOKUP_ALERT = "lookup_alert"
    WEBHOOK_DISABLED = "webhook_disabled"


class ContactChannel(StrEnum):
    """How a person wants to be written to."""

    EMAIL = "email"


class LetterState(StrEnum):
    """Where a letter is."""

    MAILING = "mailing"
    WITH_MESSENGER = "with_messenger"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"


class LetterChannel(StrEnum):
    """How a letter reached the person."""

    IN_APP = "in_app"
    SMS = "sms"
    EMAIL = "email"
    LETTER = "letter"


class MailResult(StrEnum):
    """What a mail relay made of a letter; `no_relay`: there is none, or no address any more."""

    TAKEN = "taken"
    REFUSED = "refused"
    NOT_NOW = "not_now"
    NO_RELAY = "no_relay"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDelivery:
    """That a letter reached the person; `proof` is a SHA-256 of what shows it."""

    delivered_at: datetime
    channel: LetterChannel
    proof: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter and where it is. What it says is sealed, and gone once it is not needed.

    `contact_key` is the lookup key whose contact it goes to; `address_sealed` an
    address it was written to directly. `furnisher` carries it when mail cannot.
    """

    uuid: UUID
    template: LetterTemplate
    state: LetterState
    facts_sealed: bytes | None = field(repr=False)
    contact_key: bytes | None = field(repr=False)
    address_sealed: bytes | None = field(repr=False)
    incident: IncidentId | None
    furnisher: MemberId | None
    created_at: datetime
    due_at: datetime | None
    mail_failures: int
    delivery: LetterDelivery | None
    escalated_at: datetime | None

    @property
    def id(self) -> LetterId:
        """Its id as text; also the stable part of its Message-ID."""
        return LetterId(with_prefix(Prefix.LETTER, self.uuid))
