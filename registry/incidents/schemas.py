"""The wire of incidents. Source: docs/protocol.md, section 3.

What the standard of proof asks for is not required here: the rulebook reports
all of it that is missing at once, with pointers.
"""

import re
from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from registry.http.fields import (
    AnswerSchema,
    Day,
    Moment,
    OneOf,
    QueryInteger,
    StrictBoolean,
    StrictInteger,
    StrictSchema,
    Text,
    Word,
)
from registry.identity.schemas import IDENTITIES_MAX, TokenSchema, loaded_token
from registry.incidents.model import (
    Amendment,
    Block,
    Incident,
    Recertification,
    Report,
    ReportedIdentity,
    State,
)
from registry.kernel.clock import format_instant
from registry.kernel.money import MINOR_UNITS_MAX, Money
from registry.kernel.paging import PAGE_ITEMS_MAX
from registry.rulebook.filing import (
    Adjudicator,
    DecisionKind,
    EvidenceItem,
    Filing,
    LinkedDecision,
    Notice,
    NoticeChannel,
    Reply,
)
from registry.rulebook.model import EvidenceClass, Role, Severity

EVIDENCE_ITEMS_MAX = 32
REVIEWERS_MAX = 8
_MEDIA_TYPE = r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*"
_CURRENCY = "[A-Z]{3}"
_DIGEST = "sha256:[0-9a-f]{64}"
MEDIA_TYPE_FORM = re.compile(_MEDIA_TYPE, re.ASCII)
CURRENCY_FORM = re.compile(_CURRENCY, re.ASCII)
DIGEST_FORM = re.compile(_DIGEST, re.ASCII)
_FILING_MEMBERS = (
    "code",
    "role",
    "occurred_on",
    "confirmed_on",
    "amount",
    "order",
    "evidence",
    "intent",
    "reviewers",
    "decision",
    "notice",
    "adult_attested",
)


class ReportedIdentitySchema(TokenSchema):
    """One identity of the subject."""

    last_verified_on = Day(required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> ReportedIdentity:
        """The loaded identity."""
        return ReportedIdentity(
            identity=loaded_token(data),
            last_verified_on=data["last_verified_on"],
        )


class MoneySchema(StrictSchema):
    """An amount in minor units."""

    minor_units = StrictInteger(least=0, most=MINOR_UNITS_MAX, required=True)
    currency = Word(_CURRENCY, longest=3, required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Money:
        """The loaded amount."""
        return Money(**data)


class EvidenceItemSchema(StrictSchema):
    """One line of the evidence manifest."""

    evidence_class = OneOf(EvidenceClass, required=True, data_key="class")
    digest = Word(_DIGEST, longest=71, required=True)
    media_type = Word(_MEDIA_TYPE, longest=100, required=True)
    adjudicator = OneOf(Adjudicator, load_default=None)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> EvidenceItem:
        """The loaded item."""
        return EvidenceItem(**data)


class LinkedDecisionSchema(StrictSchema):
    """The decision the filing rests on."""

    kind = OneOf(DecisionKind, required=True)
    decided_on = Day(required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> LinkedDecision:
        """The loaded decision."""
        return LinkedDecision(**data)


class NoticeSchema(StrictSchema):
    """The notice the subject was given."""

    delivered_at = Moment(required=True)
    channel = OneOf(NoticeChannel, required=True)
    reply = OneOf(Reply, required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Notice:
        """The loaded notice."""
        return Notice(**data)


class RecertificationSchema(StrictSchema):
    """Who certifies anew what was removed, when, and why."""

    reviewer = Text(longest=64, required=True)
    certified_on = Day(required=True)
    ground = Text(shortest=20, longest=500, required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Recertification:
        """The loaded certification."""
        return Recertification(**data)


class FilingMembersSchema(StrictSchema):
    """The members a report and an amendment have in common."""

    code = Text(longest=64)
    role = OneOf(Role)
    occurred_on = Day()
    confirmed_on = Day()
    amount = fields.Nested(MoneySchema)
    order = Text(longest=64)
    evidence = fields.List(
        fields.Nested(EvidenceItemSchema), validate=validate.Length(max=EVIDENCE_ITEMS_MAX)
    )
    intent = Text(shortest=0, longest=500)
    reviewers = fields.List(Text(longest=64), validate=validate.Length(max=REVIEWERS_MAX))
    decision = fields.Nested(LinkedDecisionSchema)
    notice = fields.Nested(NoticeSchema)


class ReportSchema(FilingMembersSchema):
    """A confirmed act of one subject."""

    code = Text(longest=64, required=True)
    role = OneOf(Role, required=True)
    occurred_on = Day(required=True)
    reference = Text(longest=64, required=True)
    identities = fields.List(
        fields.Nested(ReportedIdentitySchema),
        required=True,
        validate=validate.Length(min=1, max=IDENTITIES_MAX),
    )
    adult_attested = StrictBoolean()
    recertification = fields.Nested(RecertificationSchema, load_default=None)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Report:
        """The loaded report."""
        given: dict[str, Any] = {name: data.get(name) for name in _FILING_MEMBERS}
        for name in ("evidence", "reviewers"):
            given[name] = tuple(given[name] or ())
        given["adult_attested"] = bool(given["adult_attested"])
        return Report(
            reference=data["reference"],
            identities=tuple(data["identities"]),
            filing=Filing(**given),
            recertification=data["recertification"],
        )


class AmendmentSchema(FilingMembersSchema):
    """What to replace; members that are left out stay as they are."""

    @validates_schema
    def require_something(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuses an amendment that amends nothing."""
        if not data:
            raise ValidationError("Nothing to amend.")

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Amendment:
        """The loaded amendment."""
        given = dict(data)
        for name in ("evidence", "reviewers"):
            if name in given:
                given[name] = tuple(given[name])
        return Amendment(**given)


class WithdrawalSchema(StrictSchema):
    """Why an incident is withdrawn, if the furnisher says so."""

    reason = Text(longest=500, load_default=None)


class PageQuerySchema(StrictSchema):
    """Where to go on, and how many to show."""

    cursor = Word("[A-Za-z0-9_-]+", longest=512)
    limit = QueryInteger(least=1, most=PAGE_ITEMS_MAX, load_default=PAGE_ITEMS_MAX)


class IncidentFactsSchema(AnswerSchema):
    """What became of a filing."""

    id = fields.String(required=True)
    state = OneOf(State, required=True)
    effective_at = Moment(required=True)
    expires_on = Day(required=True)
    edition = fields.String(required=True)
    severity = OneOf(Severity, required=True, allow_none=True)


class FiledSchema(AnswerSchema):
    """The incident, and the receipt of its log entry."""

    incident = fields.Nested(IncidentFactsSchema, required=True)
    receipt = fields.String(required=True, metadata={"description": "JWS, ccr-receipt+jwt"})


def filed_document(incident: Incident, state: State) -> dict[str, Any]:
    """What a report is answered with, by hand, since many come at once.

    A test holds it to `FiledSchema`.
    """
    return {
        "incident": {
            "id": incident.id,
            "state": state.value,
            "effective_at": format_instant(incident.effective_at),
            "expires_on": incident.expires_on.isoformat(),
            "edition": incident.edition,
            "severity": incident.severity and incident.severity.value,
        },
        "receipt": incident.report_receipt,
    }


class KeptIdentitySchema(AnswerSchema):
    """An identity an incident was filed under; the token is not kept."""

    type = fields.String(required=True, attribute="type_name")
    key_id = fields.String(required=True)
    last_verified_on = Day(required=True)


class MoneyAnswerSchema(AnswerSchema):
    """An amount in minor units."""

    minor_units = fields.Integer(required=True)
    currency = fields.String(required=True)


class EvidenceAnswerSchema(AnswerSchema):
    """One line of the evidence manifest."""

    evidence_class = OneOf(EvidenceClass, required=True, data_key="class")
    digest = fields.String(required=True)
    media_type = fields.String(required=True)
    adjudicator = OneOf(Adjudicator, required=True, allow_none=True)


class DecisionAnswerSchema(AnswerSchema):
    """The decision the filing rests on."""

    kind = OneOf(DecisionKind, required=True)
    decided_on = Day(required=True)


class NoticeAnswerSchema(AnswerSchema):
    """The notice the subject was given."""

    delivered_at = Moment(required=True)
    channel = OneOf(NoticeChannel, required=True)
    reply = OneOf(Reply, required=True)


class RecertificationAnswerSchema(AnswerSchema):
    """Who certified anew what had been removed."""

    reviewer = fields.String(required=True)
    certified_on = Day(required=True)
    ground = fields.String(required=True)


class IncidentSchema(IncidentFactsSchema):
    """An incident as its furnisher sees it."""

    reference = fields.String(required=True)
    version = fields.Integer(required=True)
    filed_at = Moment(required=True)
    changed_at = Moment(required=True)
    identities = fields.List(fields.Nested(KeptIdentitySchema))
    code = fields.String(required=True)
    role = OneOf(Role, required=True)
    occurred_on = Day(required=True)
    confirmed_on = Day(required=True, allow_none=True)
    amount = fields.Nested(MoneyAnswerSchema, required=True, allow_none=True)
    order = fields.String(required=True, allow_none=True)
    evidence = fields.List(fields.Nested(EvidenceAnswerSchema), required=True)
    intent = fields.String(required=True, allow_none=True)
    reviewers = fields.List(fields.String(), required=True)
    decision = fields.Nested(DecisionAnswerSchema, required=True, allow_none=True)
    notice = fields.Nested(NoticeAnswerSchema, required=True, allow_none=True)
    withdrawal_reason = fields.String(required=True, allow_none=True)
    block = OneOf(Block, required=True, allow_none=True)
    recertification = fields.Nested(RecertificationAnswerSchema, required=True, allow_none=True)
    receipt = fields.String(required=True)


class IncidentPageSchema(AnswerSchema):
    """A furnisher's incidents, oldest first; the Link header leads to the next page."""

    incidents = fields.List(fields.Nested(IncidentSchema), required=True)


def incident_document(incident: Incident) -> dict[str, Any]:
    """What schemas dump of an incident and its filing: each what its readers are to see."""
    filing = {each.name: getattr(incident.filing, each.name) for each in fields_of(incident.filing)}
    return filing | {each.name: getattr(incident, each.name) for each in fields_of(incident)}
