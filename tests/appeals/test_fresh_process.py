"""A process that has answered no member's call yet knows every member all the same."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from registry.app.node import Node, assemble
from registry.kernel.clock import MovableClock
from tests.appeals.town import Town, lodge, ok
from tests.nodes import new_app
from tests.rulebook.filings import NOW
from tests.subjects.person import Person


@pytest.fixture
def fresh(town: Town) -> Iterator[Node]:
    """Another process of the town's node, just begun."""
    begun = assemble(town.node.settings, town.clock, MovableClock(NOW))
    yield begun
    begun.database.close()


def test_the_first_call_of_a_process_may_be_a_persons(town: Town, fresh: Node) -> None:
    """They contest what a member filed through another."""
    incident = town.file()
    person = Person(app=new_app(fresh), node=fresh, bearer=town.person().bearer)
    assert "relayed" == lodge(person, incident)["state"]


def test_a_job_names_members_whichever_process_does_it(town: Town, fresh: Node) -> None:
    """What is relayed because nobody read it in time says to whom."""
    lodge(town.person(), town.file(), "evidence_forged")
    town.clock.move(timedelta(days=5))
    fresh.worker.run_due()
    letters = ok(town.platform.call("GET", "/v1/letters"))["letters"]
    (relayed,) = [each["text"]["en"] for each in letters if each["template"] == "appeal_relayed"]
    assert "on to alpha, which must answer" in relayed
