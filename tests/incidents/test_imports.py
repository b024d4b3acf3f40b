"""Many reports at once: each line is what a single report would be, whatever dies meanwhile."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.crypto.merkle import leaf_hash
from registry.crypto.signature import split_compact, verify
from registry.database.transaction import Transaction
from registry.incidents import import_store, standings
from registry.incidents.changes import Change
from registry.incidents.import_model import CHUNK_LINES_MAX, LINE_BYTES_MAX, chunks_of
from registry.incidents.imports import ACCEPTED_WITHIN, KEPT
from registry.incidents.model import Incident
from registry.jobs.model import Job
from registry.kernel import base64url
from registry.kernel.canonical import canonical_json
from registry.kernel.clock import MovableClock
from registry.kernel.ids import ImportId, Prefix, new_uuid, parse_id
from tests.incidents.door import document
from tests.nodes import Caller, new_caller
from tests.rulebook.filings import NOW

PATH = "/v1/imports"


@pytest.fixture
def alpha(node: Node, app: Flask, clock: MovableClock) -> Caller:
    clock.move(NOW - clock.now())
    return new_caller(node, app, "alpha")


def token_of(name: str) -> str:
    return base64url.encode(sha256(name.encode()).digest())


def about(reference: str, *names: str, **changes: Any) -> dict[str, Any]:
    """A report under `reference` about the person of these identities."""
    identities = [
        {
            "type": "phone/1",
            "key_id": "k1",
            "token": token_of(name),
            "last_verified_on": "2026-10-01",
        }
        for name in names or (reference,)
    ]
    return document(**({"reference": reference, "identities": identities} | changes))


def evidence(kind: str) -> dict[str, Any]:
    digest = sha256(kind.encode()).hexdigest()
    return {"class": kind, "digest": f"sha256:{digest}", "media_type": "image/jpeg"}


def lines_of(documents: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


def send(caller: Caller, body: bytes, **headers: str) -> TestResponse:
    """The answer to an import."""
    return caller.call("POST", PATH, body, content_type="application/x-ndjson", headers=headers)


def import_all(node: Node, caller: Caller, documents: Sequence[Any]) -> dict[str, Any]:
    """Imports `documents` to the end; what is shown of it then."""
    body = documents if isinstance(documents, bytes) else lines_of(documents)
    answer = send(caller, body)
    assert 202 == answer.status_code, answer.text
    node.worker.run_due()
    return shown(caller, answer.headers["Location"])


def shown(caller: Caller, target: str) -> dict[str, Any]:
    answer = caller.call("GET", target)
    assert 200 == answer.status_code, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def counts(document: dict[str, Any]) -> tuple[str, int, int, int]:
    facts = document["import"]
    assert facts["done"] == facts["filed"] + facts["repeated"] + facts["refused"]
    return facts["state"], facts["filed"], facts["repeated"], facts["refused"]


def rows(node: Node, table: sa.Table) -> list[sa.Row[Any]]:
    with node.database.reading() as transaction:
        return list(transaction.execute(sa.select(table)))


def incidents_of(caller: Caller) -> dict[str, Any]:
    """A member's incidents by reference."""
    listed = caller.call("GET", "/v1/incidents").json
    assert isinstance(listed, dict)
    return {each["reference"]: each for each in listed["incidents"]}


def test_each_line_is_filed_as_a_report_alone_is(node: Node, app: Flask, alpha: Caller) -> None:
    """The same facts, the same filing; what differs is who filed it, and its ids."""
    beta = new_caller(node, app, "beta")
    documents = [
        about("one"),
        about("two", "ming", "ming at work", order='back\\slash "quoted" 中文'),
        about("three", code="B110", evidence=[evidence("E1"), evidence("E2")], amount=None),
    ]
    assert ("finished", 3, 0, 0) == counts(import_all(node, alpha, documents))
    for each in documents:
        assert 201 == beta.call("POST", "/v1/incidents", each).status_code
    own = {"id", "receipt"}
    expected = {
        reference: {name: value for name, value in each.items() if name not in own}
        for reference, each in incidents_of(beta).items()
    }
    assert expected == {
        reference: {name: value for name, value in each.items() if name not in own}
        for reference, each in incidents_of(alpha).items()
    }


def test_receipts_are_signed_when_they_are_read(node: Node, alpha: Caller) -> None:
    """They name the entry that is in the log, and stay the same."""
    import_all(node, alpha, [about("one")])
    (incident,) = incidents_of(alpha).values()
    again = alpha.call("POST", "/v1/incidents", about("one"))
    assert (200, incident["receipt"]) == (again.status_code, again.json["receipt"])
    receipt = split_compact(incident["receipt"])
    assert verify(receipt, node.signing_key.public)
    claims = json.loads(receipt.claims)
    with node.database.reading() as transaction:
        uuid = parse_id(Prefix.ENTRY, claims["entry"])
        entry = node.ledger.entry(transaction, uuid)
        opening = node.ledger.opening(transaction, uuid)
    assert entry is not None
    assert opening is not None
    assert base64url.encode(leaf_hash(entry)) == claims["leaf"]
    assert ("incidents", int(NOW.timestamp())) == (claims["log"], claims["iat"])
    subject = json.loads(opening.subject)
    assert incident["id"] == subject["incident"]
    assert {"content", "incident", "seeds"} == subject.keys()
    assert opening.subject == canonical_json(subject)
    assert alpha.member.id == json.loads(opening.header)["member"]


REFUSED = [
    about("r" * 65),
    about("no proof", evidence=None, notice=None),
    about("unknown key", identities=[about("x")["identities"][0] | {"key_id": "k9"}]),
    about("future", occurred_on="2026-11-01"),
    about("twice", "ming", "ming"),
    about("extra") | {"surprise": 1},
    7,
    [],
]


def test_each_line_fails_alone_and_as_a_report_alone_does(node: Node, alpha: Caller) -> None:
    """The same problem with the same errors, in the order of the lines."""
    documents = [about("good one"), *REFUSED, about("good two")]
    shown_now = import_all(node, alpha, documents)
    assert ("finished", 2, 0, len(REFUSED)) == counts(shown_now)
    assert {"good one", "good two"} == incidents_of(alpha).keys()
    for line, (bad, told) in enumerate(zip(REFUSED, shown_now["problems"], strict=True), 2):
        alone = alpha.call("POST", "/v1/incidents", bad).json
        assert isinstance(alone, dict)
        assert line == told["line"]
        members = ("type", "title", "status", "detail", "errors")
        assert [alone.get(each) for each in members] == [
            told["problem"].get(each) for each in members
        ]


def test_what_is_no_json_is_that_lines_problem(node: Node, alpha: Caller) -> None:
    """Duplicate members, broken text, a line too long; blank lines count and are skipped."""
    good = json.dumps(about("good")).encode()
    long = b'{"reference":"' + b"x" * LINE_BYTES_MAX + b'"}'
    body = b"\n".join([b"{", b"", b'{"a":1,"a":2}', b"\xff", long, b"  \r", good])
    result = import_all(node, alpha, body)
    assert ("finished", 1, 0, 4) == counts(result)
    assert [
        (1, "malformed-json"),
        (3, "malformed-json"),
        (4, "malformed-json"),
        (5, "line-too-long"),
    ] == [(each["line"], each["problem"]["type"].rpartition("/")[2]) for each in result["problems"]]


def test_a_reference_is_one_incident_however_often_it_comes(node: Node, alpha: Caller) -> None:
    """Filed alone, twice in one import, in two imports; another body is that line's problem."""
    assert 201 == alpha.call("POST", "/v1/incidents", about("alone")).status_code
    documents = [about("alone"), about("here"), about("here"), about("here", order="another")]
    result = import_all(node, alpha, documents)
    assert ("finished", 1, 2, 1) == counts(result)
    (refused,) = result["problems"]
    assert (4, "here") == (refused["line"], refused["reference"])
    assert 409 == refused["problem"]["status"]
    assert ("finished", 0, 3, 1) == counts(import_all(node, alpha, documents))
    assert {"alone", "here"} == incidents_of(alpha).keys()


def test_a_line_that_is_refused_leaves_its_reference_free(node: Node, alpha: Caller) -> None:
    """A later line may use it."""
    documents = [about("case", notice=None), about("case")]
    assert ("finished", 1, 0, 1) == counts(import_all(node, alpha, documents))


def test_what_was_removed_does_not_come_back(node: Node, alpha: Caller) -> None:
    """What was withdrawn and is filed again under another reference is refused."""
    import_all(node, alpha, [about("first")])
    (incident,) = incidents_of(alpha).values()
    withdrawal = alpha.call("POST", f"/v1/incidents/{incident['id']}/withdrawal", {})
    assert 200 == withdrawal.status_code
    result = import_all(node, alpha, [about("second", "first")])
    assert ("finished", 0, 0, 1) == counts(result)
    assert "/reinsertion-refused" in result["problems"][0]["problem"]["type"]


def standing_rows(node: Node) -> dict[bytes, str]:
    return {bytes(row.lookup_key): row.contributions for row in rows(node, standings.standings)}


def test_standings_are_what_they_would_be_anew(node: Node, app: Flask, alpha: Caller) -> None:
    """Of clean people, of people already known, of people in several lines and identities."""
    beta = new_caller(node, app, "beta")
    assert 201 == beta.call("POST", "/v1/incidents", about("known", "ming", "hong")).status_code
    documents = [about("a", "ming"), about("b", "hong", "lan"), about("c", "lan"), about("d")]
    assert ("finished", 4, 0, 0) == counts(import_all(node, alpha, documents))
    before = standing_rows(node)
    assert 4 == len(before)
    with node.database.transaction() as transaction:
        standings.recompute(transaction, set(before), NOW.date())
    assert before == standing_rows(node)


class Hearer:
    """Hears of changes as a set."""

    def __init__(self) -> None:
        self.heard: list[list[Incident]] = []

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        self.heard.append([change.after])

    def incidents_changed(self, transaction: Transaction, changes: Sequence[Change]) -> None:
        self.heard.append([change.after for change in changes])


def test_listeners_are_told_of_all_at_once(node: Node, alpha: Caller) -> None:
    """One call for a batch."""
    hearer = Hearer()
    node.incident_listeners.subscribe(hearer)
    import_all(node, alpha, [about("one"), about("two"), about("three", notice=None)])
    assert [{"one", "two"}] == [{each.reference for each in batch} for batch in hearer.heard]


def test_an_import_waits_sealed_and_leaves_nothing(node: Node, alpha: Caller) -> None:
    """No token is readable in the database, before or after."""
    answer = send(alpha, lines_of([about("one")]))
    (chunk,) = rows(node, import_store.import_chunks)
    assert token_of("one").encode() not in bytes(chunk.sealed)
    assert "waiting" == answer.json["import"]["state"]
    node.worker.run_due()
    assert [] == rows(node, import_store.import_chunks)


class Dies(Exception):
    """The process, at the worst moment."""


def test_a_step_that_dies_leaves_nothing_and_is_done_again(node: Node, alpha: Caller) -> None:
    """After each step of a long import the process dies before its commit, then it goes on."""
    documents = [about(f"case-{number}") for number in range(CHUNK_LINES_MAX * 2 + 100)]
    answer = send(alpha, lines_of(documents))
    wanted = ImportId(answer.json["import"]["id"])
    job = Job(id=new_uuid(NOW), kind="", payload={"import": wanted}, run_at=NOW, attempt=1)
    filed = 0
    while True:
        with suppress(Dies), node.database.transaction() as transaction:
            node.imports.work(transaction, job, NOW)
            raise Dies
        assert filed == len(standing_rows(node))
        with node.database.transaction() as transaction:
            again = node.imports.work(transaction, job, NOW)
        filed = len(standing_rows(node))
        if again is None:
            break
    result = shown(alpha, answer.headers["Location"])
    assert ("finished", len(documents), 0, 0) == counts(result)
    # The job itself finds nothing left to do.
    node.worker.run_due()
    assert len(documents) == len(standing_rows(node))


def test_a_report_that_comes_while_an_import_is_decided_on_is_found(
    node: Node, alpha: Caller
) -> None:
    """The same body sent twice and worked off in turns files nothing twice."""
    documents = [about(f"case-{number}") for number in range(20)]
    for _ in range(3):
        assert 202 == send(alpha, lines_of(documents)).status_code
    node.worker.run_due()
    imports = shown(alpha, PATH)["imports"]
    found = sorted((each["filed"], each["repeated"]) for each in imports)
    assert [(0, 20), (0, 20), (20, 0)] == found


def test_a_member_that_may_not_report_any_more_is_not_filed_for(node: Node, alpha: Caller) -> None:
    """The import stops; nothing of it waits."""
    answer = send(alpha, lines_of([about("one")]))
    with node.database.transaction() as transaction:
        node.members.suspend(transaction, alpha.member.id, node.clock.now())
    node.worker.run_due()
    (kept,) = rows(node, import_store.imports)
    assert ("stopped", 0) == (kept.state, kept.filed)
    assert [] == rows(node, import_store.import_chunks)
    assert 202 == answer.status_code


def test_problems_are_read_page_by_page(node: Node, alpha: Caller) -> None:
    """The Link header leads through all of them."""
    answer = send(alpha, lines_of([about(f"{number}", notice=None) for number in range(5)]))
    node.worker.run_due()
    target, lines = answer.headers["Location"] + "?limit=2", []
    while target:
        page = alpha.call("GET", target)
        lines += [each["line"] for each in page.json["problems"]]
        target = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert [1, 2, 3, 4, 5] == lines


def test_an_import_is_its_makers_own(node: Node, app: Flask, alpha: Caller) -> None:
    """Another member sees none of it."""
    target = send(alpha, lines_of([about("one")])).headers["Location"]
    beta = new_caller(node, app, "beta")
    assert 404 == beta.call("GET", target).status_code
    assert [] == shown(beta, PATH)["imports"]
    assert 404 == alpha.call("GET", f"{PATH}/imp_nonsense").status_code
    assert 400 == alpha.call("GET", f"{PATH}?cursor=AAAA").status_code


def test_what_is_no_import_is_refused(node: Node, alpha: Caller) -> None:
    """And leaves nothing."""
    assert 422 == send(alpha, b"\n \n").status_code
    # Without a body there is no hash of it to claim.
    nothing = send(alpha, b"", **{"Content-Type": "application/x-ndjson"})
    assert (422, "import-empty") == (nothing.status_code, nothing.json["type"].rpartition("/")[2])
    assert 415 == alpha.call("POST", PATH, b"{}").status_code
    assert [] == rows(node, import_store.import_chunks)


def test_unfinished_imports_have_a_limit(alpha: Caller) -> None:
    """The next is told to come back."""
    for number in range(16):
        assert 202 == send(alpha, lines_of([about(f"{number}")])).status_code
    answer = send(alpha, lines_of([about("one too many")]))
    assert (429, "60") == (answer.status_code, answer.headers["Retry-After"])


def test_what_ended_long_ago_is_forgotten(node: Node, alpha: Caller, clock: MovableClock) -> None:
    """With its problems; and so are chunks whose call never ended."""
    import_all(node, alpha, [about("one"), about("two", notice=None)])
    lost = ImportId(f"imp_{new_uuid(clock.now())}")
    with node.database.transaction() as transaction:
        import_store.add_chunk(transaction, lost, 0, 1, b"sealed")
    clock.move(ACCEPTED_WITHIN / 2)
    node.worker.run_due()
    assert 1 == len(rows(node, import_store.import_chunks))
    clock.move(ACCEPTED_WITHIN + timedelta(hours=1))
    node.worker.run_due()
    assert [] == rows(node, import_store.import_chunks)
    clock.move(KEPT)
    node.worker.run_due()
    assert [] == rows(node, import_store.imports) + rows(node, import_store.import_problems)


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_chunks_are_the_lines_however_they_come(lines: list[bytes], size: int) -> None:
    """In their order, with their numbers, whatever the pieces."""
    body = b"\n".join(line.replace(b"\n", b"") for line in lines)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    *expected, last = body.split(b"\n")
    expected += [last] if last else []
    assert expected == [line for chunk in chunks_of(pieces) for line in chunk.lines]
