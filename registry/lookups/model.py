"""The nouns of a lookup, and the rules over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from registry.http.caller import DetachedCall
from registry.identity.model import IdentityToken
from registry.kernel.ids import EntryId, LookupId
from registry.kernel.problems import Kind, Problem, Text
from registry.rulebook.calendar import add_span
from registry.rulebook.model import Band, Edition, Purpose
from registry.score.model import Counts

BATCH_LOOKUPS_MAX = 100
ORDER_CHARACTERS_MAX = 64
AGENT_CHARACTERS_MAX = 64
REFERENCE_CHARACTERS_MAX = 128
REASON_WEAK = "IDENTIFIER_MAY_HAVE_CHANGED_HANDS"


class Match(StrEnum):
    """How sure it is that what is known is about the person asked for."""

    NONE = "none"
    WEAK = "weak"
    MATCH = "match"


class Advice(StrEnum):
    """What the registry suggests; the platform decides, by a human."""

    PROCEED = "proceed"
    ASK_FOR_RETURN = "ask_for_return"
    HUMAN_REVIEW = "human_review"


class Basis(StrEnum):
    """Why the inquirer may ask: the subject's consent in one of two forms."""

    SEPARATE_CONSENT = "separate_consent"
    ONE_USE = "one_use"


class Decision(StrEnum):
    """What the inquirer did after a lookup."""

    APPROVED = "approved"
    REFUSED = "refused"
    RETURNED = "returned"
    ESCALATED = "escalated"


class PurposeNotGranted(Problem):
    """The member's grant does not list this purpose."""

    kind = Kind.FORBIDDEN
    title = Text(en="The purpose is not granted", zh="查询目的未获授权")
    advice = Text(
        en="Name a purpose of your grant (GET /v1/members/me). The attempt stands in the log.",
        zh="请使用本机构获准的查询目的（见 GET /v1/members/me）。本次尝试已记入查询日志。",
    )


class AuthorisationNotKnown(Problem):
    """No valid one-use authorisation of this reference exists."""

    kind = Kind.FORBIDDEN
    title = Text(en="The authorisation is not valid", zh="授权无效")
    advice = Text(
        en="Ask the person for a fresh authorisation. The attempt stands in the log.",
        zh="请向信息主体重新取得授权。本次尝试已记入查询日志。",
    )


class OneUseRequired(Problem):
    """At this node every lookup needs a one-use authorisation of the person."""

    kind = Kind.FORBIDDEN
    title = Text(en="A one-use authorisation is required", zh="需要一次性授权")
    advice = Text(
        en="Ask the person for a one-use authorisation. The attempt stands in the log.",
        zh="请向信息主体取得一次性授权。本次尝试已记入查询日志。",
    )


class SubjectFrozen(Problem):
    """The person has frozen what is known of them; that says nothing about them."""

    kind = Kind.FORBIDDEN
    title = Text(en="The person has frozen their record", zh="本人已冻结其信息")
    advice = Text(
        en=(
            "Ask the person for a one-use authorisation of this order. A freeze is a right, "
            "tells nothing and may not be held against anyone. The attempt stands in the log."
        ),
        zh=(
            "请就该订单向信息主体取得一次性授权。冻结是本人的权利，不说明任何情况，"
            "不得据此作出不利处理。本次尝试已记入查询日志。"
        ),
    )


class LookupScopeMissing(Problem):
    """The member may not look people up."""

    kind = Kind.FORBIDDEN
    title = Text(en="The member may not look people up", zh="成员机构没有查询权限")
    advice = Text(
        en="The operator grants the scope lookups:make. The attempt stands in the log.",
        zh="查询权限（lookups:make）由运营者授予。本次尝试已记入查询日志。",
    )


class LookupKeyUnknown(Problem):
    """An identity was made with a key this registry does not have."""

    kind = Kind.INVALID
    title = Text(en="The identity key is not known", zh="身份密钥编号未知")
    advice = Text(
        en="Make the token anew with a key_id of the well-known document.",
        zh="请使用 well-known 文档中列出的 key_id 重新生成令牌。",
    )


class LookupNotFound(Problem):
    """No lookup of this id was made by this member."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such lookup", zh="没有该查询")
    advice = Text(
        en="Use the lookup id of an answer this member received.",
        zh="请使用本机构收到的查询应答中的编号。",
    )


class OutcomeAlreadyRecorded(Problem):
    """Another outcome of this lookup stands in the log."""

    kind = Kind.CONFLICT
    title = Text(en="The outcome has been recorded", zh="处理结果已登记")
    advice = Text(
        en="An outcome is final, except that `escalated` may be followed by one decision.",
        zh="处理结果登记后不可更改；仅 escalated 之后可再登记一次最终决定。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedIdentity:
    """An identity as the inquirer holds it; `held_since_on` is when it got it."""

    identity: IdentityToken
    held_since_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The inquirer's ground for asking, and its reference to it."""

    basis: Basis
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRequest:
    """One question about one person."""

    identities: tuple[PresentedIdentity, ...]
    purpose: Purpose
    order: str
    authorisation: Authorisation
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One question, and the signed call that asks it."""

    call: DetachedCall
    request: LookupRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReason:
    """A reason as the answer shows it, with the points it costs today."""

    code: str
    points: int
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupAnswer:
    """What is known, scored and explained, as of `at`."""

    lookup: LookupId
    entry: EntryId
    at: datetime
    valid_until: datetime
    edition: str
    match: Match
    band: Band
    score: int | None
    reasons: Sequence[ShownReason]
    incidents: Counts
    protective: Sequence[str]
    advice: Advice
    statement: str | None
    adverse_action_notice: Text | None
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the inquirer decided after a lookup."""

    decision: Decision
    human_reviewed: bool
    notice_given_at: datetime | None


def trusted_until_on(last_verified_on: date, edition: Edition) -> date:
    """The last day on which who gets an identifier is taken for whom it was verified to be.

    Source: docs/protocol.md, section 4.
    """
    return add_span(last_verified_on, edition.deadlines.verification_trusted, edition)


def may_have_changed_hands(
    *, held_since_on: date | None, last_verified_on: date, edition: Edition
) -> bool:
    """Whether the inquirer got the identifier so long after the furnisher last
    verified it that another person may hold it now.

    Source: docs/protocol.md, section 4.
    """
    if held_since_on is None:
        return False
    return held_since_on > trusted_until_on(last_verified_on, edition)


_ADVICE_BY_BAND: Mapping[Band, Advice] = {
    Band.N: Advice.PROCEED,
    Band.A: Advice.PROCEED,
    Band.B: Advice.ASK_FOR_RETURN,
    Band.C: Advice.HUMAN_REVIEW,
    Band.D: Advice.HUMAN_REVIEW,
    Band.E: Advice.HUMAN_REVIEW,
}


def advise(match: Match, band: Band) -> Advice:
    """The registry's suggestion; a weak match is always for a human to judge.

    Source: RULEBOOK 7 (the result is advice), docs/protocol.md section 4.
    """
    return Advice.HUMAN_REVIEW if match is Match.WEAK else _ADVICE_BY_BAND[band]


def may_follow(earlier: Decision, later: Decision) -> bool:
    """Whether `later` may be recorded after `earlier`: only a decision after an escalation."""
    return earlier is Decision.ESCALATED and later is not Decision.ESCALATED
