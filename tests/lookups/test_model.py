"""The rules of a lookup, without a node."""

from datetime import date

import pytest

from registry.lookups.model import (
    Advice,
    Decision,
    Match,
    advise,
    may_follow,
    may_have_changed_hands,
)
from registry.rulebook.editions import load_rulebook
from registry.rulebook.model import Band

EDITION = load_rulebook("cn-2026.1").current


@pytest.mark.parametrize(
    ("match", "band", "expected"),
    [
        (Match.NONE, Band.N, Advice.PROCEED),
        (Match.MATCH, Band.N, Advice.PROCEED),
        (Match.MATCH, Band.A, Advice.PROCEED),
        (Match.MATCH, Band.B, Advice.ASK_FOR_RETURN),
        (Match.MATCH, Band.C, Advice.HUMAN_REVIEW),
        (Match.MATCH, Band.D, Advice.HUMAN_REVIEW),
        (Match.MATCH, Band.E, Advice.HUMAN_REVIEW),
        *((Match.WEAK, band, Advice.HUMAN_REVIEW) for band in Band),
    ],
)
def test_advice_follows_the_band(match: Match, band: Band, expected: Advice) -> None:
    """It grows graver with the band, and is for a human wherever the person is not sure."""
    assert expected is advise(match, band)


def test_no_advice_is_to_refuse() -> None:
    """The registry never says no in the platform's place."""
    assert {"proceed", "ask_for_return", "human_review"} == {each.value for each in Advice}


@pytest.mark.parametrize(
    ("held_since", "expected"),
    [
        (None, False),
        (date(2020, 1, 1), False),
        (date(2026, 1, 1), False),
        (date(2026, 4, 1), False),
        (date(2026, 4, 2), True),
        (date(2030, 1, 1), True),
    ],
)
def test_a_number_may_have_changed_hands_after_ninety_days(
    held_since: date | None, expected: bool
) -> None:
    """Held since the ninetieth day after the last verification is still the same person's."""
    verified = date(2026, 1, 1)
    found = may_have_changed_hands(
        held_since_on=held_since, last_verified_on=verified, edition=EDITION
    )
    assert expected is found


def test_only_an_escalation_is_followed() -> None:
    """By one decision; every other outcome is final."""
    allowed = {(a, b) for a in Decision for b in Decision if may_follow(a, b)}
    final = set(Decision) - {Decision.ESCALATED}
    assert {(Decision.ESCALATED, each) for each in final} == allowed
