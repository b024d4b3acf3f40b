"""The wire of members: a member's own grant."""

from collections.abc import Sequence
from typing import Any

from marshmallow import fields

from registry.http.caller import Scope
from registry.http.fields import AnswerSchema, Moment, OneOf
from registry.members.model import Member, MemberKey, Role, Withheld
from registry.rulebook.model import Purpose


class OwnKeySchema(AnswerSchema):
    """One registered key; `revoked_at` may lie ahead, while two keys overlap."""

    kid = fields.String(required=True)
    alg = fields.String(required=True)
    registered_at = Moment(required=True)
    revoked_at = Moment(required=True, allow_none=True)


class WithheldSchema(AnswerSchema):
    """A granted scope that may not be used for now; each reason stands for itself."""

    scope = fields.String(required=True)
    reason = fields.String(required=True)
    withheld_at = Moment(required=True)


class OwnGrantSchema(AnswerSchema):
    """What a member may do, how often, and with which keys."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    roles = fields.List(OneOf(Role), required=True)
    scopes = fields.List(OneOf(Scope), required=True)
    withheld = fields.List(fields.Nested(WithheldSchema), required=True)
    purposes = fields.List(OneOf(Purpose), required=True)
    reporter_group = fields.String(required=True)
    evaluations_per_hour = fields.Integer(required=True)
    requests_per_minute = fields.Integer(required=True)
    admitted_at = Moment(required=True)
    keys = fields.List(fields.Nested(OwnKeySchema), required=True)


def grant_document(
    member: Member, keys: Sequence[MemberKey], withheld: Sequence[Withheld]
) -> dict[str, Any]:
    """What `OwnGrantSchema` dumps. Any: it is on its way to JSON."""
    return {
        "id": member.id,
        "name": member.name,
        "roles": sorted(member.roles),
        "scopes": sorted(member.scopes),
        "withheld": [
            {"scope": each.scope, "reason": each.reason, "withheld_at": each.withheld_at}
            for each in withheld
        ],
        "purposes": sorted(member.purposes),
        "reporter_group": member.reporter_group,
        "evaluations_per_hour": member.evaluations_per_hour,
        "requests_per_minute": member.requests_per_minute,
        "admitted_at": member.admitted_at,
        "keys": [
            {
                "kid": key.kid,
                "alg": key.public_key.algorithm.value,
                "registered_at": key.registered_at,
                "revoked_at": key.revoked_at,
            }
            for key in keys
        ],
    }
