"""What people read of themselves, and what they say: only their own, and all of it."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest

from registry.app.node import Node
from registry.crypto.merkle import leaf_hash
from registry.crypto.signature import sign_compact, split_compact, verify
from registry.identity.model import IdentityToken
from registry.identity.normalise import IdentifierType
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import canonical_json
from registry.kernel.clock import MovableClock, parse_instant
from registry.ledger.model import RecordType
from registry.score.explain import explain
from registry.settings import AuthorisationRule
from registry.subjects.vouches import make_vouch
from tests.lookups.samples import Market, batch
from tests.subjects.person import EMAIL, PHONE, Person, last_code, token_of

NUMBER = "+8613800138000"
OTHER = "+8613900139000"


@pytest.fixture
def person(market: Market) -> Person:
    return Person(app=market.app, node=market.node)


@pytest.fixture(autouse=True)
def settled(node: Node) -> None:
    """Receipts promise a place within the minute; a log that waits longer refuses lookups."""
    node.sequencer.step()


def filed(market: Market, *numbers: str, **changes: Any) -> dict[str, Any]:
    """An incident about whoever has these numbers."""
    verified = {"last_verified_on": changes.pop("verified_on", market.today).isoformat()}
    identities = [token_of(market.node, PHONE, each) | verified for each in numbers]
    answer = market.report(identities=identities, **changes)
    incident: dict[str, Any] = answer["incident"]
    return incident


def asked(market: Market, number: str, **changes: Any) -> Any:
    """The answer to a lookup of whoever has this number."""
    identity = token_of(market.node, PHONE, number) | changes.pop("identity", {})
    return market.look_up(identities=[identity], **changes)


def record(person: Person) -> dict[str, Any]:
    answer = person.call("GET", "/v1/subject/record")
    assert 200 == answer.status_code, answer.text
    document: dict[str, Any] = answer.json
    return document


def history(person: Person) -> list[dict[str, Any]]:
    person.node.sequencer.step()
    answer = person.call("GET", "/v1/subject/history")
    assert 200 == answer.status_code, answer.text
    entries: list[dict[str, Any]] = answer.json["entries"]
    return entries


def test_a_record_shows_what_is_filed_by_whom_and_what_it_costs(
    market: Market, person: Person
) -> None:
    """Every incident with code, furnisher, evidence and state; the score an inquirer sees."""
    incident = filed(market, NUMBER)
    found = asked(market, NUMBER).json
    person.sign_in(NUMBER)
    own = record(person)
    (shown,) = own["incidents"]
    assert (incident["id"], "active", "B110", "Furnisher", ["E1", "E2"]) == (
        shown["id"],
        shown["state"],
        shown["code"],
        shown["furnisher"]["name"],
        [each["class"] for each in shown["evidence"]],
    )
    assert (found["band"], found["score"]) == (own["score"]["band"], own["score"]["score"])
    assert [{"incident": incident["id"], "band": "N", "score": None}] == (
        own["score"]["what_if"]["without"]
    )
    assert not own["earlier_holder"]


def test_the_inputs_of_the_score_recompute_it(market: Market, person: Person) -> None:
    """`registry score explain` comes to the same score and the same what-ifs."""
    for code in ("B110", "B113"):
        filed(market, NUMBER, code=code)
    person.sign_in(NUMBER)
    score = record(person)["score"]
    explained = explain(score["inputs"], market.node.rulebook.editions)
    assert (score["score"], score["what_if"]["next_band"]) == (
        explained["score"],
        explained["what_if"]["next_band"],  # type: ignore[index,call-overload]
    )


def test_what_is_noticed_and_not_yet_in_effect_is_shown(market: Market, person: Person) -> None:
    """The person reads it before any inquirer does."""
    now = market.clock.now().isoformat()
    notice = {"delivered_at": now, "channel": "in_app", "reply": "none"}
    filed(market, NUMBER, notice=notice)
    person.sign_in(NUMBER)
    own = record(person)
    assert (["noticed"], "N") == (
        [each["state"] for each in own["incidents"]],
        own["score"]["band"],
    )


def test_whoever_proves_one_number_learns_nothing_of_another(
    market: Market, person: Person
) -> None:
    """Two strangers, of whose other numbers everything or nothing is known, are told alike."""
    filed(market, OTHER)
    asked(market, OTHER)
    told = []
    for number in ("+8613700137000", "+8613600136000"):
        stranger = Person(app=market.app, node=market.node)
        stranger.sign_in(number)
        own = record(stranger)
        told.append([own["incidents"], own["earlier_holder"], own["score"]["band"]])
        assert {"own_record"} == {each["purpose"] for each in history(stranger)}
    assert [[[], False, "N"]] * 2 == told


def test_history_tells_who_looked_why_and_what_became_of_it(market: Market, person: Person) -> None:
    """With the inquirer's signed request, opened and proven: leaf, place and commitment fit."""
    filed(market, NUMBER)
    lookup = asked(market, NUMBER, order="O-77").json["lookup"]["id"]
    outcome = {"decision": "refused", "human_reviewed": True}
    market.inquirer.call("POST", f"/v1/lookups/{lookup}/outcome", outcome)
    person.sign_in(NUMBER)
    entries = {each["type"]: each for each in history(person)}
    assert {"report", "lookup", "outcome", "own_view"} == entries.keys()
    looked = entries["lookup"]
    assert ("Inquirer", "refund_only_review", "O-77", "match") == (
        looked["member"]["name"],
        looked["purpose"],
        looked["said"]["order"],
        looked["said"]["match"],
    )
    assert "refused" == entries["outcome"]["outcome"]
    data = base64url.decode(looked["bytes"])
    with market.node.database.reading() as transaction:
        tree = market.node.contents.at(
            transaction,
            next(
                each
                for each in market.node.contents.shards(transaction)
                if each.name == looked["log"]
            ),
            [looked["inclusion"]["index"]],
        )
    assert leaf_hash(data) == leaf_hash(tree[0].place.entry)
    assert looked["opening"]["subject"]["seeds"]


def test_a_refused_lookup_is_in_the_history(market: Market, person: Person) -> None:
    """Also who tried without ground stands there, with the reason."""
    asked(market, NUMBER, purpose="own_record")
    person.sign_in(NUMBER)
    (tried,) = [each for each in history(person) if each["type"] == "refused_lookup"]
    assert "purpose-not-granted" == tried["said"]["problem"]


def test_seeds_of_others_stay_closed(market: Market, person: Person) -> None:
    """An entry about a number that was proven and one that was not is opened in part."""
    filed(market, NUMBER, OTHER)
    person.sign_in(NUMBER)
    (report,) = [each for each in history(person) if each["type"] == "report"]
    assert (None, None) == (report["opening"]["subject"], report["opening"]["k_s"])
    person.sign_in(OTHER)
    (report,) = [each for each in history(person) if each["type"] == "report"]
    assert report["opening"]["subject"]["seeds"]


def test_pages_lead_through_all_of_the_history(market: Market, person: Person) -> None:
    """Each entry once, in order, whatever the size of a page and over two identities."""
    for number in (NUMBER, OTHER, NUMBER):
        asked(market, number)
    person.sign_in(NUMBER)
    person.sign_in(OTHER)
    whole = [each["entry"] for each in history(person)]
    seen: list[str] = []
    target: str | None = "/v1/subject/history?limit=2"
    while target and len(seen) < len(whole):
        answer = person.call("GET", target)
        seen += [each["entry"] for each in answer.json["entries"]]
        link = answer.headers.get("Link", "")
        target = link[1 : link.index(">")] if link else None
    assert whole == seen[: len(whole)]


def test_every_view_is_an_entry_before_its_answer(market: Market, person: Person) -> None:
    """Record, incidents, history, statement, export: each names its act and gives its receipt."""
    person.sign_in(NUMBER)
    targets = ("record", "incidents", "history", "history/statement", "export")
    receipts = [person.call("GET", f"/v1/subject/{each}").json["receipt"] for each in targets]
    acts = [entry["header"]["act"] for entry in market.entries(RecordType.OWN_VIEW)]
    expected = ["sign_in", "record", "incidents", "history", "history_statement", "export"]
    # The clock stands still: entries of one millisecond have no order.
    assert sorted(expected) == sorted(acts)
    assert 5 == len(
        {strict_json.parse(base64url.decode(each.split(".")[1]))["entry"] for each in receipts}
    )


def test_an_export_is_whole_and_signed(market: Market, person: Person) -> None:
    """Its digest is what the node signed and what stands in the log."""
    filed(market, NUMBER)
    asked(market, NUMBER)
    market.node.sequencer.step()
    person.sign_in(NUMBER)
    exported = person.call("GET", "/v1/subject/export").json
    compact = split_compact(exported["proof"])
    assert verify(compact, market.node.signing_key.public)
    claims = strict_json.parse(compact.claims)
    digest = hashlib.sha256(canonical_json(exported["document"])).digest()
    assert base64url.encode(digest) == claims["sha256"]
    assert {"report", "lookup"} == {each["type"] for each in exported["document"]["history"]}
    assert (1, True, 1) == (
        len(exported["document"]["incidents"]),
        exported["document"]["complete"],
        len(exported["document"]["statements"]),
    )


# -- an identifier that has changed hands


def test_a_later_holder_sees_no_detail_and_can_say_not_me(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """Only that something of an earlier holder exists; severed, it is not found any more by
    this number, and as before by the earlier holder's other one.
    """
    incident = filed(market, NUMBER, OTHER)
    asked(market, NUMBER)
    market.node.sequencer.step()
    clock.move(timedelta(days=120))
    person.sign_in(NUMBER, held_since=market.today - timedelta(days=3))
    own = record(person)
    assert ([], True, "N") == (own["incidents"], own["earlier_holder"], own["score"]["band"])
    answer = person.call("GET", "/v1/subject/history")
    assert (True, set()) == (
        answer.json["earlier_holder"],
        {each["purpose"] for each in answer.json["entries"]} - {"own_record"},
    )
    assert incident["id"] not in answer.text + person.call("GET", "/v1/subject/record").text
    severed = person.call("POST", "/v1/subject/severances")
    assert (200, 1) == (severed.status_code, severed.json["severed"])
    assert "none" == asked(market, NUMBER).json["match"]
    assert "match" == asked(market, OTHER).json["match"]
    assert not record(person)["earlier_holder"]
    assert 0 == person.call("POST", "/v1/subject/severances").json["severed"]
    (entry,) = market.entries(RecordType.AMENDMENT)
    assert ("severed", "subject", None, incident["id"]) == (
        entry["header"]["act"],
        entry["header"]["by"],
        entry["header"]["member"],
        entry["subject"]["incident"],
    )
    assert 1 == len(entry["subject"]["seeds"])


def test_what_is_filed_late_about_an_earlier_holder_is_in_no_later_ones_history(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """The entries are of days the later holder has the number, the incident is not; of who
    looked they are told all but which incidents were shown. Severed, it stays so.
    """
    verified_on = market.today
    clock.move(timedelta(days=120))
    incident = filed(market, NUMBER, verified_on=verified_on)["id"]
    looked = asked(market, NUMBER)
    market.node.sequencer.step()
    for held_since, types in ((verified_on, {"report", "lookup"}), (market.today, {"lookup"})):
        holder = Person(app=market.app, node=market.node)
        holder.sign_in(NUMBER, held_since=held_since)
        answer = holder.call("GET", "/v1/subject/history")
        of_members = [each for each in answer.json["entries"] if each["by"] == "member"]
        assert types == {each["type"] for each in of_members}
        is_theirs = held_since == verified_on
        assert is_theirs == (incident in answer.text)
        assert is_theirs != answer.json["earlier_holder"]
    assert (looked.json["match"], None) == (
        of_members[0]["said"]["match"],
        of_members[0]["opening"]["subject"],
    )
    assert 1 == holder.call("POST", "/v1/subject/severances").json["severed"]
    market.node.sequencer.step()
    severed = {
        each["said"].get("act"): each["incident"]
        for each in holder.call("GET", "/v1/subject/history").json["entries"]
        if each["by"] == "subject" and each["type"] == "amendment"
    }
    assert "report" not in {each["type"] for each in history(holder)}
    assert ["severed"] == list(severed)


def test_what_is_ones_own_cannot_be_severed(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """Who held the number when it was verified, or within the days that are trusted."""
    filed(market, NUMBER)
    clock.move(timedelta(days=60))
    person.sign_in(NUMBER)
    assert 0 == person.call("POST", "/v1/subject/severances").json["severed"]
    assert "match" == asked(market, NUMBER).json["match"]


def test_the_same_person_sees_old_incidents_by_saying_since_when(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """Without it only today is taken as proven; what was said stands in the log."""
    filed(market, NUMBER)
    clock.move(timedelta(days=200))
    person.sign_in(NUMBER)
    assert record(person)["earlier_holder"]
    again = Person(app=market.app, node=market.node)
    again.sign_in(NUMBER, held_since=market.today - timedelta(days=400))
    assert 1 == len(record(again)["incidents"])


def test_an_amendment_after_a_severance_brings_nothing_back(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """The severed link stays cut whatever becomes of the incident; withdrawn, all is gone."""
    incident = filed(market, NUMBER, OTHER)
    clock.move(timedelta(days=120))
    person.sign_in(NUMBER)
    person.call("POST", "/v1/subject/severances")
    target = f"/v1/incidents/{incident['id']}"
    etag = market.furnisher.call("GET", target).headers["ETag"]
    assert etag
    assert 200 == market.furnisher.call("POST", f"{target}/withdrawal").status_code
    assert ["none", "none"] == [asked(market, each).json["match"] for each in (NUMBER, OTHER)]


# -- what people say of themselves


def test_a_statement_stands_beside_what_is_filed(market: Market, person: Person) -> None:
    """Inquirers read it with the answer; without anything known there is nothing to stand by."""
    person.sign_in(NUMBER)
    text = "I returned the parcel in full; the courier has the photographs. 已全部退回。"
    said = person.call("PUT", "/v1/subject/statement", {"text": text})
    assert text == said.json["sayings"]["statement"]["text"]
    assert None is asked(market, NUMBER).json["statement"]
    filed(market, NUMBER)
    before = asked(market, NUMBER).json
    assert text == before["statement"]
    assert 200 == person.call("DELETE", "/v1/subject/statement").status_code
    after = asked(market, NUMBER).json
    assert (None, before["score"]) == (after["statement"], after["score"])
    for text in ("x" * 501, " \u3000 ", "\u200b"):
        answer = person.call("PUT", "/v1/subject/statement", {"text": text})
        assert 422 == answer.status_code


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x1b", "\u2028"])
def test_nobody_is_shown_another_text_than_the_one_that_is_stored(
    market: Market, person: Person, hidden: str
) -> None:
    """What turns or hides letters is refused, named and not kept; who wrote it may write anew."""
    person.sign_in(NUMBER)
    for method, target, name, document in (
        ("PUT", "/v1/subject/statement", "text", {}),
        ("POST", "/v1/subject/markers", "statement", {"code": "V401"}),
    ):
        said = {**document, name: f"I was {hidden}never asked."}
        answer = person.call(method, target, said)
        assert 422 == answer.status_code
        assert [f"/{name}"] == [each["pointer"] for each in answer.json["errors"]]
    sayings = person.call("GET", "/v1/subject/record").json["sayings"]
    assert (None, []) == (sayings["statement"], sayings["markers"])


def test_a_freeze_refuses_lookups_and_costs_nothing(market: Market, person: Person) -> None:
    """Refused with a clear problem, on record, with nothing of the person in it."""
    filed(market, NUMBER)
    before = asked(market, NUMBER).json["score"]
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    refused = asked(market, NUMBER)
    assert (403, True) == (
        refused.status_code,
        refused.json["type"].endswith("/subject-frozen"),
    )
    (entry,) = market.entries(RecordType.REFUSED_LOOKUP)
    assert ([], "subject-frozen") == (
        entry["subject"]["incidents"],
        entry["header"]["problem"],
    )
    assert before == record(person)["score"]["score"]
    person.call("DELETE", "/v1/subject/freeze")
    assert before == asked(market, NUMBER).json["score"]


def test_flags_survive_filings_and_withdrawals(market: Market, person: Person) -> None:
    """They are kept without any incident, and through every change of one."""
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    incident = filed(market, NUMBER)
    market.furnisher.call("POST", f"/v1/incidents/{incident['id']}/withdrawal")
    assert 403 == asked(market, NUMBER).status_code
    person.call("DELETE", "/v1/subject/freeze")
    with market.node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        cursor.execute("SELECT count(*) FROM standings")
        assert 0 == cursor.fetchone()[0]


def test_what_an_earlier_holder_said_binds_nobody(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """A freeze and a statement of long ago are neither shown to a later holder nor applied."""
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    person.call("PUT", "/v1/subject/statement", {"text": "It was my brother."})
    clock.move(timedelta(days=200))
    since = market.today - timedelta(days=5)
    later = Person(app=market.app, node=market.node)
    later.sign_in(NUMBER, held_since=since)
    sayings = record(later)["sayings"]
    assert (None, None) == (sayings["frozen_at"], sayings["statement"])
    identity = {"held_since": since.isoformat()}
    assert 200 == asked(market, NUMBER, identity=identity).status_code
    assert 403 == asked(market, NUMBER).status_code
    later.call("PUT", "/v1/subject/alerts")
    assert 200 == asked(market, NUMBER).status_code


@pytest.mark.parametrize("code", ["V401", "V402", "V403"])
def test_markers_protect_for_thirteen_months(
    market: Market, person: Person, clock: MovableClock, code: str
) -> None:
    """Filed by the person, shown to inquirers, never a point; renewed, lifted, or over."""
    filed(market, NUMBER)
    before = asked(market, NUMBER).json["score"]
    person.sign_in(NUMBER)
    answer = person.call("POST", "/v1/subject/markers", {"code": code, "statement": "My words."})
    assert 201 == answer.status_code, answer.text
    (marker,) = answer.json["sayings"]["markers"]
    found = asked(market, NUMBER).json
    assert ([code], before) == (found["protective"], found["score"])
    clock.move(timedelta(days=300))
    market.node.sequencer.step()
    renewed = person.call("POST", f"/v1/subject/markers/{marker['id']}/renewal")
    (again,) = renewed.json["sayings"]["markers"]
    assert (marker["id"], True) == (again["id"], again["expires_on"] > marker["expires_on"])
    assert 200 == person.call("DELETE", f"/v1/subject/markers/{marker['id']}").status_code
    assert [] == asked(market, NUMBER).json["protective"]
    assert 404 == person.call("DELETE", f"/v1/subject/markers/{marker['id']}").status_code


def test_other_codes_are_no_markers(person: Person) -> None:
    """Nobody files anything else against themselves."""
    person.sign_in(NUMBER)
    for code in ("V499", "B110"):
        assert 422 == person.call("POST", "/v1/subject/markers", {"code": code}).status_code


# -- one-use authorisations


def authorised(market: Market, person: Person, order: str = "O-1") -> str:
    body = {"member": market.inquirer.member.id, "order": order}
    answer = person.call("POST", "/v1/subject/authorisations", body)
    assert 201 == answer.status_code, answer.text
    reference: str = answer.json["authorisation"]["reference"]
    return reference


def one_use(reference: str) -> dict[str, str]:
    return {"basis": "one_use", "reference": reference}


def test_an_authorisation_opens_one_lookup_of_one_member_and_order(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """Also of someone frozen. Not another order, not another member, not another person, not
    twice, not after a quarter of an hour; a refused attempt spends nothing.
    """
    filed(market, NUMBER)
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/freeze")
    code = authorised(market, person)
    refused = [
        asked(market, NUMBER, order="O-2", authorisation=one_use(code)),
        asked(market, OTHER, authorisation=one_use(code)),
        asked(market, NUMBER, purpose="own_record", authorisation=one_use(code)),
        market.furnisher.call(
            "POST",
            "/v1/lookups",
            {
                "identities": [token_of(market.node, PHONE, NUMBER)],
                "purpose": "refund_only_review",
                "order": "O-1",
                "authorisation": one_use(code),
                "agent": "x",
            },
        ),
    ]
    assert [403] * 4 == [each.status_code for each in refused]
    assert "match" == asked(market, NUMBER, authorisation=one_use(code)).json["match"]
    assert 403 == asked(market, NUMBER, authorisation=one_use(code)).status_code
    late = authorised(market, person)
    clock.move(timedelta(minutes=15))
    assert 403 == asked(market, NUMBER, authorisation=one_use(late)).status_code


def test_one_persons_word_opens_nobody_else(market: Market, person: Person) -> None:
    """A lookup of two identities, one of them not the person's: refused, and not spent."""
    filed(market, OTHER)
    person.sign_in(NUMBER)
    code = authorised(market, person)
    both = [token_of(market.node, PHONE, each) for each in (NUMBER, OTHER)]
    assert 403 == market.look_up(identities=both, authorisation=one_use(code)).status_code
    assert 200 == asked(market, NUMBER, authorisation=one_use(code)).status_code


def test_a_batch_spends_each_once(market: Market, person: Person) -> None:
    """The same authorisation twice in one list: the first has it."""
    person.sign_in(NUMBER)
    codes = [authorised(market, person, f"O-{n}") for n in range(3)]
    identity = token_of(market.node, PHONE, NUMBER)
    asked_for = [
        {
            "identities": [identity],
            "purpose": "refund_only_review",
            "order": f"O-{n}",
            "authorisation": one_use(codes[n]),
            "agent": "x",
        }
        for n in (0, 1, 1, 2, 0)
    ]
    answer = market.inquirer.call("POST", "/v1/lookups/batch", batch(asked_for))
    assert [200, 200, 403, 200, 403] == [each["status"] for each in answer.json["results"]]


def test_of_two_lookups_at_once_one_has_the_authorisation(market: Market, person: Person) -> None:
    """Eight calls in the same moment, on a real database: one is answered."""
    person.sign_in(NUMBER)
    code = authorised(market, person)
    start = threading.Barrier(8)
    statuses: list[int] = []

    def look() -> None:
        start.wait()
        statuses.append(asked(market, NUMBER, authorisation=one_use(code)).status_code)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] + [403] * 7 == sorted(statuses)


def test_freezes_at_once_with_filings_are_not_lost(market: Market, person: Person) -> None:
    """While eight incidents are filed, the person freezes and states: all of it stands."""
    person.sign_in(NUMBER)
    start = threading.Barrier(6)

    def file(n: int) -> None:
        start.wait()
        filed(
            market,
            NUMBER,
            code=("B110", "B113", "B111", "B116")[n],
            evidence=[
                {"class": each, "digest": f"sha256:{each.lower() * 32}", "media_type": "image/jpeg"}
                for each in ("E1", "E2", "E8")
            ],
        )

    def say(act: str) -> None:
        start.wait()
        Person(app=market.app, node=market.node, bearer=person.bearer).call(
            "PUT", f"/v1/subject/{act}"
        )

    threads = [threading.Thread(target=file, args=[n]) for n in range(4)]
    threads += [threading.Thread(target=say, args=[act]) for act in ("freeze", "alerts")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own = record(person)
    assert 4 == len(own["incidents"])
    assert own["sayings"]["frozen_at"]
    assert own["sayings"]["alerted_at"]


def test_an_authorisation_names_a_member_that_takes_part(market: Market, person: Person) -> None:
    """An unknown one is refused before a code exists."""
    person.sign_in(NUMBER)
    unknown = "mem_01992f5e-7c00-7abc-8def-0123456789ab"
    body = {"member": unknown, "order": "O-1"}
    assert 422 == person.call("POST", "/v1/subject/authorisations", body).status_code


# -- a member's vouch


def vouched(market: Market, number: str, **changes: Any) -> tuple[dict[str, Any], Any]:
    """A vouch of the furnisher for a number, and the answer to it."""
    identity = token_of(market.node, PHONE, number)
    maker = changes.pop("caller", market.furnisher)
    text = make_vouch(
        IdentityToken(
            type=PHONE, key_id=identity["key_id"], token=base64url.decode(identity["token"])
        ),
        member=maker.member.id,
        key=maker.key,
        audience=changes.pop("audience", market.node.settings.origin),
        now=changes.pop("now", market.node.own_door.chores.wall.now()),
        jti=changes.pop("jti", bytes(16)),
    )
    return {"vouch": text, "identity": identity}, maker


def test_a_vouch_shows_what_the_member_filed_and_no_more(market: Market, person: Person) -> None:
    """In full what it filed itself, of others' filings that they are; no history, no freeze."""
    mine = filed(market, NUMBER)
    verified = {"last_verified_on": market.today.isoformat()}
    filing = market.filing(
        identities=[token_of(market.node, PHONE, NUMBER) | verified], code="B113"
    )
    assert 201 == market.other_furnisher.call("POST", "/v1/incidents", filing).status_code
    body, _ = vouched(market, NUMBER)
    answer = person.call("POST", "/v1/subject/vouches", body)
    assert 201 == answer.status_code, answer.text
    person.bearer = answer.json["session"]["bearer"]
    shown = record(person)
    assert {mine["id"]: True} == {
        each["id"]: each["whole"] for each in shown["incidents"] if each["whole"]
    }
    assert "Other furnisher" not in str(shown)
    assert (None, None) == (shown["score"]["what_if"], shown["sayings"])
    for method, target in (
        ("GET", "history"),
        ("GET", "export"),
        ("PUT", "freeze"),
        ("POST", "severances"),
        ("DELETE", "sessions"),
    ):
        refused = person.call(method, f"/v1/subject/{target}")
        assert (403, True) == (refused.status_code, refused.json["type"].endswith("/proof-needed"))
    acts = market.entries(RecordType.OWN_VIEW)
    (entry,) = [each for each in acts if each["header"]["act"] == "sign_in"]
    assert ("vouched", [market.furnisher.member.id]) == (
        entry["header"]["assurance"],
        entry["header"]["vouched_by"],
    )
    assert entry["header"]["signed_request"]
    # A proof in the same session opens the rest.
    person.sign_in(NUMBER)
    assert 200 == person.call("GET", "/v1/subject/history").status_code


def test_a_vouch_is_good_once_fresh_and_for_its_identity(market: Market, person: Person) -> None:
    """Neither replayed, nor stale, nor for another token, registry, key or member."""
    body, _ = vouched(market, NUMBER)
    assert 201 == person.call("POST", "/v1/subject/vouches", body).status_code
    wall = market.node.own_door.chores.wall.now()
    stranger = market.node.signing_key
    forged = make_vouch(
        _identity(market, NUMBER),
        member=market.furnisher.member.id,
        key=stranger,
        audience=market.node.settings.origin,
        now=wall,
        jti=bytes([9] * 16),
    )
    bad = [
        body,
        vouched(market, NUMBER, jti=bytes([1] * 16), now=wall - timedelta(minutes=6))[0],
        vouched(market, NUMBER, jti=bytes([2] * 16), now=wall + timedelta(minutes=6))[0],
        vouched(market, NUMBER, jti=bytes([3] * 16), audience="https://other.example")[0],
        vouched(market, OTHER, jti=bytes([4] * 16))[0] | {"identity": body["identity"]},
        body | {"vouch": forged},
        body | {"vouch": "a.b.c"},
    ]
    for each in bad:
        refused = person.call("POST", "/v1/subject/vouches", each)
        assert (403, True) == (
            refused.status_code,
            refused.json["type"].endswith("/vouch-not-accepted"),
        )


@pytest.mark.parametrize("day", ["20230101", "2023-W01-1", "0001-01-01", "2023-01-01T00:00:00Z", 5])
def test_a_vouch_spells_its_day_as_everything_does(
    market: Market, person: Person, day: object
) -> None:
    """YYYY-MM-DD of a day that anyone alive may have had an identifier since, and no other form."""
    body, maker = vouched(market, NUMBER)
    compact = split_compact(body["vouch"])
    claims = strict_json.parse(compact.claims)
    assert isinstance(claims, dict)
    for held_since, status in ((day, 403), ("2023-01-01", 201)):
        said = sign_compact(
            header=compact.header, claims=claims | {"held_since": held_since}, key=maker.key
        )
        answer = person.call("POST", "/v1/subject/vouches", body | {"vouch": said})
        assert status == answer.status_code
    assert "2023-01-01" == answer.json["session"]["identities"][0]["held_since"]


def _identity(market: Market, number: str) -> Any:
    given = token_of(market.node, PHONE, number)
    return IdentityToken(type=PHONE, key_id=given["key_id"], token=base64url.decode(given["token"]))


def test_the_token_of_a_vouch_is_not_kept(market: Market, person: Person) -> None:
    """The vouch is evidence and names the identity by a digest."""
    body, _ = vouched(market, NUMBER)
    person.call("POST", "/v1/subject/vouches", body)
    assert body["identity"]["token"] not in str(market.entries(RecordType.OWN_VIEW))
    payload = base64url.decode(body["vouch"].split(".")[1]).decode()
    assert body["identity"]["token"] not in payload


def test_an_address_and_its_mailbox_are_one_record(market: Market, person: Person) -> None:
    """What was filed under either spelling is found by whoever reads the mail."""
    verified = {"last_verified_on": market.today.isoformat()}
    for type, identifier, code in (
        (EMAIL, "Ming.Li@gmail.com", "B110"),
        (IdentifierType.EMAIL_CANONICAL, "mingli+x@googlemail.com", "B113"),
    ):
        market.report(identities=[token_of(market.node, type, identifier) | verified], code=code)
    person.sign_in("ming.li@gmail.com", EMAIL)
    assert 2 == len(record(person)["incidents"])
    assert parse_instant(record(person)["score"]["at"])


# -- being told


def letters(node: Node) -> list[tuple[str, str]]:
    """Template and state of every letter, in the order they were written."""
    with node.database.reading() as transaction:
        cursor = transaction.raw_cursor()
        cursor.execute("SELECT template, state FROM letters ORDER BY template")
        return [(row[0], row[1]) for row in cursor]


def test_who_asked_for_it_is_told_of_lookups_and_filings(market: Market, person: Person) -> None:
    """At the address they proved, and nobody else; taken back, no letter goes any more."""
    asked(market, NUMBER)
    person.sign_in(NUMBER)
    person.sign_in("ming@example.cn", EMAIL, letters="here")
    asked(market, NUMBER)
    assert [] == letters(market.node)
    person.call("PUT", "/v1/subject/alerts")
    asked(market, NUMBER)
    filed(market, NUMBER)
    filed(market, OTHER)
    asked(market, OTHER)
    told = [template for template, _ in letters(market.node)]
    assert ["incident_filed", "lookup_alert"] == told
    person.call("PUT", "/v1/subject/freeze")
    assert 403 == asked(market, NUMBER).status_code
    assert 3 == len(letters(market.node))
    person.call("DELETE", "/v1/subject/contact")
    asked(market, NUMBER)
    person.call("DELETE", "/v1/subject/alerts")
    asked(market, NUMBER)
    assert 3 == len(letters(market.node))


def test_a_letter_tells_a_later_holder_no_detail_of_what_was_verified_before(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """That something was filed, and not what; whoever held the number then is told in full."""
    verified_on = market.today
    person.sign_in(NUMBER)
    person.sign_in("ming@example.cn", EMAIL, letters="here")
    person.call("PUT", "/v1/subject/alerts")
    filed(market, NUMBER, verified_on=verified_on)
    assert ["incident_filed"] == [template for template, _ in letters(market.node)]
    clock.move(timedelta(days=120))
    later = Person(app=market.app, node=market.node)
    later.sign_in(NUMBER)
    later.sign_in("later@example.cn", EMAIL, letters="here")
    later.call("PUT", "/v1/subject/alerts")
    filed(market, NUMBER, verified_on=verified_on, order="Z-9")
    told = [template for template, _ in letters(market.node)]
    assert ["filed_under_identifier", "incident_filed"] == told


def test_letters_go_to_a_mailbox_that_was_proven(market: Market, person: Person) -> None:
    """Not to a phone; and no other call takes an address."""
    started, blinded = person.start(NUMBER)
    code = last_code(market.node, NUMBER)["long"]
    sign_in = started.json["sign_in"]["id"]
    assert 422 == person.prove(sign_in, code, blinded, letters="here").status_code
    assert 201 == person.prove(sign_in, code, blinded).status_code


@pytest.mark.parametrize(
    "address", ["用户@example.cn", "jürgen.müller@example.cn", "नमस्ते@example.cn"]
)
def test_letters_go_to_an_address_in_any_script(
    market: Market, person: Person, address: str
) -> None:
    """What a code can be sent to can have letters, too: whether the relay takes it is its word."""
    person.sign_in(NUMBER)
    person.sign_in(address, EMAIL, letters="here")
    person.call("PUT", "/v1/subject/alerts")
    asked(market, NUMBER)
    assert ["lookup_alert"] == [template for template, _ in letters(market.node)]


def test_the_furnisher_and_who_looked_are_told_of_a_severance(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """The one by a notice, the others by a recall: they were told of somebody else."""
    filed(market, NUMBER)
    asked(market, NUMBER)
    market.node.sequencer.step()
    clock.move(timedelta(days=120))
    person.sign_in(NUMBER)
    assert 1 == person.call("POST", "/v1/subject/severances").json["severed"]
    market.node.worker.run_due()
    told = market.furnisher.call("GET", "/v1/notices").json["notices"]
    assert ["identity.severed"] == [each["type"] for each in told]
    recalled = market.inquirer.call("GET", "/v1/notices").json["notices"]
    assert 1 == len(recalled)
    assert "identity.severed" not in str(recalled)


def test_the_certificate_of_a_correction_is_for_whom_it_is_about(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """Not for a stranger, nor for who has the number since; each look is an entry."""
    incident = filed(market, NUMBER)["id"]
    person.sign_in(NUMBER)
    target = f"/v1/subject/corrections/{incident}/certificate"
    assert [] == person.call("GET", "/v1/subject/corrections").json["corrections"]
    assert 404 == person.call("GET", target).status_code
    market.furnisher.call("POST", f"/v1/incidents/{incident}/withdrawal")
    market.node.worker.run_due()
    (corrected,) = person.call("GET", "/v1/subject/corrections").json["corrections"]
    assert (incident, "withdrawn") == (corrected["incident"], corrected["kind"])
    answer = person.call("GET", target).json
    compact = split_compact(answer["certificate"], 1_000_000)
    assert verify(compact, market.node.signing_key.public)
    market.node.sequencer.step()
    acts = [each["said"].get("act") for each in history(person)]
    assert (2, 1) == (acts.count("corrections"), acts.count("certificate"))
    stranger = Person(app=market.app, node=market.node)
    stranger.sign_in(OTHER)
    clock.move(timedelta(days=200))
    market.node.worker.run_due()
    later = Person(app=market.app, node=market.node)
    later.sign_in(NUMBER, held_since=market.today)
    for other in (stranger, later):
        assert [] == other.call("GET", "/v1/subject/corrections").json["corrections"]
        assert 404 == other.call("GET", target).status_code


def test_a_correction_is_the_earlier_holders_by_the_day_of_verification(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """Filed when the number had changed hands: not shown, also once the incident is erased."""
    verified_on = market.today - timedelta(days=200)
    incident = filed(market, NUMBER, verified_on=verified_on)["id"]
    market.furnisher.call("POST", f"/v1/incidents/{incident}/withdrawal")
    market.node.worker.run_due()
    target = f"/v1/subject/corrections/{incident}/certificate"
    person.sign_in(NUMBER, held_since=market.today - timedelta(days=60))
    earlier = Person(app=market.app, node=market.node)
    earlier.sign_in(NUMBER, held_since=verified_on)
    for _ in range(2):
        assert [] == person.call("GET", "/v1/subject/corrections").json["corrections"]
        assert 404 == person.call("GET", target).status_code
        assert 200 == earlier.call("GET", target).status_code
        market.node.sequencer.step()
        clock.move(timedelta(days=10))
        list(market.node.auditing.retention.run(clock.now()))
    assert 410 == market.furnisher.call("GET", f"/v1/incidents/{incident}").status_code


def test_a_certificate_is_silent_of_who_looked_by_another_holders_number(
    market: Market, person: Person, clock: MovableClock
) -> None:
    """One number of an incident is severed by who holds it now; its inquirers are not told of."""
    incident = filed(market, NUMBER, OTHER)["id"]
    asked(market, OTHER)
    market.node.sequencer.step()
    clock.move(timedelta(days=120))
    later = Person(app=market.app, node=market.node)
    later.sign_in(OTHER)
    assert 1 == later.call("POST", "/v1/subject/severances").json["severed"]
    market.node.worker.run_due()
    person.sign_in(NUMBER, held_since=market.today - timedelta(days=400))
    target = f"/v1/subject/corrections/{incident}/certificate"
    assert 404 == person.call("GET", target).status_code
    market.furnisher.call("POST", f"/v1/incidents/{incident}/withdrawal")
    market.node.worker.run_due()
    certificate = person.call("GET", target).json["certificate"]
    claims = strict_json.parse(split_compact(certificate, 1_000_000).claims)
    assert ["withdrawn"] == [each["kind"] for each in claims["corrections"]]


def test_a_node_may_ask_for_one_use_authorisations_alone(market: Market, person: Person) -> None:
    """The operator's switch: consent is refused, with a problem of its own, and logged."""
    market.node.lookups._authorisation_rule = AuthorisationRule.ONE_USE
    refused = asked(market, NUMBER)
    assert (403, True) == (refused.status_code, refused.json["type"].endswith("/one-use-required"))
    person.sign_in(NUMBER)
    code = authorised(market, person)
    assert 200 == asked(market, NUMBER, authorisation=one_use(code)).status_code


def test_a_subject_erased_by_order_leaves_no_flags(market: Market, person: Person) -> None:
    """What they said goes with what was filed."""
    person.sign_in(NUMBER)
    person.call("PUT", "/v1/subject/statement", {"text": "Mine."})
    node = market.node
    token = base64url.decode(token_of(node, PHONE, NUMBER)["token"])
    key = node.protector.lookup_key(node.protector.seed_of(token))
    with node.database.transaction() as transaction:
        node.incidents.removal.forget_flags(transaction, [key])
    with node.database.reading() as transaction:
        assert {} == node.incidents.flags_of(transaction, [key])
