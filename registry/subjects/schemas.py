"""The wire of signing in. Source: docs/protocol.md, section 9."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

from registry.crypto.ristretto255 import ELEMENT_BYTES, SCALAR_BYTES
from registry.http.fields import (
    AnswerSchema,
    Base64Url,
    Day,
    Moment,
    OneOf,
    StrictSchema,
    Text,
    Word,
)
from registry.identity.normalise import RAW_CHARACTERS_MAX, IdentifierType
from registry.identity.schemas import TokenSchema
from registry.kernel.ids import Prefix, with_prefix
from registry.subjects.codes import SHORT_DIGITS
from registry.subjects.model import IDLE_MAX, Assurance, ProvenIdentity, Session
from registry.subjects.service import Letters, SignedIn
from registry.subjects.sign_ins import Asked, StartedSignIn

_LONG_FORM = "[A-Za-z0-9_-]{21}[AQgw]"
_JWT_CHARACTERS_MAX = 4096


class SignInSchema(StrictSchema):
    """What a person wants to prove, and the element blinded for it."""

    type = OneOf(IdentifierType, required=True)
    identifier = Text(longest=RAW_CHARACTERS_MAX, required=True)
    region = Word("[A-Z]{2}", longest=2, load_default="CN")
    blinded = Base64Url(octets=ELEMENT_BYTES, required=True)

    @post_load
    def to_model(self, data: Mapping[str, Any], **_: Any) -> Asked:
        """What is asked for."""
        return Asked(**data)


class SignInFactsSchema(AnswerSchema):
    """A sign-in under way."""

    id = fields.String(required=True)
    expires_at = Moment(required=True)


class SignInAnswerSchema(AnswerSchema):
    """The same whoever was asked for."""

    sign_in = fields.Nested(SignInFactsSchema, required=True)


class ProofSchema(StrictSchema):
    """The code that arrived, and the blind of the element that was sent."""

    code = Word(f"(?:[0-9]{{{SHORT_DIGITS}}}|{_LONG_FORM})", longest=22, required=True)
    blind = Base64Url(octets=SCALAR_BYTES, required=True)
    held_since = Day(load_default=None)
    letters = OneOf(Letters, load_default=Letters.NOT_HERE)


class VouchSchema(StrictSchema):
    """A member's vouch, and the identity it is for."""

    vouch = Text(longest=_JWT_CHARACTERS_MAX, required=True)
    identity = fields.Nested(TokenSchema, required=True)


class OwnIdentitySchema(AnswerSchema):
    """An identity of the session; what it is the identity of, only the person knows."""

    type = OneOf(IdentifierType, required=True)
    key_id = fields.String(required=True)
    assurance = fields.String(required=True, metadata={"enum": ["vouched", "proven"]})
    vouched_by = fields.String(required=True, allow_none=True)
    held_since = Day(required=True)
    proof = fields.String(required=True, metadata={"description": "The same for one proof's"})


class SessionSchema(AnswerSchema):
    """Who is in the session, and until when."""

    expires_at = Moment(required=True)
    idle_seconds = fields.Integer(required=True)
    identities = fields.List(fields.Nested(OwnIdentitySchema), required=True)


class OpenedSessionSchema(SessionSchema):
    """A session with the bearer that opens it from now on."""

    bearer = fields.String(required=True)


class SignedInSchema(AnswerSchema):
    """A session, and the receipt of the entry that says it began."""

    session = fields.Nested(OpenedSessionSchema, required=True)
    receipt = fields.String(required=True)


class SessionAnswerSchema(AnswerSchema):
    """The session of the call."""

    session = fields.Nested(SessionSchema, required=True)


def sign_in_document(started: StartedSignIn) -> dict[str, Any]:
    """What `SignInAnswerSchema` dumps. Any: it is on its way to JSON."""
    identifier = with_prefix(Prefix.SIGN_IN, started.id)
    return {"sign_in": {"id": identifier, "expires_at": started.expires_at}}


def session_document(session: Session) -> dict[str, Any]:
    """What `SessionSchema` dumps. Any: it is on its way to JSON."""
    return {
        "expires_at": session.expires_at,
        "idle_seconds": int(IDLE_MAX.total_seconds()),
        "identities": [own_identity_document(each) for each in session.identities],
    }


def signed_in_document(signed_in: SignedIn) -> dict[str, Any]:
    """What `SignedInSchema` dumps. Any: it is on its way to JSON."""
    opened = signed_in.opened
    return {
        "session": session_document(opened.session) | {"bearer": opened.bearer},
        "receipt": signed_in.receipt,
    }


def own_identity_document(identity: ProvenIdentity) -> dict[str, Any]:
    """What `OwnIdentitySchema` dumps. Any: it is on its way to JSON."""
    return {
        "type": identity.type,
        "key_id": identity.key_id,
        "assurance": Assurance(identity.assurance).name.lower(),
        "vouched_by": identity.vouched_by,
        "held_since": identity.held_since_on,
        "proof": str(identity.proof),
    }
