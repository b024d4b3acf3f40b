"""When a call is tried again, and after how long."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.client.retrying import Retries, even_draw, parse_http_date, retry_after_seconds

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def pauses(retries: Retries) -> list[float]:
    """The pauses a call that always fails waits."""
    found: list[float] = []
    while (
        pause := retries.pause_seconds(
            attempts=len(found) + 1, elapsed_seconds=sum(found), asked_seconds=None
        )
    ) is not None:
        found.append(pause)
    return found


def test_bounds_of_pauses_double_up_to_the_longest() -> None:
    """Pauses are drawn up to bounds that double, and stop doubling."""
    retries = Retries(
        attempts_max=6, pause_first_seconds=1, pause_seconds_max=5, draw=lambda bound: bound
    )
    assert [1, 2, 4, 5, 5] == pauses(retries)


@given(
    attempts_max=st.integers(1, 8),
    seconds_max=st.floats(0.01, 100),
    fractions=st.lists(st.floats(0, 1), min_size=8, max_size=8),
)
def test_both_bounds_hold(attempts_max: int, seconds_max: float, fractions: list[float]) -> None:
    """However the dice fall, neither the tries nor the time exceed their bound."""
    dice = iter(fractions)
    retries = Retries(
        attempts_max=attempts_max, seconds_max=seconds_max, draw=lambda bound: next(dice) * bound
    )
    waited = pauses(retries)
    assert len(waited) < attempts_max or waited == []
    assert sum(waited) < seconds_max or waited == []


def test_pause_asked_for_is_never_cut_short() -> None:
    """Retry-After is waited for whole, and a little longer; or there is no next try."""
    retries = Retries(seconds_max=10, pause_first_seconds=0.25, draw=lambda bound: bound)
    assert 7.25 == retries.pause_seconds(attempts=1, elapsed_seconds=0, asked_seconds=7)
    assert None is retries.pause_seconds(attempts=1, elapsed_seconds=3, asked_seconds=7)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Fri, 20 Nov 2026 08:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 07:00:00 GMT", 0.0),
        ("Friday, 20-Nov-26 08:01:00 GMT", 60.0),
        ("Fri Nov 20 08:01:00 2026", 60.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None) -> None:
    """Both forms of RFC 9110 §10.2.3 are read; nonsense asks for nothing."""
    assert expected == retry_after_seconds(value, now=NOW)


@given(st.text(max_size=40))
def test_no_date_stops_the_client(text: str) -> None:
    """Whatever a header holds, reading it does not fail."""
    parse_http_date(text)
    retry_after_seconds(text, now=NOW)


def test_http_date_is_utc() -> None:
    """A date without a zone is UTC, as HTTP says."""
    assert NOW + timedelta(minutes=1) == parse_http_date("Fri Nov 20 08:01:00 2026")


def test_draw_stays_within_its_bound() -> None:
    """The dice give numbers from nothing to the bound."""
    assert all(0 <= even_draw(3) <= 3 for _ in range(100))
