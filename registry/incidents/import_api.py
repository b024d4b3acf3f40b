"""The doors of imports. Source: docs/protocol.md, section 3."""

from typing import Any

from flask import url_for

from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope, StreamedCall
from registry.http.openapi import describe_body, describe_problems
from registry.http.problems import problem_by_slug, problem_document
from registry.http.signed import Door, signed, signed_streamed
from registry.http.wiring import the
from registry.incidents.import_model import (
    IMPORT_BYTES_MAX,
    Import,
    ImportEmpty,
    ImportNotFound,
    LineProblem,
    TooManyImports,
)
from registry.incidents.import_schemas import (
    MEDIA_TYPES,
    AcceptedImportSchema,
    ImportPageSchema,
    ImportSchema,
)
from registry.incidents.imports import Imports
from registry.incidents.schemas import PageQuerySchema
from registry.kernel.ids import ImportId, Prefix, parse_id
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor

blueprint = Blueprint("imports", __name__, description="File many reports at once")


@blueprint.route("/v1/imports", methods=["POST"])
@signed_streamed(scope=Scope.REPORT, bytes_max=IMPORT_BYTES_MAX, media_types=MEDIA_TYPES)
@describe_problems(ImportEmpty, TooManyImports)
@describe_body(
    sorted(MEDIA_TYPES), meaning="One report a line, each as POST /v1/incidents takes it; 64 MiB."
)
@blueprint.response(202, AcceptedImportSchema)
def accept_import(call: StreamedCall) -> Any:
    """Take in many reports, to be filed line by line."""
    accepted = the(Imports).accept(call)
    location = url_for("imports.show_import", import_id=accepted.id)
    return {"current": accepted}, 202, {"Location": location}


@blueprint.route("/v1/imports", methods=["GET"])
@signed(scope=Scope.REPORT)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, ImportPageSchema)
def list_imports(call: Call, query: dict[str, Any]) -> Any:
    """List the imports of this member."""
    after = decode_cursor(query["cursor"]) if "cursor" in query else ""
    if after:
        _import_id(after, CursorUnreadable)
    page = the(Imports).page(call, after=after, items_max=query["limit"])
    headers = _next("imports.list_imports", page.next_after, limit=query["limit"])
    return {"imports": page.items}, 200, headers


@blueprint.route("/v1/imports/<import_id>", methods=["GET"])
@signed(scope=Scope.REPORT)
@describe_problems(ImportNotFound)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, ImportSchema)
def show_import(call: Call, query: dict[str, Any], import_id: str) -> Any:
    """Show how far an import is, and why lines were refused."""
    imports = the(Imports)
    found = imports.get(call, _import_id(import_id, ImportNotFound))
    page = imports.problems(call, found, after=_line_after(query), items_max=query["limit"])
    headers = _next(
        "imports.show_import", page.next_after, limit=query["limit"], import_id=found.id
    )
    problems = [_document(found, each) for each in page.items]
    return {"current": found, "problems": problems}, 200, headers


def _document(of: Import, refused: LineProblem) -> dict[str, Any]:
    kind = problem_by_slug(refused.slug)
    assert kind is not None, "a refusal is one of the declared problems"
    problem = kind(refused.detail, errors=refused.errors)
    origin = the(Door).origin
    return {
        "line": refused.line,
        "reference": refused.reference,
        "problem": problem_document(problem, origin=origin, request=of.request_id),
    }


def _next(endpoint: str, after: str | None, **values: Any) -> dict[str, str]:
    if after is None:
        return {}
    target = url_for(endpoint, cursor=encode_cursor(after), **values)
    return {"Link": f'<{target}>; rel="next"'}


def _line_after(query: dict[str, Any]) -> int:
    """The line after which the page begins."""
    after = decode_cursor(query["cursor"]) if "cursor" in query else "0"
    if not after.isdecimal() or len(after) > 9:
        raise CursorUnreadable
    return int(after)


def _import_id(text: str, otherwise: type[ImportNotFound | CursorUnreadable]) -> ImportId:
    try:
        parse_id(Prefix.IMPORT, text)
    except ValueError:
        raise otherwise from None
    return ImportId(text)
