"""What the score would be without an incident, on another day, and when the band gets better.

Each answer is a recomputation, so it is as exact as the score itself.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from registry.kernel.ids import IncidentId
from registry.rulebook.calendar import day_begins_at, local_date
from registry.rulebook.model import Band, Edition
from registry.score.model import Assessment, Standing, assess

# From worst to best for the subject: to have no record at all is the best there is.
_BANDS_RISING = (Band.E, Band.D, Band.C, Band.B, Band.A, Band.N)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFrom:
    """A band, and the first day it holds."""

    band: Band
    on: date


def without(
    standing: Standing, incident_id: IncidentId, edition: Edition, now: datetime
) -> Assessment:
    """The assessment had this incident never been reported."""
    return assess(
        replace(
            standing,
            contributions=tuple(
                each for each in standing.contributions if each.incident_id != incident_id
            ),
        ),
        edition,
        now,
    )


def on_date(standing: Standing, edition: Edition, day: date) -> Assessment:
    """The assessment at the end of `day`, if nothing more is reported."""
    return assess(standing, edition, _end_of(day, edition))


def next_band(standing: Standing, edition: Edition, now: datetime) -> BandFrom | None:
    """The next better band and the first day that ends in it, if nothing more is reported.

    None when there is no record, which is already the best.
    """
    today = local_date(now, edition)
    band = assess(standing, edition, now).band
    if band is Band.N:
        return None
    for first, last in _stretches(standing, edition, today):
        if _is_better(on_date(standing, edition, last).band, band):
            day = _first_better_day(standing, edition, band, first, last)
            return BandFrom(band=on_date(standing, edition, day).band, on=day)
    # The last incident expires on the last day of the last stretch.
    raise AssertionError("a standing never ends")


def _is_better(one: Band, other: Band) -> bool:
    return _BANDS_RISING.index(one) > _BANDS_RISING.index(other)


def _end_of(day: date, edition: Edition) -> datetime:
    return day_begins_at(day + timedelta(days=1), edition) - timedelta(microseconds=1)


def _stretches(standing: Standing, edition: Edition, today: date) -> list[tuple[date, date]]:
    """The days after today, parted before each day an incident takes effect.

    Within a stretch nothing is added, so the band can only get better.
    """
    tomorrow = today + timedelta(days=1)
    taking_effect = {local_date(each.effective_at, edition) for each in standing.contributions}
    starts = sorted({tomorrow, *(day for day in taking_effect if day > tomorrow)})
    expiry = max(each.expires_on for each in standing.contributions)
    ends = [start - timedelta(days=1) for start in starts[1:]] + [max(starts[-1], expiry)]
    return list(zip(starts, ends, strict=True))


def _first_better_day(
    standing: Standing, edition: Edition, band: Band, first: date, last: date
) -> date:
    while first < last:
        middle = first + (last - first) // 2
        if _is_better(on_date(standing, edition, middle).band, band):
            last = middle
        else:
            first = middle + timedelta(days=1)
    return first
