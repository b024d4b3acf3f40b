"""The standard of proof: each thing a filing can lack, by pointer and code."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rulebook.editions import load_editions
from registry.rulebook.filing import Adjudicator, DecisionKind, LinkedDecision
from registry.rulebook.model import Filer, Role
from registry.rulebook.proof import expiry_of, missing_points, requires_new_notice
from tests.rulebook.filings import (
    CONFIRMED_ON,
    DECIDED_ON,
    DELIVERED_AT,
    EDITION,
    NOW,
    OCCURRED_ON,
    item,
    proved,
)

EDITIONS = load_editions()
DAY = timedelta(days=1)


def lacks(filing, now=NOW, **kwargs):
    """Pointer and code of everything missing."""
    return [(each.pointer, each.code) for each in missing_points(filing, EDITION, now, **kwargs)]


FILABLE = [
    (edition.name, code.code)
    for edition in EDITIONS.values()
    for code in edition.codes.values()
    if code.filed_by is Filer.FURNISHER
]


@pytest.mark.parametrize(("name", "code"), FILABLE)
def test_the_least_evidence_of_every_code_is_enough(name, code):
    """Every code a furnisher may file can be filed, in every edition."""
    edition = EDITIONS[name]
    assert [] == missing_points(proved(code, edition), edition, NOW)


@pytest.mark.parametrize(
    ("name", "code", "index"),
    [
        (name, code, index)
        for name, code in FILABLE
        for index in range(len(proved(code, EDITIONS[name]).evidence))
    ],
)
def test_one_item_less_than_the_least_evidence_is_refused(name, code, index):
    """No item of the least evidence of any code can be left out."""
    edition = EDITIONS[name]
    filing = proved(code, edition)
    evidence = filing.evidence[:index] + filing.evidence[index + 1 :]
    points = missing_points(replace(filing, evidence=evidence), edition, NOW)
    assert {"/evidence"} == {point.pointer for point in points}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": "B999"}, [("/code", "unknown_code")]),
        ({"code": "honest_dissatisfaction"}, [("/code", "not_filable")]),
        ({"code": "income"}, [("/code", "not_filable")]),
        ({"code": "R901"}, [("/code", "member_misconduct")]),
        ({"role": Role.SELLER}, [("/role", "role_mismatch")]),
        ({"role": Role.PROTECTIVE}, [("/role", "role_mismatch")]),
        ({"intent": None}, [("/intent", "intent_missing")]),
        ({"intent": "f" * 19 + " " * 9}, [("/intent", "intent_too_short")]),
        (
            {"reviewers": ("staff-1", "  ")},
            [("/reviewers/1", "reviewer_not_named"), ("/reviewers", "reviewers_too_few")],
        ),
        ({"reviewers": ("staff-1",)}, [("/reviewers", "reviewers_too_few")]),
        (
            {"reviewers": ("staff-1", "Staff -1\u200b")},
            [("/reviewers/1", "duplicate_reviewer"), ("/reviewers", "reviewers_too_few")],
        ),
        (
            {"reviewers": ("staff-1", "staff-1")},
            [("/reviewers/1", "duplicate_reviewer"), ("/reviewers", "reviewers_too_few")],
        ),
        ({"decision": None}, [("/decision", "decision_missing")]),
        ({"notice": None}, [("/notice", "notice_missing")]),
        ({"confirmed_on": None}, [("/confirmed_on", "confirmation_missing")]),
        ({"adult_attested": False}, [("/adult_attested", "adult_not_attested")]),
        (
            {"evidence": (item("E1"), item("E3"), item("E0"))},
            [("/evidence", "evidence_class_missing")],
        ),
        (
            {"evidence": (item("E5"), item("E0"))},
            [
                ("/evidence", "evidence_class_missing"),
                ("/evidence", "evidence_class_missing"),
                ("/evidence", "evidence_classes_too_few"),
            ],
        ),
        (
            {"evidence": (item("E1"), replace(item("E3"), digest=item("E1").digest), item("E5"))},
            [("/evidence/1/digest", "duplicate_digest")],
        ),
        (
            {"evidence": (item("E1"), item("E3"), item("E5", adjudicator=Adjudicator.COURT))},
            [("/evidence/2/adjudicator", "adjudicator_without_adjudication")],
        ),
    ],
)
def test_each_missing_point_is_named(changes, expected):
    """Pointer and code say where and what."""
    assert expected == lacks(proved(**changes))


@pytest.mark.parametrize(
    ("pointer", "code", "filing"),
    [
        ("/occurred_on", "in_the_future", proved(occurred_on=date(2026, 10, 7))),
        ("/occurred_on", "already_expired", proved(occurred_on=date(2023, 10, 6))),
        ("/confirmed_on", "before_occurrence", proved(confirmed_on=OCCURRED_ON - DAY)),
        ("/confirmed_on", "in_the_future", proved(confirmed_on=date(2026, 10, 7))),
        ("/decision/decided_on", "before_confirmation", proved(confirmed_on=DECIDED_ON + DAY)),
        (
            "/decision/decided_on",
            "in_the_future",
            proved(
                decision=LinkedDecision(
                    kind=DecisionKind.REFUND_REVERSED, decided_on=date(2026, 10, 7)
                )
            ),
        ),
        (
            "/notice/delivered_at",
            "in_the_future",
            proved(notice=replace(proved().notice, delivered_at=NOW + timedelta(seconds=1))),
        ),
        (
            "/notice/delivered_at",
            "in_the_future",
            proved(notice=replace(proved().notice, delivered_at=datetime.max.replace(tzinfo=UTC))),
        ),
        (
            "/notice/delivered_at",
            "before_decision",
            proved(notice=replace(proved().notice, delivered_at=DELIVERED_AT - 2 * DAY)),
        ),
    ],
)
def test_steps_out_of_order_are_named(pointer, code, filing):
    """Occurred ≤ confirmed ≤ decided ≤ told ≤ now; days are those of Shanghai."""
    assert (pointer, code) in lacks(filing)


def test_a_benefit_may_have_been_obtained_before_it_was_noticed():
    """Obtained on the day of the event, confirmed later: in order."""
    obtained = LinkedDecision(kind=DecisionKind.BENEFIT_OBTAINED, decided_on=OCCURRED_ON)
    assert [] == lacks(proved(decision=obtained))
    too_early = replace(obtained, decided_on=OCCURRED_ON - DAY)
    assert [("/decision/decided_on", "before_occurrence")] == lacks(proved(decision=too_early))


def test_told_before_it_was_confirmed_is_out_of_order():
    """Also where the decision does not stand in between."""
    filing = proved(
        decision=LinkedDecision(kind=DecisionKind.BENEFIT_OBTAINED, decided_on=OCCURRED_ON),
        notice=replace(proved().notice, delivered_at=DELIVERED_AT - 2 * DAY),
    )
    assert [("/notice/delivered_at", "before_confirmation")] == lacks(filing)


def test_all_that_is_missing_is_told_at_once():
    """Nine things, one answer; an unknown code hides none of the rest."""
    bare = proved(
        code="nothing",
        confirmed_on=None,
        evidence=(),
        intent=None,
        reviewers=(),
        decision=None,
        notice=None,
        adult_attested=False,
        occurred_on=date(2027, 1, 1),
    )
    assert {
        ("/code", "unknown_code"),
        ("/occurred_on", "in_the_future"),
        ("/confirmed_on", "confirmation_missing"),
        ("/evidence", "evidence_classes_too_few"),
        ("/intent", "intent_missing"),
        ("/reviewers", "reviewers_too_few"),
        ("/decision", "decision_missing"),
        ("/notice", "notice_missing"),
        ("/adult_attested", "adult_not_attested"),
    } == set(lacks(bare))


def test_light_codes_need_one_reviewer_and_grave_ones_two():
    """S1 and S2 one, S3 and S4 two."""
    needed = {
        code: [] != lacks(proved(code, reviewers=("staff-1",)))
        for code in ("B114", "B110", "B101", "B121")
    }
    assert {"B114": False, "B110": False, "B101": True, "B121": True} == needed


def test_ninety_days_after_confirmation_is_the_last_day_to_file():
    """On the ninetieth day it may be filed, on the next not; an amendment is not a filing."""
    last = datetime(2027, 1, 3, 15, 59, tzinfo=UTC)
    assert [] == lacks(proved(), last)
    late = last + timedelta(minutes=1)
    assert [("/confirmed_on", "filed_too_late")] == lacks(proved(), late)
    assert [] == lacks(proved(), late, first_filed_at=last)


def test_either_codes_take_either_side():
    """Buyer, seller or neither in particular; never protective."""
    allowed = [role for role in Role if [] == lacks(proved("S204", role=role))]
    assert [Role.BUYER, Role.SELLER, Role.EITHER] == allowed


@pytest.mark.parametrize("code", ["V401", "V402"])
def test_a_protective_marker_needs_neither_decision_nor_notice(code):
    """A victim did nothing: no intent, decision or notice, one reviewer, its own evidence."""
    bare = {"intent": None, "decision": None, "notice": None, "confirmed_on": None}
    assert [] == lacks(proved(code, reviewers=("staff-1",), **bare))
    assert [("/reviewers", "reviewers_too_few")] == lacks(proved(code, reviewers=(), **bare))
    assert [("/adult_attested", "adult_not_attested")] == lacks(
        proved(code, adult_attested=False, **bare)
    )


def test_protection_at_the_subjects_wish_is_for_the_subject():
    """No member files V403."""
    assert [("/code", "filed_by_subject_only")] == lacks(proved("V403"))


def test_a_protective_marker_runs_from_its_filing():
    """Thirteen months from the day it was filed, however long ago the event was."""
    code = EDITION.codes["V401"]
    assert date(2027, 11, 6) == expiry_of(code, date(2024, 1, 1), date(2026, 10, 6), EDITION)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (proved(), False),
        (proved(amount=None, order=None, confirmed_on=CONFIRMED_ON), False),
        (proved(occurred_on=OCCURRED_ON - DAY), False),
        (proved(occurred_on=OCCURRED_ON + DAY), True),
        (proved("B102"), False),
        (proved("B103"), True),
        (proved("B121"), True),
        (proved("V401"), False),
        (proved(evidence=(*proved().evidence, item("E6", adjudicator=Adjudicator.COURT))), True),
        (proved(evidence=(*proved().evidence, item("E6"))), False),
    ],
)
def test_what_weighs_more_needs_a_newer_notice(after, expected):
    """Graver, another code as grave, later, or newly adjudicated."""
    assert expected == requires_new_notice(proved(), after, EDITION)


def test_from_a_marker_to_an_incident_needs_a_notice():
    """A victim who becomes an offender must be told."""
    assert requires_new_notice(proved("V401"), proved("B114"), EDITION)


CHANGES = [
    {"intent": None},
    {"decision": None},
    {"notice": None},
    {"reviewers": ()},
    {"evidence": ()},
    {"confirmed_on": None},
    {"adult_attested": False},
    {"role": Role.SELLER},
]


@given(st.lists(st.sampled_from(CHANGES)))
def test_missing_points_do_not_hide_each_other(changes):
    """What is missing together is what is missing one by one."""
    together = proved(**dict(chain.from_iterable(change.items() for change in changes)))
    one_by_one = set(chain.from_iterable(lacks(proved(**change)) for change in changes))
    assert one_by_one == set(lacks(together))
