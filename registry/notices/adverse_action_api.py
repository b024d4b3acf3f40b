"""The door of adverse-action notices. Source: docs/protocol.md, section 4."""

from typing import Any

from marshmallow import fields

from registry.http.blueprint import Blueprint
from registry.http.caller import Call
from registry.http.fields import AnswerSchema, Moment, OneOf
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.kernel.ids import LookupId, Prefix, parse_id
from registry.lookups.model import Decision, LookupNotFound, Match
from registry.notices.adverse_action import AdverseAction, NothingAdverse
from registry.notices.letter_schemas import LetterTextSchema

blueprint = Blueprint("adverse_action", __name__, description="What who was refused is told")


class SuppliedSchema(AnswerSchema):
    """One thing the answer rested on, and who supplied it to the registry."""

    code = fields.String(required=True)
    text = fields.Nested(LetterTextSchema, required=True)
    furnisher = fields.String(required=True)


class AdverseActionNoticeSchema(AnswerSchema):
    """The notice to hand to the person; `text` has all of it."""

    lookup = fields.String(required=True)
    entry = fields.String(required=True)
    looked_up_at = Moment(required=True)
    inquirer = fields.String(required=True)
    match = OneOf(Match, required=True)
    band = fields.String(required=True)
    edition = fields.String(required=True)
    supplied = fields.List(fields.Nested(SuppliedSchema), required=True)
    corrected_since = fields.Integer(required=True)
    decision = OneOf(Decision, required=True, allow_none=True)
    notice_given_at = Moment(required=True, allow_none=True)
    text = fields.Nested(LetterTextSchema, required=True)


@blueprint.route("/v1/lookups/<lookup_id>/adverse-action-notice", methods=["POST"])
@signed(scope=None)
@describe_problems(LookupNotFound, NothingAdverse)
@blueprint.response(200, AdverseActionNoticeSchema)
def make_notice(call: Call, lookup_id: str) -> Any:
    """Make the notice for a person you refused something after this lookup."""
    try:
        uuid = parse_id(Prefix.LOOKUP, lookup_id)
    except ValueError:
        raise LookupNotFound from None
    return the(AdverseAction).notice(call, LookupId(lookup_id), uuid)
