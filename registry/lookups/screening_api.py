"""The doors of screening, for everyone. Source: docs/protocol.md, section 5."""

from flask import Response, request
from marshmallow import fields

from registry.http.blueprint import Blueprint
from registry.http.fields import AnswerSchema
from registry.http.openapi import describe_header, describe_problems
from registry.http.wiring import the
from registry.lookups.screening_model import BucketNotServed, ScreeningNotReady
from registry.lookups.screening_serving import ScreeningDoor

blueprint = Blueprint(
    "screening", __name__, description="Ask whether anything is known, without naming anyone"
)

_IF_NONE_MATCH = "The ETag of what you have; 304 when it is still that."


class SnapshotSchema(AnswerSchema):
    """One snapshot: all buckets of a key and an epoch."""

    key_id = fields.String(required=True)
    epoch = fields.String(required=True, metadata={"description": "ISO week, such as 2026-W47"})
    bits = fields.Integer(required=True)
    count = fields.Integer(required=True, metadata={"description": "Tags in every file"})
    sequence = fields.Integer(required=True)
    snapshot_root = fields.String(required=True)
    entry = fields.String(required=True)
    made_at = fields.String(required=True)


class BucketIndexSchema(SnapshotSchema):
    """The snapshot of the current key, and all that are served."""

    public_key = fields.String(required=True)
    snapshots = fields.List(fields.Nested(SnapshotSchema), required=True)


class BucketProofSchema(AnswerSchema):
    """That a bucket is one of its snapshot's."""

    bucket = fields.String(required=True)
    sequence = fields.Integer(required=True)
    leaf = fields.String(required=True)
    proof = fields.List(fields.String(), required=True)
    snapshot_root = fields.String(required=True)


@blueprint.route("/v1/screening", methods=["GET"])
@describe_header("If-None-Match", meaning=_IF_NONE_MATCH)
@describe_problems(ScreeningNotReady)
@blueprint.response(200, BucketIndexSchema)
@blueprint.alt_response(304, description="Not modified")
def read_index() -> Response:
    """Read which buckets there are, and the root of each snapshot."""
    return _answer()


@blueprint.route("/v1/screening/<key_id>/<epoch>/<bits>/<bucket>", methods=["GET"])
@describe_header("If-None-Match", meaning=_IF_NONE_MATCH)
@describe_problems(BucketNotServed, ScreeningNotReady)
@blueprint.response(
    200, content_type="application/octet-stream", description="The signed file of the bucket"
)
@blueprint.alt_response(304, description="Not modified")
def read_bucket(key_id: str, epoch: str, bits: str, bucket: str) -> Response:
    """Read a bucket: the tags of everyone whose seeds fall into it."""
    return _answer()


@blueprint.route("/v1/screening/<key_id>/<epoch>/<bits>/<bucket>/proof", methods=["GET"])
@describe_header("If-None-Match", meaning=_IF_NONE_MATCH)
@describe_problems(BucketNotServed, ScreeningNotReady)
@blueprint.response(200, BucketProofSchema)
@blueprint.alt_response(304, description="Not modified")
def read_proof(key_id: str, epoch: str, bits: str, bucket: str) -> Response:
    """Read the proof that a bucket stands under its snapshot's root."""
    return _answer()


def _answer() -> Response:
    names = {name.lower(): value for name, value in request.headers.items()}
    # Flask takes the body off a HEAD itself, and tells its length from it.
    reply = the(ScreeningDoor).answer("GET", request.path, names)
    return Response(reply.body, status=reply.status, headers=list(reply.headers))
