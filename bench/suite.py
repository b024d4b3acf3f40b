"""Everything there is to measure, one part after the other, into one document.

A figure's name is `<work>.<door>.<database>`; `@…` says what was not as usual:
`@c256` at 256 connections, `@fsync4ms` on a disk whose syncs take 4 ms longer.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bench import deadlines, growth, logs
from bench.bulk import measure_import
from bench.calls import BATCH
from bench.disks import AS_IT_IS, Disk, NoCompiler, slow_disk
from bench.figures import Figure, Round, figure_of
from bench.machine import Machine, machine_at
from bench.nodes import place_of
from bench.rounds import BARE, HANDWRITTEN, LEAN, OPERATIONS, Measured, Plan, measure
from registry.database.engine import Database
from tests.databases import migrated

PARTS = ("doors", "disks", "import", "growth", "logs", "deadlines")
# At other numbers of connections, and on slow disks, what is worth knowing there. Batches
# of a hundred at 256 connections are more than a door lets wait: it says so with 503.
_COMPARED = (BARE, "lookup.flask", LEAN, "bucket.lean", HANDWRITTEN)
_ON_SLOW_DISKS = (BARE, "lookup.flask", LEAN, HANDWRITTEN)
USUAL_CONNECTIONS = 32

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of everything is measured."""

    seconds: float
    rounds: int
    subjects: int
    other_connections: tuple[int, ...]
    slower_milliseconds: tuple[int, ...]
    imported: int
    sizes: tuple[int, ...]
    log_entries: int
    open_appeals: tuple[int, ...]
    soak_seconds: float


FULL = Extent(
    seconds=2.0,
    rounds=5,
    subjects=2000,
    other_connections=(8, 256),
    slower_milliseconds=(1, 4),
    imported=50_000,
    sizes=(10_000, 1_000_000),
    log_entries=200_000,
    open_appeals=(1_000, 100_000),
    soak_seconds=60.0,
)
QUICK = Extent(
    seconds=0.5,
    rounds=2,
    subjects=200,
    other_connections=(256,),
    slower_milliseconds=(4,),
    imported=2_000,
    sizes=(1_000, 20_000),
    log_entries=20_000,
    open_appeals=(100, 2_000),
    soak_seconds=5.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of it: parts and operations by pattern, and the kinds of database."""

    extent: Extent
    only: str
    databases: tuple[str, ...]

    def wants(self, part: str) -> bool:
        """Whether a part, or something in it, was asked for."""
        if part in ("doors", "disks") and self.only not in PARTS:
            return bool(self.operations())
        return fnmatch(part, self.only)

    def operations(self) -> tuple[str, ...]:
        """The operations of the doors, with what they are compared with."""
        if self.only in PARTS or self.only == "*":
            return OPERATIONS
        found = {each for each in OPERATIONS if fnmatch(each, self.only)}
        return tuple(each for each in OPERATIONS if each in found | {BARE, HANDWRITTEN} and found)


def run(choice: Choice, told: Told, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The document of one run; what there is of it is kept after each part."""
    with tempfile.TemporaryDirectory(prefix="registry-bench-") as place:
        home = Path(place)
        machine = machine_at(home)
        document = _document(choice, machine)
        for part, measured in _PARTS.items():
            if choice.wants(part):
                for kind in choice.databases:
                    own = home / f"{part}-{kind}"
                    own.mkdir()
                    measured(choice, kind, own, document, told)
                    keep(document)
    return document


def _document(choice: Choice, machine: Machine) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "extent": asdict(choice.extent),
        "machine": asdict(machine),
        "fsync": "on",
        "figures": {},
        "skipped": {},
        "servers": {},
        "half_load": {},
        "soak": {},
        "growth": {},
        "logs": {},
        "deadlines": {},
    }


def _doors(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    extent, operations = choice.extent, choice.operations()
    plan = Plan(
        seconds=extent.seconds,
        rounds=extent.rounds,
        connections=(USUAL_CONNECTIONS,),
        subjects=extent.subjects,
        operations=operations,
        soak_seconds=extent.soak_seconds,
    )
    measured = measure(kind, plan, home / "usual", told)
    _note(document, measured, AS_IT_IS)
    document["servers"][kind] = {
        "version": measured.version,
        "workers": measured.workers,
        "threads": measured.threads,
        "worker_memory_mib": asdict(measured.worker_memory),
        "start_seconds": measured.start_seconds,
        "entries_acknowledged_and_found": measured.entries_acknowledged,
    }
    if measured.half_load is not None:
        document["half_load"][f"{LEAN}.{kind}"] = asdict(measured.half_load)
    document["soak"][f"{LEAN}.{kind}"] = [asdict(each) for each in measured.soak]
    if extent.other_connections:
        others = Plan(
            seconds=extent.seconds,
            rounds=max(2, extent.rounds // 2),
            connections=extent.other_connections,
            subjects=extent.subjects,
            operations=tuple(each for each in _COMPARED if each in operations),
        )
        _note(document, measure(kind, others, home / "others", told), AS_IT_IS)


def _disks(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    for milliseconds in choice.extent.slower_milliseconds:
        try:
            # Outside of temporary directories of ours alone: PostgreSQL must read it.
            with _readable() as place:
                plan = Plan(
                    seconds=choice.extent.seconds,
                    rounds=max(2, choice.extent.rounds // 2),
                    connections=(USUAL_CONNECTIONS, 256),
                    subjects=choice.extent.subjects,
                    operations=tuple(e for e in _ON_SLOW_DISKS if e in choice.operations()),
                    disk=slow_disk(place, milliseconds),
                )
                own = home / str(milliseconds)
                _note(document, measure(kind, plan, own, told), plan.disk)
        except NoCompiler:
            document["skipped"]["disks"] = "no C compiler"


@contextmanager
def _readable() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="slow-disk-", dir="/tmp") as place:
        yield Path(place)


def _note(document: dict[str, Any], measured: Measured, disk: Disk) -> None:
    by_connections: dict[int, dict[str, list[Round]]] = {}
    for (name, connections), rounds in measured.rounds.items():
        by_connections.setdefault(connections, {})[name] = list(rounds)
    for connections, by_name in by_connections.items():
        for name, rounds in by_name.items():
            figure = figure_of(_people(name, rounds), by_name[BARE], by_name.get(HANDWRITTEN))
            key = f"{name}.{measured.database}{_unusual(connections, disk)}"
            document["figures"][key] = _rounded(asdict(figure))


def _people(name: str, rounds: list[Round]) -> list[Round]:
    """The rounds of a batch as rounds of those who are in it: rate and processor time."""
    if not name.startswith("batch."):
        return rounds
    return [each.of_parts(BATCH) for each in rounds]


def _unusual(connections: int, disk: Disk) -> str:
    parts = []
    if connections != USUAL_CONNECTIONS:
        parts.append(f"c{connections}")
    if disk.slower_milliseconds:
        parts.append(f"fsync{disk.slower_milliseconds}ms")
    return "".join(f"@{each}" for each in parts)


def _import(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    told(f"{kind}: {choice.extent.imported} reports are imported")
    found = measure_import(kind, home / "import", choice.extent.imported)
    figure = Figure(
        rate=found.incidents_per_second,
        cpu_us=found.processor_seconds / found.reports * 1e6,
    )
    document["figures"][f"import.job.{kind}"] = _rounded(asdict(figure))


def _growth(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    told(f"{kind}: lookups beside {choice.extent.sizes} subjects")
    found = growth.measure_growth(
        kind,
        home,
        choice.extent.sizes,
        seconds=choice.extent.seconds,
        rounds=choice.extent.rounds,
        connections=USUAL_CONNECTIONS,
    )
    document["growth"][f"{LEAN}.{kind}"] = asdict(found)


def _logs(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    told(f"{kind}: the logs, {choice.extent.log_entries} entries")
    plan = logs.LogPlan(
        seconds=choice.extent.seconds,
        rounds=choice.extent.rounds,
        threads=8,
        entries=choice.extent.log_entries,
    )
    document["logs"][kind] = asdict(logs.measure_logs(kind, plan, home / "logs"))


def _deadlines(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    for size in choice.extent.open_appeals:
        told(f"{kind}: a step of the deadline job beside {size} open appeals")
        own = home / str(size)
        own.mkdir()
        with place_of(kind, own) as place:
            migrated(place.url)
            database = Database(place.url)
            try:
                usual, longest, peak = deadlines.measure(database, size)
            finally:
                database.close()
        document["deadlines"].setdefault(kind, {})[str(size)] = {
            "step_ms": usual,
            "longest_ms": longest,
            "peak_mib": peak,
        }


_PARTS: Mapping[str, Callable[[Choice, str, Path, dict[str, Any], Told], None]] = {
    "doors": _doors,
    "disks": _disks,
    "import": _import,
    "growth": _growth,
    "logs": _logs,
    "deadlines": _deadlines,
}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value
