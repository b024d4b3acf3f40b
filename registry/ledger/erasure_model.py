"""What may be erased and when, what may not, and who says so."""

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.model import RecordType

GROUND_CHARACTERS_MAX = 128
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
    """All that is known of a subject under one lookup key."""

    lookup_key: bytes


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
class ErasureOrder:
    """An erasure that one member orders and another confirms.

    `id` is that of the entry that ordered it. `target` None: a subject that was
    erased as ordered; not even its lookup key is kept.
    """

    id: UUID
    kind: TargetKind
    target: Target | None
    ground: str
    state: OrderState
    ordered_by: MemberId
    ordered_at: datetime
    decided_by: MemberId | None = None
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
        en="GET /v1/oversight/legal-holds lists them.", zh="可列出全部法律保留后核对编号。"
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
    advice = Text(en="Use the id the order was given.", zh="请使用该命令的编号。")


class OrderDecided(Problem):
    """The order is confirmed, declined or carried out."""

    kind = Kind.CONFLICT
    title = Text(en="The order has been decided", zh="该删除命令已有决定")
    advice = Text(en="A decision is final; make a new order.", zh="决定不可更改；请另行下令。")


class SecondPersonNeeded(Problem):
    """Who orders an erasure cannot confirm it."""

    kind = Kind.FORBIDDEN
    title = Text(en="Another member must confirm", zh="须由另一成员机构确认")
    advice = Text(
        en="An erasure by order takes two: one member orders, another confirms.",
        zh="依命令删除须由两方完成：一方下令，另一方确认。",
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
