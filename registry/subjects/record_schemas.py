"""The wire of a person's record, history and acts. Source: docs/protocol.md, section 9."""

from marshmallow import ValidationError, fields, validates

from registry.http.fields import (
    AnswerSchema,
    Moment,
    OneOf,
    PrefixedId,
    StrictSchema,
    Text,
    Word,
)
from registry.incidents.model import State
from registry.kernel.ids import Prefix
from registry.kernel.plain_text import says_something
from registry.lookups.schemas import BilingualSchema
from registry.notices.correction_model import CorrectionKind
from registry.rulebook.model import Band, Severity
from registry.subjects.sayings import STATEMENT_CHARACTERS_MAX


class FurnisherSchema(AnswerSchema):
    """Who filed."""

    id = fields.String(required=True)
    name = fields.String(required=True)


class NextLimitSchema(AnswerSchema):
    """The next time limit of an appeal; `then`: what happens when it runs out."""

    milestone = fields.String(required=True)
    due_at = fields.String(required=True)
    then = fields.String(required=True)


class OpenAppealSchema(AnswerSchema):
    """The person's open appeal against an incident."""

    id = fields.String(required=True)
    state = fields.String(required=True)
    next = fields.Nested(NextLimitSchema, required=True, allow_none=True)


class OwnIncidentSchema(AnswerSchema):
    """An incident as the person sees it; `whole` false: members from `furnisher` on are absent."""

    id = fields.String(required=True)
    state = OneOf(State, required=True)
    code = fields.String(required=True)
    text = fields.Nested(BilingualSchema, required=True, allow_none=True)
    severity = OneOf(Severity, required=True, allow_none=True)
    occurred_on = fields.String(required=True)
    effective_at = fields.String(required=True)
    expires_on = fields.String(required=True)
    edition = fields.String(required=True)
    whole = fields.Boolean(required=True)
    furnisher = fields.Nested(FurnisherSchema)
    role = fields.String()
    confirmed_on = fields.String(allow_none=True)
    amount = fields.Dict(allow_none=True)
    order = fields.String(allow_none=True)
    evidence = fields.List(fields.Dict())
    intent = fields.String(allow_none=True)
    decision = fields.Dict(allow_none=True)
    notice = fields.Dict(allow_none=True)
    block = fields.String(allow_none=True)
    withdrawal_reason = fields.String(allow_none=True)
    filed_at = fields.String()
    changed_at = fields.String()
    identities = fields.List(fields.String())
    receipt = fields.String()
    appeal = fields.Nested(OpenAppealSchema, allow_none=True)


class OwnScoreSchema(AnswerSchema):
    """The score of today; `inputs` are what `registry score explain` recomputes it from."""

    edition = fields.String(required=True)
    at = fields.String(required=True)
    band = OneOf(Band, required=True)
    score = fields.Integer(required=True, allow_none=True)
    reasons = fields.List(fields.Dict(), required=True)
    incidents = fields.Dict(required=True)
    protective = fields.List(fields.String(), required=True)
    points_total = fields.Integer()
    events = fields.List(fields.Dict())
    what_if = fields.Dict(required=True, allow_none=True)
    inputs = fields.Dict(required=True, allow_none=True)


class MarkerSchema(AnswerSchema):
    """A protective marker."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    effective_at = fields.String(required=True)
    expires_on = fields.String(required=True)


class SayingsSchema(AnswerSchema):
    """What the person says of themselves."""

    frozen_at = fields.String(required=True, allow_none=True)
    alerted_at = fields.String(required=True, allow_none=True)
    statement = fields.Dict(required=True, allow_none=True)
    markers = fields.List(fields.Nested(MarkerSchema), required=True)


class RecordSchema(AnswerSchema):
    """A person's own record; the Link header leads to more incidents."""

    identities = fields.List(fields.Dict(), required=True)
    score = fields.Nested(OwnScoreSchema, required=True)
    sayings = fields.Nested(SayingsSchema, required=True, allow_none=True)
    incidents = fields.List(fields.Nested(OwnIncidentSchema), required=True)
    earlier_holder = fields.Boolean(required=True)
    receipt = fields.String(required=True)


class OwnIncidentsSchema(AnswerSchema):
    """Some incidents of the person."""

    incidents = fields.List(fields.Nested(OwnIncidentSchema), required=True)
    earlier_holder = fields.Boolean(required=True)
    receipt = fields.String(required=True)


class HistoryEntrySchema(AnswerSchema):
    """An entry about the person."""

    entry = fields.String(required=True)
    log = fields.String(required=True)
    type = fields.String(required=True)
    at = fields.String(required=True)
    by = fields.String(required=True)
    member = fields.Dict(required=True, allow_none=True)
    purpose = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True)
    said = fields.Dict(required=True)
    incident = fields.String(required=True, allow_none=True)
    bytes = fields.String(required=True)
    opening = fields.Dict(required=True)
    inclusion = fields.Dict(required=True, allow_none=True)
    checkpoint = fields.String(required=True, allow_none=True)
    signed_request = fields.String(required=True, allow_none=True)


class HistorySchema(AnswerSchema):
    """Who looked, why, and what became of it, oldest first."""

    entries = fields.List(fields.Nested(HistoryEntrySchema), required=True)
    earlier_holder = fields.Boolean(required=True)
    receipt = fields.String(required=True)


class StatementsSchema(AnswerSchema):
    """Signed statements of everything in the logs about the person."""

    statements = fields.List(fields.String(), required=True)
    receipt = fields.String(required=True)


class OwnCorrectionSchema(AnswerSchema):
    """One change that made earlier answers wrong; `entry` is the change's own."""

    id = fields.String(required=True)
    incident = fields.String(required=True)
    kind = OneOf(CorrectionKind, required=True)
    at = fields.String(required=True)
    entry = fields.String(required=True)
    is_complete = fields.Boolean(required=True)


class OwnCorrectionsSchema(AnswerSchema):
    """What was corrected of a person's record, newest first."""

    corrections = fields.List(fields.Nested(OwnCorrectionSchema), required=True)
    receipt = fields.String(required=True)


class CertificateSchema(AnswerSchema):
    """The node's word for who was told of a correction: a compact JWS."""

    certificate = fields.String(required=True)
    receipt = fields.String(required=True)


class OwnActSchema(AnswerSchema):
    """What the person says of themselves from now on, and the receipt of the act."""

    sayings = fields.Nested(SayingsSchema, required=True)
    receipt = fields.String(required=True)


class StatementSchema(StrictSchema):
    """What the person wants to be said beside what is filed."""

    text = Text(longest=STATEMENT_CHARACTERS_MAX, required=True)

    @validates("text")
    def _says_something(self, text: str, **_: object) -> None:
        """Raises: ValidationError, of nothing but white space and what has no shape."""
        if not says_something(text):
            raise ValidationError("A statement has to say something.")


class NewMarkerSchema(StrictSchema):
    """A protective marker, and what happened in the person's own words."""

    code = Word("V4[0-9]{2}", longest=4, required=True)
    statement = Text(longest=STATEMENT_CHARACTERS_MAX, load_default=None)


class NewAuthorisationSchema(StrictSchema):
    """Who may ask once, and about which order."""

    member = PrefixedId(Prefix.MEMBER, required=True)
    order = Text(longest=64, required=True)


class AuthorisationFactsSchema(AnswerSchema):
    """An authorisation; `reference` is what to hand to the member."""

    reference = fields.String(required=True)
    member = fields.String(required=True)
    order = fields.String(required=True)
    expires_at = Moment(required=True)


class AuthorisationAnswerSchema(AnswerSchema):
    """A fresh authorisation."""

    authorisation = fields.Nested(AuthorisationFactsSchema, required=True)
    receipt = fields.String(required=True)


class SeveredSchema(AnswerSchema):
    """How many incidents were cut off."""

    severed = fields.Integer(required=True)
    receipt = fields.String(required=True)


class OwnExportSchema(AnswerSchema):
    """All of it, signed."""

    document = fields.Dict(required=True)
    proof = fields.String(required=True, metadata={"description": "JWS, ccr-own-export+jwt"})
    receipt = fields.String(required=True)
