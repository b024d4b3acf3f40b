"""The client against the whole registry: a real server, both databases."""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from registry.app import create_app
from registry.app.home import create_node
from registry.app.node import Node, assemble, migrate
from registry.cli import main
from registry.client import (
    Advice,
    Amendment,
    Authorisation,
    Band,
    Decision,
    Evidence,
    Identifier,
    IncidentState,
    Lookup,
    LookupRequest,
    Match,
    Notice,
    NotLookedUp,
    Outcome,
    Registry,
    RegistryProblem,
    Report,
    mailbox,
)
from registry.crypto.signature import Algorithm, PrivateKey
from registry.members.key_proof import make_key_proof
from registry.members.model import Admission, Role
from registry.settings import Mode, Settings

CONSENT = Authorisation(basis="separate_consent", reference="C-77")
PHONE = "138 0013 8000"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A served node, and its two members' clients."""

    node: Node
    furnisher: Registry
    inquirer: Registry
    inquirer_key: PrivateKey


def days_ago(days: int) -> datetime:
    return (datetime.now(UTC) - timedelta(days=days)).replace(microsecond=0)


def report(reference: str = "R-1", **changes: object) -> Report:
    """A complete report of a fortnight ago, in effect since this week."""
    verified_on = days_ago(20).date()
    whole = Report(
        reference=reference,
        identities=[
            Identifier.phone(PHONE, last_verified_on=verified_on),
            *mailbox("Zhang.San+shop@gmail.com", last_verified_on=verified_on),
        ],
        code="B110",
        role="buyer",
        occurred_on=days_ago(20).date(),
        adult_attested=True,
        confirmed_on=days_ago(15).date(),
        order="O-1",
        evidence=[
            Evidence.of(f"{reference} {name}".encode(), evidence_class=name, media_type="image/png")
            for name in ("E1", "E2")
        ],
        intent="The courier's picture shows the buyer with the parcel said to be missing.",
        reviewers=["staff-0017"],
        decision=Decision(kind="refund_refused", decided_on=days_ago(15).date()),
        notice=Notice(delivered_at=days_ago(10), channel="in_app"),
    )
    return replace(whole, **changes)  # type: ignore[arg-type] # members of Report


def ask(registry: Registry, *identifiers: Identifier, order: str = "O-2") -> Lookup:
    return registry.lookup(
        identifiers or [Identifier.phone(PHONE)],
        purpose="refund_only_review",
        order=order,
        authorisation=CONSENT,
        agent="staff-0099",
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def made_node(home: Path, database_url: str) -> Settings:
    settings = Settings(
        home=home,
        origin=f"http://127.0.0.1:{free_port()}",
        federation="test.example",
        mode=Mode.SANDBOX,
        database_url=database_url,
    )
    create_node(settings)
    migrate(settings)
    return settings


def admitted(
    node: Node, name: str, role: Role, algorithm: Algorithm
) -> tuple[Registry, PrivateKey]:
    key = PrivateKey.generate(algorithm)
    now = datetime.now(UTC)
    proof = make_key_proof(key, audience=node.settings.origin, now=now, jti=secrets.token_bytes(16))
    with node.database.transaction() as transaction:
        member = node.members.admit(transaction, Admission(name=name, roles={role}), [proof], now)
    federation = node.settings.federation
    return Registry(node.settings.origin, member.id, key, federation=federation), key


@contextmanager
def served(node: Node) -> Iterator[None]:
    """The node behind a real server, until the end of the block."""
    port = int(node.settings.origin.rpartition(":")[2])
    server = make_server("127.0.0.1", port, create_app(node), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    node = assemble(made_node(tmp_path / "node", database_url))
    furnisher, _ = admitted(node, "Taohuo Mall", Role.FURNISHER, Algorithm.EDDSA)
    inquirer, key = admitted(node, "Xianpin", Role.INQUIRER, Algorithm.ES256)
    with served(node), furnisher, inquirer:
        yield Place(node=node, furnisher=furnisher, inquirer=inquirer, inquirer_key=key)
    node.database.close()


def test_one_platform_reports_and_another_looks_up(place: Place) -> None:
    """The main job: an unknown person, a report, a lookup that is explained, a withdrawal."""
    before = ask(place.inquirer)
    assert (Match.NONE, Band.N, None, Advice.PROCEED) == (
        before.match,
        before.band,
        before.score,
        before.advice,
    )
    filed = place.furnisher.report(report())
    assert (True, IncidentState.ACTIVE, "S2") == (
        filed.is_new,
        filed.incident.state,
        filed.incident.severity,
    )
    assert "incidents" == place.furnisher.verify_receipt(filed.receipt).log

    known = ask(place.inquirer, Identifier.email("zhang.san+other@GMAIL.com"))
    assert Match.NONE is known.match, "the address as written is another"
    known = ask(place.inquirer, *mailbox("zhang.san+other@GMAIL.com"))
    assert (Match.MATCH, 1, 1) == (
        known.match,
        known.incidents.active,
        known.incidents.furnishers,
    )
    assert known.score is not None
    assert ["B110"] == [reason.code for reason in known.reasons]
    assert known.score == 830 - sum(reason.points for reason in known.reasons)

    withdrawn = place.furnisher.withdraw(filed.incident.id, reason="It was another buyer.")
    assert IncidentState.WITHDRAWN is withdrawn.incident.state
    assert Band.N is ask(place.inquirer).band


def test_receipt_leads_to_the_entry_it_speaks_of(place: Place) -> None:
    """The leaf of a receipt is the hash of the entry; only who made it sees it opened."""
    answer = ask(place.inquirer)
    receipt = place.inquirer.verify_receipt(answer.receipt)
    assert answer.id.removeprefix("lkp_") == receipt.entry.removeprefix("ent_")
    own = place.inquirer.receipt(receipt.entry)
    assert receipt.leaf == own.leaf
    assert own.opening is not None
    assert (place.inquirer.member, "refund_only_review", "O-2") == tuple(
        own.opening.header[name] for name in ("member", "purpose", "order")
    )
    assert None is place.furnisher.receipt(receipt.entry).opening


def test_report_is_filed_once(place: Place) -> None:
    """The same report again is the same incident; another one under its reference is refused."""
    # One filing: made anew, a notice so many days ago would be a second later.
    same = report()
    first, second = place.furnisher.report(same), place.furnisher.report(same)
    assert (True, False) == (first.is_new, second.is_new)
    assert first.incident.id == second.incident.id
    with pytest.raises(RegistryProblem) as caught:
        place.furnisher.report(report(intent="Something else altogether is said here."))
    assert (409, "reference-taken") == (caught.value.status, caught.value.slug)


def test_incomplete_filing_is_told_everything(place: Place) -> None:
    """All that the standard of proof misses comes in one answer, with pointers."""
    bare = report(evidence=None, intent=None, reviewers=None, decision=None, notice=None)
    with pytest.raises(RegistryProblem) as caught:
        place.furnisher.report(bare)
    pointers = {error.pointer.split("/")[1] for error in caught.value.errors}
    assert {"evidence", "intent", "reviewers", "decision", "notice"} <= pointers


def test_incident_is_listed_read_and_amended(place: Place) -> None:
    """A furnisher sees its own incidents, and amends the version it has read."""
    filed = place.furnisher.report(report())
    (listed,) = place.furnisher.incidents()
    assert (filed.incident.id, "R-1", "B110") == (listed.id, listed.reference, listed.code)
    read = place.furnisher.incident(listed.id)
    amended = place.furnisher.amend(read, Amendment(order="O-1-b"))
    assert read.etag != amended.incident.etag
    with pytest.raises(RegistryProblem) as caught:
        place.furnisher.amend(read, Amendment(order="O-1-c"))
    assert 412 == caught.value.status


def test_batch_and_outcome(place: Place) -> None:
    """Each of a batch is answered or refused for itself; an outcome is recorded."""
    place.furnisher.report(report())
    requests = [
        LookupRequest(
            identities=[Identifier.phone(PHONE)],
            purpose=purpose,
            order=f"O-{purpose}",
            authorisation=CONSENT,
            agent="staff-0099",
        )
        for purpose in ("refund_only_review", "supervision")
    ]
    first, second = place.inquirer.lookup_many(requests)
    assert isinstance(first, Lookup)
    assert isinstance(second, NotLookedUp)
    assert 403 == second.problem.status
    outcome = Outcome(decision="returned", human_reviewed=True)
    recorded = place.inquirer.record_outcome(first.id, outcome)
    assert first.id == recorded.lookup
    place.inquirer.verify_receipt(recorded.receipt)


def test_number_that_changed_hands_is_a_weak_match(place: Place) -> None:
    """A person who got the number long after it was verified is judged by a human."""
    place.furnisher.report(report())
    later = date.today() + timedelta(days=365)  # noqa: DTZ011 - any day far ahead
    answer = ask(place.inquirer, Identifier.phone(PHONE, held_since=later))
    assert (Match.WEAK, None, Advice.HUMAN_REVIEW) == (answer.match, answer.score, answer.advice)


def test_member_does_only_what_it_was_admitted_for(place: Place) -> None:
    """Without the scope a call is refused, by name."""
    with pytest.raises(RegistryProblem) as caught:
        place.inquirer.report(report())
    assert (403, "scope-missing") == (caught.value.status, caught.value.slug)


def test_rulebook_is_served(place: Place) -> None:
    """Both editions can be read by anyone."""
    rulebook = place.inquirer.rulebook()
    assert "cn-2026.1" == rulebook.current
    assert {"cn-2026.1", "us-2026.1"} <= set(rulebook.editions)
    assert place.inquirer.rulebook("us-2026.1").document != rulebook.document


def test_commands_speak_to_a_real_registry(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`registry lookup` explains, and verifies the receipt, with a profile alone."""
    (tmp_path / "key.pem").write_bytes(place.inquirer_key.to_pem())
    members = {
        "origin": place.node.settings.origin,
        "member": place.inquirer.member,
        "private_key_file": "key.pem",
    }
    (tmp_path / "profile.json").write_text(json.dumps(members))
    monkeypatch.setenv("CCR_PROFILE", str(tmp_path / "profile.json"))
    place.furnisher.report(report())
    words = ["lookup", "--phone", PHONE, "--order", "O-7", "--purpose", "return_review"]
    done = CliRunner().invoke(main, [*words, "--consent", "C-1", "--agent", "s-1", "--json"])
    shown = json.loads(done.stdout)
    assert ("match", "access") == (shown["match"], shown["verified_receipt"]["log"])


def test_gunicorn_serves_the_same(tmp_path: Path) -> None:
    """Behind gunicorn, as in production, the journey is the same."""
    home = tmp_path / "node"
    settings = made_node(home, "")
    node = assemble(settings)
    furnisher, _ = admitted(node, "Taohuo Mall", Role.FURNISHER, Algorithm.ES256)
    inquirer, _ = admitted(node, "Xianpin", Role.INQUIRER, Algorithm.EDDSA)
    node.database.close()
    with behind_gunicorn(settings), furnisher, inquirer:
        furnisher.report(report())
        answer = ask(inquirer)
        inquirer.verify_receipt(answer.receipt)
    assert Match.MATCH is answer.match


@contextmanager
def behind_gunicorn(settings: Settings) -> Iterator[None]:
    """The node's own server configuration, until the end of the block."""
    address = settings.origin.removeprefix("http://")
    command = [sys.executable, "-m", "gunicorn", "--config", "python:registry.app.server"]
    server = subprocess.Popen(
        [*command, "--bind", address],
        env={**os.environ, "REGISTRY_HOME": str(settings.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        assert any("Booting worker" in line for line in lines), "gunicorn did not start"
        yield
    finally:
        server.terminate()
        server.communicate(timeout=30)
