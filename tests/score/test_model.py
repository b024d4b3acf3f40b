"""Scores worked out by hand, for edition cn-2026.1."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from registry.kernel.ids import IncidentId
from registry.kernel.problems import Text
from registry.rulebook.model import Band
from registry.score.model import (
    Contribution,
    Counts,
    Doubt,
    ProtectiveMarker,
    Standing,
    assess,
)
from registry.score.reasons import Reason
from tests.score.samples import EDITION, LONG_AGO, NOW, TODAY, contribution, standing


def score(*contributions: Contribution) -> int | None:
    return assess(standing(*contributions), EDITION, NOW).score


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # 57.707802 × weight × 0.8: S1 16.16, S2 41.55, S3 83.10; S4 138.5, held to 120.
        ("B114", 814),
        ("B110", 788),
        ("B101", 747),
        ("B121", 710),
    ],
)
def test_a_fresh_incident_costs_factor_times_weight_times_reliability(code, expected):
    """What one incident of today costs, by severity."""
    assert expected == score(contribution(code=code))


def test_an_incident_costs_half_when_half_its_time_is_over():
    """S2 is kept 730 days here; 365 days later half are left: 41.55 / 2 = 20.77."""
    incident = contribution(code="B110", days_ago=365)
    assert 730 == (incident.expires_on - incident.occurred_on).days
    assert 830 - 21 == score(incident)


def test_two_groups_that_confirm_one_event_count_once_and_more_surely():
    """Reliability 1 − 0.2 × 0.2 = 0.96: 103.874 × 0.96 = 99.72."""
    both = (contribution("a", group="a"), contribution("b", group="b"))
    assert 830 - 100 == score(*both)


def test_one_group_that_files_an_event_twice_counts_once():
    """Two members of one group are one reporter."""
    assert score(contribution("a")) == score(contribution("a"), contribution("b"))


def test_a_group_that_confirms_what_others_doubt_takes_no_more_than_its_share():
    """Six grave events, filed by a sure group and by one hardly believed: 120 and a little.

    A maximum flow through both groups' shares would take 240, and without the
    sure group 14: more than a share lost by one group.
    """
    sure, unsure = (
        [
            contribution(f"{group}{day}", "B121", days_ago=day, group=group, reliability_ppm=ppm)
            for day in range(6)
        ]
        for group, ppm in (("s", 990_000), ("u", 10_000))
    )
    alone = score(*unsure)
    assert 820 == alone
    assert alone - 120 == score(*sure, *unsure)


@pytest.mark.parametrize(("code", "expected"), [("B110", 830), ("B101", 788)])
def test_an_appeal_lifts_light_incidents_and_halves_grave_ones(code, expected):
    """Under appeal S2 costs nothing and S3 half; the subject is scored all the same."""
    assessment = assess(standing(contribution(code=code, doubt=Doubt.DISPUTED)), EDITION, NOW)
    assert expected == assessment.score
    assert Counts(active=0, under_appeal=1, furnishers=1, latest_on=TODAY) == assessment.counts


@pytest.mark.parametrize(
    "silent",
    [
        contribution(doubt=Doubt.BLOCKED),
        contribution(effective_at=NOW + timedelta(microseconds=1)),
        contribution(code="B114", days_ago=365),
    ],
    ids=["blocked for identity theft", "not yet effective", "expired today"],
)
def test_what_does_not_count_leaves_no_record(silent):
    """Band N, no number, no reasons, nothing counted."""
    assessment = assess(standing(silent), EDITION, NOW)
    assert (Band.N, None, 0, ()) == (
        assessment.band,
        assessment.score,
        assessment.points_total,
        assessment.reasons,
    )
    assert Counts(active=0, under_appeal=0, furnishers=0, latest_on=None) == assessment.counts


def test_an_incident_counts_from_the_very_instant_it_takes_effect():
    """At `effective_at` itself it counts."""
    assert 747 == score(contribution(effective_at=NOW))


def test_days_are_counted_in_the_zone_of_the_edition():
    """An S1 of 2025-11-21 is gone when 2026-11-21 begins in Shanghai, at 16:00 UTC."""
    incident = contribution(code="B114", days_ago=365)
    midnight = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    before = assess(standing(incident), EDITION, midnight - timedelta(microseconds=1))
    assert (830, None) == (before.score, assess(standing(incident), EDITION, midnight).score)


def test_two_groups_can_go_where_one_cannot():
    """Two independent groups, 120 points each: 590, band D."""
    given = [
        contribution(f"{group}{code}", code, group=group, days_ago=days)
        for days, group in enumerate("ab")
        for code in ("O301", "O303", "B121")
    ]
    assessment = assess(standing(*given), EDITION, NOW)
    assert (590, Band.D) == (assessment.score, assessment.band)


def test_a_lone_group_stops_at_its_band_unless_adjudicated():
    """Were shares larger, one group would still stop at 620, but for a jury, court or police."""
    card = replace(EDITION.scorecard, group_points_max=400)
    edition = replace(EDITION, scorecard=card)
    given = [contribution(str(day), "B121", days_ago=day) for day in range(3)]
    assert 620 == assess(standing(*given), edition, NOW).score
    found = [replace(each, is_adjudicated=True) for each in given]
    assert 430 == assess(standing(*found), edition, NOW).score


def test_the_score_has_a_floor():
    """Whatever is known, the score is 350 at least."""
    given = [
        contribution(f"{group}{day}", "B121", days_ago=day, group=group)
        for group in "abcdef"
        for day in range(6)
    ]
    assert 350 == score(*given)


def test_reasons_name_the_dearest_codes_in_both_languages():
    """One reason a code, with the points all its events cost today."""
    assessment = assess(
        standing(
            contribution("a", "B110"),
            contribution("b", "B110", days_ago=100),
            contribution("c", "B114"),
        ),
        EDITION,
        NOW,
    )
    assert (
        Reason(code="B110", points=78, text=Text(en="False claim of non-receipt", zh="谎称未收货")),
        Reason(
            code="B114",
            points=16,
            text=Text(en="Worn or used, then returned", zh="穿后退、白嫖试用"),
        ),
    ) == assessment.reasons
    assert 94 == assessment.points_total


def test_a_code_that_an_edition_dropped_still_has_a_reason():
    """An incident outlives the edition it was filed under."""
    old = replace(contribution(), code="B199")
    assert [Reason(code="B199", points=83, text=Text(en="B199", zh="B199"))] == list(
        assess(standing(old), EDITION, NOW).reasons
    )


def test_protective_markers_are_shown_and_never_cost_a_point():
    """A marker in force is named, expired and future ones are not; markers alone are band N."""
    known = Standing(
        contributions=(contribution(),),
        protective=(
            marker("V402", expires_on=TODAY + timedelta(days=1)),
            marker("V401", expires_on=TODAY),
            marker("V403", expires_on=TODAY + timedelta(days=1), effective_at=NOW + timedelta(1)),
        ),
    )
    assessment = assess(known, EDITION, NOW)
    assert (747, ("V402",)) == (assessment.score, assessment.protective)
    assert Band.N is assess(replace(known, contributions=()), EDITION, NOW).band


def marker(code: str, *, expires_on: date, effective_at: datetime = LONG_AGO) -> ProtectiveMarker:
    return ProtectiveMarker(
        incident_id=IncidentId(f"inc_{code}"),
        code=code,
        effective_at=effective_at,
        expires_on=expires_on,
    )
