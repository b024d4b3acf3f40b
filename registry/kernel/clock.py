"""Time: aware UTC instants from a clock in the hand.

Rules take `now` as an argument; only the doors ask a clock for it. The sandbox
and the tests hold a clock that can be moved.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """The present instant, aware, in UTC, to the microsecond."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that stands still until it is moved."""

    __slots__ = ("_now",)

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """The instant the clock stands at."""
        return self._now

    def move(self, by: timedelta) -> None:
        """Moves the clock forward, or back when `by` is negative."""
        self._now += by


# The instants of one batch are few, and each is written many times.
@lru_cache(maxsize=256)
def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`; whole seconds where there is no fraction."""
    utc = instant.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat() + "Z"


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant as aware UTC; an offset is required.

    Digits after the sixth of a fraction are dropped.

    Raises: ValueError.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 instant")
    fraction = match.group(1)
    if fraction is not None:
        text = text.replace(fraction, fraction[:7].ljust(7, "0"), 1)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("instant out of range") from error
