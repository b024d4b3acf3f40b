"""Figures out of timings: percentiles of a round, ratios within it, spreads over rounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some rounds and the least and most of them."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One operation in one round: rate, latencies and what the processors did for it.

    `server_cpu_microseconds` and `database_cpu_microseconds` are of one request;
    SQLite's share is in the server's.
    """

    requests: int
    seconds: float
    p50_milliseconds: float
    p99_milliseconds: float
    server_cpu_microseconds: float
    database_cpu_microseconds: float

    def of_parts(self, parts: int) -> "Round":
        """The same round, counted in the `parts` that each request had."""
        return replace(
            self,
            requests=self.requests * parts,
            server_cpu_microseconds=self.server_cpu_microseconds / parts,
            database_cpu_microseconds=self.database_cpu_microseconds / parts,
        )

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """What the processors did for one request, server and database together."""
        return self.server_cpu_microseconds + self.database_cpu_microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one kind of work costs through one door on one database.

    `ratio_to_flask` is of the bare Flask route of the same rounds, `ratio_to_handwritten`
    of the handler written by hand, `ratio_to_static` of the same bytes served by hand,
    `cpu_of_libsodium` how many times the processor time of libsodium's part it takes; None
    where that does not apply. `rate` is a second.
    """

    rate: float
    ratio_to_flask: Spread | None = None
    ratio_to_handwritten: Spread | None = None
    cpu_ratio_to_flask: float | None = None
    ratio_to_static: Spread | None = None
    cpu_of_libsodium: Spread | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us: float | None = None
    database_cpu_us: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLoad:
    """Rounds sent by the clock: their rate, and what their percentiles were, in milliseconds."""

    rounds: int
    rate: float
    p50_milliseconds: Spread
    p99_milliseconds: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """The rounds, of the same connections and disk, of what figures are compared with."""

    bare: Sequence[Round]
    handwritten: Sequence[Round] | None = None
    static: Sequence[Round] | None = None
    libsodium: Sequence[Round] | None = None


def figure_of(operation: str, rounds: Sequence[Round], beside: Comparisons) -> Figure:
    """The figure of some rounds of an operation beside the same rounds of others.

    A round of a batch counts what is in it: its rate is of people.
    """
    work = operation.partition(".")[0]
    static = beside.static if work == "bucket" else None
    libsodium = beside.libsodium if work == "evaluation" else None
    return Figure(
        rate=median(each.rate for each in rounds),
        ratio_to_flask=ratios(rounds, beside.bare),
        ratio_to_handwritten=ratios(rounds, beside.handwritten) if beside.handwritten else None,
        cpu_ratio_to_flask=cpu_ratios(rounds, beside.bare).median,
        ratio_to_static=ratios(rounds, static) if static else None,
        cpu_of_libsodium=cpu_ratios(libsodium, rounds) if libsodium else None,
        p50_ms=median(each.p50_milliseconds for each in rounds),
        p99_ms=median(each.p99_milliseconds for each in rounds),
        cpu_us=median(each.cpu_microseconds for each in rounds),
        database_cpu_us=median(each.database_cpu_microseconds for each in rounds),
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The least value that `percent` of all values do not exceed (nearest rank)."""
    assert ascending, "no values"
    assert 0 < percent <= 100
    return ascending[math.ceil(len(ascending) * percent / 100) - 1]


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most of `values`."""
    return Spread(median=median(values), least=min(values), most=max(values))


def ratios(rounds: Sequence[Round], beside: Sequence[Round]) -> Spread:
    """How the rates of `rounds` relate to those of the same rounds of `beside`.

    Round by round, before any median: what slows a whole round down cancels.
    """
    return spread([one.rate / other.rate for one, other in zip(rounds, beside, strict=True)])


def cpu_ratios(rounds: Sequence[Round], beside: Sequence[Round]) -> Spread:
    """As `ratios`, of requests a second of processor time.

    On a machine that others use too this is the steadier of the two: what they
    take is not counted. It leaves out the load's own processor time and all waiting.
    """
    pairs = zip(rounds, beside, strict=True)
    return spread([other.cpu_microseconds / one.cpu_microseconds for one, other in pairs])


def half_load_of(rounds: Sequence[Round]) -> HalfLoad:
    """What some rounds of half load come to; there is at least one."""
    return HalfLoad(
        rounds=len(rounds),
        rate=spread([each.rate for each in rounds]).median,
        p50_milliseconds=spread([each.p50_milliseconds for each in rounds]),
        p99_milliseconds=spread([each.p99_milliseconds for each in rounds]),
    )
