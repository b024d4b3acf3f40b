"""When a call is tried again, and after how long (pure, but for the dice).

Full jitter: a pause is drawn evenly between nothing and a bound that doubles,
so that clients cut off together do not come back together.
Source: RFC 9110 §10.2.3 (Retry-After).
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from registry.kernel.clock import Clock, SystemClock

STATUSES_RETRIED = frozenset({429, 502, 503, 504})


class Timer(Clock, Protocol):
    """A clock that can also measure and wait."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""

    def wait(self, seconds: float) -> None:
        """Returns after `seconds`."""


class SystemTimer(SystemClock):
    """The machine's clock, and real waiting."""

    __slots__ = ()

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleeps."""
        time.sleep(seconds)


def even_draw(bound: float) -> float:
    """A number drawn evenly from 0 to `bound`."""
    return secrets.SystemRandom().uniform(0, bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How long to go on trying: both bounds hold, whichever is met first.

    `seconds_max` covers all tries of a call and the pauses between them.
    `draw` gives a number from 0 to its argument.
    """

    attempts_max: int = 4
    seconds_max: float = 30.0
    pause_first_seconds: float = 0.25
    pause_seconds_max: float = 8.0
    draw: Callable[[float], float] = even_draw

    def pause_seconds(
        self, *, attempts: int, elapsed_seconds: float, asked_seconds: float | None
    ) -> float | None:
        """The pause before the next try after `attempts` failed ones; None: give up.

        A pause the registry asked for is never cut short: if it does not fit
        into what is left of the time, there is no next try.
        """
        if attempts >= self.attempts_max:
            return None
        bound = min(self.pause_seconds_max, self.pause_first_seconds * 2 ** (attempts - 1))
        if asked_seconds is None:
            pause = self.draw(bound)
        else:
            pause = asked_seconds + self.draw(self.pause_first_seconds)
        return pause if elapsed_seconds + pause < self.seconds_max else None


def parse_http_date(text: str | None) -> datetime | None:
    """The instant of an HTTP date, or None for anything else."""
    if text is None:
        return None
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """The pause a Retry-After header asks for: seconds, or a date seen from `now`.

    What cannot be read asks for nothing.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    instant = parse_http_date(text)
    return None if instant is None else max(0.0, (instant - now).total_seconds())
