"""Whoever has something in effect is in a bucket, and nobody else; on both databases."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import count, islice
from typing import Any

import pytest

from registry.app.node import Node
from registry.crypto import screening
from registry.crypto.identity_token import seed_of
from registry.crypto.merkle import leaf_hash, verify_inclusion
from registry.kernel import base64url
from registry.kernel.clock import format_instant
from registry.ledger.model import RecordType
from registry.lookups import screening_service
from registry.members.model import Role
from tests.lookups.samples import Market, at_midnight, token
from tests.nodes import new_caller

MOMENT = timedelta(microseconds=1)


def settle(market: Market) -> None:
    """All work that is due, and what is published then served."""
    market.node.worker.run_due()
    market.node.screening.door.refresh()


def index(market: Market) -> dict[str, Any]:
    answer = market.app.test_client().get("/v1/screening")
    assert 200 == answer.status_code, answer.text
    document: dict[str, Any] = answer.json
    return document


def address(found: dict[str, Any], number: int) -> str:
    name = screening.bucket_name(number, found["bits"])
    return f"/v1/screening/{found['key_id']}/{found['epoch']}/{found['bits']}/{name}"


def buckets(market: Market) -> list[screening.Bucket]:
    """Every bucket of the present snapshot, verified."""
    found, client = index(market), market.app.test_client()
    files = [client.get(address(found, number)).get_data() for number in range(1 << found["bits"])]
    assert {screening.file_bytes(found["count"], found["epoch"])} == set(map(len, files))
    return [screening.decode(each, market.node.signing_key.public) for each in files]


def listed(market: Market, people: Iterable[str]) -> set[str]:
    """Those of these people that screening knows."""
    found = buckets(market)
    return {person for person in people if is_in(found, person)}


def is_in(found: list[screening.Bucket], person: str) -> bool:
    seed = seed_of(base64url.decode(token(person)))
    bucket = found[screening.bucket_of(screening.place_of(seed), found[0].bits)]
    return bucket.has(screening.tag_of(seed, bucket.epoch))


def test_before_the_first_snapshot_there_is_nothing_to_read(market: Market) -> None:
    """503 and when to come back, never an empty bucket that looks like innocence."""
    answer = market.app.test_client().get("/v1/screening")
    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "screening-not-ready" == answer.json["type"].rpartition("/")[2]


def test_of_nobody_there_is_one_empty_bucket(market: Market) -> None:
    settle(market)
    found = index(market)
    assert (0, 0) == (found["bits"], found["count"])
    assert [b""] == [each.tags for each in buckets(market)]


def test_who_is_in_effect_is_in_and_a_notice_is_not(market: Market) -> None:
    """A filing whose notice runs is not in; time alone brings it in with the next snapshot."""
    market.report("ming", "ming by mail")
    notice = {
        "delivered_at": format_instant(market.clock.now()),
        "channel": "sms",
        "reply": "none",
    }
    market.report("told", notice=notice)
    settle(market)
    people = ("ming", "ming by mail", "told", "clean")
    assert {"ming", "ming by mail"} == listed(market, people)
    market.clock.move(timedelta(days=7))
    settle(market)
    assert {"ming", "ming by mail", "told"} == listed(market, people)


def test_what_expires_leaves_on_its_day(market: Market) -> None:
    """No job visits the incident; its day does."""
    filed = market.report("ming")["incident"]
    settle(market)
    expires_at = at_midnight(date.fromisoformat(filed["expires_on"]))
    market.clock.move(expires_at - market.clock.now() - MOMENT)
    settle(market)
    assert {"ming"} == listed(market, ["ming"])
    market.clock.move(timedelta(minutes=6))
    settle(market)
    assert set() == listed(market, ["ming"])


def test_what_is_withdrawn_leaves_at_once(market: Market) -> None:
    """Without the clock moving at all: the withdrawal itself asks for a snapshot."""
    filed = market.report("ming", "shared")["incident"]
    market.report("shared", "other")
    settle(market)
    before = index(market)
    assert {"ming", "shared", "other"} == listed(market, ["ming", "shared", "other"])
    answer = market.furnisher.call("POST", f"/v1/incidents/{filed['id']}/withdrawal", {})
    assert 200 == answer.status_code
    settle(market)
    assert {"shared", "other"} == listed(market, ["ming", "shared", "other"])
    assert before["sequence"] < index(market)["sequence"]


def test_an_amendment_that_starts_its_notice_anew_leaves_until_it_has_run(market: Market) -> None:
    """Graver than before: out now, in again when the new notice has run."""
    filed = market.report("ming")["incident"]
    settle(market)
    told_at = market.clock.now()
    amendment = {
        "code": "B113",
        "notice": {"delivered_at": format_instant(told_at), "channel": "sms", "reply": "none"},
    }
    target = f"/v1/incidents/{filed['id']}"
    etag = market.furnisher.call("GET", target).headers["ETag"]
    answer = market.furnisher.call("PATCH", target, amendment, if_match=etag)
    assert 200 == answer.status_code, answer.text
    settle(market)
    assert set() == listed(market, ["ming"])
    market.clock.move(timedelta(days=7))
    settle(market)
    assert {"ming"} == listed(market, ["ming"])


def test_a_suspended_furnisher_s_filings_are_out_until_it_is_reinstated(market: Market) -> None:
    """Quarantined, not erased; somebody another furnisher reported too stays in."""
    market.report("ming")
    market.report("both")
    answer = market.other_furnisher.call("POST", "/v1/incidents", market.filing("both"))
    assert 201 == answer.status_code
    settle(market)
    with market.node.database.transaction() as transaction:
        market.node.members.suspend(transaction, market.furnisher.member.id, market.clock.now())
    market.clock.move(timedelta(seconds=15))
    settle(market)
    assert {"both"} == listed(market, ["ming", "both"])
    with market.node.database.transaction() as transaction:
        market.node.members.reinstate(transaction, market.furnisher.member.id, market.clock.now())
    market.clock.move(timedelta(seconds=15))
    settle(market)
    assert {"ming", "both"} == listed(market, ["ming", "both"])


def test_what_is_erased_by_order_leaves_though_its_seeds_are_gone(market: Market) -> None:
    """The tag of an erased incident is found by what was noted before the seeds went."""
    filed = market.report("ming")["incident"]
    settle(market)
    removal, now = market.node.incidents.removal, market.clock.now()
    with market.node.database.transaction() as transaction:
        removable = removal.find(transaction, filed["id"])
        assert removable is not None
        from uuid import uuid4

        removal.remove(transaction, removable, by=uuid4(), now=now)
    settle(market)
    assert set() == listed(market, ["ming"])


def test_a_new_epoch_has_other_tags_in_the_same_buckets(market: Market) -> None:
    """Whoever kept last week's tags cannot follow anybody into this one."""
    market.report("ming")
    settle(market)
    (before,) = buckets(market)
    begins = screening.epoch_begins_at(screening.epoch_after(before.epoch))
    market.clock.move(begins - market.clock.now())
    settle(market)
    (after,) = buckets(market)
    assert screening.epoch_after(before.epoch) == after.epoch
    assert before.sequence < after.sequence
    one, other = (
        {each.tags[at : at + 8] for at in range(0, len(each.tags), 8)} for each in (before, after)
    )
    assert set() == one & other
    assert {"ming"} == listed(market, ["ming"])
    # Whoever holds the index from before the turn still finds what it names, once.
    client = market.app.test_client()
    old = f"/v1/screening/k1/{before.epoch}/{before.bits}/0"
    assert 200 == client.get(old).status_code
    market.clock.move(timedelta(minutes=6))
    market.report("later")
    settle(market)
    assert 404 == client.get(old).status_code


def test_the_next_epoch_is_ready_before_it_begins(market: Market) -> None:
    """In its last hours what changes goes into both, so that the turn changes nobody."""
    filed = [market.report(person)["incident"] for person in ("ming", "hua")]
    settle(market)
    (now_served,) = buckets(market)
    begins = screening.epoch_begins_at(screening.epoch_after(now_served.epoch))
    if begins - market.clock.now() < timedelta(hours=5):
        begins += timedelta(days=7)
    market.clock.move(begins - timedelta(hours=3) - market.clock.now())
    settle(market)
    market.furnisher.call("POST", f"/v1/incidents/{filed[0]['id']}/withdrawal", {})
    market.report("new")
    market.clock.move(timedelta(minutes=6))
    settle(market)
    market.clock.move(begins - market.clock.now())
    settle(market)
    (turned,) = buckets(market)
    assert screening.epoch_of(begins) == turned.epoch
    assert {"hua", "new"} == listed(market, ["ming", "hua", "new"])


def test_many_buckets_hold_everybody_in_the_right_one(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With so few subjects a bucket that there are many; one change touches one of them."""
    monkeypatch.setattr(screening, "BUCKET_SUBJECTS_MIN", 2)
    monkeypatch.setattr(screening_service, "IDENTITIES_MAX", 7)
    people = [f"person {number}" for number in range(40)]
    filed = {person: market.report(person)["incident"] for person in people}
    settle(market)
    found = index(market)
    assert 4 == found["bits"]
    assert set(people) == listed(market, [*people, "clean"])
    files = [market.app.test_client().get(address(found, number)) for number in range(16)]
    market.furnisher.call("POST", f"/v1/incidents/{filed[people[0]]['id']}/withdrawal", {})
    settle(market)
    again = index(market)
    assert (4, found["count"]) == (again["bits"], again["count"])
    assert set(people[1:]) == listed(market, people)
    changed = [
        number
        for number, before in enumerate(files)
        if tags(before.get_data())
        != tags(market.app.test_client().get(address(again, number)).get_data())
    ]
    assert 1 == len(changed), "pads and tags elsewhere stay as they were"


def tags(data: bytes) -> bytes:
    return data[32:-64]


def test_a_bucket_beyond_its_bound_lengthens_all_alike(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left out, and no file tells by its length that it is the full one.

    Everybody is in the last of four buckets, which are made for some 16 each.
    """
    monkeypatch.setattr(screening, "BUCKET_SUBJECTS_MIN", 16)
    named = (f"person {number}" for number in count())
    people = list(islice((each for each in named if 3 == place(each) >> 30), 65))
    for person in people:
        market.report(person)
    settle(market)
    found = index(market)
    assert 64 == screening.count_for(len(people), found["bits"])
    assert (2, 128) == (found["bits"], found["count"])
    assert set(people) == listed(market, people)


def place(person: str) -> int:
    return screening.place_of(seed_of(base64url.decode(token(person))))


def test_the_root_of_each_snapshot_stands_in_the_incident_log(market: Market) -> None:
    """Anyone may open the entry, and prove from any bucket to what it says."""
    market.report("ming")
    settle(market)
    found = index(market)
    (entry,) = market.entries(RecordType.SNAPSHOT)
    assert {
        "bits": found["bits"],
        "count": found["count"],
        "epoch": found["epoch"],
        "key_id": "k1",
        "root": found["snapshot_root"],
        "sequence": found["sequence"],
    } == entry["subject"]
    client = market.app.test_client()
    opened = client.get(f"/v1/receipts/{found['entry']}").json
    assert entry["subject"] == opened["opening"]["subject"]
    data = client.get(address(found, 0)).get_data()
    proof = client.get(address(found, 0) + "/proof").json
    assert (found["sequence"], found["snapshot_root"]) == (
        proof["sequence"],
        proof["snapshot_root"],
    )
    assert verify_inclusion(
        index=0,
        size=1 << found["bits"],
        leaf=leaf_hash(sha256(data[:-64]).digest()),
        proof=[base64url.decode(each) for each in proof["proof"]],
        root=base64url.decode(found["snapshot_root"]),
    )


def test_nothing_is_published_anew_while_nothing_changes(market: Market) -> None:
    """Looked at every few minutes; renewed once an hour, so that an old one shows its age."""
    market.report("ming")
    settle(market)
    first = index(market)
    market.clock.move(timedelta(minutes=30))
    settle(market)
    assert first == index(market)
    market.clock.move(timedelta(minutes=31))
    settle(market)
    renewed = index(market)
    assert first["sequence"] < renewed["sequence"]
    assert int(market.clock.now().timestamp()) <= renewed["sequence"]


def test_a_restored_database_does_not_go_backwards(market: Market) -> None:
    """The sequence follows the clock, so that it rises even where it was forgotten."""
    settle(market)
    first = index(market)["sequence"]
    with market.node.database.transaction() as transaction:
        for table in ("screening_progress", "screening_builds", "screening_snapshots"):
            transaction.raw_cursor().execute(f"DELETE FROM {table}")
    market.clock.move(timedelta(seconds=20))
    settle(market)
    assert first < index(market)["sequence"]


def test_the_shelves_can_be_built_anew(market: Market) -> None:
    """After a database was filled by other hands, an operator has them made again."""
    market.report("ming")
    settle(market)
    with market.node.database.transaction() as transaction:
        market.node.screening.screening.rebuild(transaction, market.clock.now())
    settle(market)
    assert {"ming"} == listed(market, ["ming", "clean"])


def test_a_worker_that_was_overtaken_publishes_nothing(market: Market) -> None:
    """Two hands at once: the second to commit finds that the progress has moved."""
    market.report("ming")
    makers = market.node.screening.screening
    mine = makers.prepare(market.clock.now())
    settle(market)
    published = index(market)
    with (
        pytest.raises(screening_service.MovedOn),
        market.node.database.transaction() as transaction,
    ):
        makers.settle(transaction, mine, market.clock.now())
    market.node.screening.door.refresh()
    assert published == index(market)


def test_a_death_after_the_files_and_before_the_commit_leaves_nothing_served(
    market: Market,
) -> None:
    """What was prepared and not settled is prepared again; readers never saw it."""
    settle(market)
    before = index(market)
    market.report("ming")
    market.clock.move(timedelta(minutes=6))
    market.node.screening.screening.prepare(market.clock.now())
    market.node.screening.door.refresh()
    assert before == index(market)
    settle(market)
    assert {"ming"} == listed(market, ["ming"])


def test_another_host_makes_the_same_bytes_for_itself(market: Market) -> None:
    """Without the worker's files: signatures and pads are deterministic, the root is checked."""
    for number in range(5):
        market.report(f"person {number}")
    settle(market)
    before = [each.unsigned() for each in buckets(market)]
    for path in market.node.settings.snapshots_directory.glob("*.ccrb"):
        path.unlink()
    from registry.app.screening import assemble_screening

    node = market.node
    elsewhere = assemble_screening(
        settings=node.settings,
        database=node.database,
        rulebook=node.rulebook,
        signing_key=node.signing_key,
        keyring=node.keyring,
        protector=node.protector,
        ledger=node.ledger,
        jobs=node.jobs,
        directory=node.directory,
        listeners=node.incident_listeners,
    )
    found = index(market)
    reply = elsewhere.door.answer("GET", address(found, 0), {})
    assert before == [screening.decode(reply.body, node.signing_key.public).unsigned()]


def test_a_database_that_is_away_does_not_stop_the_buckets(market: Market) -> None:
    """What is served goes on being served, without a question to the database."""
    market.report("ming")
    settle(market)
    found = index(market)
    market.node.database.close()
    reply = market.node.screening.door.answer("GET", address(found, 0), {})
    assert 200 == reply.status


def test_a_bucket_is_cached_and_told_by_its_etag(market: Market) -> None:
    """A strong ETag, 304 for it, HEAD without the bytes, and no caller asked for."""
    market.report("ming")
    settle(market)
    client, target = market.app.test_client(), address(index(market), 0)
    first = client.get(target)
    assert "public, max-age=60" == first.headers["Cache-Control"]
    assert "application/octet-stream" == first.headers["Content-Type"]
    etag = first.headers["ETag"]
    assert '"' == etag[0]
    again = client.get(target, headers={"If-None-Match": f'"other", {etag}'})
    assert (304, b"", etag) == (again.status_code, again.get_data(), again.headers["ETag"])
    head = client.head(target)
    assert (200, b"", first.headers["Content-Length"]) == (
        head.status_code,
        head.get_data(),
        head.headers["Content-Length"],
    )
    listing = client.get("/v1/screening")
    again = client.get("/v1/screening", headers={"If-None-Match": listing.headers["ETag"]})
    assert 304 == again.status_code


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"key_id": "k9"}, "key"),
        ({"epoch": "2020-W01"}, "epoch"),
        ({"epoch": "latest"}, "epoch"),
        ({"bits": "9"}, "bits"),
        ({"bits": "00"}, "bits"),
        ({"bucket": "1"}, "written like"),
        ({"bucket": "00"}, "written like"),
        ({"bucket": "-0"}, "written like"),
        ({"bucket": "xyz"}, "written like"),
    ],
)
def test_an_address_of_nothing_says_what_is_wrong(
    market: Market, change: dict[str, str], word: str
) -> None:
    """One spelling for each bucket; anything else is 404, and says which part it is."""
    settle(market)
    found = index(market)
    parts = {"key_id": "k1", "epoch": found["epoch"], "bits": "0", "bucket": "0"} | change
    answer = market.app.test_client().get("/v1/screening/" + "/".join(parts.values()))
    assert 404 == answer.status_code
    assert "bucket-not-served" == answer.json["type"].rpartition("/")[2]
    assert word in answer.json["detail"]


def test_nothing_at_rest_leads_from_a_subject_to_its_tag(market: Market) -> None:
    """A stolen database and someone's token give no row of that person."""
    market.report("ming")
    settle(market)
    seed = seed_of(base64url.decode(token("ming")))
    tag = screening.tag_of(seed, index(market)["epoch"])
    key = market.node.protector.lookup_key(seed)
    with market.node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        cursor.execute("SELECT entries FROM screening_shelves")
        shelves = [bytes(row[0]) for row in cursor]
        assert any(tag in each for each in shelves)
        assert not any(key in each for each in shelves)
        cursor.execute("SELECT count(*) FROM screening_changes")
        assert 0 == cursor.fetchone()[0]


def test_a_member_needs_no_scope_to_screen(market: Market, node: Node) -> None:
    """Signed or not, by whom or nobody: the registry is not told who asks."""
    settle(market)
    regulator = new_caller(node, market.app, "Regulator", frozenset({Role.SUPERVISOR}))
    assert 200 == regulator.call("GET", "/v1/screening").status_code
    assert isinstance(datetime.fromisoformat(index(market)["made_at"]), datetime)
