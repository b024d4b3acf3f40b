"""What may be erased and when, what may not, and who says so."""

import hashlib
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.names import plain_name
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.model import RecordType

GROUND_CHARACTERS_MAX = 128
AGENT_CHARACTERS_MAX = 64
# What a person can have proven, each under a few evaluation keys.
SUBJECTS_MAX = 20
_TARGET_LABEL = b"ccr-target-v1\x00"

# What the clock of the access log runs for: whoever looked or asked, and what they did.
# Erasures and holds stay: they say what is gone, and name nobody.
EXPIRING_ACCESSES = frozenset(
    {
        RecordType.LOOKUP,
        RecordType.REFUSED_LOOKUP,
        RecordType.OWN_VIEW,
        RecordType.SUPERVISOR_VIEW,
        RecordType.EXPORT,
        RecordType.OUTCOME,
    }
)
# What is erased with the incident it is about.
RECORDS_OF_INCIDENTS = frozenset(
    {
        RecordType.REPORT,
        RecordType.AMENDMENT,
        RecordType.DISPUTE,
        RecordType.DECISION,
        RecordType.WITHDRAWAL,
        RecordType.EXPIRY,
    }
)


class Cause(StrEnum):
    """Why content is erased, as the entry of its erasure says. Source: RULEBOOK 3."""

    ACCESS_LOG_KEPT = "access_log_kept"
    INCIDENT_KEPT = "kept"
    REMOVED_CONTENT_PURGED = "removed_content_purged"
    ORDER = "order"


class TargetKind(StrEnum):
    """What a hold or an order is about."""

    ENTRY = "entry"
    INCIDENT = "incident"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTarget:
    """One entry."""

    entry: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTarget:
    """An incident, with every entry that is about it."""

    incident: IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectTarget:
    """All that is known of one person, under each of these lookup keys; the first leads."""

    lookup_keys: tuple[bytes, ...] = field(repr=False)


Target = EntryTarget | IncidentTarget | SubjectTarget


class OrderState(StrEnum):
    """How far an order of erasure has got."""

    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    CARRIED_OUT = "carried_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """Something that may not be erased until the hold is released.

    `id` is that of the entry that placed it; `ground` is a reference to the act
    that asks for it, such as a docket number. `target` None: it held a subject who
    was erased by order after its release; not even the lookup key is kept.
    """

    id: UUID
    kind: TargetKind
    target: Target | None
    ground: str
    placed_by: MemberId
    placed_at: datetime
    released_by: MemberId | None = None
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who acts for a supervisor: the member, the key that signed, whom the member named.

    `agent` None: nobody was named; `kid` None: the order is older than this was noted.
    """

    member: MemberId
    kid: str | None = None
    agent: str | None = None

    def is_another_than(self, other: "Person") -> bool:
        """Whether these are two: of two members, or two of one, named, each with an own key.

        A name alone is a word anyone may say; the key is what signed.
        """
        if self.member != other.member:
            return True
        names = {plain_name(self.agent or ""), plain_name(other.agent or "")}
        keys = {self.kid, other.kid}
        return len(names) == len(keys) == 2 and "" not in names and None not in keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureOrder:
    """An erasure that one person orders and another confirms.

    `id` is that of the entry that ordered it. `target` None: a subject that was
    erased as ordered; not even a lookup key is kept.
    """

    id: UUID
    kind: TargetKind
    target: Target | None
    ground: str
    state: OrderState
    ordered_by: Person
    ordered_at: datetime
    decided_by: Person | None = None
    decided_at: datetime | None = None
    carried_out_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """All that is held at an instant."""

    entries: Set[UUID]
    incidents: Set[IncidentId]
    lookup_keys: Set[bytes]


class HoldNotFound(Problem):
    """No legal hold has this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such legal hold", zh="没有该法律保留")
    advice = Text(
        en="POST /v1/oversight/legal-holds/search lists them.",
        zh="POST /v1/oversight/legal-holds/search 可列出全部法律保留，请核对编号。",
    )


class HoldReleased(Problem):
    """The hold is released already."""

    kind = Kind.CONFLICT
    title = Text(en="The legal hold has been released", zh="该法律保留已解除")
    advice = Text(en="There is nothing to do.", zh="无需操作。")


class OrderNotFound(Problem):
    """No order of erasure has this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such order", zh="没有该删除命令")
    advice = Text(
        en="POST /v1/oversight/erasure-orders/search lists them.",
        zh="POST /v1/oversight/erasure-orders/search 可列出全部删除命令，请核对编号。",
    )


class OrderDecided(Problem):
    """The order is confirmed, declined or carried out."""

    kind = Kind.CONFLICT
    title = Text(en="The order has been decided", zh="该删除命令已有决定")
    advice = Text(en="A decision is final; make a new order.", zh="决定不可更改；请另行下令。")


class SecondPersonNeeded(Problem):
    """Who orders an erasure cannot confirm it."""

    kind = Kind.FORBIDDEN
    title = Text(en="Another person must confirm", zh="须由另一人确认")
    advice = Text(
        en="An erasure by order takes two persons: of two members, or two agents of one, both"
        " named, each signing with a key of their own.",
        zh="依命令删除须由两人完成：分属两个成员机构，或同一机构两名具名且各用自己密钥签名的经办人。",
    )


class TargetNotErasable(Problem):
    """The entry is of an incident, or of a kind that stays."""

    kind = Kind.INVALID
    title = Text(en="This cannot be erased by itself", zh="该条目不可单独删除")
    advice = Text(
        en="An entry of the incident log goes with its incident; erasures and holds stay.",
        zh="事件日志的条目随事件一并删除；删除与法律保留的条目不可删除。",
    )


def kind_of(target: Target) -> TargetKind:
    """What a target is."""
    match target:
        case EntryTarget():
            return TargetKind.ENTRY
        case IncidentTarget():
            return TargetKind.INCIDENT
        case SubjectTarget():
            return TargetKind.SUBJECT


def subject_mark(lookup_key: bytes) -> bytes:
    """What an entry says in the place of a subject: whoever knows the key can tell, nobody else."""
    return hashlib.sha256(_TARGET_LABEL + lookup_key).digest()
