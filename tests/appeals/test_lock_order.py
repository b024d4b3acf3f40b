"""Whatever happens to people's incidents at once: all is done, and nobody waits in a ring.

On PostgreSQL a ring ends in an error after a second, and any wait for a lock after a while:
either would show here as an act that was not taken. SQLite has one writer at a time.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.appeals.deadlines import KIND
from registry.appeals.jury import Vote
from registry.database import engine
from registry.database.transaction import Transaction
from registry.incidents.changes import Change
from registry.incidents.model import KeptIdentity
from registry.jobs.model import Job
from registry.kernel import base64url
from registry.kernel.ids import new_uuid
from registry.members.model import Role
from tests.appeals.test_jury_of_appeal import commit, drawn, fill, jurors, upheld_once
from tests.appeals.town import NUMBER, OTHER, REASONS, Town, evidence_item, lodge, ok
from tests.incidents.door import document
from tests.nodes import Caller, new_caller
from tests.subjects.person import PHONE, Person, last_code, token_of
from tests.together import together

MEETING_SECONDS_MAX = 0.2
# Many wait for each other here, on machines that do other things too.
WAIT_MILLISECONDS_MAX = 40_000
DONE_SECONDS_MAX = 60


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set before the node of a test opens its database."""
    for each in ("LOCK_TIMEOUT_MILLISECONDS", "STATEMENT_TIMEOUT_MILLISECONDS"):
        monkeypatch.setattr(engine, each, WAIT_MILLISECONDS_MAX)


class Meeting:
    """A place amid a change where one waits a moment for another: the worst order comes first."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._came: set[int] = set()

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        self._wait()

    def incident_removed(
        self, transaction: Transaction, identities: Sequence[KeptIdentity], now: datetime
    ) -> None:
        self._wait()

    def _wait(self) -> None:
        with self._condition:
            self._came.add(threading.get_ident())
            self._condition.notify_all()
            # Who is kept out by another's locks does not come: nobody waits for long.
            self._condition.wait_for(lambda: len(self._came) > 1, MEETING_SECONDS_MAX)


def at_once(node: Node, acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act gives; they meet before and after everyone who hears of a change."""
    lists: list[list[Any]] = [
        node.incident_listeners._listeners,
        node.incident_listeners._removal_listeners,
    ]
    known = [list(each) for each in lists]
    for listeners in lists:
        listeners[:] = [Meeting(), *(met for each in listeners for met in (each, Meeting()))]
    try:
        return together(acts, seconds_max=DONE_SECONDS_MAX)
    finally:
        for listeners, before in zip(lists, known, strict=True):
            listeners[:] = before


def enforce(town: Town) -> None:
    now = town.clock.now()
    job = Job(id=new_uuid(now), kind=KIND, payload={}, run_at=now, attempt=1)
    with town.node.database.transaction() as transaction:
        town.node.contesting.deadlines.enforce(transaction, job, now)


def filed(town: Town, by: Caller, who: str, number: int) -> str:
    """An act of its own against the person with this phone."""
    identity = {**token_of(town.node, PHONE, who), "last_verified_on": "2026-10-01"}
    more = {
        "order": f"order-{number}",
        "occurred_on": (date(2026, 9, 28) - timedelta(days=number)).isoformat(),
    }
    body = document(reference=f"act-{number}", identities=[identity], **more)
    return str(ok(by.call("POST", "/v1/incidents", body), 201)["incident"]["id"])


def order_erasure(town: Town, *numbers: str) -> Callable[[], Any]:
    """What carries out an order about the person with these phones, which is confirmed here."""
    supervisors = [
        new_caller(town.node, town.app, name, frozenset({Role.SUPERVISOR}))
        for name in ("bureau", "court")
    ]
    tokens = [token_of(town.node, PHONE, number) for number in numbers]
    body = {"target": {"subjects": tokens}, "ground": "judgment 12/2026"}
    target = "/v1/oversight/erasure-orders"
    order = ok(supervisors[0].call("POST", target, body), 201)["order"]["id"]
    ok(supervisors[1].call("POST", f"{target}/{order}/confirmation", {}))
    town.node.sequencer.step()
    return lambda: list(town.node.auditing.retention.run(town.clock.now()))


def states(person: Person) -> dict[str, tuple[str, str | None]]:
    found = ok(person.call("GET", "/v1/subject/appeals"))["appeals"]
    return {each["id"]: (each["state"], each["outcome"]) for each in found}


@pytest.mark.parametrize("turn", range(3))
def test_all_that_can_happen_at_once_is_done(town: Town, turn: int) -> None:
    """Withdrawal, answer, two decisions, deadlines of two furnishers, freeze, and two workers."""
    alpha, gamma = town.platform, new_caller(town.node, town.app, "gamma")
    sides = [(by, who) for by in (alpha, gamma) for who in (NUMBER, OTHER)] * 2
    incidents = [filed(town, *side, number) for number, side in enumerate(sides)]
    town.move(days=8)
    one, other = town.person(NUMBER), town.person(OTHER)
    people = [one, other] * 4
    late = [lodge(who, each)["id"] for who, each in zip(people, incidents[:4], strict=False)]
    town.move(days=3)
    decided, taken_back, upheld, answered = (
        lodge(who, each)["id"] for who, each in zip(people, incidents[4:], strict=False)
    )
    said = {"stance": "stands", "reasons": REASONS, "evidence": [evidence_item()]}
    ok(gamma.call("POST", f"/v1/appeals/{upheld}/answer", said))
    word = {"ruling": "overturned", "reasons": REASONS, "reviewer": "staff-r1"}
    stands = {**word, "ruling": "upheld"}
    for appeal, ruling in ((decided, word), (upheld, stands)):
        ok(town.operator.call("POST", f"/v1/review/appeals/{appeal}/decisions", ruling))
    # What fell due of the first four is for the act below.
    town.clock.move(timedelta(days=5))
    second = {"reviewer": "staff-r2"}
    at_the_door = [
        lambda: town.platform.call("POST", f"/v1/incidents/{incidents[5]}/withdrawal"),
        lambda: gamma.call("POST", f"/v1/appeals/{answered}/answer", said),
        lambda: town.operator.call(
            "POST", f"/v1/review/appeals/{decided}/decisions", {**word, **second}
        ),
        lambda: town.operator.call(
            "POST", f"/v1/review/appeals/{upheld}/decisions", {**stands, **second}
        ),
        lambda: other.call("PUT", "/v1/subject/freeze"),
    ]
    jobs = [lambda: enforce(town), town.node.worker.run_due, town.node.worker.run_due]
    acts: list[Callable[[], Any]] = [*at_the_door, *jobs]
    given = at_once(town.node, acts[turn:] + acts[:turn])
    answers = [each for each in given if isinstance(each, TestResponse)]
    assert [200] * len(at_the_door) == [each.status_code for each in answers]
    town.node.worker.run_due()
    found = states(one) | states(other)
    assert [("closed", "overturned")] * 4 == [found[each] for each in late]
    assert ("closed", "withdrawn_by_furnisher") == found[taken_back]
    assert ("closed", "overturned") == found[decided]
    assert "answered" == found[answered][0]
    assert "upheld" == found[upheld][0]


def test_jurors_vote_while_the_furnisher_withdraws_and_limits_run_out(town: Town) -> None:
    """Whoever comes first ends it, once; the others find it ended."""
    platform = fill(town)
    person = town.person(NUMBER)
    appeal = upheld_once(town, person)
    drawn(town, person, appeal)
    seated = jurors(town, platform, appeal)
    town.move(hours=72)
    salts = [commit(each, appeal, Vote.OVERTURN) for each in seated[:9]]
    incident = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]["incident"]

    def reveal(juror: Person, salt: str) -> Callable[[], TestResponse]:
        body = {"vote": Vote.OVERTURN.value, "salt": salt}
        return lambda: juror.call("POST", f"/v1/subject/jury/{appeal}/vote", body)

    acts: list[Callable[[], Any]] = [
        *(
            reveal(juror, base64url.encode(salt))
            for juror, salt in zip(seated, salts, strict=False)
        ),
        lambda: town.platform.call("POST", f"/v1/incidents/{incident}/withdrawal"),
        lambda: seated[9].call("POST", f"/v1/subject/jury/{appeal}/recusal"),
        lambda: enforce(town),
        town.node.worker.run_due,
    ]
    given = at_once(town.node, acts)
    answers = [each for each in given if isinstance(each, TestResponse)]
    assert {each.status_code for each in answers} <= {200, 204, 404, 409}
    mine = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert "closed" == mine["state"]
    assert mine["outcome"] in ("overturned", "withdrawn_by_furnisher")
    # A jury nobody waits for any more ends at its next limit, at the latest.
    town.move(hours=169)
    (round_,) = ok(town.app.test_client().get(f"/v1/jury/{appeal}"))["rounds"]
    assert round_["ending"] in ("decided", "dissolved")


@pytest.mark.parametrize("turn", range(3))
def test_a_person_acts_while_all_of_them_is_erased(town: Town, turn: int) -> None:
    """Their calls are done or find themselves signed out; the order is carried out all the same."""
    filed(town, town.platform, NUMBER, 1)
    filed(town, town.platform, OTHER, 2)
    town.move(days=8)
    people = [town.person(number) for number in (NUMBER, OTHER) * 2]
    # The second pair are sessions of both phones.
    people[2].sign_in(OTHER, held_since=date(2020, 1, 1))
    people[3].sign_in(NUMBER, held_since=date(2020, 1, 1))
    erase = order_erasure(town, NUMBER, OTHER)
    said = {"text": "I was abroad that week."}
    acts: list[Callable[[], Any]] = [
        erase,
        lambda: people[0].call("PUT", "/v1/subject/freeze"),
        lambda: people[1].call("PUT", "/v1/subject/statement", said),
        lambda: people[2].call("PUT", "/v1/subject/freeze"),
        lambda: people[3].call("POST", "/v1/subject/severances"),
    ]
    given = at_once(town.node, acts[turn:] + acts[:turn])
    answers = [each for each in given if isinstance(each, TestResponse)]
    assert {each.status_code for each in answers} <= {200, 201, 204, 401}
    town.node.sequencer.step()
    erase()
    assert {401} == {each.call("GET", "/v1/subject/record").status_code for each in people}
    for table in ("incidents", "standings", "subject_sessions", "subject_session_identities"):
        assert 0 == town.count(table), table
    assert 0 == town.count("erasure_orders WHERE state <> 'carried_out'")


def test_two_who_sign_each_other_out_everywhere_are_both_signed_out(town: Town) -> None:
    """Neither waits for the other in a ring, nor for a third that proves one identifier more."""
    one, other, third = (town.person(NUMBER) for _ in range(3))
    started, blinded = third.start(OTHER)
    code = last_code(town.node, OTHER)["long"]
    acts: list[Callable[[], Any]] = [
        lambda: one.call("DELETE", "/v1/subject/sessions"),
        lambda: other.call("DELETE", "/v1/subject/sessions"),
        lambda: third.prove(started.json["sign_in"]["id"], code, blinded),
    ]
    given = at_once(town.node, acts)
    assert {each.status_code for each in given} <= {201, 204, 401}
    assert 0 == town.count("subject_sessions")
    assert 0 == town.count("subject_session_identities")
