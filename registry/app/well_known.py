"""The node's directory: its keys, logs and edition. Source: docs/protocol.md, section 2."""

from typing import Any

from marshmallow import fields

from registry.app.node import Node
from registry.crypto.note import vkey
from registry.http.blueprint import Blueprint
from registry.http.fields import AnswerSchema, OneOf
from registry.http.wiring import the
from registry.kernel import base64url
from registry.kernel.clock import SystemClock
from registry.ledger.model import Log, Shard, half_year_of
from registry.settings import Mode

blueprint = Blueprint("directory", __name__, description="What this node is")


class KeyNodeSchema(AnswerSchema):
    """A node that holds a share of a key."""

    origin = fields.String(required=True)
    share_public_key = fields.String(required=True)


class KeySetSchema(AnswerSchema):
    """One key of the federation, and who holds shares of it."""

    key_id = fields.String(required=True)
    suite = fields.String(required=True)
    public_key = fields.String(required=True)
    threshold = fields.Integer(required=True)
    nodes = fields.List(fields.Nested(KeyNodeSchema), required=True)
    status = fields.String(required=True)


class LogSchema(AnswerSchema):
    """A log, under the name and key its receipts and checkpoints verify with."""

    name = fields.String(required=True)
    origin = fields.String(required=True)
    vkey = fields.String(required=True)


class WitnessSchema(AnswerSchema):
    """This node as a witness of other logs, under the key its cosignatures verify with."""

    name = fields.String(required=True)
    vkey = fields.String(required=True)


class DirectorySchema(AnswerSchema):
    """What a client needs to know of this node."""

    federation = fields.String(required=True)
    origin = fields.String(required=True)
    edition = fields.String(required=True)
    api = fields.String(required=True)
    keys = fields.List(fields.Nested(KeySetSchema), required=True)
    logs = fields.List(fields.Nested(LogSchema), required=True)
    witness = fields.Nested(WitnessSchema, required=True)
    mode = OneOf(Mode, required=True)


@blueprint.route("/.well-known/consumer-credit-registry", methods=["GET"])
@blueprint.response(200, DirectorySchema)
def show_directory() -> Any:
    """Show the node's keys, logs and edition."""
    node = the(Node)
    settings = node.settings
    document = {
        "federation": settings.federation,
        "origin": settings.origin,
        "edition": node.rulebook.current.name,
        "api": "v1",
        "keys": [
            {
                "key_id": key_set.key_id,
                "suite": key_set.suite,
                "public_key": base64url.encode(key_set.public_key),
                "threshold": key_set.threshold,
                "nodes": [
                    {
                        "origin": each.origin,
                        "share_public_key": base64url.encode(each.share_public_key),
                    }
                    for each in key_set.nodes
                ],
                "status": key_set.status.value,
            }
            for key_set in node.keyring.published()
        ],
        "logs": [_log(node, log) for log in Log],
        "witness": {
            "name": node.witness.verifier.name,
            "vkey": node.witness.verifier.to_vkey(),
        },
        "mode": settings.mode,
    }
    return document, 200, {"Cache-Control": "public, max-age=60"}


def _log(node: Node, log: Log) -> dict[str, str]:
    # The present half-year's shard; earlier ones keep their names and this same key.
    shard = Shard(log=log, half_year=half_year_of(SystemClock().now()))
    name = f"{node.settings.authority}/log/{shard.name}"
    return {
        "name": log.wire_name,
        "origin": name,
        "vkey": vkey(name, node.signing_key.public.raw),
    }
