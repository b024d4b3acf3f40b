"""Interleaved rounds of every operation against one database."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.buckets import bucket_requests
from bench.calls import BATCH, Desk, Prepared, bare_requests
from bench.disks import AS_IT_IS, Disk
from bench.figures import Round, percentile, spread
from bench.load import Load, Task
from bench.nodes import (
    Place,
    ask_for_snapshot,
    database_version,
    entries_in,
    place_of,
    prepare,
)
from bench.servers import Memory, Served, cpu_seconds, memory_of, served
from registry.settings import Settings

BARE = "bare.flask"
HANDWRITTEN = "lookup.handwritten"
LEAN = "lookup.lean"
SOAK_SLICE_SECONDS = 5.0
# `<work>.<door>`
OPERATIONS = (
    BARE,
    "evaluation.flask",
    "evaluation.lean",
    "report.flask",
    "report.lean",
    "lookup.flask",
    "lookup.lean",
    "batch.lean",
    "bucket.flask",
    "bucket.lean",
    HANDWRITTEN,
)
WARM_UP_REQUESTS = 64
# Signed ahead of the first round; later ones go by the rate of the one before.
_RATE_FIRST = {
    "bare": 8000.0,
    "evaluation": 2500.0,
    "report": 900.0,
    "lookup": 6000.0,
    "batch": 150,
    "bucket": 10000.0,
}
_AHEAD = 1.5
_SECONDS_UNBOUNDED = 600.0
# How many entries of the logs an answer stands for.
_ENTRIES = {"report": 1, "lookup": 1, "batch": BATCH}
_CORROBORATED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to measure, and what with; `soak_seconds` 0: no soak."""

    seconds: float
    rounds: int
    connections: tuple[int, ...]
    subjects: int
    operations: tuple[str, ...] = OPERATIONS
    disk: Disk = AS_IT_IS
    soak_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """Some seconds of a soak, from `at_seconds` on."""

    at_seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    worker_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything measured on one database; `rounds` by operation and connections.

    `half_load` is of lookups through the lean door at half of the rate they reach.
    """

    database: str
    version: str
    workers: int
    threads: int
    rounds: Mapping[tuple[str, int], Sequence[Round]]
    half_load: Round | None
    soak: Sequence[Soaked]
    worker_memory: Memory
    start_seconds: float
    entries_acknowledged: int


class Disagreement(Exception):
    """An answer or a count is not what it must be; no figure of this run means anything."""


def measure(kind: str, plan: Plan, home: Path, told: Callable[[str], None]) -> Measured:
    """The figures of one kind of database, from nodes and servers made for it."""
    home.mkdir()
    with place_of(kind, home, plan.disk) as place:
        node = prepare(home / "node", place)
        settings = node.settings
        with (
            served(settings, home / "flask.txt", disk=plan.disk) as registry,
            served(settings, home / "lean.txt", door="lean", disk=plan.disk) as lean,
            served(settings, home / "bare.txt", "bench.bare:app") as bare,
            _handwritten(settings, home, place, plan.disk) as handwritten,
            Load() as load,
        ):
            servers = {"flask": registry, "lean": lean, "handwritten": handwritten}
            bench = _Bench(plan, place, servers, bare, load, node.desk)
            operations = [
                each
                for each in plan.operations
                if each == BARE or servers[each.partition(".")[2]] is not None
            ]
            told(f"{kind}: {plan.subjects} subjects are reported")
            bench.report_subjects()
            ask_for_snapshot(settings)
            counted = entries_in(place)
            rounds: dict[tuple[str, int], list[Round]] = {
                (name, connections): [] for connections in plan.connections for name in operations
            }
            for number in range(plan.rounds):
                for (name, connections), before in rounds.items():
                    told(f"{kind}: round {number + 1} of {plan.rounds}, {name} at {connections}")
                    before.append(bench.round(name, connections, before[-1:]))
            half_load, soak = None, list[Soaked]()
            lean_rounds = rounds.get((LEAN, plan.connections[0]))
            if lean_rounds:
                told(f"{kind}: half load")
                half_load = bench.half_load(lean_rounds, plan.connections[0])
            if lean_rounds and plan.soak_seconds:
                told(f"{kind}: soaking for {plan.soak_seconds:.0f} seconds")
                soak = bench.soak(plan.connections[0], lean_rounds[-1].rate)
            found = entries_in(place) - counted
            if found != bench.acknowledged:
                raise Disagreement(
                    f"{found} entries are on disk and {bench.acknowledged} were acknowledged"
                )
            return Measured(
                database=kind,
                version=database_version(place),
                workers=len(registry.workers),
                threads=settings.threads,
                rounds=rounds,
                half_load=half_load,
                soak=soak,
                worker_memory=_largest(lean),
                start_seconds=lean.start_seconds,
                entries_acknowledged=bench.acknowledged,
            )


@contextmanager
def _handwritten(
    settings: Settings, home: Path, place: Place, disk: Disk
) -> Iterator[Served | None]:
    if place.postmaster is None:
        # It is written for PostgreSQL.
        yield None
        return
    application = "bench.handwritten:create_app()"
    with served(settings, home / "handwritten.txt", application, disk=disk) as server:
        yield server


class _Bench:
    """Servers on one database, and the one load on them in turn."""

    def __init__(
        self,
        plan: Plan,
        place: Place,
        servers: Mapping[str, Served | None],
        bare: Served,
        load: Load,
        desk: Desk,
    ) -> None:
        self._plan = plan
        self._place = place
        self._servers = servers
        self._bare = bare
        self._load = load
        self._desk = desk
        self.acknowledged = 0

    def report_subjects(self) -> None:
        """Makes the people of whom something is known, through the door like everyone."""
        count = self._plan.subjects
        # A signature lasts a minute: no more of them at once than are sent in it.
        for _ in range(0, count, 1000):
            first = self._desk.reported
            reports = self._desk.reports(min(1000, count - first))
            again = range(first, self._desk.reported, _CORROBORATED)
            for each in (reports, self._desk.corroborations(again)):
                self._drive("report.flask", 32, [], each, _SECONDS_UNBOUNDED)
        self._desk.known = count
        self.acknowledged = 0

    def round(self, name: str, connections: int, before: Sequence[Round]) -> Round:
        """One round of one operation."""
        rate = before[0].rate if before else _RATE_FIRST[name.partition(".")[0]]
        count = int(rate * self._plan.seconds * _AHEAD) + connections
        prepared = self._prepared(name, WARM_UP_REQUESTS + count)
        warm_up, timed = prepared[:WARM_UP_REQUESTS], prepared[WARM_UP_REQUESTS:]
        return self._drive(name, connections, warm_up, timed, self._plan.seconds)

    def half_load(self, before: Sequence[Round], connections: int) -> Round:
        """Lookups at half of the rate of the rounds before, however fast they are answered."""
        pace = spread([each.rate for each in before]).median / 2
        # Long enough that a hundredth of it is some dozens.
        seconds = self._plan.seconds * 5
        prepared = self._desk.lookups(WARM_UP_REQUESTS + int(pace * seconds) + 1)
        warm_up, timed = prepared[:WARM_UP_REQUESTS], prepared[WARM_UP_REQUESTS:]
        return self._drive(LEAN, connections, warm_up, timed, seconds, pace)

    def soak(self, connections: int, rate: float) -> list[Soaked]:
        """Lookups for a long time, in slices, since a signature is good for a minute."""
        server = self._servers["lean"]
        assert server is not None
        soaked: list[Soaked] = []
        began = time.monotonic()
        while (at := time.monotonic() - began) < self._plan.soak_seconds:
            prepared = self._desk.lookups(int(rate * SOAK_SLICE_SECONDS * _AHEAD) + connections)
            found = self._drive(LEAN, connections, [], prepared, SOAK_SLICE_SECONDS)
            soaked.append(
                Soaked(
                    at_seconds=at,
                    rate=found.rate,
                    p50_ms=found.p50_milliseconds,
                    p99_ms=found.p99_milliseconds,
                    worker_mib=_largest(server).rss,
                )
            )
        return soaked

    def _prepared(self, name: str, count: int) -> list[Prepared]:
        if name == BARE:
            return bare_requests(f"127.0.0.1:{self._bare.port}", count)
        ways = {
            "evaluation": self._desk.evaluations,
            "report": self._desk.reports,
            "lookup": self._desk.lookups,
            "batch": self._desk.batches,
        }
        if name == HANDWRITTEN:
            return self._desk.handwritten(count)
        if name.startswith("bucket."):
            server = self._servers[name.partition(".")[2]]
            assert server is not None
            key = self._desk.callers[0].server.signing_key
            return bucket_requests(server.port, key, count)
        return ways[name.partition(".")[0]](count)

    def _drive(
        self,
        name: str,
        connections: int,
        warm_up: Sequence[Prepared],
        timed: Sequence[Prepared],
        seconds: float,
        pace: float | None = None,
    ) -> Round:
        work, _, door = name.partition(".")
        server = self._bare if name == BARE else self._servers[door]
        assert server is not None
        task = Task(
            port=server.port,
            connections=connections,
            seconds=seconds,
            pace=pace,
            warm_up=[each.data for each in warm_up],
            timed=[each.data for each in timed],
        )
        used: list[tuple[float, float]] = []

        def note() -> None:
            postmaster = self._place.postmaster
            used.append(
                (cpu_seconds(server.master), cpu_seconds(postmaster) if postmaster else 0.0)
            )

        answers = self._load.drive(task, begun=note, ended=note)
        count = len(answers.latencies)
        _check(name, answers.statuses, answers.bodies, timed)
        if work in _ENTRIES and name != HANDWRITTEN:
            self.acknowledged += (len(warm_up) + count) * _ENTRIES[work]
        ascending = sorted(answers.latencies)
        (server_before, database_before), (server_after, database_after) = used
        return Round(
            requests=count,
            seconds=answers.seconds,
            p50_milliseconds=percentile(ascending, 50) * 1000,
            p99_milliseconds=percentile(ascending, 99) * 1000,
            server_cpu_microseconds=(server_after - server_before) / count * 1e6,
            database_cpu_microseconds=(database_after - database_before) / count * 1e6,
        )


def _check(
    name: str,
    statuses: Sequence[int],
    bodies: Mapping[int, bytes],
    prepared: Sequence[Prepared],
) -> None:
    expected = prepared[0].status
    wrong = [status for status in statuses if status != expected]
    if wrong:
        raise Disagreement(f"{name}: {len(wrong)} answers are not {expected} but {set(wrong)}")
    if not bodies:
        raise Disagreement(f"{name}: no answer was sampled")
    for position, body in bodies.items():
        prepared[position].check(body)


def _largest(server: Served) -> Memory:
    return max(map(memory_of, server.workers), key=lambda memory: memory.rss)
