"""Whether the process lives, and whether it can keep promises."""

from typing import Any

from marshmallow import fields

from registry.app.node import Node
from registry.database.migrate import require_head
from registry.http.blueprint import Blueprint
from registry.http.fields import AnswerSchema
from registry.http.wiring import the

blueprint = Blueprint("health", __name__, description="For the operator's probes")


class HealthSchema(AnswerSchema):
    """The one word a probe reads."""

    status = fields.String(required=True)


@blueprint.route("/livez", methods=["GET"])
@blueprint.response(200, HealthSchema)
def show_liveness() -> Any:
    """Say that the process answers; it asks nothing else."""
    return {"status": "alive"}


@blueprint.route("/readyz", methods=["GET"])
@blueprint.response(200, HealthSchema)
def show_readiness() -> Any:
    """Say that database and logs keep up with what is promised; else a 503."""
    node = the(Node)
    with node.database.reading() as transaction:
        node.log_watch.require_healthy(transaction)
    require_head(node.database.engine)
    return {"status": "ready"}
