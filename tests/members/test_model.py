"""What may be said of a member, and how reliable one is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.http.caller import Scope
from registry.kernel.ids import new_member_id
from registry.members.model import (
    PPM,
    Admission,
    AdmissionInvalid,
    MemberKey,
    Role,
    admit,
    reliability_ppm,
)
from registry.rulebook.model import Purpose
from tests.members.samples import NOW, PLATFORM, RULEBOOK, make_key

PRIOR = RULEBOOK.current.reliability
MEMBER = new_member_id(NOW)


def test_a_member_gets_what_its_roles_allow_and_a_group_of_its_own() -> None:
    """Nothing has to be listed for the ordinary case."""
    member = admit(PLATFORM, MEMBER, NOW)
    assert {
        Scope.REPORT,
        Scope.EVALUATE,
        Scope.ANSWER_APPEALS,
        Scope.LOOK_UP,
        Scope.SCREEN,
        Scope.ACKNOWLEDGE_CORRECTIONS,
    } == member.scopes
    assert Purpose.REFUND_ONLY_REVIEW in member.purposes
    assert Purpose.SUPERVISION not in member.purposes
    assert MEMBER == member.reporter_group
    assert not member.is_suspended


def test_a_grant_may_be_narrower_than_the_role() -> None:
    """An inquirer may be held to one purpose."""
    narrow = replace(
        PLATFORM,
        scopes=frozenset({Scope.LOOK_UP}),
        purposes=frozenset({Purpose.RETURN_REVIEW}),
        reporter_group="group-a",
    )
    member = admit(narrow, MEMBER, NOW)
    assert {Scope.LOOK_UP} == member.scopes
    assert {Purpose.RETURN_REVIEW} == member.purposes
    assert "group-a" == member.reporter_group


@pytest.mark.parametrize("role", Role)
def test_no_role_but_the_supervisors_reads_the_access_log(role: Role) -> None:
    """Who audits does not report, and who reports does not audit."""
    member = admit(Admission(name="x", roles={role}), MEMBER, NOW)
    assert (role is Role.SUPERVISOR) == (Scope.AUDIT in member.scopes)
    assert (role is Role.OPERATOR) == (Scope.ADMINISTER in member.scopes)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": " trimmed"}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"scopes": frozenset({Scope.AUDIT})}, "/scopes"),
        ({"purposes": frozenset({Purpose.SUPERVISION})}, "/purposes"),
        ({"reporter_group": ""}, "/reporter_group"),
        ({"reporter_group": "Group A"}, "/reporter_group"),
        ({"evaluations_per_hour": 0}, "/evaluations_per_hour"),
        ({"requests_per_minute": 10_000_001}, "/requests_per_minute"),
    ],
)
def test_an_admission_that_does_not_hold_together_is_refused(
    wrong: dict[str, object], pointer: str
) -> None:
    """With the place that is wrong."""
    with pytest.raises(AdmissionInvalid) as refused:
        admit(replace(PLATFORM, **wrong), MEMBER, NOW)
    assert [pointer] == [error.pointer for error in refused.value.errors]


def test_everything_wrong_is_said_at_once() -> None:
    """Nobody has to try five times."""
    with pytest.raises(AdmissionInvalid) as refused:
        admit(Admission(name="", roles=set(), requests_per_minute=0), MEMBER, NOW)
    pointers = [error.pointer for error in refused.value.errors]
    assert ["/name", "/roles", "/requests_per_minute"] == pointers


def test_a_new_furnisher_is_believed_as_the_edition_says() -> None:
    """The mean of Beta(8, 2)."""
    assert 800_000 == reliability_ppm(upheld_ppm=0, overturned_ppm=0, prior=PRIOR)


def test_a_lost_appeal_costs_reliability() -> None:
    """8 of 11 after one overturned; 9 of 11 after one upheld."""
    assert 727_272 == reliability_ppm(upheld_ppm=0, overturned_ppm=PPM, prior=PRIOR)
    assert 818_181 == reliability_ppm(upheld_ppm=PPM, overturned_ppm=0, prior=PRIOR)


tallies = st.integers(0, 10_000 * PPM)


@given(tallies, tallies, st.integers(0, 100 * PPM))
def test_reliability_is_a_share_that_follows_the_appeals(
    upheld: int, overturned: int, more: int
) -> None:
    """Never outside 0 to 1; an upheld appeal never lowers it, an overturned one never raises it."""
    at_first = reliability_ppm(upheld_ppm=upheld, overturned_ppm=overturned, prior=PRIOR)
    better = reliability_ppm(upheld_ppm=upheld + more, overturned_ppm=overturned, prior=PRIOR)
    worse = reliability_ppm(upheld_ppm=upheld, overturned_ppm=overturned + more, prior=PRIOR)
    assert 0 < worse <= at_first <= better < PPM


def test_a_key_is_active_until_the_instant_it_is_revoked() -> None:
    """An instant ahead is an overlap; at that instant it is over."""
    key = MemberKey(
        member=MEMBER,
        public_key=make_key().public,
        registered_at=NOW,
        revoked_at=NOW + timedelta(hours=1),
    )
    assert key.is_active(NOW)
    assert not key.is_active(NOW + timedelta(hours=1))
    assert replace(key, revoked_at=None).is_active(NOW + timedelta(days=10_000))
