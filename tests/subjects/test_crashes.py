"""When the disk is full at the commit: nothing is shown, nothing is spent, nothing remains."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.lookups.samples import Market
from tests.lookups.test_lookups import DISK_FULL
from tests.subjects.person import PHONE, Person, codes_sent, last_code, token_of

NUMBER = "+8613800138000"
PAGES_MAX = 1_073_741_823


@pytest.fixture
def person(market: Market) -> Person:
    market.node.sequencer.step()
    return Person(app=market.app, node=market.node)


@contextmanager
def full_disk(market: Market) -> Iterator[None]:
    """No entry of a log can be committed for as long as this lasts."""
    database = market.node.database
    if not database.is_sqlite:
        with database.transaction() as transaction:
            transaction.execute(sa.text(DISK_FULL))
        yield
        with database.transaction() as transaction:
            transaction.execute(sa.text("DROP FUNCTION refuse_commit CASCADE"))
        return
    pages = [1]

    @sa.event.listens_for(database.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        # To the size it has: SQLite takes no less.
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")

    yield
    pages[0] = PAGES_MAX


def test_no_view_leaves_without_its_entry(market: Market, person: Person) -> None:
    """The record stays closed while nobody could tell later that it was read."""
    person.sign_in(NUMBER)
    with full_disk(market):
        # What is free on the last pages is used up before.
        statuses = [person.call("GET", "/v1/subject/record").status_code for _ in range(60)]
        answer = person.call("GET", "/v1/subject/record")
        assert (503, 503) == (statuses[-1], answer.status_code)
        assert "score" not in answer.json
    assert 200 == person.call("GET", "/v1/subject/record").status_code


def test_an_authorisation_is_spent_with_the_lookup_or_not_at_all(
    market: Market, person: Person
) -> None:
    """A lookup whose entry cannot be kept has spent nothing: the same code opens the next."""
    person.sign_in(NUMBER)
    body = {"member": market.inquirer.member.id, "order": "O-1"}
    given = person.call("POST", "/v1/subject/authorisations", body).json["authorisation"]
    asked = {
        "identities": [token_of(market.node, PHONE, NUMBER)],
        "authorisation": {"basis": "one_use", "reference": given["reference"]},
    }
    with full_disk(market):
        while 200 == person.call("GET", "/v1/subject/record").status_code:
            pass
        assert 503 == market.look_up(**asked).status_code
    assert 200 == market.look_up(**asked).status_code
    assert 403 == market.look_up(**asked).status_code


def test_a_code_is_used_with_the_session_or_not_at_all(market: Market, person: Person) -> None:
    """A proof whose entry cannot be kept gives no session and leaves the code good."""
    started, blinded = person.start(NUMBER)
    code = last_code(market.node, NUMBER)["long"]
    sign_in = started.json["sign_in"]["id"]
    other = Person(app=market.app, node=market.node)
    other.sign_in("+8613900139000")
    with full_disk(market):
        while 200 == other.call("GET", "/v1/subject/record").status_code:
            pass
        assert 503 == person.prove(sign_in, code, blinded).status_code
    assert 201 == person.prove(sign_in, code, blinded).status_code


def test_a_code_that_is_sent_again_is_the_same_message(market: Market, person: Person) -> None:
    """A worker that dies between sending and settling sends once more, under the same id."""
    person.start(NUMBER)
    chores = market.node.own_door.chores
    send = next(each for each in chores.kinds() if each.kind == "subjects.send_code")
    with market.node.database.reading() as transaction:
        waiting = market.node.jobs.waiting(transaction, 100)
    (job,) = [each for each in waiting if each.kind == send.kind]
    # The worker's own steps, up to the point at which it dies.
    send.perform(job)  # type: ignore[union-attr,arg-type]
    sent = codes_sent(market.node)
    assert (2, 1) == (len(sent), len({each["id"] for each in sent}))
    assert 1 == len({each["short"] for each in sent})
