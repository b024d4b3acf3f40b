"""The score, computed by hand from section 4 of the rulebook, in exact fractions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from tests.journeys.filings import MONTHS_KEPT

FACTOR = Fraction(40 / math.log(2))
WEIGHTS = {
    "S1": Fraction(35, 100),
    "S2": Fraction(9, 10),
    "S3": Fraction(18, 10),
    "S4": Fraction(3),
}
# The mean of Beta(8, 2): a furnisher no appeal has said anything about.
RELIABILITY = Fraction(8, 10)
GROUP_POINTS_MAX = 120
CLEAN = 830
BANDS = (("A", 780), ("B", 700), ("C", 620), ("D", 520), ("E", 350))


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    for last in range(day.day, 27, -1):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    return date(year, month, day.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One act, and by how many independent groups it was reported."""

    severity: str
    occurred_on: date
    groups: int = 1

    @property
    def expires_on(self) -> date:
        return add_months(self.occurred_on, MONTHS_KEPT[self.severity])

    def points(self, on: date) -> Fraction:
        """What it costs on that day."""
        lifetime: timedelta = self.expires_on - self.occurred_on
        decay = 1 - Fraction((on - self.occurred_on).days, lifetime.days)
        reliability = 1 - (1 - RELIABILITY) ** self.groups
        return FACTOR * WEIGHTS[self.severity] * decay * reliability


def half_up(value: Fraction) -> int:
    """The nearest whole number, halves upwards."""
    return math.floor(value + Fraction(1, 2))


def score(events_by_group: Sequence[Sequence[Event]], on: date) -> int:
    """The score where each group reported its own events, none in common."""
    taken = (sum((each.points(on) for each in events), Fraction()) for events in events_by_group)
    return CLEAN - half_up(
        sum((min(each, Fraction(GROUP_POINTS_MAX)) for each in taken), Fraction())
    )


def band(points: int) -> str:
    """The band of a score."""
    return next(name for name, least in BANDS if points >= least)
