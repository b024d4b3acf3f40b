"""The nouns of the jury: who may be drawn, how far a jury has come, what a seat is."""

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from registry.appeals.jury import Composition, Side, Vote, first_jury, large_panel
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.problems import Kind, Problem, Text
from registry.rulebook.calendar import add_months, local_date
from registry.rulebook.model import Edition, JuryRules

FIRST_ROUND, PANEL_ROUND = 1, 2
KEYS_MAX = 8
COUNTERPARTIES_MAX = 500
EMPLOYERS_MAX = 10
EXPERIENCE_MAX = 1_000_000
PERSON_MARK_BYTES = 16


class Stage(StrEnum):
    """How far a jury has come."""

    LISTING = "listing"
    LISTED = "listed"
    EVIDENCE = "evidence"
    VOTING = "voting"
    ALTERNATES = "alternates"
    CLOSE = "close"
    OVER = "over"


class Ending(StrEnum):
    """What came of a jury."""

    DECIDED = "decided"
    CLOSE = "close"
    NO_LIST = "no_list"
    NO_BEACON = "no_beacon"
    NO_QUORUM = "no_quorum"
    DISSOLVED = "dissolved"


VOTES_TAKEN: Set[Stage] = frozenset({Stage.VOTING, Stage.ALTERNATES})


class CandidateNotFound(Problem):
    """This member has named no candidate under this reference."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such candidate", zh="没有该评审员候选人")
    advice = Text(en="Use the reference you named them by.", zh="请使用登记该候选人时的编号。")


class CandidateNamed(Problem):
    """The person is a candidate already: one person, one vote."""

    kind = Kind.CONFLICT
    title = Text(en="This person is a candidate already", zh="此人已是评审员候选人")
    advice = Text(
        en="A person is named once, under one reference of one member.",
        zh="同一人只能由一个成员以一个编号登记一次。",
    )


class CandidateUnreadable(Problem):
    """A token was made under a key this registry does not have."""

    kind = Kind.INVALID
    title = Text(en="The candidate cannot be taken", zh="无法登记该候选人")
    advice = Text(
        en="Make every token under a key that /v1/keys lists.",
        zh="请使用 /v1/keys 所列密钥生成全部标识令牌。",
    )


class JuryNotFound(Problem):
    """There is no jury of this case, or not for whoever asks."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such jury", zh="没有该评审团")
    advice = Text(en="Check the case's id.", zh="请核对案件编号。")


class NotVotingNow(Problem):
    """The jury takes no votes now, or not this one."""

    kind = Kind.CONFLICT
    title = Text(en="This vote cannot be taken now", zh="当前不能接受此投票")
    advice = Text(
        en="Commit within the voting window; reveal once enough others have committed.",
        zh="请在投票期内提交承诺值；待足够多评审员提交后再公开投票。",
    )


class VoteBound(Problem):
    """A commitment stands, and this is not it."""

    kind = Kind.CONFLICT
    title = Text(en="You have committed to another vote", zh="您已承诺另一投票")
    advice = Text(
        en="Reveal the vote and the salt your commitment was made of; it cannot be changed.",
        zh="请公开与承诺值一致的投票与随机盐；承诺不可更改。",
    )


class NoPanelToAsk(Problem):
    """The large panel is for a close verdict, asked for in time, where enough can sit."""

    kind = Kind.CONFLICT
    title = Text(en="No panel can be asked for", zh="当前不能申请扩大评审团")
    advice = Text(
        en="It is for a close verdict, within the time the appeal shows; else staff decides.",
        zh="仅在票数接近时、于申诉所示期限内可以申请；否则由工作人员复核。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidacy:
    """What a member attests of a person who is of age and would serve.

    `keys` are found by, `counterparties` are whom they traded with: lookup keys, never
    shown. `works_for` are members.
    """

    keys: frozenset[bytes] = field(repr=False)
    side: Side
    experience: int
    member_since: date
    completed_trades: int
    qualified_on: date
    works_for: frozenset[MemberId]
    counterparties: frozenset[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person of the pool; `lot` is a random place in it."""

    id: UUID
    member: MemberId
    reference: str
    side: Side
    experience: int
    member_since: date
    completed_trades: int
    qualified_on: date
    works_for: frozenset[MemberId]
    lot: int
    furnished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Jury:
    """One round of one case: the jury, or the large panel after a close verdict.

    `entry` committed to the root of the list; `checkpoint`, signed later, is the beacon,
    and `index` and `proof` show the entry in it. `barred` are marks of who is the appellant
    by what they proved, or traded with them, and of who has a seat: whoever is a candidate
    by one of these identities, under whatever name, is on no list.
    """

    case: str
    round: int
    incident: IncidentId
    furnisher: MemberId
    edition: str
    stage: Stage
    convened_at: datetime
    evidence_until: datetime
    voting_until: datetime
    alternates_until: datetime | None
    choice_until: datetime | None = None
    list_key: bytes = field(repr=False)
    barred: frozenset[bytes] = frozenset()
    entry: UUID | None = None
    checkpoint: str | None = None
    index: int | None = None
    proof: tuple[bytes, ...] = ()
    verdict: Vote | None = None
    ending: Ending | None = None
    ended_at: datetime | None = None

    def composition(self, rules: JuryRules) -> Composition:
        """How it is made up."""
        return first_jury(rules) if self.round == FIRST_ROUND else large_panel(rules)


def person_mark(case: str, lookup_key: bytes) -> bytes:
    """How one case remembers an identity, and no other case knows it again."""
    told = b"ccr-jury-person-v1\0" + case.encode() + b"\0" + lookup_key
    return hashlib.sha256(told).digest()[:PERSON_MARK_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A juror's place, or an alternate's; `seated_at` None: an alternate that waits."""

    case: str
    round: int
    position: int
    mark: bytes
    candidate: UUID
    side: Side
    is_alternate: bool
    seated_at: datetime | None
    left_at: datetime | None = None
    commitment: bytes | None = None
    committed_at: datetime | None = None
    vote: Vote | None = None
    salt: bytes | None = None
    revealed_at: datetime | None = None

    @property
    def is_taken(self) -> bool:
        """Whether its juror may vote."""
        return self.seated_at is not None and self.left_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How often a juror's votes went with the outcome; for the juror's eyes only."""

    votes: int
    with_outcome: int


def is_qualified(candidate: Candidate, edition: Edition, now: datetime) -> bool:
    """Whether a candidate has been a member, has traded and was tested long enough by `now`."""
    today, rules = local_date(now, edition), edition.jury
    return (
        add_months(candidate.member_since, rules.juror_member_months_min) <= today
        and candidate.completed_trades >= rules.juror_trades_min
        and candidate.qualified_on <= today
    )


def clean_since(edition: Edition, now: datetime) -> date:
    """The day from which on no incident may have occurred."""
    return add_months(local_date(now, edition), -edition.jury.juror_clean_months_min)


def taken(seats: Sequence[Seat]) -> list[Seat]:
    """Those who may vote, in their order."""
    return [each for each in seats if each.is_taken]
