"""The wire of lookups. Source: docs/protocol.md, section 4."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load, validate

from registry.http.fields import (
    AnswerSchema,
    Day,
    Moment,
    OneOf,
    StrictBoolean,
    StrictSchema,
    Text,
)
from registry.identity.schemas import IDENTITIES_MAX, TokenSchema, loaded_token
from registry.kernel.clock import format_instant
from registry.lookups.model import (
    AGENT_CHARACTERS_MAX,
    BATCH_LOOKUPS_MAX,
    ORDER_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
    Advice,
    Authorisation,
    Basis,
    Decision,
    LookupAnswer,
    LookupRequest,
    Match,
    Outcome,
    PresentedIdentity,
)
from registry.rulebook.model import Band, Purpose


class PresentedIdentitySchema(TokenSchema):
    """An identity as the inquirer holds it."""

    held_since = Day(load_default=None)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> PresentedIdentity:
        """The loaded identity."""
        return PresentedIdentity(
            identity=loaded_token(data),
            held_since_on=data["held_since"],
        )


class AuthorisationSchema(StrictSchema):
    """Why the inquirer may ask."""

    basis = OneOf(Basis, required=True)
    reference = Text(longest=REFERENCE_CHARACTERS_MAX, required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Authorisation:
        """The loaded authorisation."""
        return Authorisation(**data)


class LookupRequestSchema(StrictSchema):
    """One question about one person."""

    identities = fields.List(
        fields.Nested(PresentedIdentitySchema),
        required=True,
        validate=validate.Length(min=1, max=IDENTITIES_MAX),
    )
    purpose = OneOf(Purpose, required=True)
    order = Text(longest=ORDER_CHARACTERS_MAX, required=True)
    authorisation = fields.Nested(AuthorisationSchema, required=True)
    agent = Text(longest=AGENT_CHARACTERS_MAX, required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> LookupRequest:
        """The loaded request."""
        return LookupRequest(**{**data, "identities": tuple(data["identities"])})


class LookupBatchSchema(StrictSchema):
    """Up to 100 questions; each is read, answered or refused by itself."""

    lookups = fields.List(
        # None too is one lookup's own problem.
        fields.Raw(allow_none=True, metadata={"$ref": "#/components/schemas/LookupRequest"}),
        required=True,
        validate=validate.Length(min=1, max=BATCH_LOOKUPS_MAX),
    )


class OutcomeSchema(StrictSchema):
    """What the inquirer decided."""

    decision = OneOf(Decision, required=True)
    human_reviewed = StrictBoolean(required=True)
    notice_given_at = Moment(load_default=None, allow_none=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Outcome:
        """The loaded outcome."""
        return Outcome(**data)


class BilingualSchema(AnswerSchema):
    """A sentence in both languages."""

    en = fields.String(required=True)
    zh = fields.String(required=True)


class LookupFactsSchema(AnswerSchema):
    """The lookup itself; quote its id to the person."""

    id = fields.String(required=True)
    at = Moment(required=True)
    edition = fields.String(required=True)
    valid_until = Moment(required=True)


class ReasonSchema(AnswerSchema):
    """One reason and the points it costs today."""

    code = fields.String(required=True)
    points = fields.Integer(required=True)
    text = fields.Nested(BilingualSchema, required=True)


class IncidentSummarySchema(AnswerSchema):
    """How many incidents stand behind the answer."""

    active = fields.Integer(required=True)
    under_appeal = fields.Integer(required=True)
    furnishers = fields.Integer(required=True)
    latest_on = Day(required=True, allow_none=True)


class LookupAnswerSchema(AnswerSchema):
    """What is known, scored and explained. Documentation: `answer_document` writes it."""

    lookup = fields.Nested(LookupFactsSchema, required=True)
    match = OneOf(Match, required=True)
    band = OneOf(Band, required=True)
    score = fields.Integer(required=True, allow_none=True)
    reasons = fields.List(fields.Nested(ReasonSchema), required=True)
    incidents = fields.Nested(IncidentSummarySchema, required=True)
    protective = fields.List(fields.String(), required=True)
    advice = OneOf(Advice, required=True)
    statement = fields.String(required=True, allow_none=True)
    adverse_action_notice = fields.Nested(BilingualSchema, required=True, allow_none=True)
    receipt = fields.String(required=True, metadata={"description": "JWS, ccr-receipt+jwt"})


class BatchResultSchema(AnswerSchema):
    """The status one lookup of the batch would have had alone, and its answer or problem."""

    status = fields.Integer(required=True)
    answer = fields.Nested(LookupAnswerSchema)
    problem = fields.Raw(metadata={"$ref": "#/components/schemas/Problem"})


class BatchAnswerSchema(AnswerSchema):
    """A result for each lookup, in their order."""

    results = fields.List(fields.Nested(BatchResultSchema), required=True)


class OutcomeAnswerSchema(AnswerSchema):
    """The outcome as it stands in the access log."""

    lookup = fields.String(required=True)
    decision = OneOf(Decision, required=True)
    human_reviewed = fields.Boolean(required=True)
    notice_given_at = Moment(required=True, allow_none=True)
    recorded_at = Moment(required=True)
    receipt = fields.String(required=True)


def answer_document(answer: LookupAnswer) -> dict[str, Any]:
    """An answer as JSON values, by hand: the schema's own dump costs more than the lookup.

    A test holds it to `LookupAnswerSchema`.
    """
    notice = answer.adverse_action_notice
    incidents = answer.incidents
    return {
        "lookup": {
            "id": answer.lookup,
            "at": format_instant(answer.at),
            "edition": answer.edition,
            "valid_until": format_instant(answer.valid_until),
        },
        "match": answer.match.value,
        "band": answer.band.value,
        "score": answer.score,
        "reasons": [
            {
                "code": reason.code,
                "points": reason.points,
                "text": {"en": reason.text.en, "zh": reason.text.zh},
            }
            for reason in answer.reasons
        ],
        "incidents": {
            "active": incidents.active,
            "under_appeal": incidents.under_appeal,
            "furnishers": incidents.furnishers,
            "latest_on": incidents.latest_on and incidents.latest_on.isoformat(),
        },
        "protective": list(answer.protective),
        "advice": answer.advice.value,
        "statement": answer.statement,
        "adverse_action_notice": None if notice is None else {"en": notice.en, "zh": notice.zh},
        "receipt": answer.receipt,
    }
