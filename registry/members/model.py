"""Members, what each role may be granted, and how reliable a furnisher has proved."""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from registry.crypto.signature import PublicKey
from registry.http.caller import Scope
from registry.kernel.ids import MemberId
from registry.kernel.plain_text import is_plain_line
from registry.kernel.problems import FieldError, Kind, Problem, Text
from registry.rulebook.model import Purpose, ReliabilityPrior

ACTIVE_KEYS_MAX = 2
OVERLAP_MAX = timedelta(days=30)
NAME_CHARACTERS_MAX = 200
REASON_CHARACTERS_MAX = 64
EVALUATIONS_PER_HOUR_DEFAULT = 10_000
REQUESTS_PER_MINUTE_DEFAULT = 60_000
QUOTA_MAX = 10_000_000
PPM = 1_000_000

_GROUP = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class Role(StrEnum):
    """What a member takes part as; it may be several."""

    FURNISHER = "furnisher"
    INQUIRER = "inquirer"
    SUPERVISOR = "supervisor"
    PEER = "peer"
    OPERATOR = "operator"


SCOPES_OF_ROLE: Mapping[Role, Set[Scope]] = {
    Role.FURNISHER: frozenset({Scope.REPORT, Scope.EVALUATE, Scope.ANSWER_APPEALS}),
    Role.INQUIRER: frozenset(
        {Scope.LOOK_UP, Scope.SCREEN, Scope.EVALUATE, Scope.ACKNOWLEDGE_CORRECTIONS}
    ),
    Role.SUPERVISOR: frozenset({Scope.AUDIT}),
    # What a peer reads, the logs, is public; how far it is trusted is its own issue.
    Role.PEER: frozenset(),
    Role.OPERATOR: frozenset({Scope.ADMINISTER}),
}
# What a member does to others; never what it owes them, as answers and acknowledgements.
WITHHOLDABLE_SCOPES: Set[Scope] = frozenset({Scope.REPORT, Scope.LOOK_UP})
PURPOSES_OF_ROLE: Mapping[Role, Set[Purpose]] = {
    Role.FURNISHER: frozenset({Purpose.APPEAL_HANDLING}),
    Role.INQUIRER: frozenset(
        {
            Purpose.REFUND_ONLY_REVIEW,
            Purpose.RETURN_REVIEW,
            Purpose.AFTER_SALE_DISPUTE,
            Purpose.HIGH_VALUE_ORDER_REVIEW,
            Purpose.SECOND_HAND_TRADE_SAFETY,
        }
    ),
    Role.SUPERVISOR: frozenset({Purpose.SUPERVISION}),
    Role.PEER: frozenset(),
    Role.OPERATOR: frozenset(),
}


class AdmissionInvalid(Problem):
    """What is said of a member to be admitted does not hold together."""

    kind = Kind.INVALID
    title = Text(en="The member cannot be admitted like this", zh="无法按此内容接纳成员机构")
    advice = Text(
        en="A member has a role, and only scopes and purposes that its roles allow.",
        zh="成员机构须有角色，且其权限与查询目的不得超出角色所允许的范围。",
    )


class MemberNotFound(Problem):
    """No member has this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such member", zh="没有该成员机构")
    advice = Text(
        en="registry members list shows the ids.", zh="registry members list 可列出编号。"
    )


class MemberNameTaken(Problem):
    """Another member has this name, and people would confuse the two."""

    kind = Kind.CONFLICT
    title = Text(en="The name is another member's", zh="该名称已被其他成员机构使用")
    advice = Text(en="Choose a name of its own.", zh="请使用不同的名称。")


class MemberSuspended(Problem):
    """The member is suspended already."""

    kind = Kind.CONFLICT
    title = Text(en="The member is suspended", zh="该成员机构已被暂停")
    advice = Text(
        en="registry members reinstate brings it back.",
        zh="可用 registry members reinstate 恢复。",
    )


class MemberNotSuspended(Problem):
    """The member takes part already."""

    kind = Kind.CONFLICT
    title = Text(en="The member is not suspended", zh="该成员机构未被暂停")
    advice = Text(en="There is nothing to do.", zh="无需操作。")


class KeyNotFound(Problem):
    """No key has this kid."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such key", zh="没有该密钥")
    advice = Text(
        en="registry keys list MEMBER shows the kids.",
        zh="registry keys list MEMBER 可列出 kid。",
    )


class KeyRegistered(Problem):
    """The key is registered, to this or another member, or was and is revoked."""

    kind = Kind.CONFLICT
    title = Text(en="The key has been registered before", zh="该密钥曾经登记")
    advice = Text(
        en="Generate a fresh key; a key belongs to one member, once.",
        zh="请生成新的密钥；一个密钥只属于一个成员机构，且只能登记一次。",
    )


class KeyRevoked(Problem):
    """The key is revoked already."""

    kind = Kind.CONFLICT
    title = Text(en="The key is revoked", zh="该密钥已吊销")
    advice = Text(en="There is nothing to do.", zh="无需操作。")


class TooManyKeys(Problem):
    """The member has as many active keys as a member may have."""

    kind = Kind.CONFLICT
    title = Text(en="The member has two active keys", zh="该成员机构已有两个有效密钥")
    advice = Text(
        en="Revoke one first; a key on its way out counts until it is out.",
        zh="请先吊销其中一个；正在退役的密钥在失效前仍计入。",
    )


class NoKeyToRotate(Problem):
    """The member has no active key that a new one could take over from."""

    kind = Kind.CONFLICT
    title = Text(en="There is no active key to rotate", zh="没有可轮换的有效密钥")
    advice = Text(en="Use registry keys add.", zh="请使用 registry keys add。")


class ScopeStays(Problem):
    """The scope is none of those that are withheld."""

    kind = Kind.INVALID
    title = Text(en="This scope is not withheld from anyone", zh="该权限不可扣留")
    advice = Text(
        en="Reporting and lookups can be withheld; a member answers for itself with all others.",
        zh="仅可扣留报送与查询权限；成员机构凭其他权限履行自身义务。",
    )


class ReasonInvalid(Problem):
    """The reason for which a scope is withheld is empty or too long."""

    kind = Kind.INVALID
    title = Text(en="The reason cannot be read", zh="理由无效")
    advice = Text(
        en="A reason is 1 to 64 characters, trimmed, on one line; it is shown to the member.",
        zh="理由为 1 至 64 个字符，单行，首尾无空格；成员机构可以看到。",
    )


class ScopeNotWithheld(Problem):
    """The scope is not withheld from this member for this reason."""

    kind = Kind.CONFLICT
    title = Text(en="The scope is not withheld for this reason", zh="该权限未因此理由被扣留")
    advice = Text(
        en="registry members show lists what is withheld, and why.",
        zh="registry members show 可列出被扣留的权限及理由。",
    )


class OverlapInvalid(Problem):
    """The overlap of two keys is negative or too long."""

    kind = Kind.INVALID
    title = Text(en="The overlap is out of range", zh="密钥重叠期超出范围")
    advice = Text(en="Choose 0 hours to 30 days.", zh="请选择 0 小时至 30 天。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An admitted organisation.

    `reporter_group` is shared by members that belong together and so count as
    one voice. `upheld_ppm` and `overturned_ppm` are appeals against its
    incidents, in millionths, after forgetting up to `appeals_counted_at`.
    """

    id: MemberId
    name: str
    roles: Set[Role]
    scopes: Set[Scope]
    purposes: Set[Purpose]
    reporter_group: str
    evaluations_per_hour: int
    requests_per_minute: int
    upheld_ppm: int
    overturned_ppm: int
    admitted_at: datetime
    suspended_at: datetime | None
    appeals_counted_at: datetime | None = None

    @property
    def is_suspended(self) -> bool:
        """Whether it may not take part, and what it filed has no effect."""
        return self.suspended_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A scope that a member is granted and may not use for now, for one reason.

    Each reason stands for itself: the scope is back when the last has ended.
    """

    member: MemberId
    scope: Scope
    reason: str
    withheld_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberKey:
    """A registered public key. `revoked_at` may lie ahead, while two keys overlap."""

    member: MemberId
    public_key: PublicKey
    registered_at: datetime
    revoked_at: datetime | None

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint the key is known by."""
        return self.public_key.kid

    def is_active(self, now: datetime) -> bool:
        """Whether signatures of this key are accepted at `now`."""
        return self.revoked_at is None or now < self.revoked_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What an operator asks for when admitting a member.

    Scopes and purposes None: all that the roles allow. `reporter_group` None: a
    group of its own.
    """

    name: str
    roles: Set[Role]
    scopes: Set[Scope] | None = None
    purposes: Set[Purpose] | None = None
    reporter_group: str | None = None
    evaluations_per_hour: int = EVALUATIONS_PER_HOUR_DEFAULT
    requests_per_minute: int = REQUESTS_PER_MINUTE_DEFAULT


def admit(admission: Admission, member: MemberId, now: datetime) -> Member:
    """The member that `admission` describes.

    Raises: AdmissionInvalid, with everything that is wrong.
    """
    errors = list(_admission_errors(admission))
    if errors:
        raise AdmissionInvalid(errors=errors)
    return Member(
        id=member,
        name=admission.name,
        roles=frozenset(admission.roles),
        scopes=_allowed_scopes(admission.roles) if admission.scopes is None else admission.scopes,
        purposes=(
            _allowed_purposes(admission.roles) if admission.purposes is None else admission.purposes
        ),
        reporter_group=admission.reporter_group or member,
        evaluations_per_hour=admission.evaluations_per_hour,
        requests_per_minute=admission.requests_per_minute,
        upheld_ppm=0,
        overturned_ppm=0,
        admitted_at=now,
        suspended_at=None,
    )


def withhold(member: MemberId, scope: Scope, reason: str, now: datetime) -> Withheld:
    """What is withheld from `member` since `now`.

    Raises: ScopeStays, ReasonInvalid.
    """
    if scope not in WITHHOLDABLE_SCOPES:
        raise ScopeStays(f"{scope} is not withheld.")
    if not 1 <= len(reason) <= REASON_CHARACTERS_MAX or not _is_one_line(reason):
        raise ReasonInvalid
    return Withheld(member=member, scope=scope, reason=reason, withheld_at=now)


def reliability_ppm(*, upheld_ppm: int, overturned_ppm: int, prior: ReliabilityPrior) -> int:
    """How far a furnisher's word counts, in millionths.

    The mean of Beta(prior) updated with its appeals, rounded down, in whole
    numbers so that everyone computes the same. Source: RULEBOOK 4.
    """
    upheld = prior.upheld * PPM + upheld_ppm
    overturned = prior.overturned * PPM + overturned_ppm
    return upheld * PPM // (upheld + overturned)


def _allowed_scopes(roles: Set[Role]) -> Set[Scope]:
    return frozenset().union(*(SCOPES_OF_ROLE[role] for role in roles))


def _allowed_purposes(roles: Set[Role]) -> Set[Purpose]:
    return frozenset().union(*(PURPOSES_OF_ROLE[role] for role in roles))


def _admission_errors(admission: Admission) -> Iterable[FieldError]:
    name = admission.name
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not _is_one_line(name):
        yield _error("/name", "unusable", "A name is 1 to 200 characters, trimmed, on one line.")
    if not admission.roles:
        yield _error("/roles", "missing", "A member has at least one role.")
    for scope in sorted((admission.scopes or frozenset()) - _allowed_scopes(admission.roles)):
        yield _error("/scopes", "beyond_role", f"{scope} is not for these roles.")
    for purpose in sorted((admission.purposes or frozenset()) - _allowed_purposes(admission.roles)):
        yield _error("/purposes", "beyond_role", f"{purpose} is not for these roles.")
    if admission.reporter_group is not None and not _GROUP.fullmatch(admission.reporter_group):
        yield _error("/reporter_group", "unusable", "1 to 64 of a–z, 0–9, dot, dash, underscore.")
    for quota in ("evaluations_per_hour", "requests_per_minute"):
        if not 1 <= getattr(admission, quota) <= QUOTA_MAX:
            yield _error(f"/{quota}", "out_of_range", f"From 1 to {QUOTA_MAX}.")


def _is_one_line(text: str) -> bool:
    return text == text.strip() and is_plain_line(text)


def _error(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)
