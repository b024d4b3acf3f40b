"""Standings to score: single incidents with a word, and arbitrary ones for properties."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from registry.kernel.ids import IncidentId, MemberId
from registry.rulebook.calendar import add_months
from registry.rulebook.editions import load_editions
from registry.rulebook.model import Severity
from registry.score.model import Contribution, Doubt, Standing

EDITION = load_editions()["cn-2026.1"]
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 21)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CODES = [code for code in EDITION.codes.values() if code.severity is not None]


def contribution(
    name: str = "one",
    code: str = "B101",
    *,
    days_ago: int = 0,
    group: str = "platform-a",
    reliability_ppm: int = 800_000,
    doubt: Doubt = Doubt.NONE,
    effective_at: datetime = LONG_AGO,
    is_adjudicated: bool = False,
) -> Contribution:
    """An incident of `code` so many days ago, kept as its severity says."""
    severity = EDITION.codes[code].severity
    assert severity is not None
    occurred_on = TODAY - timedelta(days=days_ago)
    return Contribution(
        incident_id=IncidentId(f"inc_{name}"),
        code=code,
        severity=severity,
        occurred_on=occurred_on,
        effective_at=effective_at,
        expires_on=add_months(occurred_on, EDITION.deadlines.kept[Severity(severity)].amount),
        furnisher=MemberId(f"mem_{group}"),
        reporter_group=group,
        reliability_ppm=reliability_ppm,
        doubt=doubt,
        is_adjudicated=is_adjudicated,
    )


def standing(*contributions: Contribution) -> Standing:
    return Standing(contributions=contributions)


@st.composite
def contributions(draw: st.DrawFn, *, sizes: tuple[int, int] = (0, 8)) -> list[Contribution]:
    """Incidents that overlap in code, day and group much more often than real ones."""
    count = draw(st.integers(*sizes))
    return [draw(any_contribution(str(index))) for index in range(count)]


@st.composite
def any_contribution(draw: st.DrawFn, name: str = "new") -> Contribution:
    return contribution(
        name,
        draw(st.sampled_from(["B114", "B110", "B111", "B101", "B121", "O301", "O303"])),
        days_ago=draw(st.sampled_from([0, 1, 30, 364, 365, 700, 1500])),
        group=draw(st.sampled_from("abcde")),
        reliability_ppm=draw(st.sampled_from([10_000, 500_000, 800_000, 990_000, 1_000_000])),
        doubt=draw(st.sampled_from([Doubt.NONE, Doubt.NONE, Doubt.DISPUTED, Doubt.BLOCKED])),
        effective_at=draw(st.sampled_from([LONG_AGO, NOW, NOW + timedelta(days=3)])),
        is_adjudicated=draw(st.booleans()),
    )
