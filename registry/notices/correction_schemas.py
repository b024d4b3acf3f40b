"""The wire of corrections."""

from typing import Any

from marshmallow import fields, post_load

from registry.http.fields import AnswerSchema, Moment, OneOf, StrictSchema, Text
from registry.notices.correction_model import (
    Acknowledgement,
    CorrectionKind,
    Did,
    RecallRecord,
)


class AcknowledgementSchema(StrictSchema):
    """What was done about it; `reviewer` is who of your staff saw to it."""

    did = OneOf(Did, required=True)
    reviewer = Text(longest=64, required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Acknowledgement:
        return Acknowledgement(did=data["did"], reviewer=data["reviewer"])


class CorrectionSchema(AnswerSchema):
    """A correction you were told of; `lookups` are your own it is about, the first hundred."""

    id = fields.String(required=True)
    incident = fields.String(required=True)
    kind = OneOf(CorrectionKind, required=True)
    at = Moment(required=True)
    lookups = fields.List(fields.String(), required=True)
    lookups_count = fields.Integer(required=True)
    told_at = Moment(required=True)
    acknowledge_by = Moment(required=True)
    escalate_at = Moment(required=True)
    escalated_at = Moment(required=True, allow_none=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    did = OneOf(Did, required=True, allow_none=True)


class CorrectionPageSchema(AnswerSchema):
    """Corrections told to you, oldest first."""

    corrections = fields.List(fields.Nested(CorrectionSchema), required=True)


def correction_document(record: RecallRecord) -> dict[str, Any]:
    """What `CorrectionSchema` dumps. Any: it is on its way to JSON."""
    correction, recall = record.correction, record.recall
    return {
        "id": correction.id,
        "incident": correction.incident,
        "kind": correction.kind,
        "at": correction.at,
        "lookups": record.lookups,
        "lookups_count": record.lookups_count,
        "told_at": recall.told_at,
        "acknowledge_by": recall.acknowledge_by,
        "escalate_at": recall.escalate_at,
        "escalated_at": recall.escalated_at,
        "acknowledged_at": recall.acknowledged_at,
        "did": recall.acknowledgement and recall.acknowledgement.did,
    }
