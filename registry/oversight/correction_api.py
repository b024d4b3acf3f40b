"""The door at which supervisors see who ignores corrections; being seen at it, as ever."""

from typing import Any

from marshmallow import fields

from registry.http.blueprint import Blueprint
from registry.http.caller import Call, Scope
from registry.http.fields import AnswerSchema, Moment, OneOf
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.notices.correction_model import CorrectionKind, RecallRecord
from registry.notices.corrections import Corrections
from registry.oversight.model import SupervisionOnly
from registry.oversight.recording import Recorder, require_supervision
from registry.oversight.schemas import NothingSchema

blueprint = Blueprint("owed_corrections", __name__, description="Corrections nobody answered")


class OwedCorrectionSchema(AnswerSchema):
    """A correction a member should have acknowledged by now."""

    correction = fields.String(required=True)
    incident = fields.String(required=True)
    kind = OneOf(CorrectionKind, required=True)
    member = fields.String(required=True)
    lookups_count = fields.Integer(required=True)
    told_at = Moment(required=True)
    acknowledge_by = Moment(required=True)
    escalated_at = Moment(required=True, allow_none=True)


class OwedCorrectionsSchema(AnswerSchema):
    """All that is owed, oldest first."""

    corrections = fields.List(fields.Nested(OwedCorrectionSchema), required=True)
    receipt = fields.String(required=True)


@blueprint.route("/v1/oversight/corrections", methods=["POST"])
@signed(scope=Scope.AUDIT)
@describe_problems(SupervisionOnly)
@blueprint.arguments(NothingSchema)
@blueprint.response(200, OwedCorrectionsSchema)
def list_owed(call: Call, _nothing: dict[str, Any]) -> Any:
    """List the corrections members have not acknowledged in time."""
    require_supervision(call)
    owed = the(Corrections).overdue(call.transaction, call.now)
    receipt = the(Recorder).record(call, "corrections", {"results": len(owed)})
    return {"corrections": [_document(each) for each in owed], "receipt": receipt}


def _document(record: RecallRecord) -> dict[str, Any]:
    correction, recall = record.correction, record.recall
    return {
        "correction": correction.id,
        "incident": correction.incident,
        "kind": correction.kind,
        "member": recall.member,
        "lookups_count": record.lookups_count,
        "told_at": recall.told_at,
        "acknowledge_by": recall.acknowledge_by,
        "escalated_at": recall.escalated_at,
    }
