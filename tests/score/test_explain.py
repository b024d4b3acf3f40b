"""A score recomputed offline, and the published vectors."""

import json

import pytest

from registry.database.migrate import shipped_directory
from registry.kernel.canonical import canonical_json
from registry.rulebook.editions import load_editions
from registry.score.explain import StandingDocumentInvalid, document_of, explain
from registry.score.model import ProtectiveMarker, Standing, assess
from tests.score.samples import EDITION, LONG_AGO, NOW, TODAY, contribution

EDITIONS = load_editions()
VECTORS = json.loads((shipped_directory("api_spec") / "vectors" / "score.json").read_bytes())


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_the_published_vectors_hold(case):
    """What is published for others to check against is what this program computes."""
    explained = explain(case["inputs"], EDITIONS)
    shown = {name: explained[name] for name in case["expected"]}
    shown["reasons"] = [
        {name: reason[name] for name in ("code", "points")} for reason in shown["reasons"]
    ]
    shown["events"] = [
        {name: event[name] for name in ("code", "occurred_on", "groups", "points")}
        for event in shown["events"]
    ]
    assert case["expected"] == shown


def sample() -> Standing:
    return Standing(
        contributions=(
            contribution("a", group="a"),
            contribution("b", "B110", days_ago=3, group="b", is_adjudicated=True),
        ),
        protective=(
            ProtectiveMarker(
                incident_id=contribution("v").incident_id,
                code="V402",
                effective_at=LONG_AGO,
                expires_on=TODAY.replace(year=2027),
            ),
        ),
    )


def test_the_document_of_a_standing_explains_it():
    """Written as a document and read back, through JSON, a standing has the same score."""
    document = json.loads(canonical_json(document_of(sample(), EDITION, NOW)))
    expected = assess(sample(), EDITION, NOW)
    explained = explain(document, EDITIONS)
    assert (expected.score, expected.band.value) == (explained["score"], explained["band"])
    assert list(expected.protective) == explained["protective"]
    canonical_json(explained)


def test_furnisher_and_group_stand_for_each_other():
    """Who wants the score of two shops needs not invent groups."""
    document = json.loads(canonical_json(document_of(sample(), EDITION, NOW)))
    for each in document["contributions"]:
        del each["furnisher"], each["doubt"], each["adjudicated"]
    assert assess(sample(), EDITION, NOW).score == explain(document, EDITIONS)["score"]


@pytest.mark.parametrize(
    ("pointer", "change"),
    [
        ("", lambda it: []),
        ("/edition", lambda it: it | {"edition": "xx-1"}),
        ("/edition", lambda it: it | {"edition": []}),
        ("/now", lambda it: it | {"now": "2026-11-21"}),
        ("/now", lambda it: it | {"now": "9999-12-31T23:59:59Z"}),
        ("/contributions", lambda it: it | {"contributions": {}}),
        ("/contributions/0", lambda it: it | {"contributions": [1]}),
        ("/more", lambda it: it | {"more": 1}),
        ("/on", lambda it: it | {"on": ["9999-12-31"]}),
        ("/contributions/1/incident", lambda it: twice(it)),
        ("/contributions/0/severity", lambda it: changed(it, severity="S5")),
        (
            "/contributions/0/expires_on",
            lambda it: changed(it, expires_on="2020-01-01"),
        ),
        (
            "/contributions/0/reliability_ppm",
            lambda it: changed(it, reliability_ppm=0.8),
        ),
        (
            "/contributions/0/reliability_ppm",
            lambda it: changed(it, reliability_ppm=-1),
        ),
        ("/contributions/0/adjudicated", lambda it: changed(it, adjudicated="yes")),
        ("/contributions/0/doubt", lambda it: changed(it, doubt="some")),
        ("/contributions/0/code", lambda it: changed(it, code=7)),
        ("/contributions/0/points", lambda it: changed(it, points=7)),
    ],
)
def test_a_document_that_cannot_be_scored_is_refused_where_it_is_wrong(pointer, change):
    """A problem with the pointer of the first fault, never another exception."""
    document = json.loads(canonical_json(document_of(sample(), EDITION, NOW)))
    with pytest.raises(StandingDocumentInvalid) as raised:
        explain(change(document), EDITIONS)
    assert [pointer] == [error.pointer for error in raised.value.errors]


def test_who_reported_must_be_said():
    """Neither furnisher nor group: refused."""
    document = json.loads(canonical_json(document_of(sample(), EDITION, NOW)))
    del document["contributions"][0]["furnisher"], document["contributions"][0]["reporter_group"]
    with pytest.raises(StandingDocumentInvalid) as raised:
        explain(document, EDITIONS)
    assert "/contributions/0/reporter_group" == raised.value.errors[0].pointer


def changed(document: dict, **members: object) -> dict:
    first, *others = document["contributions"]
    return document | {"contributions": [first | members, *others]}


def twice(document: dict) -> dict:
    first = document["contributions"][0]
    return document | {"contributions": [first, first]}
