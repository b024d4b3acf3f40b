"""The door for other logs. Source: C2SP tlog-witness."""

from flask import Response, request

from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_problems
from registry.http.wiring import the
from registry.kernel.clock import SystemClock
from registry.ledger.witness import (
    CheckpointMalformed,
    HistoryNotContinued,
    LogDidNotSign,
    LogNotWitnessed,
    Witness,
    WitnessedOtherwise,
)

blueprint = Blueprint("witness", __name__, description="This node as a witness of other logs")

SIZE_MEDIA_TYPE = "text/x.tlog.size"


@blueprint.route("/witness/add-checkpoint", methods=["POST"])
@describe_problems(CheckpointMalformed, LogNotWitnessed, LogDidNotSign, HistoryNotContinued)
@blueprint.alt_response(
    409, content_type=SIZE_MEDIA_TYPE, description="The size that was cosigned last"
)
@blueprint.response(200, content_type="text/plain", description="Cosignature lines")
def add_checkpoint() -> Response:
    """Cosign a checkpoint that continues the one cosigned last."""
    try:
        # A witness says what time it is for everybody: the machine's, never a sandbox's.
        lines = the(Witness).add_checkpoint(request.get_data(), SystemClock().now())
    except WitnessedOtherwise as conflict:
        # The standard's own answer, in place of a problem document.
        return Response(f"{conflict.size}\n", status=409, content_type=SIZE_MEDIA_TYPE)
    return Response(lines, content_type="text/plain; charset=utf-8")
