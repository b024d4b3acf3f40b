"""Figures out of timings: percentiles of a round, ratios within it, spreads over rounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """What the processors did for one request, server and database together."""
        return self.server_cpu_microseconds + self.database_cpu_microseconds


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
