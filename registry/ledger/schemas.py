"""The wire of the ledger: a log entry and, for its maker, what it hides."""

from typing import Any

from marshmallow import fields

from registry.http.fields import AnswerSchema
from registry.kernel import base64url, strict_json
from registry.ledger.model import LogProof, Opening


class OpeningSchema(AnswerSchema):
    """What the entry commits to; canonical JSON of `header` and `subject` is what was hashed."""

    header = fields.Dict(required=True)
    subject = fields.Dict(required=True)
    k_h = fields.String(required=True)
    k_s = fields.String(required=True)


class InclusionSchema(AnswerSchema):
    """Where in its log the entry stands, and the proof."""

    index = fields.Integer(required=True)
    size = fields.Integer(required=True)
    proof = fields.List(fields.String(), required=True)


class ReceiptEntrySchema(AnswerSchema):
    """An entry; the opening is for its maker, proof and checkpoint come with the merge."""

    entry = fields.String(required=True)
    opening = fields.Nested(OpeningSchema, required=True, allow_none=True)
    inclusion = fields.Nested(InclusionSchema, required=True, allow_none=True)
    checkpoint = fields.String(required=True, allow_none=True)


def receipt_document(
    entry: bytes, opening: Opening | None, proof: LogProof | None
) -> dict[str, Any]:
    """An entry with what the caller may see of it. Any: it is on its way to JSON."""
    return {
        "entry": base64url.encode(entry),
        "opening": None if opening is None else _opened(opening),
        "inclusion": None if proof is None else _inclusion(proof),
        "checkpoint": None if proof is None else proof.checkpoint,
    }


def _opened(opening: Opening) -> dict[str, Any]:
    return {
        "header": strict_json.parse(opening.header),
        "subject": strict_json.parse(opening.subject),
        "k_h": base64url.encode(opening.header_salt),
        "k_s": base64url.encode(opening.subject_salt),
    }


def _inclusion(proof: LogProof) -> dict[str, Any]:
    return {
        "index": proof.index,
        "size": proof.size,
        "proof": [base64url.encode(each) for each in proof.hashes],
    }
