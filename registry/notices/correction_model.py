"""Corrections: what ended or changed, who had been told of it, and who has answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from registry.incidents.changes import Change
from registry.incidents.model import Course, Incident
from registry.kernel.ids import EntryId, IncidentId, LookupId, MemberId, Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.model import RecordType

CorrectionId = NewType("CorrectionId", str)

CORRECTION_TOLD = "correction.told"
CORRECTION_OVERDUE = "correction.overdue"
CORRECTION_ESCALATED = "correction.escalated"
LOOKUPS_RESTORED = "correction.lookups_restored"
# The reporter misconduct of the rulebook: a correction ignored.
REASON_IGNORED = "R904"
# A lookup that read the standing before the change is committed long before this: every
# statement, lock and idle wait of the database has its limit.
SETTLED_AFTER = timedelta(minutes=2)
# How much later than the change a call may have begun that still read what was before it.
OVERLAPPING = timedelta(seconds=10)
LOOKUPS_SHOWN_MAX = 100


class CorrectionNotFound(Problem):
    """No correction of this id was told to this member."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such correction", zh="没有该更正通知")
    advice = Text(
        en="GET /v1/corrections lists those told to you.",
        zh="GET /v1/corrections 可列出本机构收到的更正通知。",
    )


class CorrectionAcknowledged(Problem):
    """The correction was acknowledged, and something else was said then."""

    kind = Kind.CONFLICT
    title = Text(en="The correction has been acknowledged", zh="该更正通知已确认")
    advice = Text(
        en="What was said stands, and is in the person's certificate.",
        zh="已确认的内容不可更改，并已载入信息主体的更正证明。",
    )


class CorrectionKind(StrEnum):
    """Why what was answered is not right any more."""

    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"
    AMENDED = "amended"


class Did(StrEnum):
    """What a member did about a decision it had taken on what was corrected."""

    DECISION_REVERSED = "decision_reversed"
    DECISION_KEPT = "decision_kept"
    NO_DECISION = "no_decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One change of an incident that makes earlier answers wrong.

    `entry` is the change's own entry. Until `traced_at` is set, members may still be
    found that had looked; `cursor_key` and `cursor_after` say how far the search is,
    `began_at` when this pass of it began.
    """

    uuid: UUID
    incident: IncidentId
    kind: CorrectionKind
    furnisher: MemberId
    entry: EntryId
    filed_at: datetime
    at: datetime
    began_at: datetime | None
    cursor_key: int
    cursor_after: UUID | None
    traced_at: datetime | None

    @property
    def id(self) -> CorrectionId:
        """Its id as text."""
        return CorrectionId(with_prefix(Prefix.CORRECTION, self.uuid))

    def concerns(self, looked_at: datetime) -> bool:
        """Whether an answer of that time that named the incident is corrected.

        What is gone is in no later answer; what was amended is, as it is now.
        """
        return self.kind is not CorrectionKind.AMENDED or looked_at < self.at + OVERLAPPING


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a member says it did, and who of its staff saw to it."""

    did: Did
    reviewer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """That a member was told of a correction, and what came of it."""

    correction: UUID
    member: MemberId
    told_at: datetime
    acknowledge_by: datetime
    escalate_at: datetime
    reminded_at: datetime | None
    escalated_at: datetime | None
    acknowledged_at: datetime | None
    acknowledgement: Acknowledgement | None
    signed_request: str | None

    @property
    def is_open(self) -> bool:
        """Whether the member still owes its answer."""
        return self.acknowledged_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRecord:
    """A recall with its correction and the lookups it is about, the first hundred of them."""

    correction: Correction
    recall: Recall
    lookups: tuple[LookupId, ...]
    lookups_count: int


def kind_of(change: Change) -> CorrectionKind | None:
    """Whether a change makes earlier answers wrong, and how; None: they stay right.

    An amendment of what no answer ever says (evidence, reviewers, intent, amount)
    corrects nothing that anybody was told.
    """
    if change.before is None:
        return None
    if change.is_severance:
        # Whoever asked by that identifier was told of somebody else's incident.
        return CorrectionKind.AMENDED
    gone = {
        Course.WITHDRAWN: CorrectionKind.WITHDRAWN,
        Course.OVERTURNED: CorrectionKind.OVERTURNED,
    }
    if change.after.course in gone:
        return None if change.before.course in gone else gone[change.after.course]
    is_amended = change.record_type is RecordType.AMENDMENT and _answered(
        change.before
    ) != _answered(change.after)
    return CorrectionKind.AMENDED if is_amended else None


def _answered(incident: Incident) -> tuple[object, ...]:
    """All of an incident that an answer depends on."""
    filing = incident.filing
    return (
        incident.severity,
        filing.code,
        filing.occurred_on,
        incident.effective_at,
        incident.expires_on,
        sorted(each.adjudicator for each in filing.evidence if each.adjudicator is not None),
    )
