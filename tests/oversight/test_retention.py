"""What is kept no longer is gone from the database's files, and every proof still works."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.client.signing import Signer
from registry.crypto.merkle import leaf_hash, verify_inclusion
from registry.database.compaction import compact
from registry.kernel import base64url, strict_json
from registry.kernel.ids import Prefix, parse_id
from registry.ledger import log_store
from registry.ledger.erasure_model import Cause
from registry.ledger.model import RecordType, decode_entry
from registry.notices.letter_model import ContactChannel
from registry.oversight.kept import TABLES
from tests.nodes import ORIGIN, Caller
from tests.oversight.world import (
    World,
    dump,
    files,
    ok,
    question,
    report,
    secret,
    stands_in,
    token,
)


def erasures(world: World, cause: Cause) -> list[dict[str, object]]:
    """What the entries of erasures say, oldest first."""
    with world.node.database.reading() as transaction:
        found = []
        for shard, size in world.node.contents.shards(transaction).items():
            for each in world.node.contents.following(
                transaction, shard, first=0, entries_max=size
            ):
                if each.opening and b'"cause":"' + cause.value.encode() in each.opening.header:
                    found.append({"log": shard.log, **strict_json.parse(each.opening.subject)})
    return found


def require_proven(world: World, entry: str) -> None:
    """Holds the entry to the newest checkpoint, as anyone may."""
    found = world.receipt(entry)
    octets = base64url.decode(found["entry"])
    lines = found["checkpoint"].splitlines()
    assert verify_inclusion(
        index=found["inclusion"]["index"],
        size=int(lines[1]),
        leaf=leaf_hash(octets),
        proof=[base64url.decode(each) for each in found["inclusion"]["proof"]],
        root=base64.b64decode(lines[2]),
    )


def every_secret(world: World) -> tuple[dict[str, str], str, list[str]]:
    """A history full of texts that must go: texts, incident, its and its lookups' entries."""
    marks = {name: secret() for name in ("intent", "order", "agent", "consent", "why", "staff")}
    incident = world.file(
        "ming",
        intent=f"It was admitted: {marks['intent']}.",
        order=marks["order"],
        reviewers=[marks["staff"], "staff-2"],
    )
    entry = world.look_up(
        "ming",
        order=marks["order"],
        agent=marks["agent"],
        authorisation={"basis": "separate_consent", "reference": marks["consent"]},
    )
    world.settle()
    outcome = {"decision": "approved", "human_reviewed": True}
    lookup = entry.replace("ent_", "lkp_")
    ok(world.platform().call("POST", f"/v1/lookups/{lookup}/outcome", outcome), 201)
    ok(
        world.platform().call(
            "POST", f"/v1/incidents/{incident}/withdrawal", {"reason": marks["why"]}
        )
    )
    world.settle()
    with world.node.database.reading() as transaction:
        about = log_store.entries_about(transaction, world.lookup_key("ming"))
    return marks, incident, [f"ent_{each}" for each in about]


def traces(world: World, entries: list[str]) -> list[bytes]:
    """Salts, sealed subjects, headers and requests of entries, and the person's keys."""
    ids = [parse_id(Prefix.ENTRY, each).bytes.hex() for each in entries]
    columns = ("header", "subject_sealed", "header_salt", "subject_salt", "signed_request")
    rows = world.rows(f"SELECT entry_id, {', '.join(columns)} FROM log_payloads")
    found: list[bytes] = [world.lookup_key("ming"), world.seed("ming")]
    for entry, *values in rows:
        if bytes(entry).hex() in ids:
            found += [
                each.encode() if isinstance(each, str) else bytes(each) for each in values if each
            ]
    rows = world.rows("SELECT seed_sealed FROM incident_identities")
    return found + [bytes(each) for (each,) in rows]


def _octets(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def opened_ids(world: World) -> set[str]:
    """The entries that have content."""
    rows = world.rows("SELECT entry_id FROM log_payloads WHERE erased_by IS NULL")
    return {f"ent_{UUID(bytes=bytes(each))}" for (each,) in rows}


def test_erased_content_is_nowhere(world: World) -> None:
    """Not in a table, a dump, a page of the file or the write-ahead log; all proofs still hold."""
    marks, _, entries = every_secret(world)
    other = world.look_up("somebody else", by="beta")
    world.settle()
    gone = traces(world, entries)
    assert 4 == len(entries)
    world.move(days=5 * 366)
    other_now = world.look_up("somebody else", by="beta", order="kept-order")
    batches = world.retain()
    assert 1 == sum(each.incidents for each in batches)
    assert 0 == sum(each.held + each.waiting for each in batches)
    # What was told of it to members goes by the jobs of its own room.
    world.node.worker.run_due()
    world.settle()

    compacted = compact(world.node.database, TABLES)
    assert compacted.is_complete
    everything = dump(world)
    raw = files(world) if world.node.database.is_sqlite else b""
    for mark in marks.values():
        assert not stands_in(everything, mark.encode())
        assert mark.encode() not in raw
    for trace in gone:
        assert not stands_in(everything, trace)
        assert trace not in raw
    assert stands_in(everything, b"kept-order")
    for entry in (*entries, other, other_now):
        require_proven(world, entry)
    world.node.database.close()
    assert [] == [
        mark for mark in marks.values() if mark.encode() in (files(world) if raw else b"")
    ]


def test_what_is_taken_back_is_purged_well_within_three_working_days(world: World) -> None:
    """A day after, when those who looked have been told and have had the time to answer; then only
    what is about that incident, and an entry says so."""
    marks, incident, _ = every_secret(world)
    kept = world.file("ming", reference="case-2", order="order-2", occurred_on="2026-09-30")
    world.settle()
    assert [] == [each for each in world.retain() if each.entries]
    world.move(hours=23, minutes=59)
    assert [] == [each for each in world.retain() if each.entries]
    world.move(minutes=1)
    world.retain()
    opened = erasures(world, Cause.REMOVED_CONTENT_PURGED)
    assert [[incident]] == [each["incidents"] for each in opened]
    types = {
        decode_entry(base64url.decode(world.receipt(str(each))["entry"])).record_type
        for each in opened[0]["entries"]  # type: ignore[attr-defined]
    }
    assert {RecordType.REPORT, RecordType.WITHDRAWAL} == types
    assert not stands_in(dump(world), marks["intent"].encode())
    # Who looked is kept for years.
    assert stands_in(dump(world), marks["agent"].encode())
    assert 410 == world.platform().call("GET", f"/v1/incidents/{incident}").status_code
    assert 404 == world.platform("beta").call("GET", f"/v1/incidents/{incident}").status_code
    assert 200 == world.platform().call("GET", f"/v1/incidents/{kept}").status_code


def test_a_report_sent_again_does_not_bring_back_what_was_erased(world: World) -> None:
    """Its reference stays taken, though nothing tells what it was."""
    every_secret(world)
    world.move(days=6)
    world.retain()
    again = world.platform().call("POST", "/v1/incidents", report("ming"))
    assert 409 == again.status_code
    assert 201 == world.platform("beta").call("POST", "/v1/incidents", report("ming")).status_code


def test_an_incident_goes_on_the_day_it_expires(world: World) -> None:
    """Row, identities, standing and its entries; the lookup stays."""
    world.file("ming")
    lookup = world.look_up("ming")
    world.settle()
    expires_on = world.rows("SELECT expires_on FROM incidents")[0][0]
    world.move(days=3 * 365 - 10)
    assert [] == [each for each in world.retain() if each.incidents]
    world.move(days=10)
    assert [Cause.INCIDENT_KEPT] == [each.cause for each in world.retain() if each.incidents]
    assert "2029-10-01" == str(expires_on)
    for table in ("incidents", "incident_identities", "standings"):
        assert [] == world.rows(f"SELECT * FROM {table}")
    assert lookup in dump(world).decode() or world.receipt(lookup)["inclusion"]


def test_a_hold_outweighs_every_time_limit(world: World) -> None:
    """Held by subject, by incident or by entry: nothing goes until it is released."""
    incident = world.file("ming")
    entry = world.look_up("ming")
    world.file("hua", reference="case-2")
    unheld = world.look_up("hua")
    world.settle()
    holds = [
        world.ask("legal-holds", {"target": target, "ground": "docket 1"}, 201)
        for target in (
            {"subject": token("ming")},
            {"incident": incident},
            {"entry": entry},
        )
    ]
    world.move(days=6 * 366)
    world.settle()
    batches = world.retain()
    assert {1, 2} == {sum(each.incidents for each in batches), sum(each.held for each in batches)}
    assert unheld not in opened_ids(world)
    assert entry in opened_ids(world)
    for hold in holds[:-1]:
        world.ask(f"legal-holds/{hold['hold']['id']}/release", {})
    assert 1 == sum(each.incidents for each in world.retain())
    assert entry in opened_ids(world)
    world.ask(f"legal-holds/{holds[-1]['hold']['id']}/release", {})
    assert (
        409
        == world.supervisor()
        .call("POST", f"/v1/oversight/legal-holds/{holds[-1]['hold']['id']}/release", {})
        .status_code
    )
    world.retain()
    assert entry not in opened_ids(world)


def test_an_erasure_by_order_takes_two(world: World) -> None:
    """One orders, another confirms; then the subject is gone, and the order names nobody."""
    marks, _, entries = every_secret(world)
    body = {"target": {"subject": token("ming")}, "ground": "judgment 12/2026"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    again = f"/v1/oversight/erasure-orders/{order}/confirmation"
    assert 403 == world.supervisor().call("POST", again, {}).status_code
    world.retain()
    assert set(entries) <= opened_ids(world)
    assert (
        "confirmed"
        == world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")["order"]["state"]
    )
    assert 409 == world.supervisor("court").call("POST", again, {}).status_code
    world.settle()
    world.retain()
    assert set() == set(entries) & opened_ids(world)
    compact(world.node.database, TABLES)
    everything = dump(world)
    for mark in marks.values():
        assert not stands_in(everything, mark.encode())
    assert not stands_in(everything, world.lookup_key("ming"))
    states = {
        each["id"]: each["state"] for each in world.ask("erasure-orders/search", {})["orders"]
    }
    assert {order: "carried_out"} == states
    for entry in entries:
        require_proven(world, entry)


def test_nothing_is_held_or_ordered_of_an_incident_that_there_is_not(world: World) -> None:
    """A slip in its id would leave the right one to be erased, or kept, unseen."""
    _, incident, _ = every_secret(world)
    slip = incident[:-1] + ("0" if incident[-1] != "0" else "1")
    for path in ("legal-holds", "erasure-orders"):
        body = {"target": {"incident": slip}, "ground": "docket 12"}
        assert "/incident-not-found" in world.ask(path, body, 404)["type"]
    body = {"target": {"incident": incident}, "ground": "judgment"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    world.settle()
    world.retain()
    for path in ("legal-holds", "erasure-orders"):
        assert "/incident-erased" in world.ask(path, body, 410)["type"]
    assert [] == world.ask("legal-holds/search", {})["holds"]
    assert [order] == [each["id"] for each in world.ask("erasure-orders/search", {})["orders"]]


def test_holds_and_orders_are_listed_in_pages(world: World) -> None:
    """Each once, oldest first, whatever is placed or ordered meanwhile."""
    target = {"subject": token("ming")}
    for path, name in (("legal-holds", "holds"), ("erasure-orders", "orders")):
        made = []
        for number in range(5):
            body = {"target": target, "ground": str(number)}
            made.append(world.ask(path, body, 201)[name[:-1]]["id"])
            world.clock.move(timedelta(seconds=1))
        assert made == [each["id"] for each in world.ask(f"{path}/search", {})[name]]
        listed, cursor = [], {}
        while True:
            page = world.ask(f"{path}/search", {"limit": 2, **cursor})
            assert len(page[name]) <= 2
            listed += [each["ground"] for each in page[name]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
            if len(listed) == 2:
                world.ask(path, {"target": target, "ground": "later"}, 201)
        assert ["0", "1", "2", "3", "4", "later"] == listed
        for wrong in ({"limit": 101}, {"limit": 0}, {"after": made[0]}):
            world.ask(f"{path}/search", wrong, 422)
        world.ask(f"{path}/search", {"cursor": "bm90LW1pbmU"}, 400)


def test_an_order_waits_for_a_hold(world: World) -> None:
    """It is carried out by the run after the release, not before and not never."""
    entry = world.look_up("ming")
    world.settle()
    hold = world.ask("legal-holds", {"target": {"entry": entry}, "ground": "d"}, 201)["hold"]["id"]
    body = {"target": {"entry": entry}, "ground": "judgment"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    assert [1] == [each.held for each in world.retain() if each.cause is Cause.ORDER]
    world.ask(f"legal-holds/{hold}/release", {})
    world.retain()
    assert entry not in opened_ids(world)


def test_an_order_about_a_person_waits_for_a_hold_on_the_person(world: World) -> None:
    """Also where nothing is filed and nobody looked: what they gave of themselves stays."""
    subject = token("ming")
    key = world.lookup_key("ming")
    with world.node.database.transaction() as transaction:
        world.node.noticing.contacts.keep(
            transaction,
            lookup_key=key,
            channel=ContactChannel.EMAIL,
            address="ming@mail.example",
            now=world.clock.now(),
        )
    held = world.ask("legal-holds", {"target": {"subject": subject}, "ground": "d"}, 201)["hold"]
    body = {"target": {"subject": subject}, "ground": "judgment"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    assert [1] == [each.held for each in world.retain() if each.cause is Cause.ORDER]
    assert [(key,)] == world.rows("SELECT lookup_key FROM contacts")
    world.ask(f"legal-holds/{held['id']}/release", {})
    world.retain()
    assert [] == world.rows("SELECT lookup_key FROM contacts")


def test_a_killed_run_is_gone_on_with(world: World) -> None:
    """Batch by batch: what one run left the next does, and nothing twice."""
    entries = {world.look_up(f"person {number}") for number in range(7)}
    world.settle()
    world.move(days=6 * 366)
    run = world.node.auditing.retention.run(world.clock.now(), entries_max=3)
    while next(run).entries == 0:
        pass
    run.close()
    assert 4 == len(entries & opened_ids(world))
    left = sum(
        each.entries for each in world.node.auditing.retention.run(world.clock.now(), entries_max=3)
    )
    assert (4, set()) == (left, entries & opened_ids(world))
    world.settle()
    named = [name for each in erasures(world, Cause.ACCESS_LOG_KEPT) for name in each["entries"]]  # type: ignore[attr-defined]
    assert sorted(entries) == sorted(named)


@pytest.mark.parametrize("target", ["report", "erasure"])
def test_some_entries_are_not_erased_by_themselves(world: World, target: str) -> None:
    """What is of an incident goes with it; what says that something went stays."""
    if target == "report":
        world.file("ming")
    else:
        world.ask("legal-holds", {"target": {"incident": world.file("ming")}, "ground": "d"}, 201)
    world.settle()
    wanted = RecordType.REPORT if target == "report" else RecordType.LEGAL_HOLD
    rows = world.rows("SELECT entry_id, entry FROM log_entries")
    [entry] = [
        UUID(bytes=bytes(uuid))
        for uuid, octets in rows
        if decode_entry(bytes(octets)).record_type is wanted
    ]
    body = {"target": {"entry": f"ent_{entry}"}, "ground": "judgment"}
    answer = world.supervisor().call("POST", "/v1/oversight/erasure-orders", body)
    assert 422 == answer.status_code


def test_a_survey_changes_nothing(world: World) -> None:
    """It counts what a run would look at."""
    world.file("ming")
    world.look_up("ming")
    world.settle()
    world.move(days=6 * 366)
    before = dump(world)
    survey = world.node.auditing.retention.survey(world.clock.now())
    assert (1, {Cause.INCIDENT_KEPT: 1}, 0) == (survey.accesses, survey.incidents, survey.orders)
    assert before == dump(world)


def test_a_kept_answer_goes_with_what_was_ordered_to_go(world: World) -> None:
    """An answer kept for repeated calls would hold what the lookup said."""

    def with_key(caller: Caller) -> None:
        body = json.dumps(question("ming")).encode()
        signer = Signer(origin=ORIGIN, member=caller.member.id, key=caller.key)
        jwt = signer.sign("POST", "/v1/lookups", body, datetime.now(UTC))
        answer = world.app.test_client().post(
            "/v1/lookups",
            data=body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {jwt}", "Idempotency-Key": "k-1"},
        )
        assert 200 == answer.status_code

    with_key(world.platform())
    world.settle()
    assert 1 == len(world.rows("SELECT * FROM idempotent_answers"))
    body = {"target": {"subject": token("ming")}, "ground": "judgment"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    world.settle()
    world.retain()
    assert [] == world.rows("SELECT * FROM idempotent_answers")
