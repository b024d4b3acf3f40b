"""The nouns of appeals: what is contested, on which grounds, how far it has come."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from registry.incidents.model import Course
from registry.kernel.ids import IncidentId, MemberId, Prefix, new_uuid, with_prefix
from registry.rulebook.model import Severity

AppealId = NewType("AppealId", str)

STATEMENT_CHARACTERS_MAX = 5000
FACT_CHARACTERS_MAX = 1000
FACTS_MAX = 10
ANSWERS_MAX = 10
REASONS_CHARACTERS_MIN = 20
REASONS_CHARACTERS_MAX = 5000


class Ground(StrEnum):
    """Why the subject contests an incident."""

    NOT_ME = "not_me"
    DID_NOT_HAPPEN = "did_not_happen"
    ALREADY_SETTLED = "already_settled"
    WRONG_AMOUNT_OR_CODE = "wrong_amount_or_code"
    IDENTITY_THEFT = "identity_theft"
    NUMBER_REASSIGNED = "number_reassigned"
    EVIDENCE_FORGED = "evidence_forged"
    NOTICE_MISSING = "notice_missing"


class State(StrEnum):
    """How far an appeal has come.

    `upheld` is decided once; the subject may still ask for the second tier.
    """

    DRAFT = "draft"
    LODGED = "lodged"
    RELAYED = "relayed"
    ANSWERED = "answered"
    UPHELD = "upheld"
    JURY = "jury"
    PANEL = "panel"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What came of an appeal."""

    UPHELD = "upheld"
    AMENDED = "amended"
    OVERTURNED = "overturned"
    WITHDRAWN_BY_FURNISHER = "withdrawn_by_furnisher"
    WITHDRAWN_BY_SUBJECT = "withdrawn_by_subject"
    EXPIRED = "expired"


class Basis(StrEnum):
    """What an outcome rests on."""

    REVIEW = "review"
    PLAYBOOK = "playbook"
    SILENCE = "silence"
    ABSOLUTE_LIMIT = "absolute_limit"
    JURY = "jury"
    PANEL = "panel"
    FURNISHER = "furnisher"
    SUBJECT = "subject"
    TIME = "time"


class Link(StrEnum):
    """How surely the incident is the appellant's own record.

    Weak: the identifier may have changed hands since it was verified last, so that what
    others said of the incident may be of another person.
    """

    SURE = "sure"
    WEAK = "weak"


class Stance(StrEnum):
    """What the furnisher answers."""

    STANDS = "stands"
    AMEND = "amend"
    WITHDRAW = "withdraw"


class Blocking(StrEnum):
    """How far the block for identity theft has come that an appeal asks for."""

    ASKED = "asked"
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    LIFTED = "lifted"


class Milestone(StrEnum):
    """What must have happened by a time limit."""

    ACKNOWLEDGEMENT = "acknowledgement"
    RELAY = "relay"
    BLOCK = "block"
    BLOCK_CONFIRMED = "block_confirmed"
    ANSWER = "answer"
    FIRST_DECISION = "first_decision"
    ABSOLUTE_LIMIT = "absolute_limit"
    SECOND_TIER_REQUEST = "second_tier_request"
    JURY_VERDICT = "jury_verdict"
    PANEL_DECISION = "panel_decision"
    RESULT_LETTER = "result_letter"


class Ending(StrEnum):
    """What became of a time limit: kept, run out, or without object."""

    MET = "met"
    MISSED = "missed"
    VOID = "void"


class Tier(StrEnum):
    """Who decides: staff first; a panel of other staff when the jury does not."""

    FIRST = "first"
    PANEL = "panel"


class What(StrEnum):
    """What happened in an appeal, as its history says."""

    DRAFTED = "drafted"
    LODGED = "lodged"
    ACKNOWLEDGED = "acknowledged"
    RELAYED = "relayed"
    FACTS_ADDED = "facts_added"
    EVIDENCE_ADDED = "evidence_added"
    ANSWERED = "answered"
    REVIEWED = "reviewed"
    BLOCKED = "blocked"
    BLOCK_CONFIRMED = "block_confirmed"
    BLOCK_DECLINED = "block_declined"
    BLOCK_LIFTED = "block_lifted"
    LIMIT_MISSED = "limit_missed"
    DECIDED = "decided"
    SECOND_TIER_REQUESTED = "second_tier_requested"
    VERDICT_CLOSE = "verdict_close"
    LARGER_PANEL_ASKED = "larger_panel_asked"
    REFERRED_TO_PANEL = "referred_to_panel"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appellant:
    """Who appeals: the proven identities of a session, and since when each is theirs."""

    held_since_on: Mapping[bytes, date]

    @property
    def lookup_keys(self) -> Set[bytes]:
        """The keys the identities are found by."""
        return self.held_since_on.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A time limit of one appeal, and what became of it; `ended_at` None: it runs."""

    due_at: datetime
    ended_at: datetime | None = None
    ending: Ending | None = None

    @property
    def is_running(self) -> bool:
        """Whether it may still be kept or missed."""
        return self.ended_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; `by` is a member's id, `subject` or `registry`.

    `detail` is a word or an instant, never what somebody wrote.
    """

    at: datetime
    what: What
    by: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """One contest of one incident.

    `lookup_key` is the identity it is lodged under. `course_before` is what the
    incident was before. `version` counts changes from 1. `happened` are the events of
    changes that are not stored yet.
    """

    id: AppealId
    incident: IncidentId
    furnisher: MemberId
    severity: Severity | None
    code: str
    edition: str
    lookup_key: bytes | None
    link: Link
    grounds: tuple[Ground, ...]
    state: State
    created_at: datetime
    version: int = 1
    outcome: Outcome | None = None
    basis: Basis | None = None
    playbook: str | None = None
    course_before: Course = Course.FILED
    blocking: Blocking | None = None
    stance: Stance | None = None
    lodged_at: datetime | None = None
    facts_added_at: datetime | None = None
    answered_at: datetime | None = None
    decided_at: datetime | None = None
    deadlines: Mapping[Milestone, Deadline]
    happened: tuple[Event, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the incident is contested by it, or may be again by the second tier."""
        return self.state not in (State.DRAFT, State.CLOSED)

    @property
    def is_undecided(self) -> bool:
        """Whether somebody has to decide."""
        return self.is_open and self.state is not State.UPHELD

    @property
    def next_due_at(self) -> datetime | None:
        """When the next of its running time limits ends."""
        running = [each.due_at for each in self.deadlines.values() if each.is_running]
        return min(running, default=None)


def new_appeal_id(now: datetime) -> AppealId:
    """A fresh appeal id."""
    return AppealId(with_prefix(Prefix.APPEAL, new_uuid(now)))
