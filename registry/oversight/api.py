"""The doors of supervisors. Every answer is preceded by an entry that says it was given."""

from typing import Any

from flask import Response

from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.kernel.clock import format_instant
from registry.kernel.ids import MemberId, Prefix, parse_id, with_prefix
from registry.kernel.paging import CursorUnreadable
from registry.ledger.model import RecordType
from registry.oversight.cursors import after_of, cursor_of
from registry.oversight.exports import Exports
from registry.oversight.flagging import Flagging
from registry.oversight.model import (
    CaseNotFound,
    FormatNotInstalled,
    NoSuchCheckpoint,
    SupervisionOnly,
)
from registry.oversight.reconciling import Reconciler
from registry.oversight.schemas import (
    CaseAnswerSchema,
    CasesQuerySchema,
    CasesSchema,
    DispositionSchema,
    ExportSchema,
    FoundSchema,
    JudgedSchema,
    NothingSchema,
    ReconciliationAnswerSchema,
    ReconciliationSchema,
    SampleAnswerSchema,
    SampleSchema,
    SearchSchema,
    ShownSchema,
    ViewSchema,
    case_document,
    coverage_members,
    coverage_text,
    entry_document,
    query_of,
    sample_document,
    shard_of_name,
    shown_document,
    subject_of_query,
    types_of,
)
from registry.oversight.service import Oversight
from registry.oversight.walking import Walk, decode_walk, encode_walk

blueprint = Blueprint("oversight", __name__, description="For supervisors: every access, on record")


@blueprint.route("/v1/oversight/searches", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CursorUnreadable)
@blueprint.arguments(SearchSchema)
@blueprint.response(200, FoundSchema)
def search_entries(call: Call, search: dict[str, Any]) -> Any:
    """Search who looked, why and when; by subject only with an identity token."""
    found = the(Oversight).search(
        call,
        query_of(search),
        subject_of_query(search),
        walk=_walk(search),
        entries_max=search["limit"],
    )
    page = found.page
    return {
        "entries": [entry_document(each) for each in page.entries],
        "next": None if page.next is None else encode_walk(page.next),
        **coverage_members(page.coverage, page.covered_until),
        "receipt": found.receipt,
    }


@blueprint.route("/v1/oversight/views", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly)
@blueprint.arguments(ViewSchema)
@blueprint.response(200, ShownSchema)
def view_entries(call: Call, view: dict[str, Any]) -> Any:
    """Open entries, with whom they are about and their proofs."""
    uuids = list(dict.fromkeys(parse_id(Prefix.ENTRY, each) for each in view["entries"]))
    shown, missing, receipt = the(Oversight).show(call, uuids)
    return {
        "entries": [shown_document(each) for each in shown],
        "missing": {with_prefix(Prefix.ENTRY, each): why for each, why in missing.items()},
        "receipt": receipt,
    }


@blueprint.route("/v1/oversight/samples", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, NoSuchCheckpoint)
@blueprint.arguments(SampleSchema)
@blueprint.response(200, SampleAnswerSchema)
def draw_sample(call: Call, sample: dict[str, Any]) -> Any:
    """Draw entries at random from a checkpoint; anyone can draw the same again."""
    types = types_of(sample["types"]) if "types" in sample else frozenset(RecordType)
    drawn = the(Oversight).sample(
        call,
        shard_of_name(sample["log"]),
        size=sample["size"],
        label=sample["label"],
        count=sample["count"],
        record_types=types,
    )
    return sample_document(drawn)


@blueprint.route("/v1/oversight/reconciliations", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CursorUnreadable)
@blueprint.arguments(ReconciliationSchema)
@blueprint.response(200, ReconciliationAnswerSchema)
def reconcile_lookups(call: Call, asked: dict[str, Any]) -> Any:
    """Compare lookups with their outcomes, member by member, as far as the index reaches."""
    member = asked.get("member")
    counted = the(Reconciler).reconcile(
        call,
        from_at=asked["from_at"],
        until_at=asked["until_at"],
        days=asked["days"],
        member=None if member is None else MemberId(member),
        after=after_of(asked, Prefix.ENTRY),
        entries_max=asked["limit"],
    )
    return {
        "until": counted.until_at,
        "complete": counted.is_complete,
        "members": counted.members,
        "entries": [entry_document(each) for each in counted.entries],
        "next": cursor_of(counted.next_after, Prefix.ENTRY),
        **coverage_members(counted.coverage, counted.covered_until),
        "receipt": counted.receipt,
    }


@blueprint.route("/v1/oversight/flags", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly)
@blueprint.arguments(NothingSchema)
@blueprint.response(200, JudgedSchema)
def raise_flags(call: Call, _: dict[str, Any]) -> Any:
    """Apply the rules to days that have ended and are indexed; shows the cases this opened."""
    judged = the(Flagging).run(call)
    return {
        "cases": [case_document(each) for each in judged.cases],
        "next": None,
        "until": judged.until_at,
        "complete": judged.is_complete,
        **coverage_members(judged.coverage, judged.covered_until),
        "receipt": judged.receipt,
    }


@blueprint.route("/v1/oversight/cases/search", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CursorUnreadable)
@blueprint.arguments(CasesQuerySchema)
@blueprint.response(200, CasesSchema)
def search_cases(call: Call, query: dict[str, Any]) -> Any:
    """List cases with everything that was said of them."""
    cases, next_after, receipt = the(Oversight).cases(
        call,
        disposition=query.get("disposition"),
        member=query.get("member"),
        after=after_of(query, Prefix.CASE),
        cases_max=query["limit"],
    )
    return {
        "cases": [case_document(each) for each in cases],
        "next": cursor_of(next_after, Prefix.CASE),
        "receipt": receipt,
    }


@blueprint.route("/v1/oversight/cases/<case_id>/dispositions", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CaseNotFound)
@blueprint.arguments(DispositionSchema)
@blueprint.response(201, CaseAnswerSchema)
def dispose_case(call: Call, disposed: dict[str, Any], case_id: str) -> Any:
    """Say what became of a case, and why; earlier dispositions stay."""
    try:
        uuid = parse_id(Prefix.CASE, case_id)
    except ValueError:
        raise CaseNotFound from None
    case, receipt = the(Oversight).dispose(call, uuid, disposed["disposition"], disposed["why"])
    return {"case": case_document(case), "receipt": receipt}


@blueprint.route("/v1/oversight/exports", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly, CursorUnreadable, FormatNotInstalled)
@blueprint.arguments(ExportSchema)
@blueprint.response(200, content_type="application/octet-stream", description="The file")
def export_entries(call: Call, asked: dict[str, Any]) -> Response:
    """Export entries as OCSF events in CloudEvents, as a table, or as a bundle with proofs."""
    exported = the(Exports).export(
        call,
        query_of(asked),
        subject_of_query(asked),
        asked["format"],
        walk=_walk(asked),
        entries_max=asked["limit"],
    )
    page = exported.page
    response = Response(exported.data, content_type=exported.media_type)
    response.headers["Export-Receipt"] = exported.receipt
    response.headers["Export-Count"] = str(len(page.entries))
    response.headers["Export-Coverage"] = coverage_text(page.coverage)
    response.headers["Export-Covered-Until"] = format_instant(page.covered_until)
    if page.next is not None:
        response.headers["Export-Next"] = encode_walk(page.next)
    return response


def _walk(data: dict[str, Any]) -> Walk | None:
    return decode_walk(data["cursor"]) if "cursor" in data else None
