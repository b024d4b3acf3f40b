"""The nouns of a person's own door: who was proven to be there, and for how long."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from registry.identity.normalise import IdentifierType
from registry.kernel.ids import MemberId
from registry.kernel.problems import Kind, Problem, Text

# A session ends after this long without a call, and after this long in any case.
IDLE_MAX = timedelta(minutes=15)
SESSION_MAX = timedelta(minutes=60)
CALLS_PER_MINUTE = 120
# One identifier gives an identity for each evaluation key, an address two.
IDENTITIES_MAX = 32


class Assurance(IntEnum):
    """How surely a person is who they say: a member's word, or a code they received."""

    VOUCHED = 1
    PROVEN = 2


class NotSignedIn(Problem):
    """The call carries no session, or one that is over."""

    kind = Kind.UNAUTHENTICATED
    title = Text(en="You are not signed in", zh="尚未登录")
    advice = Text(
        en="Sign in again: a session ends after 15 minutes without a call, or after an hour.",
        zh="请重新登录：会话在 15 分钟无操作或满一小时后结束。",
    )


class ProofNeeded(Problem):
    """A member's word is not enough for this: the person must have received a code."""

    kind = Kind.FORBIDDEN
    title = Text(en="Prove an identifier first", zh="请先验证身份标识")
    advice = Text(
        en="Sign in with a code sent to your phone or mailbox, then try again.",
        zh="请使用发送到手机或邮箱的验证码登录后再试。",
    )


class SessionFull(Problem):
    """The session has as many identities as one may have."""

    kind = Kind.CONFLICT
    title = Text(en="Too many identities in one session", zh="单次会话的身份标识过多")
    advice = Text(
        en="Sign out, and sign in with the identifiers you need.",
        zh="请退出登录后，仅使用需要的身份标识重新登录。",
    )


class ProofNotAccepted(Problem):
    """The code is not one that is good now; which part was wrong is not said."""

    kind = Kind.FORBIDDEN
    title = Text(en="The code is not accepted", zh="验证码不被接受")
    advice = Text(
        en="Use the long code of the newest message, which no wrong guess can spend; "
        "or wait some minutes and sign in again.",
        zh="请使用最新一条消息中的长验证码（他人误试不会使其失效）；或稍候几分钟重新登录。",
    )


class BlindNotOpened(Problem):
    """The blind does not open what was sent at the sign-in to the proven identifier."""

    kind = Kind.INVALID
    title = Text(en="The blind does not fit", zh="盲化因子不匹配")
    advice = Text(
        en="Send the scalar the element of the sign-in was blinded with, of the same identifier.",
        zh="请提交登录时对同一身份标识进行盲化所用的标量。",
    )


class NotProvable(Problem):
    """No code can be sent to an identifier of this type."""

    kind = Kind.INVALID
    title = Text(en="No code can be sent there", zh="无法向该标识发送验证码")
    advice = Text(
        en="Sign in with a phone number or a mail address.",
        zh="请使用手机号码或电子邮箱登录。",
    )


class NoSender(Problem):
    """A code could be sent to an identifier of this type, but this node has no sender for it."""

    kind = Kind.INVALID
    title = Text(en="This registry sends no codes there", zh="本登记系统未开通该渠道的验证码")
    advice = Text(
        en="Sign in with an identifier of another type, or by the word of a member that knows"
        " you (POST /v1/subject/vouches).",
        zh="请使用其他类型的标识登录，或由了解您的成员机构担保（POST /v1/subject/vouches）。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenIdentity:
    """An identity of the person in the session.

    `held_since_on` is since when the person says it is theirs. `proof` is the same for all
    identities that one proof gave.
    """

    type: IdentifierType
    key_id: str
    lookup_key: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    assurance: Assurance
    vouched_by: MemberId | None
    held_since_on: date
    proof: UUID
    proven_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whoever is in the session, as far as was proven; at least one identity."""

    identities: tuple[ProvenIdentity, ...]

    def __post_init__(self) -> None:
        assert self.identities, "nobody is in a session without having been proven"

    @property
    def lookup_keys(self) -> tuple[bytes, ...]:
        """The keys the subject's rows are found by, each once, in order."""
        return tuple(sorted({each.lookup_key for each in self.identities}))

    @property
    def seeds(self) -> tuple[bytes, ...]:
        """The seeds of the subject, each once, in order."""
        return tuple(sorted({each.seed for each in self.identities}))

    @property
    def assurance(self) -> Assurance:
        """The least sure of the identities counts."""
        return min(each.assurance for each in self.identities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as it stands: who, and until when; both instants by the machine's clock."""

    id: UUID
    identities: tuple[ProvenIdentity, ...]
    seen_at: datetime
    expires_at: datetime

    def is_over(self, wall_now: datetime) -> bool:
        """Whether it has ended, by age or by idleness."""
        return wall_now >= min(self.expires_at, self.seen_at + IDLE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A session with the one bearer that opens it; kept by the caller, by us only its hash."""

    session: Session
    bearer: str = field(repr=False)


def subject_of(identities: Sequence[ProvenIdentity], needed: Assurance) -> Subject:
    """The person, under those of the identities that are sure enough.

    Raises: ProofNeeded, where none is.
    """
    sure = tuple(each for each in identities if each.assurance >= needed)
    if not sure:
        raise ProofNeeded
    return Subject(identities=sure)


def joined(
    standing: Sequence[ProvenIdentity], proven: Collection[ProvenIdentity]
) -> tuple[ProvenIdentity, ...]:
    """The identities of a session once more are proven; a proof replaces a weaker one.

    What was proven before stays as it was said then, so that nobody tries out since when
    an identifier must be theirs.

    Raises: SessionFull.
    """
    by_key = {each.lookup_key: each for each in standing}
    for each in proven:
        earlier = by_key.get(each.lookup_key)
        if earlier is None or earlier.assurance < each.assurance:
            by_key[each.lookup_key] = each
    if len(by_key) > IDENTITIES_MAX:
        raise SessionFull
    return tuple(by_key.values())
