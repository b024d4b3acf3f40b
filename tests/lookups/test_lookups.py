"""Looking up: what is read, what is written, and what leaves."""

import sqlite3
import threading
from dataclasses import asdict, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from registry.http.caller import Caller, DetachedCall
from registry.kernel.clock import MovableClock
from registry.ledger.model import RecordType
from registry.lookups.model import Inquiry, LookupAnswer, LookupScopeMissing, Match
from registry.lookups.schemas import LookupAnswerSchema, LookupRequestSchema, answer_document
from registry.members.model import Member, Role
from tests.lookups.samples import Market, batch, new_market, question, token
from tests.nodes import new_app, new_caller, new_node

DISK_FULL = """
CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full';
END
$$;
CREATE CONSTRAINT TRIGGER full_at_commit AFTER INSERT ON pending_entries
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_commit()
"""


def about(found: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of the person."""
    return {name: value for name, value in found.items() if name not in {"lookup", "receipt"}}


def test_one_person_is_asked_for_under_several_identities(market: Market) -> None:
    """What is filed under any of them is found once; what is filed under none is not."""
    both = market.report("ming-phone", "ming-mail")["incident"]["id"]
    phone = market.report("ming-phone", code="B113")["incident"]["id"]
    market.report("someone-else")
    assert 1 == market.ask("ming-mail")["incidents"]["active"]
    found = market.ask("ming-mail", "ming-phone", "nobody")
    assert (2, 1) == (found["incidents"]["active"], found["incidents"]["furnishers"])
    subjects = [entry["subject"] for entry in market.entries(RecordType.LOOKUP)]
    (subject,) = [each for each in subjects if len(each["seeds"]) == 3]
    assert sorted([both, phone]) == subject["incidents"]


def test_the_same_identity_twice_is_one(market: Market) -> None:
    """Asking twice in one lookup finds nothing twice."""
    market.report("ming")
    assert about(market.ask("ming")) == about(market.ask("ming", "ming"))


def test_a_token_of_another_type_is_the_same_person_or_nobody(market: Market) -> None:
    """The type is in the token already; what is found depends on the token alone."""
    market.report("ming")
    asked = question("ming")
    asked["identities"][0]["type"] = "email/1"
    assert "match" == market.inquirer.call("POST", "/v1/lookups", asked).json["match"]


def test_a_refused_lookup_tells_nothing_and_is_on_record(market: Market) -> None:
    """Who asked, under which purpose and order, about whom, and why it was refused."""
    market.report("ming")
    refused = market.look_up("ming", purpose="own_record", order="O-9")
    assert (403, None) == (refused.status_code, refused.json.get("errors"))
    (entry,) = market.entries(RecordType.REFUSED_LOOKUP)
    header = entry["header"]
    assert ("own_record", "O-9", "refused", "purpose-not-granted") == tuple(
        header[each] for each in ("purpose", "order", "outcome", "problem")
    )
    assert market.inquirer.member.id == header["member"]
    assert "band" not in header
    assert ([], 1) == (entry["subject"]["incidents"], len(entry["subject"]["seeds"]))


def test_an_answered_lookup_is_on_record_with_its_ground(market: Market) -> None:
    """Purpose, order, agent, authorisation, what was answered; never the token or the score."""
    market.report("ming")
    found = market.ask("ming")
    (entry,) = market.entries(RecordType.LOOKUP)
    header = entry["header"]
    assert {"basis": "separate_consent", "reference": "C-1"} == header["authorisation"]
    assert ("staff-1", "O-1", "answered", found["band"], "match", "cn-2026.1") == tuple(
        header[each] for each in ("agent", "order", "outcome", "band", "match", "edition")
    )
    assert token("ming") not in str(entry)
    assert "score" not in header


def test_a_batch_keeps_its_order_and_logs_each_alone(market: Market) -> None:
    """A hundred people, known and unknown, each with an order of their own."""
    market.report("person-7")
    market.report("person-42")
    asked = [question(f"person-{n}", order=f"O-{n}") for n in range(100)]
    answer = market.inquirer.call("POST", "/v1/lookups/batch", batch(asked))
    results = answer.json["results"]
    assert [200] * 100 == [each["status"] for each in results]
    known = [n for n, each in enumerate(results) if each["answer"]["match"] == "match"]
    assert [7, 42] == known
    assert len({each["answer"]["lookup"]["id"] for each in results}) == 100
    entries = market.entries(RecordType.LOOKUP)
    orders = {entry["header"]["order"] for entry in entries}
    assert (100, {f"O-{n}" for n in range(100)}) == (len(entries), orders)
    assert 1 == len({entry["header"]["request_id"] for entry in entries})


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_one_to_a_hundred_lookups(market: Market, count: int) -> None:
    """Beyond that nothing is answered and nothing logged."""
    answer = market.inquirer.call("POST", "/v1/lookups/batch", batch([question("a")] * count))
    assert (422, []) == (answer.status_code, market.entries(RecordType.LOOKUP))


@pytest.mark.parametrize("misfit", [None, 7, "text", [], {}, {"identities": []}])
def test_what_is_no_lookup_is_its_own_problem_in_a_batch(market: Market, misfit: object) -> None:
    """The others are answered; the misfit is not logged, as it would not be alone."""
    asked = batch([question("a"), misfit, question("b")])
    answer = market.inquirer.call("POST", "/v1/lookups/batch", asked)
    assert 200 == answer.status_code
    assert [200, 422, 200] == [each["status"] for each in answer.json["results"]]
    problem = answer.json["results"][1]["problem"]
    assert problem["type"].endswith("/problems/request-invalid")
    assert 2 == len(market.entries(RecordType.LOOKUP))


def test_a_batch_of_misfits_alone_is_answered(market: Market) -> None:
    """With nothing but problems, and nothing logged."""
    answer = market.inquirer.call("POST", "/v1/lookups/batch", batch([1, 2]))
    assert [422, 422] == [each["status"] for each in answer.json["results"]]
    assert [] == market.entries(RecordType.LOOKUP)


def test_a_batch_reads_once_and_writes_once(
    tmp_path: Path, sqlite_url: str, clock: MovableClock
) -> None:
    """One SELECT of standings and one INSERT of entries for the whole list.

    On SQLite, which tells of each statement it runs; PostgreSQL is sent the same ones.
    """
    node = new_node(tmp_path / "node", sqlite_url, clock)
    market = new_market(node, new_app(node), clock)
    statements: list[str] = []

    @sa.event.listens_for(node.database.engine, "checkout")
    def listen(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(statements.append)

    asked = batch([question(f"person-{n}") for n in range(50)])
    assert 200 == market.inquirer.call("POST", "/v1/lookups/batch", asked).status_code
    assert 1 == sum("FROM standings" in each for each in statements)
    assert 1 == sum("INSERT INTO pending_entries" in each for each in statements)
    node.database.close()


def test_no_answer_leaves_when_its_entry_cannot_be_kept(market: Market) -> None:
    """The disk is full at the commit: 503, and the caller learns nothing of the person."""
    market.report("ming")
    fill_the_disk(market)
    before = len(market.entries(RecordType.LOOKUP))
    asked = batch([question(f"person-{n}") for n in range(100)])
    for answer in (
        market.inquirer.call("POST", "/v1/lookups/batch", asked),
        market.inquirer.call("POST", "/v1/lookups/batch", batch([question("ming")] * 100)),
    ):
        assert (503, "1") == (answer.status_code, answer.headers["Retry-After"])
        assert "results" not in answer.json
    assert before == len(market.entries(RecordType.LOOKUP))


def fill_the_disk(market: Market) -> None:
    """From now on no entry can be committed."""
    database = market.node.database
    if not database.is_sqlite:
        with database.transaction() as transaction:
            transaction.execute(sa.text(DISK_FULL))
        return

    @sa.event.listens_for(database.engine, "checkout")
    def shrink(connection: sqlite3.Connection, *_: object) -> None:
        # To the size it has: SQLite takes no less.
        connection.execute("PRAGMA max_page_count = 1")


def test_of_two_outcomes_at_once_one_stands(market: Market) -> None:
    """Eight different decisions in the same moment: one is recorded, the others are told so."""
    lookup = market.ask("ming")["lookup"]["id"]
    start = threading.Barrier(8)
    statuses: list[int] = []

    def decide(decision: str) -> None:
        start.wait()
        outcome = {"decision": decision, "human_reviewed": True}
        answer = market.inquirer.call("POST", f"/v1/lookups/{lookup}/outcome", outcome)
        statuses.append(answer.status_code)

    decisions = ["approved", "refused"] * 4
    threads = [threading.Thread(target=decide, args=[each]) for each in decisions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == statuses.count(201)
    assert {200, 201, 409} >= set(statuses)
    assert 1 == len(market.entries(RecordType.OUTCOME))


def test_an_outcome_is_on_record_about_the_same_person(market: Market) -> None:
    """Its entry names the lookup and its seeds, and whether a human decided."""
    found = market.ask("ming")
    outcome = {"decision": "returned", "human_reviewed": False}
    target = f"/v1/lookups/{found['lookup']['id']}/outcome"
    answer = market.inquirer.call("POST", target, outcome)
    assert (201, None) == (answer.status_code, answer.json["notice_given_at"])
    (lookup,) = market.entries(RecordType.LOOKUP)
    (entry,) = market.entries(RecordType.OUTCOME)
    seeds = lookup["subject"]["seeds"]
    assert {"lookup": found["lookup"]["id"], "seeds": seeds} == entry["subject"]
    assert ("returned", False) == (entry["header"]["outcome"], entry["header"]["human_reviewed"])


def test_lookups_cost_nobody_a_point(market: Market) -> None:
    """However often and by whomever: the answer stays as it is."""
    market.report("ming")
    first = about(market.ask("ming"))
    for _ in range(20):
        market.ask("ming")
    assert first == about(market.ask("ming"))


def test_one_furnisher_does_not_learn_what_another_filed(market: Market) -> None:
    """An answer names no incident, no furnisher, no order, no evidence of others."""
    filed = market.report("ming", order="SECRET-ORDER")
    text = market.look_up("ming").text
    for secret in (filed["incident"]["id"], market.furnisher.member.id, "SECRET-ORDER", "sha256"):
        assert secret not in text


def test_a_member_without_the_scope_is_refused_on_record(market: Market) -> None:
    """A lookup by a furnisher alone is 403 and stands in the log."""
    nosy = new_caller(market.node, market.app, "Nosy", frozenset({Role.FURNISHER}))
    assert 403 == nosy.call("POST", "/v1/lookups", question("ming")).status_code
    (entry,) = market.entries(RecordType.REFUSED_LOOKUP)
    assert (nosy.member.id, "lookup-scope-missing") == (
        entry["header"]["member"],
        entry["header"]["problem"],
    )


def test_inquiries_of_several_members_are_answered_each_alone(market: Market) -> None:
    """With one list: each under its own member's grant, with an entry of its own."""
    market.report("ming")
    nosy = new_caller(market.node, market.app, "Nosy", frozenset({Role.FURNISHER}))
    members = [market.inquirer.member, nosy.member, market.furnisher.member]
    request = LookupRequestSchema().load(question("ming"))
    inquiries = [Inquiry(call=call_of(each, market), request=request) for each in members]
    with market.node.database.transaction() as transaction:
        market.node.directory.refresh(transaction)
        first, refused, third = market.node.lookups.look_up(
            transaction, inquiries, market.clock.now()
        )
    assert isinstance(refused, LookupScopeMissing)
    assert isinstance(first, LookupAnswer)
    assert isinstance(third, LookupAnswer)
    assert first.match is third.match is Match.MATCH
    assert first.lookup != third.lookup
    asked = [each["header"]["member"] for each in market.entries(RecordType.LOOKUP)]
    assert {members[0].id, members[2].id} == set(asked)
    (entry,) = market.entries(RecordType.REFUSED_LOOKUP)
    assert nosy.member.id == entry["header"]["member"]


def call_of(member: Member, market: Market) -> DetachedCall:
    """A call by `member`, as a door hands it on."""
    caller = Caller(
        member=member.id,
        kid="kid",
        scopes=member.scopes,
        purposes=member.purposes,
        requests_per_minute=1,
        evaluations_per_hour=1,
    )
    return DetachedCall(
        caller=caller,
        now=market.clock.now(),
        request_id=uuid4(),
        signed_request="a.b.c",
        request_digest=bytes(32),
    )


def test_an_answer_written_by_hand_is_what_the_schema_writes(market: Market) -> None:
    """The fast form of an answer and the described one are the same, for every match."""
    market.report("ming")
    market.report("old", verified_on=market.today - timedelta(days=200))
    schema = LookupRequestSchema()
    requests = [
        schema.load(question("ming")),
        schema.load(question("old", held_since=market.today)),
        schema.load(question("nobody")),
    ]
    with market.node.database.transaction() as transaction:
        market.node.directory.refresh(transaction)
        call = call_of(market.inquirer.member, market)
        inquiries = [Inquiry(call=call, request=each) for each in requests]
        answers = market.node.lookups.look_up(transaction, inquiries, call.now)
    assert ["match", "weak", "none"] == [
        each.match.value for each in answers if isinstance(each, LookupAnswer)
    ]
    for answer in answers:
        assert isinstance(answer, LookupAnswer)
        known = {field.name: getattr(answer, field.name) for field in fields(answer)}
        lookup = {**known, "id": answer.lookup}
        described = LookupAnswerSchema().dump({**known, "lookup": lookup})
        assert described == answer_document(answer)
        assert asdict(answer)["receipt"] == described["receipt"]
