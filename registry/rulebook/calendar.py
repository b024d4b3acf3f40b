"""How days, months and working days are counted, in the edition's own zone.

Instants are UTC; a *day* begins at midnight in the zone of the edition. The day
something happens is not counted (PRC Civil Code art. 201).
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from registry.rulebook.model import Edition, Span, Unit

_EXACT = {
    Unit.MINUTES: timedelta(minutes=1),
    Unit.HOURS: timedelta(hours=1),
    Unit.DAYS: timedelta(days=1),
}


def local_date(instant: datetime, edition: Edition) -> date:
    """The day `instant` falls on in the edition's zone."""
    return _date_in(instant, edition.calendar.zone)


def local_minute(instant: datetime, edition: Edition) -> str:
    """Day and time to the minute, as clocks of the edition's zone show them, and which zone."""
    local = instant.astimezone(edition.calendar.zone)
    day_and_minute, offset = f"{local:%Y-%m-%d %H:%M}", f"{local:%z}"
    return f"{day_and_minute} (UTC{offset[:3]}:{offset[3:]})"


def day_begins_at(day: date, edition: Edition) -> datetime:
    """The instant `day` begins in the edition's zone, in UTC."""
    return datetime.combine(day, time.min, edition.calendar.zone).astimezone(UTC)


def hour_strikes_at(day: date, hour: int, edition: Edition) -> datetime:
    """The instant, in UTC, at which clocks of the zone show `hour` on `day`; 24 is midnight.

    On a day that clocks are changed, an hour that is skipped strikes when it would have,
    one that comes twice strikes the first time.
    """
    assert 0 <= hour <= 24
    if hour == 24:
        return day_begins_at(day + timedelta(days=1), edition)
    return datetime.combine(day, time(hour), edition.calendar.zone).astimezone(UTC)


def exact_duration(span: Span) -> timedelta:
    """The length of a span of minutes, hours or days; a day is 24 hours."""
    return span.amount * _EXACT[span.unit]


# The days and instants of one batch are few, and each is asked for often.
@lru_cache(maxsize=4096)
def add_months(day: date, months: int) -> date:
    """The same day so many months later, or that month's last day if it has none such."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    next_month = date(year + month // 12, month % 12 + 1, 1)
    last = (next_month - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


@lru_cache(maxsize=1024)
def _date_in(instant: datetime, zone: tzinfo) -> date:
    return instant.astimezone(zone).date()


def is_working_day(day: date, edition: Edition) -> bool:
    """Whether `day` is worked: no holiday, and no weekend unless worked in exchange."""
    calendar = edition.calendar
    if day in calendar.holidays:
        return False
    return day.weekday() not in calendar.weekend or day in calendar.working_weekend_days


def add_working_days(day: date, count: int, edition: Edition) -> date:
    """The `count`-th working day after `day`; `day` itself when `count` is 0."""
    while count > 0:
        day += timedelta(days=1)
        if is_working_day(day, edition):
            count -= 1
    return day


def add_span(day: date, span: Span, edition: Edition) -> date:
    """The day a span of days, working days or months that starts on `day` ends on."""
    if span.unit is Unit.MONTHS:
        return add_months(day, span.amount)
    if span.unit is Unit.WORKING_DAYS:
        return add_working_days(day, span.amount, edition)
    return day + exact_duration(span)


def due_at(start: datetime, span: Span, edition: Edition) -> datetime:
    """The instant a time limit that began at `start` has run out.

    Minutes and hours are exact; days, working days and months end with the last
    day, at the midnight after it.
    """
    if span.unit in (Unit.MINUTES, Unit.HOURS):
        return start + exact_duration(span)
    last = add_span(local_date(start, edition), span, edition)
    return day_begins_at(last + timedelta(days=1), edition)


def last_day_run_out(span: Span, edition: Edition, now: datetime) -> date:
    """The latest day from which a span of days, working days or months has run out by `now`."""
    assert span.unit not in (Unit.MINUTES, Unit.HOURS)
    today = local_date(now, edition)
    day = add_months(today, -span.amount) if span.unit is Unit.MONTHS else today
    if span.unit is Unit.DAYS:
        day -= exact_duration(span)
    # Spans are monotonous in their start: the first day backwards that fits is the latest.
    day += timedelta(days=3)
    while add_span(day, span, edition) >= today:
        day -= timedelta(days=1)
    return day
