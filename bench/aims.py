"""What was aimed at, beside what a run found: one row for each aim, none of it by hand.

An aim that a run did not measure, or measured at less than the aim speaks of, says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.names import CORE, DATABASES, LEAN

Document = Mapping[str, Any]

SUBJECTS_AIMED = 10_000_000
ENTRIES_AIMED = 1_000_000
APPEALS_AIMED = 100_000
SOAK_SECONDS_AIMED = 600
# A worker's memory at the end of a soak, of that after its first minute.
_FLAT = 1.05
# A step beside many open appeals, of one beside few.
_BOUNDED = 1.5
_MIB_IN_MB = 1.048576


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a run has for an aim; `short_of` says at what less it was measured, if it was."""

    value: float
    short_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A bound on one figure, as a least or as a most."""

    what: str
    figure: str
    find: Callable[[Document], Found | None]
    least: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def bound(self) -> str:
        """The aim in a cell."""
        if self.least is not None:
            return f"≥ {number(self.least)}{self.unit}"
        assert self.most is not None
        return f"≤ {number(self.most)}{self.unit}"

    def standing(self, found: Found | None) -> str:
        """Reached, or by how much it is missed."""
        if found is None:
            return "not measured"
        if self.least is not None:
            outcome = "reached" if found.value >= self.least else _part(found.value / self.least)
        else:
            assert self.most is not None
            times = found.value / self.most
            outcome = "reached" if times <= 1 else f"**missed**: {times:.2f} times it"
        if found.short_of:
            return f"{outcome} at {found.short_of}; not measured where the aim is"
        return outcome


def _part(of_aim: float) -> str:
    return f"**missed**: {of_aim:.0%} of it"


def rows(document: Document) -> list[tuple[str, str, str, str, str]]:
    """Each aim in cells: what, its figure, the aim, what was found, where it stands."""
    made = []
    for aim in AIMS:
        found = aim.find(document)
        cell = "–" if found is None else f"{number(found.value)}{aim.unit}"
        made.append((aim.what, f"`{aim.figure}`", aim.bound, cell, aim.standing(found)))
    return made


def number(value: float) -> str:
    """As many digits as say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _measured(value: float | None) -> Found | None:
    return None if value is None else Found(value=value)


def _of(name: str, field: str = "ratio_to_flask") -> Callable[[Document], Found | None]:
    """A figure's field; the median where it is a spread."""

    def find(document: Document) -> Found | None:
        value = document["figures"].get(name, {}).get(field)
        return _measured(value["median"] if isinstance(value, Mapping) else value)

    return find


def _beside(name: str, other: str) -> Callable[[Document], Found | None]:
    """One figure's ratio to bare Flask beside another's, whichever rounds they are of."""
    one, two = _of(name), _of(other)

    def find(document: Document) -> Found | None:
        above, below = one(document), two(document)
        return Found(value=above.value / below.value) if above and below else None

    return find


def _half_load(name: str) -> Callable[[Document], Found | None]:
    def find(document: Document) -> Found | None:
        half_load = document["half_load"].get(name)
        return _measured(half_load["p99_milliseconds"]["median"]) if half_load else None

    return find


def _worker(kind: str) -> Callable[[Document], Found | None]:
    def find(document: Document) -> Found | None:
        lean = document["servers"].get(kind, {}).get("by_door", {}).get("lean")
        return Found(value=lean["worker_memory"]["rss"] * _MIB_IN_MB) if lean else None

    return find


def _flat(name: str) -> Callable[[Document], Found | None]:
    def find(document: Document) -> Found | None:
        slices: Sequence[Mapping[str, float]] = document["soak"].get(name, ())
        if len(slices) < 2:
            return None
        lasted = slices[-1]["at_seconds"] + slices[1]["at_seconds"] - slices[0]["at_seconds"]
        first = next((e for e in slices if e["at_seconds"] >= 60), slices[0])
        short = "" if lasted >= SOAK_SECONDS_AIMED - 5 else f"{lasted:.0f} seconds"
        return Found(value=slices[-1]["worker_mib"] / first["worker_mib"], short_of=short)

    return find


def _growth(name: str) -> Callable[[Document], Found | None]:
    def find(document: Document) -> Found | None:
        found = document["growth"].get(name)
        if not found or len(found["subjects"]) < 2:
            return None
        most = found["subjects"][-1]
        short = "" if most >= SUBJECTS_AIMED else f"{most:,} subjects"
        return Found(value=found["ratios_to_first"][-1]["median"], short_of=short)

    return find


def _logs(kind: str, field: str, *, grows: str = "") -> Callable[[Document], Found | None]:
    """A figure of the logs; with `grows` it depends on the entries there are."""

    def find(document: Document) -> Found | None:
        found = document["logs"].get(kind)
        if not found:
            return None
        value = found[field]
        short = ""
        if grows and found["entries"] < ENTRIES_AIMED:
            short = f"{found['entries']:,} {grows}"
        return Found(value=value["median"] if isinstance(value, Mapping) else value, short_of=short)

    return find


def _appeals(kind: str, field: str) -> Callable[[Document], Found | None]:
    """What a step takes beside the most open appeals, of what it takes beside the fewest."""

    def find(document: Document) -> Found | None:
        by_size = {int(size): each for size, each in document["deadlines"].get(kind, {}).items()}
        if len(by_size) < 2:
            return None
        least, most = min(by_size), max(by_size)
        short = "" if most >= APPEALS_AIMED else f"{most:,} open appeals"
        return Found(value=by_size[most][field] / by_size[least][field], short_of=short)

    return find


def _on_each(kind: str) -> Iterator[Aim]:
    """The aims that are the same on both databases."""
    lean, on = f"{LEAN}.{kind}", {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[kind]
    flask, batch, report = f"lookup.flask.{kind}", f"batch.lean.{kind}", f"report.lean.{kind}"
    bucket, door, core = f"bucket.lean.{kind}", f"evaluation.lean.{kind}", f"{CORE}.{kind}"
    yield Aim(what=f"lookup, lean door, {on}", figure=lean, find=_of(lean), least=1.0)
    yield Aim(what=f"lookup through Flask, {on}", figure=flask, find=_of(flask), least=0.25)
    yield Aim(
        what=f"p99 at half load, {on}",
        figure=f"{lean}@half",
        find=_half_load(lean),
        most=15,
        unit=" ms",
    )
    yield Aim(
        what=f"a batch of 100, per person, of the single door, {on}",
        figure=batch,
        find=_beside(batch, lean),
        least=3.0,
    )
    yield Aim(what=f"screening bucket, {on}", figure=bucket, find=_of(bucket), least=2.0)
    for what, figure in (("in this process", core), ("the whole door", door)):
        yield Aim(
            what=f"evaluation, {what}, CPU of libsodium's, {on}",
            figure=figure,
            find=_of(figure, "cpu_of_libsodium"),
            most=1.5,
        )
    yield Aim(what=f"report, {on}", figure=report, find=_of(report), least=0.3)
    yield Aim(
        what=f"lookup at 1e7 subjects, of that at 1e4, {on}",
        figure=f"growth.{lean}",
        find=_growth(lean),
        least=0.9,
    )
    yield Aim(
        what=f"a worker's memory, {on}", figure=lean, find=_worker(kind), most=120, unit=" MB"
    )
    yield Aim(
        what=f"the same at the end of ten minutes, of after one, {on}",
        figure=f"{lean}@soak",
        find=_flat(lean),
        most=_FLAT,
    )
    yield from _of_the_logs(kind, on)


def _of_the_logs(kind: str, on: str) -> Iterator[Aim]:
    figure = f"logs.{kind}"
    yield Aim(
        what=f"lookups with the log, of those without, {on}",
        figure=figure,
        find=_logs(kind, "lookups_ratio"),
        least=0.8,
    )
    yield Aim(
        what=f"leaves the sequencer places a second, {on}",
        figure=figure,
        find=_logs(kind, "sequenced"),
        least=40_000,
    )
    yield Aim(
        what=f"proof of a receipt at 1e6 entries, p99, {on}",
        figure=figure,
        find=_logs(kind, "proof_p99_milliseconds", grows="entries"),
        most=5,
        unit=" ms",
    )
    yield Aim(
        what=f"verifying 1e6 entries from files, {on}",
        figure=figure,
        find=_logs(kind, "verify_seconds", grows="entries"),
        most=60,
        unit=" s",
    )
    yield Aim(
        what=f"age of the checkpoint while entries come, p99, {on}",
        figure=figure,
        find=_logs(kind, "checkpoint_age_p99_seconds"),
        most=2,
        unit=" s",
    )
    for what, field in (("time", "step_ms"), ("memory", "peak_mib")):
        yield Aim(
            what=f"a deadline step's {what} beside 1e5 open appeals, of beside few, {on}",
            figure=f"deadlines.{kind}",
            find=_appeals(kind, field),
            most=_BOUNDED,
        )


def _on_postgresql() -> Iterator[Aim]:
    """The aims that speak of PostgreSQL alone."""
    lean = f"{LEAN}.postgresql"
    yield Aim(
        what="lookup, lean door, of the handwritten, PostgreSQL",
        figure=lean,
        find=_of(lean, "ratio_to_handwritten"),
        least=3.0,
    )
    for connections, marks, least in ((32, "@fsync4ms", 0.4), (256, "@c256@fsync4ms", 1.0)):
        yield Aim(
            what=f"lookup, syncs 4 ms slower, {connections} connections, PostgreSQL",
            figure=lean + marks,
            find=_of(lean + marks),
            least=least,
        )
    yield Aim(
        what="incidents imported a second, PostgreSQL",
        figure="import.job.postgresql",
        find=_of("import.job.postgresql", "rate"),
        least=10_000,
    )


AIMS: tuple[Aim, ...] = (
    *_on_postgresql(),
    *(aim for kind in reversed(DATABASES) for aim in _on_each(kind)),
)
