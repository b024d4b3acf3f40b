"""What protects a person covers every identifier they prove; what they said stays where it was."""

from datetime import timedelta

import pytest

from registry.app.node import Node
from registry.ledger.model import RecordType
from tests.lookups.samples import Market
from tests.subjects.person import Person
from tests.subjects.test_own_record import NUMBER, OTHER, asked, record, vouched


@pytest.fixture
def person(market: Market) -> Person:
    return Person(app=market.app, node=market.node)


@pytest.fixture(autouse=True)
def settled(node: Node) -> None:
    node.sequencer.step()


def covered(market: Market) -> list[dict[str, object]]:
    found = market.entries(RecordType.OWN_VIEW)
    return [each["header"] for each in found if each["header"].get("act") == "covered"]


def test_a_second_identifier_is_protected_like_the_first(market: Market, person: Person) -> None:
    """Freeze, marker and alerts at once, on record; the statement only when it is said again."""
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    person.call("PUT", "/v1/subject/alerts")
    person.call("POST", "/v1/subject/markers", {"code": "V402"})
    person.call("PUT", "/v1/subject/statement", {"text": "It was my brother."})
    assert 200 == asked(market, OTHER).status_code
    assert [] == covered(market)
    person.sign_in(OTHER)
    assert 403 == asked(market, OTHER).status_code
    (entry,) = covered(market)
    assert (True, True, ["V402"]) == (entry["freeze"], entry["alerts"], entry["markers"])
    alone = Person(app=market.app, node=market.node)
    alone.sign_in(OTHER)
    sayings = record(alone)["sayings"]
    assert sayings["frozen_at"]
    assert sayings["alerted_at"]
    assert ["V402"] == [each["code"] for each in sayings["markers"]]
    assert None is sayings["statement"]
    # Signed in once more, nothing is left to cover; unfrozen, both are.
    person.sign_in(OTHER)
    assert 1 == len(covered(market))
    person.call("DELETE", "/v1/subject/freeze")
    assert [200, 200] == [asked(market, each).status_code for each in (NUMBER, OTHER)]


def test_the_first_is_protected_like_the_second(market: Market, person: Person) -> None:
    """In whatever order they are proven."""
    person.sign_in(OTHER)
    person.call("PUT", "/v1/subject/freeze")
    later = Person(app=market.app, node=market.node)
    later.sign_in(NUMBER)
    assert 200 == asked(market, NUMBER).status_code
    later.sign_in(OTHER)
    assert 403 == asked(market, NUMBER).status_code


def test_what_an_earlier_holder_said_covers_nothing(market: Market, person: Person) -> None:
    """Whoever got the number lately brings their own protection, and takes none of theirs."""
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    market.clock.move(timedelta(days=200))
    later = Person(app=market.app, node=market.node)
    later.sign_in(OTHER)
    later.sign_in(NUMBER, held_since=market.today - timedelta(days=5))
    assert 200 == asked(market, OTHER).status_code
    assert [] == covered(market)


def test_a_members_word_neither_gives_protection_nor_gets_it(
    market: Market, person: Person
) -> None:
    """A freeze is the person's own; so is the number it goes to."""
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    body, _ = vouched(market, OTHER)
    answer = person.call("POST", "/v1/subject/vouches", body)
    assert 201 == answer.status_code, answer.text
    assert 200 == asked(market, OTHER).status_code
    assert [] == covered(market)
