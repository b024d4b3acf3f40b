"""What a person's record adds up to, recomputed by hand."""

import pytest

from tests.journeys.arithmetic import Event, add_months, band, score
from tests.journeys.filings import (
    days_ago,
    report,
    today,
)
from tests.journeys.people import CLEAN, Platforms, about, ask, day_of, email, file, phone


def test_two_groups_reach_lower_bands_than_one(platforms: Platforms) -> None:
    """One group takes 120 points whatever it files, affiliates included; a second takes its own."""
    tokens = platforms.first.tokens(phone())
    grave = Event(severity="S4", occurred_on=days_ago(30))
    graver = Event(severity="S4", occurred_on=days_ago(20))
    file(platforms.first, report(tokens, code="B121", occurred=30))
    file(platforms.affiliate, report(tokens, code="B121", occurred=20))
    alone = ask(platforms.inquirer, tokens)
    assert (710, "B", 2) == (alone["score"], alone["band"], alone["incidents"]["furnishers"])
    assert score([[grave, graver]], day_of(alone)) == alone["score"]
    assert 120 == sum(reason["points"] for reason in alone["reasons"])

    lighter = Event(severity="S2", occurred_on=days_ago(25))
    file(platforms.second, report(tokens, code="B110", occurred=25))
    both = ask(platforms.inquirer, tokens)
    expected = score([[grave, graver], [lighter]], day_of(both))
    assert (expected, band(expected)) == (both["score"], both["band"])

    gravest = Event(severity="S4", occurred_on=days_ago(15))
    file(platforms.second, report(tokens, code="O304", occurred=15))
    worse = ask(platforms.inquirer, tokens)
    expected = score([[grave, graver], [lighter, gravest]], day_of(worse))
    assert (590, "D") == (expected, band(expected))
    assert (590, "D", "human_review") == (worse["score"], worse["band"], worse["advice"])

    file(platforms.third, report(tokens, code="B121", occurred=12, adjudicator="court"))
    worst = ask(platforms.inquirer, tokens)
    assert (470, "E") == (worst["score"], worst["band"])


def test_the_same_act_reported_twice_counts_once(platforms: Platforms) -> None:
    """Two groups make an act surer, not double: 1 − (1 − 0.8)² of its cost; affiliates nothing."""
    tokens = platforms.first.tokens(phone())
    file(platforms.first, report(tokens, code="B102", occurred=40))
    file(platforms.affiliate, report(tokens, code="B102", occurred=40))
    one = ask(platforms.inquirer, tokens)
    event = Event(severity="S2", occurred_on=days_ago(40))
    assert score([[event]], day_of(one)) == one["score"]
    file(platforms.second, report(tokens, code="B102", occurred=40))
    two = ask(platforms.inquirer, tokens)
    surer = Event(severity="S2", occurred_on=days_ago(40), groups=2)
    assert score([[surer]], day_of(two)) == two["score"]
    assert 3 == two["incidents"]["active"]


def test_the_order_of_filing_is_irrelevant(platforms: Platforms) -> None:
    """The same filings in another order make the same person."""
    filings = [("B110", 30), ("B111", 20), ("B113", 45), ("B118", 12), ("B116", 60)]
    answers = []
    for ordered in (filings, filings[::-1]):
        tokens = platforms.first.tokens(phone())
        for code, occurred in ordered:
            file(platforms.first, report(tokens, code=code, occurred=occurred, verified=1))
        answers.append(about(ask(platforms.inquirer, tokens)))
    assert answers[0] == answers[1]
    assert 4 == len(answers[0]["reasons"])
    points = [reason["points"] for reason in answers[0]["reasons"]]
    assert sorted(points, reverse=True) == points


def test_decay_leaves_nothing_on_the_last_day(platforms: Platforms) -> None:
    """The day before it expires an incident costs next to nothing; the score says so exactly."""
    occurred = (today() - add_months(today(), -12)).days - 1
    tokens = platforms.first.tokens(phone())
    file(platforms.first, report(tokens, code="B118", occurred=occurred))
    found = ask(platforms.inquirer, tokens)
    event = Event(severity="S1", occurred_on=days_ago(occurred))
    assert (score([[event]], day_of(found)), "A") == (found["score"], found["band"])
    assert (830, []) == (found["score"], found["reasons"])


@pytest.mark.parametrize("code", ["V401", "V402"])
def test_a_protective_marker_is_shown_and_costs_nothing(platforms: Platforms, code: str) -> None:
    """It takes effect at once, without notice, and leaves the band at N."""
    tokens = platforms.first.tokens(phone())
    filing = report(tokens, code=code, occurred=10)
    for accusation in ("intent", "decision", "notice", "confirmed_on"):
        del filing[accusation]
    filed = file(platforms.first, filing)
    assert (None, "active") == (filed["incident"]["severity"], filed["incident"]["state"])
    expected = {**CLEAN, "protective": [code]}
    assert expected == about(ask(platforms.inquirer, tokens))


def test_a_recycled_number_is_a_weak_match(platforms: Platforms) -> None:
    """Held since more than 90 days after it was last verified: a human looks, nothing is scored."""
    tokens = platforms.first.tokens(phone(), email())
    file(platforms.first, report(tokens, verified=95))
    late = [{**tokens[0], "held_since": days_ago(4).isoformat()}]
    in_time = [{**tokens[0], "held_since": days_ago(5).isoformat()}]
    weak = ask(platforms.inquirer, late)
    assert ("weak", "N", None, "human_review") == tuple(
        weak[name] for name in ("match", "band", "score", "advice")
    )
    changed = "IDENTIFIER_MAY_HAVE_CHANGED_HANDS"
    assert [(changed, 0)] == [(r["code"], r["points"]) for r in weak["reasons"]]
    assert 1 == weak["incidents"]["active"]
    sure = ask(platforms.inquirer, in_time)
    assert ("match", "B") == (sure["match"], sure["band"])
    # One identity that is surely the person's is enough.
    assert about(sure) == about(ask(platforms.inquirer, [*late, tokens[1]]))
