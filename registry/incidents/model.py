"""The nouns of incidents, and the rules over them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from registry.identity.model import IdentityToken
from registry.incidents.flags import Flags
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.money import Money
from registry.kernel.problems import Kind, Problem, Text
from registry.rulebook.calendar import exact_duration, local_date
from registry.rulebook.filing import EvidenceItem, Filing, LinkedDecision, Notice
from registry.rulebook.model import Code, Edition, Role, Severity
from registry.rulebook.proof import requires_new_notice
from registry.score.model import Contribution, Doubt, ProtectiveMarker


class Course(StrEnum):
    """What has happened to an incident since it was filed; time is not part of it."""

    FILED = "filed"
    DISPUTED = "disputed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"


class Block(StrEnum):
    """That a disputed incident counts for nothing: its subject's identity may have been stolen."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"


class State(StrEnum):
    """What an incident is at an instant. Source: docs/protocol.md, section 3."""

    NOTICED = "noticed"
    ACTIVE = "active"
    DISPUTED = "disputed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class FilingIncomplete(Problem):
    """The filing lacks what the standard of proof asks for; nothing of it is kept."""

    kind = Kind.INVALID
    title = Text(en="The filing does not meet the standard of proof", zh="报送未达到证明标准")
    advice = Text(
        en="`errors` lists everything that is missing. File again when you have all of it.",
        zh="`errors` 列出了全部缺失项。请在补齐后重新报送。",
    )


class ReferenceTaken(Problem):
    """This furnisher filed something else under this reference."""

    kind = Kind.CONFLICT
    title = Text(en="The reference names another filing", zh="该报送编号已用于另一报送")
    advice = Text(
        en="Use a fresh reference, or amend the incident that has this one.",
        zh="请使用新的报送编号，或更正已使用该编号的事件。",
    )


class IncidentNotFound(Problem):
    """No incident of this id was filed by this member."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such incident", zh="没有该事件")
    advice = Text(
        en="A furnisher sees the incidents it filed itself.",
        zh="信息提供者仅可查看自己报送的事件。",
    )


class IncidentErased(Problem):
    """The incident's content has been erased; its commitments stand in the log."""

    kind = Kind.GONE
    title = Text(en="The incident has been erased", zh="该事件内容已删除")
    advice = Text(
        en="Nothing of it is kept. Its reference stays taken; a new filing needs another.",
        zh="其内容不再留存。原报送编号不可再用；重新报送请使用新的编号。",
    )


class IncidentClosed(Problem):
    """The incident is withdrawn, overturned or expired and cannot change."""

    kind = Kind.CONFLICT
    title = Text(en="The incident is closed", zh="该事件已终结")
    advice = Text(en="A closed incident stays as it is.", zh="已终结的事件不可再更改。")


class ReinsertionRefused(Problem):
    """What was removed is filed again without what that takes; nothing of it is kept."""

    kind = Kind.CONFLICT
    title = Text(en="The incident was removed before", zh="该事件曾被移除")
    advice = Text(
        en=(
            "What was overturned, withdrawn or erased comes back only with a new certification, "
            "and after the subject has been told again. `errors` lists what is missing."
        ),
        zh=(
            "曾被推翻、撤回或删除的事件，须重新核证并再次告知本人后方可重新报送。"
            "`errors` 列出缺失项。"
        ),
    )


class VersionMissing(Problem):
    """An amendment must say which version it amends."""

    kind = Kind.PRECONDITION_REQUIRED
    title = Text(en="If-Match is required", zh="缺少 If-Match")
    advice = Text(
        en="Read the incident and send its ETag as If-Match.",
        zh="请先读取该事件，并以其 ETag 作为 If-Match 发送。",
    )


class VersionOutOfDate(Problem):
    """The incident has changed since this version."""

    kind = Kind.PRECONDITION_FAILED
    title = Text(en="The incident has changed meanwhile", zh="该事件已被更改")
    advice = Text(
        en="Read the incident again and decide on what it says now.",
        zh="请重新读取该事件，并依据其最新内容决定。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedIdentity:
    """One identity of the subject, and when the furnisher last verified it."""

    identity: IdentityToken
    last_verified_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Recertification:
    """Who certifies anew that what was removed is accurate and complete, when, and why."""

    reviewer: str
    certified_on: date
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a furnisher sends; `recertification` only where it was removed before."""

    reference: str
    identities: tuple[ReportedIdentity, ...]
    filing: Filing
    recertification: Recertification | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What to replace in a filing; None leaves a member as it is."""

    code: str | None = None
    role: Role | None = None
    occurred_on: date | None = None
    confirmed_on: date | None = None
    amount: Money | None = None
    order: str | None = None
    evidence: tuple[EvidenceItem, ...] | None = None
    intent: str | None = None
    reviewers: tuple[str, ...] | None = None
    decision: LinkedDecision | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptIdentity:
    """An identity as the registry keeps it: no token, the seed sealed."""

    type_name: str
    key_id: str
    lookup_key: bytes
    seed_sealed: bytes = field(repr=False)
    last_verified_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One confirmed act, as filed and as it stands.

    `severity` is None for protective markers. `version` counts changes from 1.
    `digest` tells the report it came with from any other (32 bytes). `block` is
    None but while it is disputed.
    `report_receipt` is of the filing, `receipt` of its newest change; each is a JWS,
    or what one is signed from when it is read (`Ledger.signed_receipt`).
    """

    id: IncidentId
    furnisher: MemberId
    reference: str
    digest: bytes
    filing: Filing
    severity: Severity | None
    edition: str
    course: Course
    effective_at: datetime
    expires_on: date
    filed_at: datetime
    changed_at: datetime
    version: int
    report_receipt: str
    receipt: str
    withdrawal_reason: str | None = None
    block: Block | None = None
    recertification: Recertification | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIncident:
    """What a lookup may weigh: a contribution, and when the identity asked for was verified."""

    contribution: Contribution
    last_verified_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSubject:
    """All that is filed under one lookup key and not quarantined, and what the person says."""

    incidents: Sequence[KnownIncident]
    protective: Sequence[ProtectiveMarker]
    flags: Flags | None = None


def state_of(incident: Incident, edition: Edition, now: datetime) -> State:
    """What the incident is at `now`: time alone makes it effective, and expires it."""
    if incident.course in (Course.WITHDRAWN, Course.OVERTURNED):
        return State(incident.course.value)
    if local_date(now, edition) >= incident.expires_on:
        return State.EXPIRED
    if incident.course is not Course.FILED:
        return State(incident.course.value)
    return State.NOTICED if now < incident.effective_at else State.ACTIVE


def doubt_of(course: Course, block: Block | None) -> Doubt:
    """Why an incident of this course may count for less."""
    if course is not Course.DISPUTED:
        return Doubt.NONE
    return Doubt.DISPUTED if block is None else Doubt.BLOCKED


def is_closed(state: State) -> bool:
    """Whether nothing about the incident can change any more."""
    return state in (State.WITHDRAWN, State.OVERTURNED, State.EXPIRED)


def effective_from(filing: Filing, code: Code, edition: Edition, said_at: datetime) -> datetime:
    """When what was said at `said_at` begins to count.

    When the notice has run, but never before it was said: a score of the past
    stays what it was. What protects counts at once. Source: RULEBOOK 3.
    """
    if code.is_protective:
        return said_at
    assert filing.notice is not None, "the proof has seen the notice"
    noticed = exact_duration(edition.deadlines.notice_before_effect)
    return max(filing.notice.delivered_at + noticed, said_at)


def effective_after(
    before: Incident, filing: Filing, edition: Edition, amended_at: datetime
) -> datetime:
    """When an incident counts that is amended to `filing`.

    What weighs more counts when its own notice has run; anything else goes on as
    it was, though not before the notice it now names. Both are proved.
    """
    code = edition.codes[filing.code]
    if code.is_protective:
        return min(before.effective_at, amended_at)
    if requires_new_notice(before.filing, filing, edition):
        return effective_from(filing, code, edition, amended_at)
    return max(before.effective_at, effective_from(filing, code, edition, before.filed_at))


def is_newer_notice(before: Filing, after: Filing) -> bool:
    """Whether the subject was told again since."""
    if after.notice is None:
        return False
    return before.notice is None or after.notice.delivered_at > before.notice.delivered_at


def etag_of(incident: Incident, state: State) -> str:
    """The entity tag of this version in this state, quotes included."""
    return f'"{incident.version}-{state.value}"'


def is_matched_by(if_match: str, incident: Incident) -> bool:
    """Whether an If-Match header names this version; the state may have changed with time."""
    tags = {tag.strip() for tag in if_match.split(",")}
    return "*" in tags or any(etag_of(incident, state) in tags for state in State)
