"""What was filed, on the wire, for those who decide on it.

One document; each schema lets through what its readers are to see. The furnisher's number
of the filing, its reviewers' names and the identities are in neither.
Source: docs/protocol.md, sections 11 and 12.
"""

from typing import Any

from marshmallow import fields

from registry.http.fields import AnswerSchema, Day, Moment, OneOf
from registry.incidents.model import Incident
from registry.incidents.schemas import (
    DecisionAnswerSchema,
    EvidenceAnswerSchema,
    MoneyAnswerSchema,
    NoticeAnswerSchema,
    incident_document,
)
from registry.rulebook.filing import Adjudicator
from registry.rulebook.model import EvidenceClass, Role, Severity


class EvidenceForJurorsSchema(AnswerSchema):
    """An item the furnisher has: of which class, not the item."""

    evidence_class = OneOf(EvidenceClass, required=True, data_key="class")
    media_type = fields.String(required=True)
    adjudicator = OneOf(Adjudicator, required=True, allow_none=True)


class FiledForJurorsSchema(AnswerSchema):
    """What the furnisher has filed, without its order and its name."""

    role = OneOf(Role, required=True)
    occurred_on = Day(required=True)
    amount = fields.Nested(MoneyAnswerSchema, required=True, allow_none=True)
    intent = fields.String(required=True, allow_none=True)
    evidence = fields.List(fields.Nested(EvidenceForJurorsSchema), required=True)


class CertifiedAnewSchema(AnswerSchema):
    """That what was removed was certified anew, when and why."""

    certified_on = Day(required=True)
    ground = fields.String(required=True)


class FiledForReviewersSchema(FiledForJurorsSchema):
    """What was filed, by whom, about which order, and on what it rests."""

    furnisher = fields.String(required=True)
    order = fields.String(required=True, allow_none=True)
    code = fields.String(required=True)
    severity = OneOf(Severity, required=True, allow_none=True)
    confirmed_on = Day(required=True, allow_none=True)
    confirmed_by = fields.Integer(
        required=True, metadata={"description": "How many of the furnisher's reviewers"}
    )
    evidence = fields.List(fields.Nested(EvidenceAnswerSchema), required=True)
    decision = fields.Nested(DecisionAnswerSchema, required=True, allow_none=True)
    notice = fields.Nested(NoticeAnswerSchema, required=True, allow_none=True)
    recertification = fields.Nested(CertifiedAnewSchema, required=True, allow_none=True)
    version = fields.Integer(required=True)
    filed_at = Moment(required=True)
    changed_at = Moment(required=True)
    effective_at = Moment(required=True)
    expires_on = Day(required=True)


def filed_document(incident: Incident) -> dict[str, Any]:
    """What the schemas dump of a filing."""
    return incident_document(incident) | {"confirmed_by": len(incident.filing.reviewers)}
