"""The nouns of oversight: indexed entries, queries, cases and what became of them."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from registry.kernel.canonical import JsonValue
from registry.kernel.ids import EntryId, MemberId, Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.model import RecordType, Shard
from registry.rulebook.model import Purpose

SEARCH_ENTRIES_MAX = 100
VIEW_ENTRIES_MAX = 50
SAMPLE_ENTRIES_MAX = 1000
EXPORT_ENTRIES_MAX = 10_000
# What a supervisor searches when it names no record types: who looked, and what then.
ACCESSES = frozenset(
    {
        RecordType.LOOKUP,
        RecordType.REFUSED_LOOKUP,
        RecordType.OWN_VIEW,
        RecordType.SUPERVISOR_VIEW,
        RecordType.EXPORT,
        RecordType.OUTCOME,
    }
)


class SupervisionOnly(Problem):
    """The member reads no oversight: its grant does not list the purpose."""

    kind = Kind.FORBIDDEN
    title = Text(en="The member does not supervise", zh="成员机构不具备监管职能")
    advice = Text(
        en="The operator grants the purpose `supervision` to supervisors.",
        zh="监管用途（supervision）由运营者授予监管机构。",
    )


class NoSuchCheckpoint(Problem):
    """The log was never signed at this size, or has no signed checkpoint."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such checkpoint", zh="没有该检查点")
    advice = Text(
        en="Name a half-year and a size up to that of the log's newest checkpoint.",
        zh="请指定半年期及不超过最新检查点的大小。",
    )


class CaseNotFound(Problem):
    """No case has this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such case", zh="没有该案件")
    advice = Text(en="POST /v1/oversight/cases/search lists them.", zh="可检索案件后核对编号。")


class FormatNotInstalled(Problem):
    """This node was installed without what the format needs."""

    kind = Kind.NOT_ACCEPTABLE
    title = Text(en="The format is not installed", zh="未安装该格式")
    advice = Text(
        en="The operator installs the extra `parquet`; JSONL, CSV and bundles always work.",
        zh="请运营者安装 parquet 附加组件；JSONL、CSV 与 bundle 始终可用。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedEntry:
    """What an entry is found by, without opening whom it is about.

    `subjects` are the lookup keys of all identities it names; read from the index
    it has the first alone. `lookup` is the lookup that an outcome is of.
    """

    uuid: UUID
    shard: Shard
    position: int
    record_type: RecordType
    at: datetime
    outcome: str
    member: MemberId | None
    purpose: Purpose | None
    agent: str | None
    match: str | None
    subjects: tuple[bytes, ...] = field(repr=False, default=())
    lookup: UUID | None = None

    @property
    def entry_id(self) -> EntryId:
        """The entry's id as text."""
        return EntryId(with_prefix(Prefix.ENTRY, self.uuid))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuery:
    """What a supervisor asks for; None leaves a condition out.

    `sizes` keeps to the first so many entries of each log, and to those logs.
    """

    member: MemberId | None = None
    purpose: Purpose | None = None
    outcome: str | None = None
    agent: str | None = None
    entry: UUID | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    record_types: Set[RecordType] = ACCESSES
    sizes: Mapping[Shard, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far the index has got in a shard that has `size` entries."""

    shard: Shard
    indexed: int
    size: int


class Disposition(StrEnum):
    """What became of a case."""

    OPEN = "open"
    EXPLAINED = "explained"
    CONFIRMED = "confirmed"
    REFERRED = "referred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposed:
    """Who said what became of a case, when, and why."""

    disposition: Disposition
    member: MemberId
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something a rule found in a window: how far a limit was passed, by whom.

    `key` tells it from any other find of the same rule, so that it is raised once;
    `overlapping` are the keys of the same find in the windows that share a day with its
    own, the latest first.
    """

    rules: str
    rule: str
    member: MemberId | None
    key: bytes
    facts: Mapping[str, JsonValue]
    window_from: datetime
    window_until: datetime
    overlapping: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A flag that supervisors look into."""

    id: UUID
    flag: Flag
    opened_at: datetime
    disposition: Disposition
    history: tuple[Disposed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A member's lookups in a window, and how many have no outcome although it is time."""

    member: MemberId
    lookups: int
    without_outcome: int
