"""An order about a person takes what every room keeps of them, and a hold keeps all of it."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from registry.database.compaction import compact
from registry.database.transaction import Transaction
from registry.incidents import standings
from registry.incidents.flags import Flags
from registry.incidents.recording import Actor
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.erasure_model import Cause
from registry.notices import letter_store
from registry.notices.letter_model import (
    LetterChannel,
    LetterDelivery,
    LetterState,
)
from registry.oversight.kept import TABLES
from registry.score.model import ProtectiveMarker
from tests.oversight.life import HELD_SINCE, Life, contents, kept, whole
from tests.oversight.world import World, dump, files, ok, secret, stands_in, token


@pytest.fixture
def life(world: World) -> Life:
    return Life(world=world)


def test_an_order_leaves_nothing_of_a_person_anywhere(life: Life) -> None:
    """Not in a table, a dump, a page of the file: what was filed, asked, said, shown, written."""
    world = life.world
    incident, marks = whole(life)
    before = kept(world)
    filled = {table for table, rows in before.items() if rows}
    assert filled >= {
        *("incidents", "incident_identities", "standings", "log_payloads", "log_subjects"),
        *("letters", "letter_subjects", "contacts", "one_use_authorisations", "import_problems"),
        *("subject_sessions", "subject_session_identities", "legal_holds", "erasure_orders"),
        *("appeals", "appeal_texts", "appeal_files", "jury_candidates", "jury_candidate_keys"),
        *("jury_counterparties", "oversight_index"),
    }
    life.order()
    world.settle()
    world.retain()
    world.settle()
    after = kept(world)
    for table in (
        *("incidents", "incident_identities", "standings", "letters", "letter_subjects"),
        *("contacts", "one_use_authorisations", "subject_sessions", "import_problems"),
        *("subject_session_identities", "appeal_texts", "appeal_reviews", "appeal_files"),
    ):
        assert [] == after[table], table
    assert [None] == [row[2] for row in world.rows("SELECT 1, 2, lookup_key FROM appeals")]
    # Another candidate stays, and nobody knows any more whom they traded with.
    assert 1 == len(after["jury_candidates"])
    assert [] == after["jury_counterparties"]
    gone = contents(before) - contents(after)
    assert life.key in gone
    assert compact(world.node.database, TABLES).is_complete
    everything = dump(world)
    raw = files(world) if world.node.database.is_sqlite else b""
    for mark in marks.values():
        assert not stands_in(everything, mark.encode())
        assert mark.encode() not in raw
    for trace in {life.key, world.seed("ming"), *gone}:
        assert not stands_in(everything, trace)
        assert trace not in raw
    assert 410 == world.platform().call("GET", f"/v1/incidents/{incident}").status_code


def test_a_hold_keeps_all_of_a_person(life: Life) -> None:
    """No room deletes anything while the person is held; then all of it goes."""
    world = life.world
    whole(life)
    target = {"target": {"subject": token("ming")}, "ground": "docket"}
    hold = world.ask("legal-holds", target, 201)["hold"]["id"]
    before = kept(world)
    life.order()
    world.settle()
    world.retain()
    after = kept(world)
    logs = {"log_payloads", "log_subjects", "oversight_index", "oversight_subjects"}
    for table in TABLES:
        if table not in {*logs, "erasure_orders", "pending_entries"}:
            assert before[table] == after[table], table
    world.ask(f"legal-holds/{hold}/release", {})
    world.retain()
    assert [] == kept(world)["letters"]
    assert not stands_in(dump(world), life.key)


@pytest.mark.parametrize("by", ["subject", "incident"])
def test_a_hold_outweighs_the_clocks_of_every_room(life: Life, by: str) -> None:
    """What was mailed, and what was begun and not lodged, stays until the release; not longer."""
    world, now = life.world, life.world.clock.now()
    incident = life.is_filed()
    world.settle()
    letter = life.is_written_to(incident)
    with world.node.database.transaction() as transaction:
        written = letter_store.find(transaction, UUID(letter.removeprefix("ltr_")))
        assert written is not None
        # As the relay leaves it when it has taken the mail.
        delivery = LetterDelivery(delivered_at=now, channel=LetterChannel.EMAIL, proof=None)
        mailed = replace(written, state=LetterState.DELIVERED, delivery=delivery)
        letter_store.put(transaction, mailed)
    life.contests(incident, "It was not me.", lodged=False)
    target = {"subject": token("ming")} if by == "subject" else {"incident": incident}
    hold = world.ask("legal-holds", {"target": target, "ground": "d"}, 201)["hold"]["id"]
    world.move(days=31)
    world.node.worker.run_due()
    assert [(1,)] == world.rows("SELECT count(facts_sealed) FROM letters")
    assert [("draft",)] == world.rows("SELECT state FROM appeals")
    world.ask(f"legal-holds/{hold}/release", {})
    world.move(hours=1)
    world.node.worker.run_due()
    assert [(0,)] == world.rows("SELECT count(facts_sealed) FROM letters")
    assert [] == world.rows("SELECT state FROM appeals")


def test_what_is_held_keeps_nothing_behind_it(life: Life) -> None:
    """More is held than fits into a batch: the rest goes all the same, and the order waits."""
    world = life.world
    held = [world.look_up("ming", order=f"order-{number}") for number in range(3)]
    world.settle()
    for entry in held:
        world.ask("legal-holds", {"target": {"entry": entry}, "ground": "d"}, 201)
    free = [world.look_up("ming", order=f"free-{number}") for number in range(5)]
    world.settle()
    life.order()
    list(world.node.auditing.retention.run(world.clock.now(), entries_max=2))
    opened = opened_of(world, {*held, *free})
    assert set(held) == opened


def opened_of(world: World, entries: set[str]) -> set[str]:
    """Those of these entries that have content."""
    return {
        entry
        for entry in entries
        if world.rows(
            "SELECT 1 FROM log_payloads WHERE erased_by IS NULL AND entry_id = "
            + _literal(world, entry)
        )
    }


def _literal(world: World, entry: str) -> str:
    octets = entry.removeprefix("ent_").replace("-", "")
    return f"X'{octets}'" if world.node.database.is_sqlite else f"'\\x{octets}'::bytea"


def test_entries_of_incidents_that_stay_keep_nothing_behind_them(life: Life) -> None:
    """Cut off from another's incident, whose entries come first: who looked goes all the same."""
    world = life.world
    incidents = [
        world.file("ming", reference=f"case-{number}", order=f"order-{number}")
        for number in range(3)
    ]
    world.settle()
    # The incidents are another's besides.
    with world.node.database.transaction() as transaction:
        add_identity(transaction, life, incidents)
        actor = Actor(member=None, now=world.clock.now(), request_id=uuid4(), more={"act": "s"})
        for incident in incidents:
            world.node.incidents.own.sever(transaction, actor, IncidentId(incident), [life.key])
    world.settle()
    entry = world.look_up("ming")
    world.settle()
    order = life.order()
    world.settle()
    list(world.node.auditing.retention.run(world.clock.now(), entries_max=2))
    assert set() == opened_of(world, {entry})
    orders = world.ask("erasure-orders/search", {})["orders"]
    assert {order: "carried_out"} == {each["id"]: each["state"] for each in orders}
    assert 3 == len(world.rows("SELECT id FROM incidents"))


def add_identity(transaction: Transaction, life: Life, incidents: list[str]) -> None:
    """Files these incidents under another person, too."""
    other = Life(world=life.world, name="hua")
    sealed = life.world.node.protector.seal_seed(other.world.seed("hua"), other.key)
    mark = "?" if transaction.is_sqlite else "%s"
    marks = ", ".join([mark] * 7)
    for incident in incidents:
        transaction.raw_cursor().execute(
            "INSERT INTO incident_identities (incident_id, position, type, key_id, lookup_key,"
            f" seed_sealed, last_verified_on) VALUES ({marks})",
            (incident, 7, "phone/1", "k1", other.key, sealed, "2026-10-01"),
        )


def test_a_draft_of_the_person_goes_too(life: Life) -> None:
    """Words that were never lodged."""
    incident = life.is_filed()
    said = secret()
    life.contests(incident, said, lodged=False)
    life.world.settle()
    life.order()
    life.world.settle()
    life.world.retain()
    for table in ("appeals", "appeal_texts", "appeal_files"):
        assert [] == life.world.rows(f"SELECT * FROM {table}")


def test_letters_of_what_was_taken_back_go_and_the_result_stays(life: Life) -> None:
    """The person still reads that it was taken back; what was written before is deleted."""
    world = life.world
    incident = life.is_filed()
    world.settle()
    life.is_written_to(incident)
    world.move(minutes=5)
    target = f"/v1/incidents/{incident}/withdrawal"
    ok(world.platform().call("POST", target, {"reason": "a mistake"}))
    later = life.is_written_to(incident)
    world.settle()
    world.move(days=2)
    assert [1] == [each.incidents for each in world.retain() if each.incidents]
    with world.node.database.reading() as transaction:
        page = world.node.noticing.letters.waiting(
            transaction, MemberId(world.platform().member.id), after=None, items_max=9
        )
    assert [later] == [each.letter.id for each in page.items]


def test_a_letter_that_says_nothing_any_more_is_to_nobody(life: Life) -> None:
    """Delivered, or kept long enough: neither facts, nor address, nor whom it was to."""
    world = life.world
    incident = life.is_filed()
    first = life.is_written_to(incident)
    life.gives_address("ming@mail.example")
    life.is_written_to(incident)
    assert 2 == len(world.rows("SELECT * FROM letter_subjects"))
    # No relay takes it, and the furnisher carries it; both are delivered then.
    world.node.worker.run_due()
    told = {
        "delivered_at": world.clock.now().isoformat().replace("+00:00", "Z"),
        "channel": "in_app",
        "proof": "sha256:" + "00" * 32,
    }
    for (letter,) in world.rows("SELECT id FROM letters"):
        name = f"ltr_{UUID(bytes=bytes(letter))}"
        answer = world.platform().call("POST", f"/v1/letters/{name}/delivery", told)
        assert answer.status_code in (200, 201), answer.text
    assert first.startswith("ltr_")
    assert [] == world.rows("SELECT * FROM letter_subjects")
    rows = world.rows("SELECT facts_sealed, contact_key, address_sealed, state FROM letters")
    assert [(None, None, None, LetterState.DELIVERED.value)] * 2 == rows


def test_marks_of_what_may_not_come_back_go_when_it_is_too_old(life: Life) -> None:
    """Without another removal, by the sweep."""
    world = life.world
    life.is_filed()
    world.settle()
    life.order()
    world.settle()
    world.retain()
    assert world.rows("SELECT * FROM reinsertion_marks")
    world.move(days=4 * 366)
    world.retain()
    assert [] == world.rows("SELECT * FROM reinsertion_marks")


def test_protective_markers_go_when_they_have_run_out(life: Life) -> None:
    """The others stay, and those of who is held; a row in which nothing is said any more goes."""
    world, now = life.world, life.world.clock.now()
    today = now.date()
    lives = {name: Life(world=world, name=name) for name in ("ming", "hua", "held")}
    for one in lives.values():
        days = (30, 400) if one.name == "hua" else (30,)
        markers = tuple(
            ProtectiveMarker(
                incident_id=IncidentId(f"mrk_{number}"),
                code=code,
                effective_at=now,
                expires_on=today + timedelta(days=number),
            )
            for number, code in zip(days, ("V401", "V402"), strict=False)
        )
        flags = Flags(proven_on=HELD_SINCE, markers=markers)
        with world.node.database.transaction() as transaction:
            world.node.incidents.own.change_flags(transaction, [one.key], lambda _, f=flags: f)
    target = {"target": {"subject": token("held")}, "ground": "d"}
    hold = world.ask("legal-holds", target, 201)["hold"]["id"]

    def said() -> dict[bytes, int]:
        with world.node.database.reading() as transaction:
            rows = standings.flagged(transaction, after=b"", rows_max=9)
        return {key: len(flags.markers) for key, flags in rows}

    world.move(days=29)
    world.retain()
    assert {lives["ming"].key: 1, lives["hua"].key: 2, lives["held"].key: 1} == said()
    world.move(days=1)
    world.node.worker.run_due()
    assert {lives["hua"].key: 1, lives["held"].key: 1} == said()
    world.ask(f"legal-holds/{hold}/release", {})
    world.retain()
    assert {lives["hua"].key: 1} == said()
    assert 1 == len(world.rows("SELECT * FROM standings"))


def test_an_order_goes_on_where_it_was_killed(life: Life) -> None:
    """Between any two of its transactions; run again it erases the rest, and nothing twice."""
    world = life.world
    entries = {world.look_up("ming", order=f"order-{number}") for number in range(5)}
    life.comes_in()
    world.settle()
    life.order()
    world.settle()
    run = world.node.auditing.retention.run(world.clock.now(), entries_max=2)
    assert 2 == next(run).entries
    run.close()
    assert 3 == len(opened_of(world, entries))
    batches = list(world.node.auditing.retention.run(world.clock.now(), entries_max=2))
    by_order = [each for each in batches if each.cause is Cause.ORDER]
    assert set() == opened_of(world, entries)
    world.settle()
    again = list(world.node.auditing.retention.run(world.clock.now()))
    assert [] == [each for each in again if each.cause is Cause.ORDER]
    assert sum(each.entries for each in by_order) >= 3
    assert world.node.fsck.check().erased >= 5


def names_both(*names: str) -> dict[str, list[dict[str, str]]]:
    return {"subjects": [token(name) for name in names]}


def test_an_order_names_all_the_identities_of_a_person(life: Life) -> None:
    """Each is erased as if it were the only one, what names several of them once, no other."""
    world = life.world
    second, stranger = Life(world=world, name="ming-2"), Life(world=world, name="hua")
    for number, one in enumerate((life, second, stranger)):
        one.is_filed(reference=f"case-{number}", order=f"order-{number}")
        one.says("It was not me.")
        one.comes_in()
    both = {"identities": [token("ming"), token("ming-2")], "order": "order-9"}
    world.look_up("ming", **both)
    entries = {world.look_up(name, order=name) for name in ("ming", "ming-2", "hua")}
    world.settle()
    body = {"target": names_both("ming", "ming-2", "ming"), "ground": "judgment 12/2026"}
    order = world.ask("erasure-orders", body, 201)["order"]
    assert ("subject", None) == (order["kind"], order["target"])
    world.ask(f"erasure-orders/{order['id']}/confirmation", {}, by="court")
    world.settle()
    # A batch smaller than what there is: it goes on with the next identity.
    list(world.node.auditing.retention.run(world.clock.now(), entries_max=2))
    world.settle()
    (after,) = world.ask("erasure-orders/search", {})["orders"]
    assert "carried_out" == after["state"]
    assert [] == world.rows("SELECT * FROM further_subjects")
    assert 1 == len(opened_of(world, entries))
    for table in ("incidents", "standings", "subject_sessions"):
        assert 1 == len(world.rows(f"SELECT * FROM {table}")), table
    everything = dump(world)
    assert not stands_in(everything, life.key)
    assert not stands_in(everything, second.key)
    assert stands_in(everything, stranger.key)


def test_a_hold_on_several_identities_keeps_each_and_an_order_waits_for_all(life: Life) -> None:
    """Held by the second identity alone; what the first leads to goes, the person's own waits."""
    world = life.world
    second = Life(world=world, name="ming-2")
    for number, one in enumerate((life, second)):
        one.is_filed(reference=f"case-{number}", order=f"order-{number}")
        one.gives_address("ming@mail.example")
    world.settle()
    held = {"target": names_both("hua", "ming-2"), "ground": "docket"}
    hold = world.ask("legal-holds", held, 201)["hold"]["id"]
    order = {"target": names_both("ming", "ming-2"), "ground": "d"}
    made = world.ask("erasure-orders", order, 201)["order"]["id"]
    world.ask(f"erasure-orders/{made}/confirmation", {}, by="court")
    world.settle()
    world.retain()
    assert 1 == len(world.rows("SELECT * FROM incidents"))
    assert 2 == len(world.rows("SELECT * FROM contacts"))
    (waits,) = world.ask("erasure-orders/search", {})["orders"]
    assert "confirmed" == waits["state"]
    world.ask(f"legal-holds/{hold}/release", {})
    world.settle()
    world.retain()
    assert [] == world.rows("SELECT * FROM incidents")
    assert [] == world.rows("SELECT * FROM contacts")
    # The released hold names nobody that was erased; of the other it was on it still says so.
    assert [(1,)] == world.rows("SELECT count(*) FROM legal_holds WHERE lookup_key IS NOT NULL")
    assert [] == world.rows("SELECT * FROM further_subjects")


@pytest.mark.parametrize("target", [{"subjects": []}, names_both(*"abcdefghijklmnopqrstu")])
def test_no_order_names_nobody_or_a_crowd(life: Life, target: dict[str, object]) -> None:
    """One person has a few identities; and one of the ways to name them is enough."""
    for wrong in (target, {**names_both("ming"), "subject": token("ming")}):
        life.world.ask("erasure-orders", {"target": wrong, "ground": "d"}, 422)
    assert [] == life.world.rows("SELECT * FROM erasure_orders")
