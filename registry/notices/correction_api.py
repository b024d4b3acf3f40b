"""The doors of corrections. Source: docs/protocol.md, section 10."""

from typing import Any
from uuid import UUID

from flask import url_for

from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.incidents.schemas import PageQuerySchema
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor
from registry.notices.correction_model import (
    Acknowledgement,
    CorrectionAcknowledged,
    CorrectionNotFound,
)
from registry.notices.correction_schemas import (
    AcknowledgementSchema,
    CorrectionPageSchema,
    CorrectionSchema,
    correction_document,
)
from registry.notices.corrections import Corrections

blueprint = Blueprint("corrections", __name__, description="What you were answered, recalled")


@blueprint.route("/v1/corrections", methods=["GET"])
@signed(scope=Scope.ACKNOWLEDGE_CORRECTIONS)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, CorrectionPageSchema)
def list_corrections(call: Call, query: dict[str, Any]) -> Any:
    """List the corrections of what you were answered."""
    page = the(Corrections).page(
        call.transaction, call.caller.member, after=_after(query), items_max=query["limit"]
    )
    headers = {}
    if page.next_after is not None:
        target = url_for(
            "corrections.list_corrections",
            cursor=encode_cursor(page.next_after),
            limit=query["limit"],
        )
        headers["Link"] = f'<{target}>; rel="next"'
    return {"corrections": [correction_document(each) for each in page.items]}, 200, headers


@blueprint.route("/v1/corrections/<correction_id>/acknowledgement", methods=["POST"])
@signed(scope=Scope.ACKNOWLEDGE_CORRECTIONS)
@describe_problems(CorrectionNotFound, CorrectionAcknowledged)
@blueprint.arguments(AcknowledgementSchema)
@blueprint.response(200, CorrectionSchema)
def acknowledge_correction(call: Call, said: Acknowledgement, correction_id: str) -> Any:
    """Say what you did about a correction."""
    try:
        uuid = parse_id(Prefix.CORRECTION, correction_id)
    except ValueError:
        raise CorrectionNotFound from None
    return correction_document(the(Corrections).acknowledge(call, uuid, said))


def _after(query: dict[str, Any]) -> UUID | None:
    if "cursor" not in query:
        return None
    try:
        return parse_id(Prefix.CORRECTION, decode_cursor(query["cursor"]))
    except ValueError:
        raise CursorUnreadable from None
