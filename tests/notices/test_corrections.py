"""Who was answered with what is corrected is told, must answer, and is held to it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from registry.cli import main
from registry.crypto.note import vkey
from registry.crypto.signature import PrivateKey, split_compact, verify
from registry.http.caller import Scope
from registry.incidents.recording import Actor
from registry.kernel import base64url, strict_json
from registry.kernel.ids import IncidentId, new_uuid
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.members.model import Role
from registry.notices import corrections as room
from registry.notices.correction_model import CorrectionNotFound
from registry.rulebook.model import Purpose
from tests.lookups.samples import question, token
from tests.nodes import Caller, new_caller
from tests.notices.world import World, look_up, ok

REVERSED = {"did": "decision_reversed", "reviewer": "staff-9"}


def withdraw(world: World, incident: str) -> None:
    ok(world.market.furnisher.call("POST", f"/v1/incidents/{incident}/withdrawal"))


def amend(world: World, incident: str, **changes: Any) -> None:
    """The furnisher amends the incident as it stands."""
    etag = world.market.furnisher.call("GET", f"/v1/incidents/{incident}").headers["ETag"]
    caller = world.market.furnisher
    ok(caller.call("PATCH", f"/v1/incidents/{incident}", changes, if_match=etag))


def overturn(world: World, incident: str) -> None:
    """What appeals do: the incident is disputed, then overturned."""
    rulings, now = world.node.incidents.rulings, world.clock.now()
    actor = Actor(member=None, now=now, request_id=new_uuid(now))
    with world.node.database.transaction() as transaction:
        standing = rulings.find_and_lock(transaction, IncidentId(incident))
        assert standing is not None
        rulings.overturn(transaction, actor, rulings.dispute(transaction, actor, standing))


def corrections(member: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(member.call("GET", "/v1/corrections"))["corrections"]
    return found


def acknowledge(member: Caller, correction: str, **said: str) -> Any:
    target = f"/v1/corrections/{correction}/acknowledgement"
    return member.call("POST", target, said or REVERSED)


def certificate(world: World, incident: str) -> Any:
    """What the certificate says, once the node's key has verified it."""
    with world.node.database.reading() as transaction:
        text = world.node.noticing.certificates.of(
            transaction, IncidentId(incident), world.clock.now()
        )
    compact = split_compact(text, 1_000_000)
    assert {"alg", "kid", "typ"} == compact.header.keys()
    assert "ccr-certificate+jwt" == compact.header["typ"]
    assert verify(compact, world.node.signing_key.public)
    return strict_json.parse(compact.claims)


def report(world: World, *people: str) -> str:
    return str(world.market.report(*people)["incident"]["id"])


def may_look_up(member: Caller) -> bool:
    answer = member.call("POST", "/v1/lookups", question("nobody"))
    assert answer.status_code in (200, 403), answer.text
    return answer.status_code == 200


def appended_late(world: World, incident: str, person: str) -> None:
    """The entry of a lookup that was answered with the incident."""
    now = world.clock.now()
    seed = world.node.protector.seed_of(base64url.decode(token(person)))
    draft = Draft(
        log=Log.ACCESS,
        record_type=RecordType.LOOKUP,
        header=Header(
            member=world.market.inquirer.member.id,
            purpose=Purpose.REFUND_ONLY_REVIEW,
            at=now,
            request_id=new_uuid(now),
            outcome="answered",
            edition=world.market.edition.name,
            signed_request=None,
        ),
        subject={"incidents": [incident], "seeds": [base64url.encode(seed)]},
        lookup_keys=(world.node.protector.lookup_key(seed),),
    )
    with world.node.database.transaction() as transaction:
        world.node.ledger.append(transaction, [draft], now)


def test_the_whole_way_of_a_correction(world: World) -> None:
    """Told; one answers, one ignores it, is escalated, loses lookups, answers, has them back."""
    incident = report(world, "ann")
    good, bad = world.market.inquirer, world.inquirer("Ignoring")
    lookups = [look_up(good, "ann"), look_up(good, "ann")]
    look_up(bad, "ann")
    bystander = world.inquirer("Bystander")
    look_up(bystander, "bob")
    world.move(hours=1)
    withdraw(world, incident)
    world.work()
    (told,) = corrections(good)
    assert (incident, "withdrawn") == (told["incident"], told["kind"])
    assert sorted(lookups) == sorted(told["lookups"])
    assert [("correction.told", {"correction": told["id"], "incident": incident})] == [
        each for each in world.told(good) if each[0].startswith("correction")
    ]
    assert [] == corrections(bystander)
    world.move(minutes=3)
    assert 2 == len(certificate(world, incident)["corrections"][0]["told"])

    ok(acknowledge(good, told["id"]))
    world.move(hours=24)
    assert ["correction.told", "correction.overdue"] == [each for each, _ in world.told(bad)]
    assert may_look_up(bad)
    world.move(hours=48)
    assert not may_look_up(bad)
    assert may_look_up(good)
    for watching in (bad, world.operator, world.supervisor):
        assert "correction.escalated" == world.told(watching)[-1][0]
    grant = ok(bad.call("GET", "/v1/members/me"))
    assert ["R904"] == [each["reason"] for each in grant["withheld"]]

    ok(acknowledge(bad, told["id"], did="decision_kept", reviewer="staff-2"))
    assert may_look_up(bad)
    assert "correction.lookups_restored" == world.told(bad)[-1][0]
    (corrected,) = certificate(world, incident)["corrections"]
    assert corrected["is_complete"]
    by_name = {each["name"]: each for each in corrected["told"]}
    assert {"Inquirer", "Ignoring"} == by_name.keys()
    assert ("decision_reversed", 2) == (by_name["Inquirer"]["did"], by_name["Inquirer"]["lookups"])
    assert "decision_kept" == by_name["Ignoring"]["did"]
    assert None is not by_name["Ignoring"]["acknowledged_at"]
    world.move(days=2)
    assert may_look_up(bad)


def test_who_looked_after_the_correction_is_not_told(world: World) -> None:
    """It was answered without the incident."""
    incident = report(world, "ann")
    world.move(hours=1)
    withdraw(world, incident)
    late = world.market.inquirer
    look_up(late, "ann")
    world.work()
    world.move(minutes=3)
    assert [] == corrections(late)
    assert [] == certificate(world, incident)["corrections"][0]["told"]


@pytest.mark.parametrize("place", ["waiting", "in its place"])
def test_who_looked_is_found_wherever_the_entry_is(world: World, place: str) -> None:
    """In the log already, or committed a moment ago; under any identity that was asked for."""
    incident = report(world, "ann", "ann's other phone")
    look_up(world.market.inquirer, "ann's other phone")
    if place == "in its place":
        world.node.sequencer.step()
    withdraw(world, incident)
    world.work()
    assert 1 == len(corrections(world.market.inquirer))


def test_who_was_committed_after_the_first_search_is_found_by_the_second(world: World) -> None:
    """As a lookup that had read the standing before the change, and was slower than it."""
    incident = report(world, "ann")
    withdraw(world, incident)
    world.work()
    assert [] == corrections(world.market.inquirer)
    # What such a lookup leaves behind: an entry that names the incident.
    appended_late(world, incident, "ann")
    world.move(minutes=3)
    assert 1 == len(corrections(world.market.inquirer))


def test_an_overturned_incident_is_recalled(world: World) -> None:
    """As a withdrawn one is."""
    incident = report(world, "ann")
    look_up(world.market.inquirer, "ann")
    overturn(world, incident)
    world.work()
    assert ["overturned"] == [each["kind"] for each in corrections(world.market.inquirer)]


def test_an_amendment_of_what_was_answered_is_recalled(world: World) -> None:
    """From those who looked before it, not from those who saw it as it is now."""
    incident = report(world, "ann")
    look_up(world.market.inquirer, "ann")
    world.move(minutes=5)
    earlier = (world.market.today - timedelta(days=30)).isoformat()
    amend(world, incident, occurred_on=earlier)
    world.move(minutes=1)
    late = world.inquirer("Late")
    look_up(late, "ann")
    world.move(minutes=3)
    assert ["amended"] == [each["kind"] for each in corrections(world.market.inquirer)]
    assert [] == corrections(late)


def test_an_amendment_of_what_no_answer_says_recalls_nothing(world: World) -> None:
    """Reviewers and intent are in no answer."""
    incident = report(world, "ann")
    look_up(world.market.inquirer, "ann")
    amend(world, incident, intent="The scale at the depot showed the same weight again.")
    world.move(minutes=5)
    assert [] == corrections(world.market.inquirer)
    with pytest.raises(CorrectionNotFound):
        certificate(world, incident)


def test_a_purge_takes_nothing_from_a_recall(world: World) -> None:
    """The incident's content is erased, and still everyone is told and answers."""
    incident = report(world, "ann")
    look_up(world.market.inquirer, "ann")
    withdraw(world, incident)
    # Retention comes before the search had its turn: the worker was down for days.
    world.clock.move(timedelta(days=10))
    world.node.sequencer.step()
    list(world.node.auditing.retention.run(world.clock.now()))
    assert 410 == world.market.furnisher.call("GET", f"/v1/incidents/{incident}").status_code
    world.work()
    (told,) = corrections(world.market.inquirer)
    ok(acknowledge(world.market.inquirer, told["id"]))
    (corrected,) = certificate(world, incident)["corrections"]
    assert [True] == [each["acknowledged_at"] is not None for each in corrected["told"]]


def test_an_answer_stands(world: World) -> None:
    """The same again is the same; another is refused; nobody answers for another."""
    incident = report(world, "ann")
    member = world.market.inquirer
    look_up(member, "ann")
    withdraw(world, incident)
    world.work()
    (told,) = corrections(member)
    stranger = world.inquirer("Stranger")
    assert 404 == acknowledge(stranger, told["id"]).status_code
    first = ok(acknowledge(member, told["id"]))
    assert first == ok(acknowledge(member, told["id"]))
    other = acknowledge(member, told["id"], did="no_decision", reviewer="staff-9")
    assert 409 == other.status_code
    furnisher_only = new_caller(world.node, world.app, "F", frozenset({Role.FURNISHER}))
    assert 403 == furnisher_only.call("GET", "/v1/corrections").status_code


def test_lookups_come_back_with_the_last_answer_that_was_owed(world: World) -> None:
    """Two ignored, one answered: still withheld."""
    member = world.market.inquirer
    for person in ("ann", "bob"):
        incident = report(world, person)
        look_up(member, person)
        withdraw(world, incident)
    world.work()
    world.move(hours=73)
    first, second = corrections(member)
    ok(acknowledge(member, first["id"]))
    assert not may_look_up(member)
    ok(acknowledge(member, second["id"]))
    assert may_look_up(member)


def test_what_the_operator_withheld_is_not_given_back_by_an_answer(world: World) -> None:
    """Each reason stands for itself."""
    member = world.market.inquirer
    incident = report(world, "ann")
    look_up(member, "ann")
    withdraw(world, incident)
    world.work()
    world.move(hours=73)
    with world.node.database.transaction() as transaction:
        world.node.members.withhold(
            transaction, member.member.id, Scope.LOOK_UP, "R903", world.clock.now()
        )
    ok(acknowledge(member, corrections(member)[0]["id"]))
    assert not may_look_up(member)


def test_a_thousand_lookups_of_one_person_are_searched_in_bounded_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step takes a batch and goes on where it ended; every member is told once."""
    monkeypatch.setattr(room, "ENTRIES_AT_ONCE_MAX", 7)
    incident = report(world, "ann")
    members = [world.inquirer(f"Inquirer {number}") for number in range(3)]
    for number in range(30):
        look_up(members[number % 3], "ann")
    world.node.sequencer.step()
    withdraw(world, incident)
    world.work()
    for member in members:
        assert 10 == corrections(member)[0]["lookups_count"]
        assert 1 == len([each for each, _ in world.told(member) if each == "correction.told"])


def test_supervisors_see_who_owes_an_answer_and_are_seen(world: World) -> None:
    """From the day it is overdue, on the record; with 403 for everyone else."""
    incident = report(world, "ann")
    member = world.market.inquirer
    look_up(member, "ann")
    withdraw(world, incident)
    world.work()

    def owed() -> Any:
        return ok(world.supervisor.call("POST", "/v1/oversight/corrections", {}))

    assert [] == owed()["corrections"]
    world.move(hours=25)
    answer = owed()
    assert [(incident, member.member.id, 1)] == [
        (each["incident"], each["member"], each["lookups_count"]) for each in answer["corrections"]
    ]
    assert answer["receipt"].count(".") == 2
    ok(acknowledge(member, answer["corrections"][0]["correction"]))
    assert [] == owed()["corrections"]
    assert 403 == member.call("POST", "/v1/oversight/corrections", {}).status_code


def test_a_certificate_is_verified_at_a_terminal(world: World, tmp_path: Path) -> None:
    """By the node's published key; a changed one, and another node's, is refused."""
    incident = report(world, "ann")
    look_up(world.market.inquirer, "ann")
    withdraw(world, incident)
    world.work()
    with world.node.database.reading() as transaction:
        text = world.node.noticing.certificates.of(
            transaction, IncidentId(incident), world.clock.now()
        )
    name = f"{world.node.settings.authority}/log/access/2026h2"
    key = vkey(name, world.node.signing_key.public.raw)
    path = tmp_path / "certificate.jws"
    path.write_text(text, encoding="ascii")

    def run(*more: str) -> Result:
        return CliRunner().invoke(main, ["certificate", "verify", str(path), *more])

    result = run("--vkey", key, "--json")
    assert 0 == result.exit_code, result.output
    assert incident == json.loads(result.stdout)["certificate"]["incident"]
    assert "Inquirer" in run("--vkey", key).stdout
    stranger = vkey(name, PrivateKey.generate().public.raw)
    assert 1 == run("--vkey", stranger).exit_code
    header, claims, signature = text.split(".")
    said = base64url.decode(claims).replace(b"withdrawn", b"amended--")
    path.write_text(f"{header}.{base64url.encode(said)}.{signature}", encoding="ascii")
    assert 1 == run("--vkey", key).exit_code
    path.write_text("no certificate", encoding="ascii")
    assert 1 == run("--vkey", key).exit_code
