"""One person's case from the morning it is reported to the day nothing of it is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from registry.app.home import create_node
from registry.app.node import Node, assemble
from registry.cli import main
from registry.crypto.note import SignatureType, parse_vkey, vkey
from registry.crypto.signature import split_compact, verify
from registry.kernel import strict_json
from registry.kernel.clock import MovableClock, format_instant
from registry.members.model import Role
from registry.notices.certificates import CERTIFICATE_TYPE
from registry.settings import Mode, Settings
from tests.lookups.samples import Market, new_market, question
from tests.nodes import FEDERATION, ORIGIN, Caller, new_app, new_caller
from tests.notices.mailbox import Mailbox, mailbox
from tests.notices.receiver import Receiver, receiving
from tests.notices.test_webhooks import verifies_v1a
from tests.notices.world import ok
from tests.oversight.world import dump_of, stands_in
from tests.subjects.person import EMAIL, PHONE, Person, token_of

NUMBER, TWIN, MAIL = "+8613800138000", "+8613900139000", "ming@example.cn"
HELD_SINCE = date(2020, 1, 1)
INTENT = "The photograph stands in a catalogue of the year before last."
STATEMENT = "It was not me.\nI was in hospital that week."
# What differs between two answers about people of whom the same is known.
PASSING = {"lookup", "receipt"}


@dataclass(slots=True, kw_only=True)
class Street:
    """A node with its platforms, a mailbox, and two people of whom the same old thing is known."""

    node: Node
    app: Flask
    clock: MovableClock
    market: Market
    box: Mailbox

    def pass_time(self, **by: float) -> None:
        """Moves the clock; what is due is done, and the log goes on."""
        self.node.sequencer.step()
        self.clock.move(timedelta(**by))
        self.node.worker.run_due()
        self.node.sequencer.step()

    def report(self, furnisher: Caller, number: str, **changes: Any) -> str:
        identity = token_of(self.node, PHONE, number)
        verified = {"last_verified_on": self.market.today.isoformat()}
        filing = self.market.filing(identities=[identity | verified], **changes)
        filed = ok(furnisher.call("POST", "/v1/incidents", filing), 201)
        return str(filed["incident"]["id"])

    def ask(self, inquirer: Caller, number: str = NUMBER, **changes: Any) -> dict[str, Any]:
        """The answer to a lookup, which has its place in the log."""
        body = question(identities=[token_of(self.node, PHONE, number)], **changes)
        found: dict[str, Any] = ok(inquirer.call("POST", "/v1/lookups", body))
        self.node.sequencer.step()
        return found

    def letters(self) -> list[str]:
        """Subjects of the mails that arrived, in their order."""
        return [str(each["Subject"]) for each in self.box.mails]

    def person(self) -> Person:
        """She signs in with her phone and her mailbox; letters go there."""
        person = Person(app=self.app, node=self.node)
        person.sign_in(NUMBER, held_since=HELD_SINCE)
        person.sign_in(MAIL, EMAIL, held_since=HELD_SINCE, letters="here")
        return person


def known(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of the person."""
    return {name: value for name, value in answer.items() if name not in PASSING}


@pytest.fixture
def street(
    tmp_path: Path, database_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Street]:
    with mailbox() as box:
        settings = Settings(
            home=tmp_path / "node",
            origin=ORIGIN,
            federation=FEDERATION,
            mode=Mode.SANDBOX,
            database_url=database_url,
            mail_server=f"smtp://127.0.0.1:{box.port}",
            mail_from="registry@registry.example",
        )
        create_node(settings)
        # The commands of an operator work on the same node.
        monkeypatch.setenv("REGISTRY_HOME", str(settings.home))
        monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        node = assemble(settings, clock, clock)
        app = new_app(node)
        yield Street(node=node, app=app, clock=clock, market=new_market(node, app, clock), box=box)
        node.database.close()


@pytest.fixture
def ears() -> Iterator[tuple[Receiver, Receiver]]:
    with receiving() as first, receiving() as second:
        yield first, second


def test_reported_contested_cleared_and_forgotten(
    street: Street, ears: tuple[Receiver, Receiver], tmp_path: Path
) -> None:
    """Reported in the morning; in the end nothing is known but what the log proves."""
    market, platform = street.market, street.market.furnisher
    shops = [
        market.inquirer,
        new_caller(street.node, street.app, "Shop", frozenset({Role.INQUIRER})),
    ]
    keys = []
    for shop, ear in zip(shops, ears, strict=True):
        added = shop.call("POST", "/v1/webhooks", {"url": ear.url, "types": ["correction"]})
        keys.append(ok(added, 201)["keys"]["public_key"])

    # An old story of both people, which stays; and she asked to be written to.
    for number in (NUMBER, TWIN):
        street.report(market.other_furnisher, number)
    person = street.person()
    ok(person.call("PUT", "/v1/subject/alerts"))
    street.pass_time(minutes=1)
    earlier = known(street.ask(shops[0]))
    assert earlier == known(street.ask(shops[0], TWIN))
    assert 1 == earlier["incidents"]["active"]

    # In the morning a platform reports, which told her a week ago; the registry tells her too.
    street.pass_time(minutes=1)
    before = len(street.box.mails)
    incident = street.report(platform, NUMBER, code="B113", intent=INTENT)
    street.pass_time(minutes=5)
    (told,) = street.box.mails[before:]
    assert MAIL == told["To"]
    assert incident in told.get_content()

    # Two shops look her up before they refund, and refuse.
    street.pass_time(hours=1)
    lookups = []
    for shop in shops:
        found = street.ask(shop, order=f"order at {shop.member.name}")
        assert found["score"] < earlier["score"]
        lookups.append(found["lookup"]["id"])
        outcome = {"decision": "refused", "human_reviewed": True}
        target = f"/v1/lookups/{found['lookup']['id']}/outcome"
        ok(shop.call("POST", target, outcome), 201)
    receipts = [each.replace("lkp_", "ent_") for each in lookups]

    # She sees what is filed, who looked and why.
    person = street.person()
    record = ok(person.call("GET", "/v1/subject/record"))
    shown = {each["id"]: each for each in record["incidents"]}[incident]
    assert ("active", "B113", "Furnisher", INTENT) == (
        shown["state"],
        shown["code"],
        shown["furnisher"]["name"],
        shown["intent"],
    )
    street.node.sequencer.step()
    history = ok(person.call("GET", "/v1/subject/history?limit=100"))["entries"]
    looked = {each["entry"]: each for each in history if each["type"] == "lookup"}
    for shop, receipt in zip(shops, receipts, strict=True):
        seen = looked[receipt]
        assert (shop.member.name, "refund_only_review", f"order at {shop.member.name}") == (
            seen["member"]["name"],
            seen["purpose"],
            seen["said"]["order"],
        )
        assert seen["inclusion"]

    # She contests it: not me. At once it counts as contested.
    contest = {"incident": incident, "grounds": ["not_me"], "statement": STATEMENT, "then": "lodge"}
    appeal = ok(person.call("POST", "/v1/subject/appeals", contest), 201)["appeal"]
    assert "relayed" == appeal["state"]
    street.pass_time(minutes=1)
    assert 1 == street.ask(shops[0])["incidents"]["under_appeal"]
    notices = ok(platform.call("GET", "/v1/notices"))["notices"]
    assert "appeal.relayed" in [each["type"] for each in notices]

    # The platform says nothing. The time limit she was shown runs out.
    limits = {each["milestone"]: each["due_at"] for each in appeal["deadlines"]}
    while format_instant(street.clock.now()) <= limits["answer"]:
        street.pass_time(days=1)
    street.pass_time(minutes=5)
    person = street.person()
    ended = ok(person.call("GET", f"/v1/subject/appeals/{appeal['id']}"))["appeal"]
    assert ("closed", "overturned", "silence") == (ended["state"], ended["outcome"], ended["basis"])
    after = known(street.ask(shops[0]))
    assert after == known(street.ask(shops[0], TWIN))
    assert (earlier["score"], earlier["incidents"]["active"]) == (after["score"], 1)

    letters = [subject.partition(" / ")[2] for subject in street.letters()]
    decided = "Your objection has been decided: the incident is removed"
    received, corrected = "We have received your objection", "Your record has been corrected"
    assert letters.index(received) < letters.index(decided) < letters.index(corrected)

    # Both shops are called back, and say what they did.
    for shop, ear, key in zip(shops, ears, keys, strict=True):
        (recalled,) = ear.received
        assert verifies_v1a(recalled, key)
        event = strict_json.parse(recalled.body)
        assert ("correction.told", incident) == (event["type"], event["data"]["incident"])
        did = {"did": "decision_reversed", "reviewer": "staff-1"}
        target = f"/v1/corrections/{event['data']['correction']}/acknowledgement"
        ok(shop.call("POST", target, did))

    # She has it in writing, signed by a key the node publishes.
    target = f"/v1/subject/corrections/{incident}/certificate"
    said = certified(street, ok(person.call("GET", target))["certificate"])
    (correction,) = said["corrections"]
    assert (incident, "overturned", True) == (
        said["incident"],
        correction["kind"],
        correction["is_complete"],
    )
    assert {(each.member.name, "decision_reversed") for each in shops} == {
        (each["name"], each["did"]) for each in correction["told"]
    }

    # What was said of her is nowhere any more; what happened is still proved.
    assert stands_in(dump_of(street.node), INTENT.encode())
    street.pass_time(days=6)
    street.pass_time(hours=1)
    left = dump_of(street.node)
    for gone in (INTENT, STATEMENT.partition("\n")[0]):
        assert not stands_in(left, gone.encode()), gone
    record = ok(street.person().call("GET", "/v1/subject/record"))
    assert incident not in [each["id"] for each in record["incidents"]]
    assert [] == ok(street.person().call("GET", "/v1/subject/appeals"))["appeals"]
    street.node.sequencer.step()
    street.node.fsck.check()
    for receipt in receipts:
        proof = tmp_path / f"{receipt}.tlog-proof"
        proof.write_bytes(street.app.test_client().get(f"/v1/receipts/{receipt}.tlog-proof").data)
        assert run("receipt", "verify", str(proof), "--vkey", key_of(street)).exit_code == 0
    assert run("log", "export", str(tmp_path / "out")).exit_code == 0
    exported = [each.parent for each in (tmp_path / "out").rglob("checkpoint")]
    # The access log is for supervisors; the incidents' log is anyone's.
    assert exported
    for place in exported:
        origin = (place / "checkpoint").read_text().partition("\n")[0]
        key = vkey(origin, street.node.signing_key.public.raw)
        assert run("log", "verify", str(place), "--vkey", key).exit_code == 0


def published(street: Street) -> Any:
    """What the node says of itself."""
    return ok(street.app.test_client().get("/.well-known/consumer-credit-registry"))


def key_of(street: Street) -> str:
    return str(published(street)["logs"][0]["vkey"])


def certified(street: Street, certificate: str) -> Any:
    """What a certificate says, once a published key has verified it."""
    compact = split_compact(certificate, 1_000_000)
    assert CERTIFICATE_TYPE == compact.header["typ"]
    _, key = parse_vkey(key_of(street), SignatureType.ED25519)
    assert verify(compact, key)
    return strict_json.parse(compact.claims)


def run(*arguments: str) -> Any:
    """What a command of the operator's comes to."""
    return CliRunner().invoke(main, arguments)
