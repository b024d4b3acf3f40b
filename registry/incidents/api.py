"""The doors of furnishers. Source: docs/protocol.md, section 3."""

from typing import Any

from flask import Response, request, url_for

from registry.http.answers import json_response
from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_header, describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.incidents.model import (
    Amendment,
    FilingIncomplete,
    Incident,
    IncidentClosed,
    IncidentErased,
    IncidentNotFound,
    ReferenceTaken,
    ReinsertionRefused,
    Report,
    State,
    VersionMissing,
    VersionOutOfDate,
    etag_of,
)
from registry.incidents.schemas import (
    AmendmentSchema,
    FiledSchema,
    IncidentPageSchema,
    IncidentSchema,
    PageQuerySchema,
    ReportSchema,
    WithdrawalSchema,
    filed_document,
    incident_document,
)
from registry.incidents.service import Filed, Incidents
from registry.kernel.ids import IncidentId, Prefix, parse_id
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor

blueprint = Blueprint("incidents", __name__, description="Report, amend and withdraw incidents")


@blueprint.route("/v1/incidents", methods=["POST"])
@signed(scope=Scope.REPORT)
@describe_problems(ReferenceTaken, FilingIncomplete)
@blueprint.arguments(ReportSchema)
@blueprint.response(201, FiledSchema)
@blueprint.alt_response(200, schema=FiledSchema, description="Filed before, with the same body")
def report_incident(call: Call, report: Report) -> Response:
    """Report a confirmed incident."""
    filed = the(Incidents).report(call, report)
    state = the(Incidents).state_of(filed.incident, call.now)
    return json_response(
        filed_document(filed.incident, state),
        201 if filed.filed is Filed.NOW else 200,
        filed_headers(filed.incident, state),
    )


@blueprint.route("/v1/incidents", methods=["GET"])
@signed(scope=Scope.REPORT)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, IncidentPageSchema)
def list_incidents(call: Call, query: dict[str, Any]) -> Any:
    """List the incidents this member filed."""
    page = the(Incidents).page(call, after=_after(query), items_max=query["limit"])
    headers = {}
    if page.next_after is not None:
        target = url_for(
            "incidents.list_incidents",
            cursor=encode_cursor(page.next_after),
            limit=query["limit"],
        )
        headers["Link"] = f'<{target}>; rel="next"'
    return {"incidents": [_facts(call, each) for each in page.items]}, 200, headers


@blueprint.route("/v1/incidents/<incident_id>", methods=["GET"])
@signed(scope=Scope.REPORT)
@describe_problems(IncidentNotFound, IncidentErased)
@blueprint.response(200, IncidentSchema)
@blueprint.alt_response(304, description="The version of If-None-Match stands")
def show_incident(call: Call, incident_id: str) -> Any:
    """Read an incident this member filed."""
    incidents = the(Incidents)
    incident = incidents.get(call, _incident_id(incident_id))
    etag = _etag(call, incident)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.if_none_match.contains(etag.strip('"')):
        return "", 304, headers
    identities = incidents.identities_of(call, incident)
    return _facts(call, incident) | {"identities": identities}, 200, headers


@blueprint.route("/v1/incidents/<incident_id>", methods=["PATCH"])
@signed(scope=Scope.REPORT)
@describe_problems(
    IncidentNotFound,
    IncidentErased,
    VersionMissing,
    VersionOutOfDate,
    IncidentClosed,
    FilingIncomplete,
    ReinsertionRefused,
)
@describe_header("If-Match", meaning="The ETag of the version to amend.", presence="required")
@blueprint.arguments(AmendmentSchema)
@blueprint.response(200, FiledSchema)
def amend_incident(call: Call, amendment: Amendment, incident_id: str) -> Any:
    """Amend an incident; the whole must meet the standard of proof again."""
    if_match = request.headers.get("If-Match")
    amended = the(Incidents).amend(call, _incident_id(incident_id), amendment, if_match)
    document = {"incident": _facts(call, amended), "receipt": amended.receipt}
    return document, 200, {"ETag": _etag(call, amended)}


@blueprint.route("/v1/incidents/<incident_id>/withdrawal", methods=["POST"])
@signed(scope=Scope.REPORT)
@describe_problems(IncidentNotFound, IncidentErased, VersionOutOfDate, IncidentClosed)
@describe_header("If-Match", meaning="Withdraw only this version.")
@blueprint.arguments(WithdrawalSchema, required=False)
@blueprint.response(200, FiledSchema)
def withdraw_incident(call: Call, withdrawal: dict[str, Any], incident_id: str) -> Any:
    """Withdraw an incident from every answer, at once."""
    if_match = request.headers.get("If-Match")
    reason = withdrawal["reason"]
    withdrawn = the(Incidents).withdraw(call, _incident_id(incident_id), reason, if_match)
    document = {"incident": _facts(call, withdrawn), "receipt": withdrawn.receipt}
    return document, 200, {"ETag": _etag(call, withdrawn)}


def filed_headers(incident: Incident, state: State) -> dict[str, str]:
    """Where a filed incident is from now on, and its version."""
    return {"ETag": etag_of(incident, state), "Location": f"/v1/incidents/{incident.id}"}


def _facts(call: Call, incident: Incident) -> dict[str, Any]:
    """What the schemas dump: the incident, its filing and its state now."""
    return incident_document(incident) | {"state": the(Incidents).state_of(incident, call.now)}


def _etag(call: Call, incident: Incident) -> str:
    return etag_of(incident, the(Incidents).state_of(incident, call.now))


def _after(query: dict[str, Any]) -> str:
    """The incident id after which the page begins; before all of them without a cursor."""
    if "cursor" not in query:
        return ""
    after = decode_cursor(query["cursor"])
    try:
        parse_id(Prefix.INCIDENT, after)
    except ValueError:
        raise CursorUnreadable from None
    return after


def _incident_id(text: str) -> IncidentId:
    try:
        parse_id(Prefix.INCIDENT, text)
    except ValueError:
        raise IncidentNotFound from None
    return IncidentId(text)
