"""A member's whole conversation with a registry that was written apart from the client."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from registry.client import (
    Advice,
    Amendment,
    AnswerNotTrusted,
    AnswerNotUnderstood,
    Authorisation,
    Band,
    Decision,
    Evidence,
    Identifier,
    IncidentState,
    InvalidIdentifier,
    Lookup,
    LookupRequest,
    Match,
    Money,
    Notice,
    NotLookedUp,
    Outcome,
    Registry,
    RegistryProblem,
    Report,
)
from registry.client.answers import read_lookup
from registry.client.reading import Reader
from tests.client.hand_timer import HandTimer
from tests.client.little_log import ENTRY, ENTRY_BYTES
from tests.client.little_registry import INCIDENT, LOOKUP, LittleRegistry, Reply

PHONE = Identifier.phone("138 0013 8000", last_verified_on=date(2026, 10, 1))
CONSENT = Authorisation(basis="separate_consent", reference="C-77")
REPORT = Report(
    reference="R-1",
    identities=[PHONE, Identifier.email("Zhang.San@Example.com")],
    code="B101",
    role="buyer",
    occurred_on=date(2026, 10, 1),
    confirmed_on=date(2026, 10, 5),
    amount=Money(minor_units=12900, currency="CNY"),
    order="O-1",
    evidence=[Evidence.of(b"a photo", evidence_class="E1", media_type="image/jpeg")],
    intent="The same photo was sent for three orders.",
    reviewers=["staff-0017", "staff-0093"],
    decision=Decision(kind="refund_refused", decided_on=date(2026, 10, 5)),
    notice=Notice(delivered_at=datetime(2026, 10, 6, 3, tzinfo=UTC), channel="in_app"),
    adult_attested=True,
)


def question(order: str = "O-1", identity: Identifier = PHONE) -> LookupRequest:
    return LookupRequest(
        identities=[identity],
        purpose="refund_only_review",
        order=order,
        authorisation=CONSENT,
        agent="staff-0017",
    )


def ask(registry: Registry) -> Lookup:
    return registry.lookup(
        [Identifier.phone("138 0013 8000", held_since=date(2023, 1, 1))],
        purpose="refund_only_review",
        order="O-1",
        authorisation=CONSENT,
        agent="staff-0017",
    )


def test_report_is_sent_as_the_protocol_says(registry: Registry, server: LittleRegistry) -> None:
    """A report goes out with exactly the members of docs/protocol.md 3, tokens for identifiers."""
    filed = registry.report(REPORT)
    (sent,) = server.to("/v1/incidents")
    document = sent.document
    identities = document.pop("identities")
    assert {
        "reference": "R-1",
        "code": "B101",
        "role": "buyer",
        "occurred_on": "2026-10-01",
        "confirmed_on": "2026-10-05",
        "amount": {"minor_units": 12900, "currency": "CNY"},
        "order": "O-1",
        "evidence": [
            {
                "class": "E1",
                "digest": "sha256:d4e24d749a4fe2f161af2de913c0402b04e3ae287dafd0f9dbfa4a5c56c69285",
                "media_type": "image/jpeg",
            }
        ],
        "intent": "The same photo was sent for three orders.",
        "reviewers": ["staff-0017", "staff-0093"],
        "decision": {"kind": "refund_refused", "decided_on": "2026-10-05"},
        "notice": {"delivered_at": "2026-10-06T03:00:00Z", "channel": "in_app", "reply": "none"},
        "adult_attested": True,
    } == document
    assert [
        {"type", "key_id", "token", "last_verified_on"},
        {"type", "key_id", "token"},
    ] == [set(identity) for identity in identities]
    assert filed.is_new
    assert (INCIDENT, IncidentState.NOTICED, "S3", '"v1"') == (
        filed.incident.id,
        filed.incident.state,
        filed.incident.severity,
        filed.incident.etag,
    )


def test_same_report_again_is_known(registry: Registry) -> None:
    """Filing the same report a second time says that it is not new."""
    registry.report(REPORT)
    assert not registry.report(REPORT).is_new


def test_everything_missing_is_told_at_once(registry: Registry) -> None:
    """A refused report raises the problem with a pointer to each place."""
    with pytest.raises(RegistryProblem) as caught:
        registry.report_document({"identities": [{"type": "phone/1", "identifier": "13800138000"}]})
    problem = caught.value
    assert ["/reference", "/code", "/reviewers"] == [error.pointer for error in problem.errors]
    assert (422, "request-invalid", "It does not fit.") == (
        problem.status,
        problem.slug,
        problem.detail,
    )
    assert problem.request_id == "0f4dd8b4-2c49-4e8c-a2ba-5a2a1a9a6c11"


def test_document_with_identifiers_becomes_one_with_tokens(
    registry: Registry, server: LittleRegistry
) -> None:
    """A raw identifier in a document is replaced by its token; all else stays."""
    given = {"type": "phone/1", "identifier": "+86 138 0013 8000", "last_verified_on": "2026-10-01"}
    ready = {"type": "phone/1", "key_id": "k0", "token": "ready"}
    registry.report_document(
        {"reference": "R", "code": "B101", "reviewers": [], "identities": [given, ready]}
    )
    (sent,) = server.to("/v1/incidents")
    first, second = sent.document["identities"]
    assert {"type", "key_id", "token", "last_verified_on"} == set(first)
    assert ready == second
    assert b"0013" not in sent.body


def test_lookup_reads_the_whole_answer(registry: Registry, server: LittleRegistry) -> None:
    """A lookup sends docs/protocol.md 4 and gives every member of the answer, typed."""
    answer = ask(registry)
    (sent,) = server.to("/v1/lookups")
    (identity,) = sent.document.pop("identities")
    assert {"type", "key_id", "token", "held_since"} == set(identity)
    assert (LOOKUP, Match.MATCH, Band.B, 741, Advice.ASK_FOR_RETURN) == (
        answer.id,
        answer.match,
        answer.band,
        answer.score,
        answer.advice,
    )
    assert [("B101", 89, "伪造破损")] == [(r.code, r.points, r.text.zh) for r in answer.reasons]
    assert date(2026, 10, 1) == answer.incidents.latest_on
    assert ("V402",) == answer.protective
    assert "I sent it back in full. 已全部退回。" == answer.statement
    assert answer.adverse_action_notice is not None
    assert "You may see it." == answer.adverse_action_notice.en


def test_who_said_nothing_has_no_statement(registry: Registry, server: LittleRegistry) -> None:
    """Null is none, and so is an older node that has no such member."""
    said = server.lookup()
    for told in ({"statement": None}, {}):
        silent = {name: value for name, value in said.items() if name != "statement"} | told
        assert None is read_lookup(Reader(silent, "lookup")).statement


def test_batch_answers_each_for_itself(registry: Registry, server: LittleRegistry) -> None:
    """Of a batch, one refused lookup leaves the others their answers, in order."""
    answers = registry.lookup_many([question("O-1"), question("refused"), question("O-3")])
    assert [Lookup, NotLookedUp, Lookup] == [type(answer) for answer in answers]
    refused = answers[1]
    assert isinstance(refused, NotLookedUp)
    assert (403, "purpose-not-granted") == (refused.problem.status, refused.problem.slug)
    assert 1 == server.evaluated


def test_large_batches_are_split(registry: Registry, server: LittleRegistry) -> None:
    """101 lookups go out as 100 and 1."""
    answers = registry.lookup_many([question(f"O-{number}") for number in range(101)])
    assert 101 == len(answers)
    assert [100, 1] == [len(s.document["lookups"]) for s in server.to("/v1/lookups/batch")]


def test_outcome_is_recorded(registry: Registry, server: LittleRegistry) -> None:
    """An outcome goes to its lookup, and comes back with a receipt."""
    recorded = registry.record_outcome(LOOKUP, Outcome(decision="returned", human_reviewed=True))
    (sent,) = server.to(f"/v1/lookups/{LOOKUP}/outcome")
    assert {"decision": "returned", "human_reviewed": True} == sent.document
    assert LOOKUP == recorded.lookup
    assert "access" == registry.verify_receipt(recorded.receipt).log


def test_incidents_are_read_page_by_page(registry: Registry, server: LittleRegistry) -> None:
    """The iterator follows the cursor, and asks for a page only when it is needed."""
    incidents = registry.incidents()
    next(incidents)
    assert 1 == len(server.to("/v1/incidents"))
    assert [IncidentState.NOTICED, IncidentState.ACTIVE] == [each.state for each in incidents]


def test_next_page_elsewhere_is_not_followed(registry: Registry, server: LittleRegistry) -> None:
    """A Link to another origin ends the reading with an error, not with a request there."""
    link = {"Link": '<https://elsewhere.example/v1/incidents>; rel="next"'}
    server.script.append(Reply(200, {"incidents": []}, link))
    with pytest.raises(AnswerNotUnderstood):
        list(registry.incidents())


def test_amendment_names_the_version_it_changes(registry: Registry, server: LittleRegistry) -> None:
    """An incident read without its ETag is read again before it is amended."""
    incident = next(registry.incidents())
    registry.amend(incident, Amendment(order="O-2"))
    (sent,) = [seen for seen in server.seen if seen.method == "PATCH"]
    assert '"v7"' == sent.headers["if-match"]
    assert {"order": "O-2"} == sent.document


def test_withdrawal_takes_an_incident_back(registry: Registry) -> None:
    """A withdrawn incident comes back as withdrawn."""
    assert IncidentState.WITHDRAWN is registry.withdraw(INCIDENT).incident.state


def test_incident_is_read_with_its_version(registry: Registry) -> None:
    """An incident read by itself tells its reference and the ETag an amendment needs."""
    incident = registry.incident(INCIDENT)
    assert ("R-1", "B101", '"v7"') == (incident.reference, incident.code, incident.etag)


def test_entry_is_opened(registry: Registry) -> None:
    """A log entry comes with its leaf, which is the one of the receipt."""
    entry = registry.receipt(ENTRY)
    receipt = registry.verify_receipt(registry.report(REPORT).receipt)
    assert ENTRY_BYTES == entry.entry
    assert receipt.leaf == entry.leaf
    assert entry.opening is not None
    assert "refund_only_review" == entry.opening.header["purpose"]
    assert None is entry.inclusion


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"purpose": "marketing"}},
        {"subject": {}},
        {"k_h": "A" * 43},
        {"k_s": "A" * 43},
    ],
)
def test_entry_opened_to_something_else_is_not_trusted(
    registry: Registry, server: LittleRegistry, changes: dict[str, object]
) -> None:
    """An opening that does not fit the commitments of the 92 bytes is a lie."""
    entry = server.entry()
    server.script.append(Reply(200, entry | {"opening": entry["opening"] | changes}))
    with pytest.raises(AnswerNotTrusted):
        registry.receipt(ENTRY)


def test_entry_that_is_another_is_not_trusted(registry: Registry) -> None:
    """The bytes must be those of the entry that was asked for."""
    with pytest.raises(AnswerNotTrusted):
        registry.receipt(ENTRY[:-1] + "c")


def test_rulebook_and_any_call(registry: Registry) -> None:
    """What has no method of its own is one `call` away."""
    assert "cn-2026.1" == registry.rulebook().current
    assert 404 == registry.call("GET", "/v1/nowhere").status


def test_invalid_identifier_sends_nothing_about_anyone(
    registry: Registry, server: LittleRegistry
) -> None:
    """One bad identifier among good ones is refused before any of them is evaluated."""
    with pytest.raises(InvalidIdentifier):
        registry.tokens_for([PHONE, Identifier.phone("12345")])
    assert [] == server.to("/v1/evaluations")


def test_well_known_is_read_once_in_a_while(
    registry: Registry, server: LittleRegistry, timer: HandTimer
) -> None:
    """Ten minutes of calls read what the registry says of itself once."""
    for _ in range(3):
        registry.well_known()
    assert 1 == len(server.seen)
    timer.pass_by(601)
    registry.well_known()
    assert 2 == len(server.seen)


def test_registry_of_another_name_is_not_trusted(
    connect: Callable[..., Registry], server: LittleRegistry
) -> None:
    """A registry that speaks for another federation or origin gets nothing."""
    with pytest.raises(AnswerNotTrusted):
        connect(federation="another").token_for("phone/1", "13800138000")
    server.federation = "another"
    connect(federation="another").token_for("phone/1", "13800138000")


def test_threads_share_one_registry(registry: Registry, server: LittleRegistry) -> None:
    """Eight threads with forty lookups: each counts, one identifier is evaluated once or so."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(registry), range(40)))
    assert 40 == len(answers) == server.lookups_made
    assert server.evaluated <= 8


def test_no_line_of_the_log_holds_an_identifier_or_a_token(
    registry: Registry, server: LittleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither log lines nor reprs tell who is asked for."""
    caplog.set_level(logging.DEBUG)
    server.script.append(Reply(503))
    token = registry.token_for("phone/1", "13800138000")
    shown = caplog.text + repr(token) + repr(PHONE) + repr(question()) + repr(ask(registry))
    assert "again in" in caplog.text
    for secret in ("0013", repr(token.token), token.token.hex(), "Bearer"):
        assert secret not in shown
