"""Everything there is to measure, one part after the other, into one document.

A part's databases come one after the other; what there is is kept after each, with how
long it took. Names: `bench/names.py`.
"""

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import deadlines, growth, logs
from bench.bulk import measure_import
from bench.calls import BATCH
from bench.disks import NoCompiler, slow_disk
from bench.figures import Comparisons, Figure, Round, figure_of, half_load_of
from bench.machine import Machine, machine_at
from bench.names import (
    BARE,
    HANDWRITTEN,
    LEAN,
    LIBSODIUM,
    PARTS,
    STATIC,
    USUAL_CONNECTIONS,
    Grid,
    Name,
    every_name,
    selected,
    with_compared,
)
from bench.nodes import place_of
from bench.rounds import Measured, Plan, measure
from registry.database.engine import Database
from tests.databases import migrated

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of everything is measured."""

    seconds: float
    rounds: int
    subjects: int
    other_connections: tuple[int, ...]
    slower_milliseconds: tuple[int, ...]
    slow_connections: tuple[int, ...]
    imported: int
    sizes: tuple[int, ...]
    log_entries: int
    open_appeals: tuple[int, ...]
    soak_seconds: float

    @property
    def grid(self) -> Grid:
        """Where the doors are measured."""
        return Grid(
            other_connections=self.other_connections,
            slower_milliseconds=self.slower_milliseconds,
            slow_connections=self.slow_connections,
            soaks=self.soak_seconds > 0,
        )

    @property
    def rounds_elsewhere(self) -> int:
        """Rounds at other connections and on slow disks."""
        return max(2, self.rounds // 2)


FULL = Extent(
    seconds=2.0,
    rounds=5,
    subjects=2000,
    other_connections=(8, 256),
    slower_milliseconds=(1, 4),
    slow_connections=(8, 32, 256),
    imported=50_000,
    sizes=(10_000, 1_000_000, 10_000_000),
    log_entries=1_000_000,
    open_appeals=(1_000, 100_000),
    soak_seconds=600.0,
)
QUICK = Extent(
    seconds=0.5,
    rounds=2,
    subjects=200,
    other_connections=(256,),
    slower_milliseconds=(4,),
    slow_connections=(32, 256),
    imported=2_000,
    sizes=(1_000, 20_000),
    log_entries=20_000,
    open_appeals=(200, 2_000),
    soak_seconds=5.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of it: how much, and the names that were asked for."""

    extent: Extent
    names: Sequence[Name]
    databases: Sequence[str]

    @classmethod
    def of(cls, extent: Extent, patterns: Sequence[str], databases: Sequence[str]) -> "Choice":
        """What answers to `patterns`.

        Raises: NothingCalledSo.
        """
        names = selected(every_name(extent.grid, databases), patterns)
        return cls(extent=extent, names=names, databases=databases)

    def of_part(self, part: str, kind: str) -> tuple[Name, ...]:
        """What of one part was asked for on one kind of database."""
        return tuple(each for each in self.names if (each.part, each.database) == (part, kind))


def run(choice: Choice, told: Told, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The document of one run; what there is of it is kept after each part.

    A part that fails has no figures but those of its setups that were whole; it is named
    with its reason, and the next one is measured.
    """
    with tempfile.TemporaryDirectory(prefix="registry-bench-") as place:
        home = Path(place)
        machine = machine_at(home)
        document = _document(choice, machine)
        for part in PARTS:
            for kind in choice.databases:
                if not choice.of_part(part, kind):
                    continue
                own = home / f"{part}-{kind}"
                own.mkdir()
                began = time.monotonic()
                try:
                    _PARTS[part](choice, kind, own, document, told)
                except (Exception, SystemExit) as error:  # noqa: BLE001 # the outermost loop
                    # An hour of the other parts is not thrown away for one of them.
                    traceback.print_exc()
                    document["failed"][f"{part}.{kind}"] = f"{type(error).__name__}: {error}"
                document["took_seconds"][f"{part}.{kind}"] = round(time.monotonic() - began)
                keep(document)
    return document


def _document(choice: Choice, machine: Machine) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "extent": asdict(choice.extent),
        "machine": asdict(machine),
        "fsync": "on",
        "took_seconds": {},
        "figures": {},
        "skipped": {},
        "failed": {},
        "servers": {},
        "half_load": {},
        "soak": {},
        "soak_memory_before": {},
        "growth": {},
        "logs": {},
        "deadlines": {},
    }


def _doors(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    extent, names = choice.extent, choice.of_part("doors", kind)
    usual = [each for each in names if each.connections == USUAL_CONNECTIONS]
    if usual:
        occasions = {each.occasion for each in usual}
        plan = Plan(
            seconds=extent.seconds,
            rounds=extent.rounds,
            operations={USUAL_CONNECTIONS: with_compared(usual, kind, USUAL_CONNECTIONS)},
            subjects=extent.subjects,
            at_half_load="half" in occasions,
            soak_seconds=extent.soak_seconds if "soak" in occasions else 0.0,
        )
        measured = measure(kind, plan, home / "usual", told)
        _note(document, measured, plan)
        _note_servers(document, measured)
    elsewhere = _by_connections(names, kind, without=USUAL_CONNECTIONS)
    if elsewhere:
        plan = Plan(
            seconds=extent.seconds,
            rounds=extent.rounds_elsewhere,
            operations=elsewhere,
            subjects=extent.subjects,
        )
        _note(document, measure(kind, plan, home / "others", told), plan)


def _by_connections(
    names: Sequence[Name], kind: str, *, without: int | None = None
) -> dict[int, tuple[str, ...]]:
    """The operations at each number of connections that anything was asked for at."""
    counts = dict.fromkeys(each.connections for each in names if each.connections != without)
    return {
        count: with_compared([each for each in names if each.connections == count], kind, count)
        for count in counts
    }


def _note_servers(document: dict[str, Any], measured: Measured) -> None:
    name = f"{LEAN}.{measured.database}"
    document["servers"][measured.database] = {
        "version": measured.version,
        "threads": measured.threads,
        "by_door": {door: asdict(facts) for door, facts in measured.servers.items()},
        "entries_acknowledged_and_found": measured.entries_acknowledged,
    }
    if measured.half_load:
        document["half_load"][name] = asdict(half_load_of(measured.half_load))
    if measured.soak.before is not None:
        document["soak"][name] = [asdict(each) for each in measured.soak.slices]
        document["soak_memory_before"][name] = asdict(measured.soak.before)


def _disks(choice: Choice, kind: str, home: Path, document: dict[str, Any], told: Told) -> None:
    names = choice.of_part("disks", kind)
    for milliseconds in choice.extent.slower_milliseconds:
        own = [each for each in names if each.slower_milliseconds == milliseconds]
        if not own:
            continue
        try:
            # Outside of temporary directories of ours alone: PostgreSQL must read it.
            with _readable() as place:
                plan = Plan(
                    seconds=choice.extent.seconds,
                    rounds=choice.extent.rounds_elsewhere,
                    operations=_by_connections(own, kind),
                    subjects=choice.extent.subjects,
                    disk=slow_disk(place, milliseconds),
                )
                measured = measure(kind, plan, home / str(milliseconds), told)
                _note(document, measured, plan)
        except NoCompiler:
            document["skipped"]["disks"] = "no C compiler"


@contextmanager
def _readable() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="slow-disk-", dir="/tmp") as place:
        yield Path(place)


def _note(document: dict[str, Any], measured: Measured, plan: Plan) -> None:
    for connections in plan.operations:
        by_name = {
            name: _people(name, rounds)
            for (name, count), rounds in measured.rounds.items()
            if count == connections
        }
        beside = Comparisons(
            bare=by_name[BARE],
            handwritten=by_name.get(HANDWRITTEN),
            static=by_name.get(STATIC),
            libsodium=by_name.get(LIBSODIUM),
        )
        for name, rounds in by_name.items():
            key = Name(
                part="",
                work=name,
                database=measured.database,
                connections=connections,
                slower_milliseconds=plan.disk.slower_milliseconds,
            )
            document["figures"][str(key)] = _rounded(asdict(figure_of(name, rounds, beside)))


def _people(name: str, rounds: list[Round]) -> list[Round]:
    """The rounds of a batch as rounds of those who are in it: rate and processor time."""
    if not name.startswith("batch."):
        return rounds
    return [each.of_parts(BATCH) for each in rounds]


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
