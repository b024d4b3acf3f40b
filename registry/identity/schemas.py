"""The wire of evaluations and of identity tokens. Source: docs/protocol.md, section 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, post_load, validate

from registry.crypto.ristretto255 import ELEMENT_BYTES
from registry.crypto.voprf import PROOF_BYTES
from registry.http.fields import AnswerSchema, Base64Url, OneOf, StrictSchema, Text
from registry.identity.keyring import KEY_ID_CHARACTERS_MAX
from registry.identity.model import EVALUATED_AT_ONCE_MAX, IdentityToken
from registry.identity.normalise import IdentifierType

TOKEN_BYTES = 32
# One person, under at most so many identities.
IDENTITIES_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """Blinded elements to be evaluated under one key."""

    key_id: str
    blinded: tuple[bytes, ...]


class EvaluationRequestSchema(StrictSchema):
    """What a member sends: a key's id and 1 to 64 blinded elements."""

    key_id = Text(longest=KEY_ID_CHARACTERS_MAX, required=True)
    blinded = fields.List(
        Base64Url(octets=ELEMENT_BYTES),
        required=True,
        validate=validate.Length(min=1, max=EVALUATED_AT_ONCE_MAX),
    )

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> EvaluationRequest:
        """The loaded request."""
        return EvaluationRequest(key_id=data["key_id"], blinded=tuple(data["blinded"]))


class EvaluationAnswerSchema(AnswerSchema):
    """What it gets: the evaluated elements in the same order and one proof c‖s."""

    key_id = fields.String(required=True)
    evaluated = fields.List(Base64Url(octets=ELEMENT_BYTES), required=True)
    proof = Base64Url(octets=PROOF_BYTES, required=True)


class TokenSchema(StrictSchema):
    """An identity token, as reports and lookups carry it beside a day of their own."""

    type = OneOf(IdentifierType, required=True)
    key_id = Text(longest=KEY_ID_CHARACTERS_MAX, required=True)
    token = Base64Url(octets=TOKEN_BYTES, required=True)


def loaded_token(data: Mapping[str, Any]) -> IdentityToken:
    """The token among what `TokenSchema` or a schema derived from it loaded."""
    return IdentityToken(type=data["type"], key_id=data["key_id"], token=data["token"])
