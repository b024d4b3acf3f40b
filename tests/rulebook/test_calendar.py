"""How days, months and working days are counted."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rulebook.calendar import (
    add_months,
    add_span,
    add_working_days,
    day_begins_at,
    due_at,
    hour_strikes_at,
    is_working_day,
    last_day_run_out,
    local_date,
)
from registry.rulebook.editions import load_editions
from registry.rulebook.model import Span, Unit

CN, US = (load_editions()[name] for name in ("cn-2026.1", "us-2026.1"))


def test_a_day_is_the_day_of_the_editions_zone():
    """One instant, two dates."""
    instant = datetime(2026, 10, 1, 16, 0, tzinfo=UTC)
    assert date(2026, 10, 2) == local_date(instant, CN)
    assert date(2026, 10, 1) == local_date(instant, US)
    assert instant == day_begins_at(date(2026, 10, 2), CN)


def test_a_day_has_23_hours_when_summer_time_begins():
    """Days are counted as days, whatever the clocks do."""
    begins = day_begins_at(date(2026, 3, 8), US)
    assert timedelta(hours=23) == day_begins_at(date(2026, 3, 9), US) - begins


@pytest.mark.parametrize(
    ("day", "hour", "edition", "expected"),
    [
        (date(2026, 11, 17), 6, CN, datetime(2026, 11, 16, 22, tzinfo=UTC)),
        (date(2026, 3, 7), 6, US, datetime(2026, 3, 7, 11, tzinfo=UTC)),
        (date(2026, 3, 8), 0, US, datetime(2026, 3, 8, 5, tzinfo=UTC)),
        (date(2026, 3, 8), 2, US, datetime(2026, 3, 8, 7, tzinfo=UTC)),
        (date(2026, 3, 8), 6, US, datetime(2026, 3, 8, 10, tzinfo=UTC)),
        (date(2026, 3, 8), 24, US, datetime(2026, 3, 9, 4, tzinfo=UTC)),
        (date(2026, 11, 1), 1, US, datetime(2026, 11, 1, 5, tzinfo=UTC)),
        (date(2026, 11, 1), 6, US, datetime(2026, 11, 1, 11, tzinfo=UTC)),
        (date(2026, 12, 31), 24, CN, datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_an_hour_is_what_clocks_show(day, hour, edition, expected):
    """Six in the morning is six, also on the day that has no two o'clock, or two ones."""
    assert expected == hour_strikes_at(day, hour, edition)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 11, 30), 13, date(2027, 12, 30)),
        (date(2026, 12, 31), 60, date(2031, 12, 31)),
        (date(2026, 12, 1), 0, date(2026, 12, 1)),
    ],
)
def test_months_end_with_the_month(day, months, expected):
    """The same day of the month, or the last one it has."""
    assert expected == add_months(day, months)


def test_working_days_leave_out_holidays_and_take_in_worked_weekends():
    """After 30 September 2026 the national holiday; Saturday 10 October is worked."""
    assert date(2026, 10, 8) == add_working_days(date(2026, 9, 30), 1, CN)
    assert date(2026, 10, 12) == add_working_days(date(2026, 9, 30), 4, CN)
    assert is_working_day(date(2026, 10, 10), CN)
    assert not is_working_day(date(2026, 10, 11), CN)
    assert not is_working_day(date(2026, 11, 26), US)


def test_no_working_days_later_is_the_same_day():
    """Even when that day is free."""
    assert date(2026, 10, 1) == add_working_days(date(2026, 10, 1), 0, CN)


def test_beyond_the_calendar_only_weekends_are_free():
    """A deadline in an uncharted year falls early rather than late."""
    assert is_working_day(date(2031, 10, 1), CN)
    assert not is_working_day(date(2031, 10, 4), CN)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(amount=10, unit=Unit.MINUTES), datetime(2026, 9, 30, 4, 10, tzinfo=UTC)),
        (Span(amount=72, unit=Unit.HOURS), datetime(2026, 10, 3, 4, 0, tzinfo=UTC)),
        (Span(amount=20, unit=Unit.DAYS), datetime(2026, 10, 20, 16, 0, tzinfo=UTC)),
        (Span(amount=1, unit=Unit.WORKING_DAYS), datetime(2026, 10, 8, 16, 0, tzinfo=UTC)),
        (Span(amount=13, unit=Unit.MONTHS), datetime(2027, 10, 30, 16, 0, tzinfo=UTC)),
    ],
)
def test_a_deadline_in_days_ends_with_the_day(span, expected):
    """Minutes and hours are exact; what is counted in days ends at midnight in Shanghai."""
    assert expected == due_at(datetime(2026, 9, 30, 4, 0, tzinfo=UTC), span, CN)


def test_a_span_of_days_counts_from_the_day_after():
    """The day something happens is not counted."""
    assert date(2026, 10, 4) == add_span(date(2026, 10, 1), Span(amount=3, unit=Unit.DAYS), CN)


@given(
    hours=st.integers(0, 24 * 365 * 14),
    amount=st.integers(0, 90),
    unit=st.sampled_from([Unit.DAYS, Unit.WORKING_DAYS, Unit.MONTHS]),
)
def test_the_last_day_run_out_is_the_last(hours: int, amount: int, unit: Unit) -> None:
    """From it the span has run out; from the day after it has not."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    span = Span(amount=amount, unit=unit)
    last = last_day_run_out(span, CN, now)
    noon = day_begins_at(last, CN) + timedelta(hours=12)
    assert due_at(noon, span, CN) <= now
    assert due_at(noon + timedelta(days=1), span, CN) > now
