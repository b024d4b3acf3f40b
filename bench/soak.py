"""A soak: the same work for a long time, with latency and memory over it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Round
from bench.servers import Memory, Served, largest_of

SLICE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """Some seconds of a soak, from `at_seconds` on; the largest worker's memory at their end."""

    at_seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    worker_mib: float
    proportional_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What a worker held before it, and its slices in order."""

    before: Memory | None
    slices: Sequence[Soaked]


NOTHING_SOAKED = Soak(before=None, slices=())


def soaked(server: Served, seconds: float, slice_of: Callable[[float], Round]) -> Soak:
    """Lets `slice_of` work for `seconds`, a slice at a time."""
    slices: list[Soaked] = []
    before, began = largest_of(server), time.monotonic()
    while (at := time.monotonic() - began) < seconds:
        found = slice_of(min(SLICE_SECONDS, seconds))
        memory = largest_of(server)
        slices.append(
            Soaked(
                at_seconds=at,
                rate=found.rate,
                p50_ms=found.p50_milliseconds,
                p99_ms=found.p99_milliseconds,
                worker_mib=memory.rss,
                proportional_mib=memory.pss,
            )
        )
    return Soak(before=before, slices=slices)
