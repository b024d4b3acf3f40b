"""Interleaved rounds of every operation against one database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.buckets import bucket_requests, keep_answers, static_requests
from bench.calls import BATCH, Desk, Prepared, bare_requests
from bench.disks import AS_IT_IS, Disk
from bench.evaluating import evaluated_for
from bench.figures import Round, percentile, spread
from bench.line_up import LineUp, ServerFacts, lined_up
from bench.load import Load, Task
from bench.names import BARE, HANDWRITTEN, IN_PROCESS, LEAN, STATIC
from bench.nodes import (
    Place,
    ask_for_snapshot,
    catch_up,
    database_version,
    entries_in,
    place_of,
    prepare,
)
from bench.servers import cpu_seconds
from bench.soak import NOTHING_SOAKED, Soak, soaked
from registry.settings import Settings

WARM_UP_REQUESTS = 64
# Signed ahead of the first round; later ones go by the rate of the one before.
_RATE_FIRST = {
    "bare": 8000.0,
    "evaluation": 2500.0,
    "report": 900.0,
    "lookup": 6000.0,
    "batch": 60.0,
    "bucket": 10000.0,
}
_AHEAD = 1.5
_SECONDS_UNBOUNDED = 600.0
# A disk that stalls once for half a second has the p99 of one of them.
_HALF_LOAD_ROUNDS = 9
# What full load left the companion; a node at half load has none of it.
_CATCH_UP_SECONDS_MAX = 180.0
# How many entries of the logs an answer stands for.
_ENTRIES = {"report": 1, "lookup": 1, "batch": BATCH}
_CORROBORATED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long to measure, and what with: operations by the number of connections.

    `soak_seconds` 0: no soak. Half load and soak are on the connections that come first.
    """

    seconds: float
    rounds: int
    operations: Mapping[int, Sequence[str]]
    subjects: int
    disk: Disk = AS_IT_IS
    at_half_load: bool = False
    soak_seconds: float = 0.0

    @property
    def connections(self) -> int:
        """Those of half load and soak."""
        return next(iter(self.operations))

    @property
    def serves_static(self) -> bool:
        """Whether the static route is among what is measured."""
        return any(STATIC in each for each in self.operations.values())


@dataclass(slots=True, kw_only=True)
class Measured:
    """Everything measured on one database; `rounds` by operation and connections.

    `half_load` is of lookups through the lean door at half of the rate they reach, in turn.
    """

    database: str
    version: str
    threads: int
    rounds: Mapping[tuple[str, int], list[Round]]
    half_load: Sequence[Round] = ()
    soak: Soak = NOTHING_SOAKED
    servers: Mapping[str, ServerFacts] = field(default_factory=dict)
    entries_acknowledged: int = 0


class Disagreement(Exception):
    """An answer or a count is not what it must be; no figure of this run means anything."""


def measure(kind: str, plan: Plan, home: Path, told: Callable[[str], None]) -> Measured:
    """The figures of one kind of database, from nodes and servers made for it."""
    home.mkdir()
    with place_of(kind, home, plan.disk) as place:
        node = prepare(home / "node", place)
        static = plan.serves_static
        with (
            lined_up(node.settings, home, place, plan.disk, serves_static=static) as line_up,
            Load() as load,
        ):
            bench = _Bench(plan, place, line_up, load, node.desk)
            told(f"{kind}: {plan.subjects} subjects are reported")
            bench.report_subjects()
            ask_for_snapshot(node.settings)
            counted = entries_in(place)
            measured = Measured(
                database=kind,
                version=database_version(place),
                threads=node.settings.threads,
                rounds={
                    (name, connections): []
                    for connections, operations in plan.operations.items()
                    for name in operations
                },
            )
            _fill(measured, plan, bench, node.settings, told)
            measured.servers = line_up.facts()
            found = entries_in(place) - counted
            if found != bench.acknowledged:
                raise Disagreement(
                    f"{found} entries are on disk and {bench.acknowledged} were acknowledged"
                )
            measured.entries_acknowledged = found
            return measured


def _fill(
    measured: Measured,
    plan: Plan,
    bench: "_Bench",
    settings: Settings,
    told: Callable[[str], None],
) -> None:
    """All rounds in turn, then half load and soak."""
    kind = measured.database
    for number in range(plan.rounds):
        for (name, connections), before in measured.rounds.items():
            told(f"{kind}: round {number + 1} of {plan.rounds}, {name} at {connections}")
            before.append(bench.round(name, connections, before[-1:]))
    if plan.at_half_load:
        told(f"{kind}: half load, when sequencer and index have caught up")
        catch_up(settings, _CATCH_UP_SECONDS_MAX)
        lean = measured.rounds[LEAN, plan.connections]
        measured.half_load = [
            bench.half_load(lean, plan.connections) for _ in range(_HALF_LOAD_ROUNDS)
        ]
    if plan.soak_seconds:
        told(f"{kind}: soaking for {plan.soak_seconds:.0f} seconds")
        rate = measured.rounds[LEAN, plan.connections][-1].rate
        measured.soak = bench.soak(plan.connections, rate)


class _Bench:
    """Servers on one database, and the one load on them in turn."""

    def __init__(
        self,
        plan: Plan,
        place: Place,
        line_up: LineUp,
        load: Load,
        desk: Desk,
    ) -> None:
        self._plan = plan
        self._place = place
        self._line_up = line_up
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
        if name in IN_PROCESS:
            return evaluated_for(name, self._plan.seconds)
        rate = before[0].rate if before else _RATE_FIRST[name.partition(".")[0]]
        count = int(rate * self._plan.seconds * _AHEAD) + connections
        prepared = self._prepared(name, WARM_UP_REQUESTS + count)
        warm_up, timed = prepared[:WARM_UP_REQUESTS], prepared[WARM_UP_REQUESTS:]
        return self._drive(name, connections, warm_up, timed, self._plan.seconds)

    def half_load(self, before: Sequence[Round], connections: int) -> Round:
        """Lookups at half of the rate of the rounds before, however fast they are answered."""
        pace = spread([each.rate for each in before]).median / 2
        # Long enough that a hundredth of it is some dozens.
        seconds = self._plan.seconds * 2
        prepared = self._desk.lookups(WARM_UP_REQUESTS + int(pace * seconds) + 1)
        warm_up, timed = prepared[:WARM_UP_REQUESTS], prepared[WARM_UP_REQUESTS:]
        return self._drive(LEAN, connections, warm_up, timed, seconds, pace)

    def soak(self, connections: int, rate: float) -> Soak:
        """Lookups for a long time, in slices, since a signature is good for a minute."""

        def slice_of(seconds: float) -> Round:
            prepared = self._desk.lookups(int(rate * seconds * _AHEAD) + connections)
            return self._drive(LEAN, connections, [], prepared, seconds)

        return soaked(self._line_up.server_of(LEAN), self._plan.soak_seconds, slice_of)

    def _prepared(self, name: str, count: int) -> list[Prepared]:
        port = self._line_up.server_of(name).port
        if name == BARE:
            return bare_requests(f"127.0.0.1:{port}", count)
        if name == HANDWRITTEN:
            return self._desk.handwritten(count)
        if name.startswith("bucket."):
            key = self._desk.callers[0].server.signing_key
            if name != STATIC:
                return bucket_requests(port, key, count)
            file = self._line_up.static_file
            if not file.exists():
                keep_answers(self._line_up.server_of(LEAN).port, file)
            return static_requests(port, key, file, count)
        ways = {
            "evaluation": self._desk.evaluations,
            "report": self._desk.reports,
            "lookup": self._desk.lookups,
            "batch": self._desk.batches,
        }
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
        work, server = name.partition(".")[0], self._line_up.server_of(name)
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
