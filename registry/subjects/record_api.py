"""What people read of themselves, and say. Source: docs/protocol.md, section 9."""

from typing import Any
from uuid import UUID

from flask import url_for

from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_problems
from registry.http.wiring import the
from registry.incidents.schemas import PageQuerySchema
from registry.kernel.ids import MemberId, Prefix, parse_id, with_prefix
from registry.kernel.paging import PAGE_ITEMS_MAX, CursorUnreadable, decode_cursor, encode_cursor
from registry.ledger.service import Ledger
from registry.rulebook.model import Rulebook
from registry.subjects.authorisations import Authorisations, MemberNotThere
from registry.subjects.documents import (
    history_document,
    identities_document,
    incident_document,
    sayings_document,
    score_document,
)
from registry.subjects.exporting import OwnExports
from registry.subjects.histories import Histories
from registry.subjects.model import Assurance, ProofNeeded
from registry.subjects.own import SubjectCall, own, recorded
from registry.subjects.record_schemas import (
    AuthorisationAnswerSchema,
    HistorySchema,
    NewAuthorisationSchema,
    NewMarkerSchema,
    OwnActSchema,
    OwnExportSchema,
    OwnIncidentsSchema,
    RecordSchema,
    SeveredSchema,
    StatementSchema,
    StatementsSchema,
)
from registry.subjects.recording import OwnViews
from registry.subjects.records import OwnRecords
from registry.subjects.sayings import MarkerNotFiled, MarkerNotFound, Sayings, TooManyMarkers
from registry.subjects.severing import Severing

blueprint = Blueprint("own_record", __name__, description="A person's own record and history")


@blueprint.route("/v1/subject/record", methods=["GET"])
@own(needs=Assurance.VOUCHED)
@blueprint.response(200, RecordSchema)
def show_record(call: SubjectCall) -> Any:
    """Read the score of today, what it is made of, and what is filed."""
    records, edition = the(OwnRecords), the(Rulebook).current
    page = records.page(
        call.transaction, call.subject, after="", items_max=PAGE_ITEMS_MAX, now=call.now
    )
    shown = [each.incident.id for each in page.incidents]
    is_proven = call.subject.assurance is Assurance.PROVEN
    score = records.score(call.transaction, call.subject, call.now)
    document = {
        "identities": identities_document(call.subject),
        "score": score_document(score, call.subject, edition),
        "sayings": _sayings(call) if is_proven else None,
        "incidents": [incident_document(each, edition) for each in page.incidents],
        "earlier_holder": page.earlier_holder,
        "receipt": recorded(call, "record", {"incidents": shown}),
    }
    return document, 200, _more_incidents(page.next_after, PAGE_ITEMS_MAX)


@blueprint.route("/v1/subject/incidents", methods=["GET"])
@own(needs=Assurance.VOUCHED)
@describe_problems(CursorUnreadable)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, OwnIncidentsSchema)
def list_own_incidents(call: SubjectCall, query: dict[str, Any]) -> Any:
    """Read what is filed, page by page, oldest first."""
    edition, limit = the(Rulebook).current, query["limit"]
    page = the(OwnRecords).page(
        call.transaction,
        call.subject,
        after=_after(query, Prefix.INCIDENT),
        items_max=limit,
        now=call.now,
    )
    shown = [each.incident.id for each in page.incidents]
    document = {
        "incidents": [incident_document(each, edition) for each in page.incidents],
        "earlier_holder": page.earlier_holder,
        "receipt": recorded(call, "incidents", {"incidents": shown}),
    }
    return document, 200, _more_incidents(page.next_after, limit)


@blueprint.route("/v1/subject/history", methods=["GET"])
@own()
@describe_problems(ProofNeeded, CursorUnreadable)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, HistorySchema)
def show_history(call: SubjectCall, query: dict[str, Any]) -> Any:
    """Read who looked, when and why, and what became of it; each entry with its proof."""
    limit, ledger = query["limit"], the(Ledger)
    after = _after(query, Prefix.ENTRY)
    page = the(Histories).page(
        call.transaction,
        call.subject,
        after=parse_id(Prefix.ENTRY, after) if after else None,
        items_max=limit,
    )
    document = {
        "entries": [
            history_document(each, ledger.proof(call.transaction, each.settled.uuid))
            for each in page.entries
        ],
        "earlier_holder": page.earlier_holder,
        "receipt": recorded(call, "history"),
    }
    return document, 200, _more_history(page.next_after, limit)


@blueprint.route("/v1/subject/history/statement", methods=["GET"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, StatementsSchema)
def show_statements(call: SubjectCall) -> dict[str, Any]:
    """Have the node sign that this is all the logs hold about the person."""
    histories = the(Histories).statements(call.transaction, call.subject, call.now)
    return {
        "statements": [each.statement for each in histories],
        "receipt": recorded(call, "history_statement"),
    }


@blueprint.route("/v1/subject/export", methods=["GET"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnExportSchema)
def export_record(call: SubjectCall) -> dict[str, Any]:
    """Take everything away: record and history as one signed document."""
    exported = the(OwnExports).export(call)
    return {
        "document": exported.document,
        "proof": exported.proof,
        "receipt": exported.receipt,
    }


@blueprint.route("/v1/subject/statement", methods=["PUT"])
@own()
@describe_problems(ProofNeeded)
@blueprint.arguments(StatementSchema)
@blueprint.response(200, OwnActSchema)
def put_statement(call: SubjectCall, statement: dict[str, str]) -> dict[str, Any]:
    """Say something beside what is filed; inquirers read it with the answer."""
    return _act(call, the(Sayings).state(call, statement["text"]))


@blueprint.route("/v1/subject/statement", methods=["DELETE"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnActSchema)
def delete_statement(call: SubjectCall) -> dict[str, Any]:
    """Take the statement back."""
    return _act(call, the(Sayings).retract(call))


@blueprint.route("/v1/subject/freeze", methods=["PUT"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnActSchema)
def put_freeze(call: SubjectCall) -> dict[str, Any]:
    """Freeze: lookups are refused unless the person authorises one."""
    return _act(call, the(Sayings).freeze(call))


@blueprint.route("/v1/subject/freeze", methods=["DELETE"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnActSchema)
def delete_freeze(call: SubjectCall) -> dict[str, Any]:
    """Unfreeze."""
    return _act(call, the(Sayings).unfreeze(call))


@blueprint.route("/v1/subject/alerts", methods=["PUT"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnActSchema)
def put_alerts(call: SubjectCall) -> dict[str, Any]:
    """Be told when somebody looks, and when something is filed."""
    return _act(call, the(Sayings).alert(call))


@blueprint.route("/v1/subject/alerts", methods=["DELETE"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnActSchema)
def delete_alerts(call: SubjectCall) -> dict[str, Any]:
    """Be told no longer."""
    return _act(call, the(Sayings).stop_alerts(call))


@blueprint.route("/v1/subject/contact", methods=["DELETE"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, OwnActSchema)
def delete_contact(call: SubjectCall) -> dict[str, Any]:
    """Have the address forgotten that letters went to."""
    return _act(call, the(Sayings).stop_letters(call))


@blueprint.route("/v1/subject/markers", methods=["POST"])
@own()
@describe_problems(ProofNeeded, MarkerNotFiled, TooManyMarkers)
@blueprint.arguments(NewMarkerSchema)
@blueprint.response(201, OwnActSchema)
def add_marker(call: SubjectCall, marker: dict[str, Any]) -> dict[str, Any]:
    """File a protective marker, for 13 months."""
    _, receipt = the(Sayings).mark(call, marker["code"], marker["statement"])
    return _act(call, receipt)


@blueprint.route("/v1/subject/markers/<marker_id>/renewal", methods=["POST"])
@own()
@describe_problems(ProofNeeded, MarkerNotFound)
@blueprint.response(200, OwnActSchema)
def renew_marker(call: SubjectCall, marker_id: str) -> dict[str, Any]:
    """Let a marker run anew from today."""
    _, receipt = the(Sayings).renew(call, marker_id)
    return _act(call, receipt)


@blueprint.route("/v1/subject/markers/<marker_id>", methods=["DELETE"])
@own()
@describe_problems(ProofNeeded, MarkerNotFound)
@blueprint.response(200, OwnActSchema)
def delete_marker(call: SubjectCall, marker_id: str) -> dict[str, Any]:
    """Lift a marker."""
    return _act(call, the(Sayings).lift(call, marker_id))


@blueprint.route("/v1/subject/authorisations", methods=["POST"])
@own()
@describe_problems(ProofNeeded, MemberNotThere)
@blueprint.arguments(NewAuthorisationSchema)
@blueprint.response(201, AuthorisationAnswerSchema)
def authorise_lookup(call: SubjectCall, asked: dict[str, str]) -> dict[str, Any]:
    """Let one member look once, about one order, within 15 minutes."""
    member = MemberId(asked["member"])
    given = the(Authorisations).give(
        call.transaction, call.subject, member=member, order=asked["order"], now=call.now
    )
    said = {"authorised": member, "order": asked["order"]}
    return {
        "authorisation": {
            "reference": given.code,
            "member": given.member,
            "order": given.order,
            "expires_at": given.expires_at,
        },
        "receipt": the(OwnViews).record(
            call.transaction,
            call.subject.identities,
            "authorised",
            now=call.now,
            request_id=call.request_id,
            said=said,
        ),
    }


@blueprint.route("/v1/subject/severances", methods=["POST"])
@own()
@describe_problems(ProofNeeded)
@blueprint.response(200, SeveredSchema)
def sever_links(call: SubjectCall) -> dict[str, Any]:
    """Say "not me": cut the identifiers off from what an earlier holder did."""
    severed = the(Severing).sever(call)
    return {"severed": severed.incidents, "receipt": severed.receipt}


def _act(call: SubjectCall, receipt: str) -> dict[str, Any]:
    return {"sayings": _sayings(call), "receipt": receipt}


def _sayings(call: SubjectCall) -> dict[str, Any]:
    return sayings_document(the(OwnRecords).flags(call.transaction, call.subject))


def _after(query: dict[str, Any], prefix: Prefix) -> str:
    """The id after which the page begins; before all of them without a cursor."""
    if "cursor" not in query:
        return ""
    after = decode_cursor(query["cursor"])
    try:
        parse_id(prefix, after)
    except ValueError:
        raise CursorUnreadable from None
    return after


def _more_incidents(after: str | None, limit: int) -> dict[str, str]:
    return _more("own_record.list_own_incidents", after, limit)


def _more_history(after: UUID | None, limit: int) -> dict[str, str]:
    text = None if after is None else with_prefix(Prefix.ENTRY, after)
    return _more("own_record.show_history", text, limit)


def _more(endpoint: str, after: str | None, limit: int) -> dict[str, str]:
    if after is None:
        return {}
    target = url_for(endpoint, cursor=encode_cursor(after), limit=limit)
    return {"Link": f'<{target}>; rel="next"'}
