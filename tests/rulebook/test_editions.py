"""Both shipped editions hold what RULEBOOK says; a broken one is refused with the place."""

import tomllib
from importlib import resources

import pytest

from registry.rulebook.editions import load_editions, load_rulebook, read_edition
from registry.rulebook.model import (
    Band,
    BandRange,
    EvidenceClass,
    Filer,
    Purpose,
    Role,
    Severity,
    Span,
    Unit,
)
from registry.rulebook.reading import EditionRefused

EDITIONS = load_editions()
CN = EDITIONS["cn-2026.1"]
SOURCE = (resources.files("registry.rulebook") / "editions" / "cn-2026.1.toml").read_text()


def test_both_editions_are_there():
    """One a jurisdiction, under its own name."""
    assert {"cn-2026.1", "us-2026.1"} == set(EDITIONS)


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_the_taxonomy_is_whole(edition):
    """33 codes; severities and roles as the table has them."""
    by_severity = {
        severity: sum(code.severity is severity for code in edition.codes.values())
        for severity in (*Severity, None)
    }
    assert {"S1": 2, "S2": 10, "S3": 14, "S4": 4, None: 3} == by_severity
    assert {"V403"} == {
        code.code for code in edition.codes.values() if code.filed_by is Filer.SUBJECT
    }
    assert {"S204", "S209", "O301", "O302", "O303", "O304"} == {
        code.code for code in edition.codes.values() if code.role is Role.EITHER
    }


def test_evidence_is_groups_of_alternatives():
    """E1 + E3 + (E5 or E6 or E7), and conditions beyond the classes."""
    e = EvidenceClass
    assert ({e.E1}, {e.E3}, {e.E5, e.E6, e.E7}) == CN.codes["B101"].evidence
    (condition,) = CN.codes["B114"].conditions
    assert (e.E1, 3, "three events") == (
        condition.evidence_class,
        condition.items_min,
        condition.text.en,
    )


def test_numbers_differ_by_law():
    """Each column of the table of time limits in its own edition."""
    us = EDITIONS["us-2026.1"]
    expected = {
        "notice_before_effect": ((7, "days"), (7, "days")),
        "event_to_filing": ((90, "days"), (90, "days")),
        "protective_kept": ((13, "months"), (13, "months")),
        "appeal_relayed": ((1, "working_days"), (5, "working_days")),
        "furnisher_answer": ((5, "working_days"), (5, "working_days")),
        "furnisher_answer_extension": ((3, "working_days"), (0, "working_days")),
        "first_decision": ((7, "working_days"), (30, "days")),
        "first_decision_extension": ((0, "days"), (15, "days")),
        "absolute_limit": ((20, "days"), (30, "days")),
        "absolute_limit_extension": ((0, "days"), (15, "days")),
        "identity_theft_block_confirmed": ((4, "working_days"), (4, "working_days")),
        "jury_voting_window": ((168, "hours"), (168, "hours")),
        "one_use_authorisation": ((15, "minutes"), (15, "minutes")),
    }
    for name, (cn_span, us_span) in expected.items():
        assert (span(*cn_span), span(*us_span)) == (
            getattr(CN.deadlines, name),
            getattr(us.deadlines, name),
        ), name
    assert [12, 24, 36, 60] == [CN.deadlines.kept[severity].amount for severity in Severity]
    assert [12, 24, 36, 84] == [us.deadlines.kept[severity].amount for severity in Severity]
    assert ("Asia/Shanghai", "America/New_York") == (CN.calendar.zone.key, us.calendar.zone.key)


def span(amount: int, unit: str) -> Span:
    return Span(amount=amount, unit=Unit(unit))


def test_the_scorecard_is_in_whole_numbers():
    """Range, clean start, factor 40 / ln 2 = 57.708, weights, share of a group, bands."""
    card = CN.scorecard
    assert (350, 950, 830, 120) == (
        card.score_min,
        card.score_max,
        card.score_clean,
        card.group_points_max,
    )
    assert 57_707_802 == card.factor_micropoints
    assert [350, 900, 1800, 3000] == [card.weights_milli[severity] for severity in Severity]
    assert [0, 0, 50, 50] == [card.disputed_percent[severity] for severity in Severity]
    assert [("A", 780), ("B", 700), ("C", 620), ("D", 520), ("E", 350)] == [
        (entry.band.value, entry.score_min) for entry in card.bands
    ]
    assert BandRange(band=Band.A, score_min=780) == card.bands[0]
    assert (8, 2, 980_000) == (
        CN.reliability.upheld,
        CN.reliability.overturned,
        CN.reliability.monthly_forgetting_ppm,
    )


def test_purposes_are_the_eight():
    """Each with a text; what is forbidden is named too."""
    assert set(Purpose) == set(CN.purposes)
    assert 6 == len(CN.purposes_forbidden)


def test_the_document_is_the_file():
    """What is served is what was read: nothing hidden, nothing added."""
    document = tomllib.loads(SOURCE)
    assert set(document) == set(CN.document)
    assert 0.35 == CN.document["scorecard"]["weights"]["S1"]
    assert "2026-10-01" in CN.document["calendar"]["holidays"]
    assert document["codes"] == CN.document["codes"]


def test_an_edition_nobody_knows_stops_the_start():
    """The known ones are named."""
    assert "cn-2026.1" == load_rulebook("cn-2026.1").current.name
    with pytest.raises(EditionRefused, match=r"there is no edition cn-2025\.9; known: cn-2026\.1"):
        load_rulebook("cn-2025.9")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("[proof]", "[proof]\nmore = 1", r"cn-2026.1.proof has unknown members: more"),
        ('region = "CN"', 'region = "CN"\nextra = 1', r"unknown members: extra"),
        ('region = "CN"', 'region = "US"', r"the name does not begin with the region"),
        ('zh = "谎称未收货"', 'zh = "  "', r"codes\[4\]\.name\.zh must be a string"),
        (', zh = "谎称未收货"', "", r"codes\[4\]\.name\.zh is missing"),
        ('zh = "谎称未收货"', 'zh = "False claim"', r"codes\[4\]\.name\.zh is not Chinese"),
        ('en = "False claim of non-receipt"', 'en = "谎"', r"codes\[4\]\.name\.en is not English"),
        ('code = "B102"', 'code = "B101"', r"codes\[1\] defines B101 a second time"),
        ('code = "B102"', 'code = "X1"', r"X1: not a code"),
        ('severity = "S3"', 'severity = "S9"', r"codes\[0\]\.severity holds 'S9'"),
        ('role = "buyer"', 'role = "protective"', r"B101: protective codes"),
        ('evidence = [["E5"]]', "evidence = []", r"V401: evidence is what furnishers must have"),
        ('evidence = [["E1"], ["E6", "E7"]]', 'evidence = [["E1"]]', r"B104: asks for fewer"),
        ('["E1"], ["E6", "E7"]', '["E1"], ["E1", "E7"]', r"B104: evidence groups must be diff"),
        ('["E1"], ["E6", "E7"]', '["E1"], ["E0"]', r"B104: asks for evidence that never counts"),
        ("notice_before_effect = { days = 7 }", "notice_before_effect = { days = 2 }", "minimum"),
        ("event_to_filing = { days = 90 }", "event_to_filing = 90", r"event_to_filing must be a"),
        ("{ days = 90 }\n", "{ days = 90, hours = 1 }\n", r"event_to_filing must be one number"),
        ("{ months = 60 } }", "{ months = 61 } }", r"kept longer than kept_max"),
        ("S3 = { months = 36 }", "S3 = { months = 6 }", r"a graver incident is kept"),
        ("absolute_limit = { days = 20 }", "absolute_limit = { days = 5 }", "absolute limit"),
        ("S2 = 0.9", "S2 = 0.3", r"a graver severity must weigh more"),
        ("S2 = 0.9", "S2 = 0.9001", r"weights\.S2 has more decimals"),
        ("S2 = 0.9", "S2 = -0.9", r"weights\.S2 must be a number, not negative"),
        ("S2 = 0.9, ", "", r"weights\.S2 is missing"),
        ('{ band = "B", score_min = 700 }', '{ band = "B", score_min = 800 }', r"begin higher"),
        ('{ band = "E", score_min = 350 }', '{ band = "E", score_min = 351 }', r"lowest score"),
        ("score_clean = 830", "score_clean = 349", r"clean score lies outside"),
        ("group_points_max = 120", "group_points_max = 0", r"group_points_max must be positive"),
        ("votes_to_decide = 9", "votes_to_decide = 8", r"must be a majority"),
        ("filed_from = 14", "filed_from = 19", r"scored before they may be filed"),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Nowhere"', r"unknown zone or weekday"),
        ('"saturday", "sunday"', '"caturday"', r"unknown zone or weekday"),
        ("2026-01-04,", "2026-01-05,", r"2026-01-05 is no weekend day"),
        ("2026-01-04,", "2026-01-03,", r"2026-01-03 is both a holiday and worked"),
        ("2026-01-01, 2026-01-02", "2026-01-01, 2026-01-01", r"holidays names a date twice"),
        ("2026-01-01, 2026-01-02", "2025-12-31, 2026-01-02", r"2025-12-31 lies outside"),
        ("own_record =", "own_records =", r"purposes\.own_record is missing"),
        ('name = "cn-2026.1"', 'name = "cn"', r"name must look like"),
        ('name = "cn-2026.1"', "name = ", r"the file cannot be read"),
    ],
)
def test_a_broken_edition_is_refused_and_says_where(before, after, expected):
    """Unknown, missing, untranslated or contradictory: the program does not start."""
    assert before in SOURCE
    with pytest.raises(EditionRefused, match=expected):
        read_edition(SOURCE.replace(before, after, 1).encode())
