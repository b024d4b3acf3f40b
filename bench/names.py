"""What there is to measure, by name, and which of it was asked for.

A figure's name is `<work>.<door>.<database>`; `@…` says what was not as usual: `@c256`
at 256 connections, `@fsync4ms` on a disk whose syncs take 4 ms longer, `@half` at half
of the rate that was reached, `@soak` for a long time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

DATABASES = ("sqlite", "postgresql")
PARTS = ("doors", "disks", "import", "growth", "logs", "deadlines")

BARE = "bare.flask"
HANDWRITTEN = "lookup.handwritten"
LEAN = "lookup.lean"
STATIC = "bucket.static"
LIBSODIUM = "evaluation.libsodium"
CORE = "evaluation.core"
# `<work>.<door>`, in the order of their rounds.
OPERATIONS = (
    BARE,
    LIBSODIUM,
    CORE,
    "evaluation.flask",
    "evaluation.lean",
    "report.flask",
    "report.lean",
    "lookup.flask",
    LEAN,
    "batch.flask",
    "batch.lean",
    "bucket.flask",
    "bucket.lean",
    STATIC,
    HANDWRITTEN,
)
# These need no server: one thread of the benchmark's own process.
IN_PROCESS = (LIBSODIUM, CORE)
# What waits for a sync, on slow disks.
DURABLE = ("report.lean", "lookup.flask", LEAN, "batch.lean", HANDWRITTEN)
USUAL_CONNECTIONS = 32
# Batches of a hundred on more connections are more than a door lets wait: it says so with 503.
BATCH_CONNECTIONS_MAX = 32


class NothingCalledSo(Exception):
    """A pattern that selects nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One thing to measure; `work` is an operation or the part itself."""

    part: str
    work: str
    database: str
    connections: int = USUAL_CONNECTIONS
    slower_milliseconds: int = 0
    occasion: str = ""

    def __str__(self) -> str:
        return f"{self.work}.{self.database}{self.marks}"

    @property
    def marks(self) -> str:
        """What is not as usual, each part with its @."""
        marks = [f"c{self.connections}"] if self.connections != USUAL_CONNECTIONS else []
        if self.slower_milliseconds:
            marks.append(f"fsync{self.slower_milliseconds}ms")
        if self.occasion:
            marks.append(self.occasion)
        return "".join(f"@{each}" for each in marks)

    def answers_to(self, pattern: str) -> bool:
        """Whether `pattern` means it: its part, its work, or its name with the database or not."""
        names = (self.part, self.work, str(self), self.work + self.marks)
        return any(fnmatchcase(each, pattern) for each in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """At which numbers of connections the doors are measured, and on how slow disks."""

    other_connections: tuple[int, ...]
    slower_milliseconds: tuple[int, ...]
    slow_connections: tuple[int, ...]
    soaks: bool


def applies(operation: str, kind: str, connections: int = USUAL_CONNECTIONS) -> bool:
    """Whether there is such an operation on this kind of database, so often at once."""
    if operation == HANDWRITTEN:
        # It is written for PostgreSQL.
        return kind == "postgresql"
    if operation in IN_PROCESS:
        return connections == USUAL_CONNECTIONS
    return not operation.startswith("batch.") or connections <= BATCH_CONNECTIONS_MAX


def every_name(grid: Grid, kinds: Sequence[str]) -> tuple[Name, ...]:
    """All that one run can measure."""
    return tuple(name for kind in kinds for name in _names_on(grid, kind))


def _names_on(grid: Grid, kind: str) -> Iterator[Name]:
    for connections in (USUAL_CONNECTIONS, *grid.other_connections):
        for work in OPERATIONS:
            if applies(work, kind, connections):
                yield Name(part="doors", work=work, database=kind, connections=connections)
    yield Name(part="doors", work=LEAN, database=kind, occasion="half")
    if grid.soaks:
        yield Name(part="doors", work=LEAN, database=kind, occasion="soak")
    for slower in grid.slower_milliseconds:
        for connections in grid.slow_connections:
            for work in (BARE, *DURABLE):
                if applies(work, kind, connections):
                    yield Name(
                        part="disks",
                        work=work,
                        database=kind,
                        connections=connections,
                        slower_milliseconds=slower,
                    )
    for part, work in (
        ("import", "import.job"),
        ("growth", f"growth.{LEAN}"),
        ("logs", "logs"),
        ("deadlines", "deadlines"),
    ):
        yield Name(part=part, work=work, database=kind)


def selected(names: Sequence[Name], patterns: Sequence[str]) -> tuple[Name, ...]:
    """The names that answer to some pattern, each once.

    Raises: NothingCalledSo naming a pattern to which none does.
    """
    for pattern in patterns:
        if not any(each.answers_to(pattern) for each in names):
            raise NothingCalledSo(pattern)
    return tuple(each for each in names if any(map(each.answers_to, patterns)))


def with_compared(chosen: Sequence[Name], kind: str, connections: int) -> tuple[str, ...]:
    """The operations of `chosen`, and those they are compared with, in their order.

    Half load and soak go by the rate of the rounds before: they are lookups too.
    """
    works = {each.work for each in chosen}
    if works:
        works |= {BARE, HANDWRITTEN}
    if "bucket.lean" in works:
        works.add(STATIC)
    if any(each.startswith("evaluation.") for each in works):
        works.add(LIBSODIUM)
    return tuple(each for each in OPERATIONS if each in works and applies(each, kind, connections))


def listed(names: Sequence[Name]) -> str:
    """The names for people, a line for each work: databases left out, `@…` beside it."""
    lines = []
    for part in PARTS:
        lines.append(f"{part}:")
        marks: dict[str, dict[str, None]] = {}
        for each in names:
            if each.part == part:
                marks.setdefault(each.work, {})[each.marks] = None
        lines += [f"  {work} {' '.join(filter(None, own))}".rstrip() for work, own in marks.items()]
    return "\n".join(lines)


def database_of(name: str) -> str:
    """The database in a figure's name."""
    return name.partition("@")[0].rpartition(".")[2]


def databases_of(names: Iterable[str]) -> list[str]:
    """The databases in figures' names, in their order."""
    return list(dict.fromkeys(map(database_of, names)))
