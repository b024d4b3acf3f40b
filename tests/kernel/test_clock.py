"""Time: aware UTC instants, read strictly."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.kernel.clock import MovableClock, SystemClock, format_instant, parse_instant

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-01T12:00:00Z", NOON),
        ("2026-10-01t12:00:00z", NOON),
        ("2026-10-01T20:00:00+08:00", NOON),
        ("2026-10-01T12:00:00.5Z", NOON + timedelta(microseconds=500_000)),
        ("2026-10-01T12:00:00.1234567Z", NOON + timedelta(microseconds=123_456)),
    ],
)
def test_an_instant_is_read_as_utc(text: str, expected: datetime) -> None:
    """Any offset, any case, any fraction of RFC 3339."""
    assert expected == parse_instant(text)
    assert UTC is parse_instant(text).tzinfo


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01T12:00:00",
        "2026-10-01 12:00:00Z",
        "2026-10-01T12:00Z",
        "2026-10-01",
        "20261001T120000Z",
        "2026-10-01T12:00:00+0800",
        "2026-10-01T12:00:00.Z",
        "2026-13-01T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-10-01T24:00:01Z",
        "2026-10-01T12:00:60Z",
        "2026-10-01T12:00:00Z\n",
        "２０２６-10-01T12:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "",
    ],
)
def test_what_is_not_an_instant_is_refused(text: str) -> None:
    """No guessed offset, no other calendar form, no overflow."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_instant(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_its_text(instant: datetime) -> None:
    """To the microsecond."""
    assert instant == parse_instant(format_instant(instant))


def test_instants_are_written_in_utc() -> None:
    """Whole seconds have no fraction."""
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert "2026-10-01T12:00:00Z" == format_instant(shanghai)


def test_the_system_clock_is_aware() -> None:
    """A naive instant would mean another one on each machine."""
    assert UTC is SystemClock().now().tzinfo


def test_a_movable_clock_stands_until_it_is_moved() -> None:
    """Deadlines are tested by moving it, never by sleeping."""
    clock = MovableClock(NOON)
    assert NOON == clock.now()
    clock.move(timedelta(days=7))
    assert NOON + timedelta(days=7) == clock.now()
