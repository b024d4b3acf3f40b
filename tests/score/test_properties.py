"""What the score promises whatever the incidents are."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.rulebook.model import Band
from registry.score.model import Standing, assess
from registry.score.what_if import next_band, on_date, without
from tests.score.oracle import score_of
from tests.score.samples import (
    EDITION,
    NOW,
    TODAY,
    any_contribution,
    contribution,
    contributions,
    standing,
)

few = settings(max_examples=200, deadline=None)
CLEAN = 830


def points(standing: Standing) -> int:
    """How far below the clean start; no record counts as clean."""
    score = assess(standing, EDITION, NOW).score
    return 0 if score is None else CLEAN - score


@few
@given(contributions())
def test_the_score_is_that_of_trying_everything(given):
    """The score is the one the rulebook's words give, to the point."""
    assert score_of(standing(*given), EDITION, NOW) == assess(standing(*given), EDITION, NOW).score


@few
@given(contributions(), any_contribution())
def test_one_more_incident_never_raises_the_score(given, more):
    """Adding an incident never raises a score."""
    assert points(standing(*given)) <= points(standing(*given, more))


@few
@given(contributions(), any_contribution())
def test_a_withdrawal_restores_the_score_exactly(given, more):
    """Without the incident the assessment is what it was before."""
    before = assess(standing(*given), EDITION, NOW)
    assert before == without(standing(*given, more), more.incident_id, EDITION, NOW)


@few
@given(contributions(), st.randoms())
def test_order_means_nothing(given, random):
    """The same incidents in another order are the same assessment."""
    shuffled = given[:]
    random.shuffle(shuffled)
    assert assess(standing(*given), EDITION, NOW) == assess(standing(*shuffled), EDITION, NOW)


@few
@given(contributions())
def test_a_lone_group_takes_at_most_its_share(given):
    """One group, whatever it files, takes 120 points at most and leaves band C or better."""
    alone = standing(*(replace(each, reporter_group="a") for each in given))
    assessment = assess(alone, EDITION, NOW)
    assert points(alone) <= 120
    assert assessment.band in (Band.N, Band.A, Band.B, Band.C)


@few
@given(contributions(), st.sampled_from("abcde"))
def test_no_group_makes_a_difference_of_more_than_its_share(given, group):
    """Without any one group the score is higher by 120 at most, and never lower."""
    rest = [each for each in given if each.reporter_group != group]
    difference = points(standing(*given)) - points(standing(*rest))
    assert 0 <= difference <= 120


@few
@given(contributions())
def test_no_record_is_never_a_number(given):
    """Band N has no score, and only band N has none."""
    assessment = assess(standing(*given), EDITION, NOW)
    assert (assessment.band is Band.N) == (assessment.score is None)


@few
@given(contributions())
def test_the_points_of_the_events_explain_the_score(given):
    """The events' points add up to what is missing; reasons are the dearest codes, at most four."""
    assessment = assess(standing(*given), EDITION, NOW)
    assert points(standing(*given)) == sum(event.points for event in assessment.events)
    assert all(event.points >= 0 for event in assessment.events)
    shown = [reason.points for reason in assessment.reasons]
    assert sorted(shown, reverse=True) == shown
    assert len(shown) <= 4
    by_code = {}
    for event in assessment.events:
        by_code[event.code] = by_code.get(event.code, 0) + event.points
    assert sorted(filter(None, by_code.values()), reverse=True)[:4] == shown


@settings(max_examples=60, deadline=None)
@given(contributions(sizes=(0, 5)))
def test_the_next_band_is_the_first_better_one(given):
    """The next band comes on the day a recomputation of every day finds it, and not before."""
    rank = [Band.E, Band.D, Band.C, Band.B, Band.A, Band.N].index
    now = assess(standing(*given), EDITION, NOW).band
    day, expected = TODAY, None
    while now is not Band.N and expected is None:
        day += timedelta(days=1)
        band = on_date(standing(*given), EDITION, day).band
        if rank(band) > rank(now):
            expected = (band, day)
    found = next_band(standing(*given), EDITION, NOW)
    assert expected == (found and (found.band, found.on))


@few
@given(contributions(), st.integers(0, 2000))
def test_on_a_date_is_a_recomputation_at_its_end(given, days):
    """The what-if of a date is the score at the last instant of that day in the edition's zone."""
    day = TODAY + timedelta(days=days)
    # Shanghai is eight hours ahead of UTC and has no summer time.
    end = NOW.replace(hour=15, minute=59, second=59, microsecond=999_999) + timedelta(days=days)
    assert assess(standing(*given), EDITION, end) == on_date(standing(*given), EDITION, day)


@few
@given(any_contribution())
def test_an_incident_fades_without_a_cliff(each):
    """On the last day it is kept an incident costs nothing that shows, on the next it is gone."""
    last = on_date(standing(each), EDITION, each.expires_on - timedelta(days=1))
    assert last.score in (CLEAN, None)
    gone = on_date(standing(each), EDITION, each.expires_on)
    assert (Band.N, None) == (gone.band, gone.score)


def test_many_groups_that_overlap_are_still_scored_at_once():
    """Forty groups that all reported the same ten events: an answer, at the floor, in no time."""
    given = [
        contribution(f"{group}-{days}", "B121", days_ago=days, group=f"g{group}")
        for group in range(40)
        for days in range(10)
    ]
    assert 350 == assess(standing(*given), EDITION, NOW).score
