"""Whether the process lives, and whether it can keep promises."""

from typing import Any

from marshmallow import fields

from registry.app.node import Node
from registry.database.engine import ANSWER_SECONDS_MAX
from registry.database.migrate import require_connected_head
from registry.http.blueprint import Blueprint
from registry.http.fields import AnswerSchema
from registry.http.wiring import the

blueprint = Blueprint("health", __name__, description="For the operator's probes")

_DEAD_LETTERS = "Jobs that were given up and wait for the operator, counted up to 1000."
_LAG = "For how long the oldest job that is due has waited."


class HealthSchema(AnswerSchema):
    """The one word a probe reads."""

    status = fields.String(required=True)


class BacklogSchema(AnswerSchema):
    """How the work behind the calls stands."""

    dead_letters = fields.Integer(required=True, metadata={"description": _DEAD_LETTERS})
    lag_seconds = fields.Integer(required=True, metadata={"description": _LAG})


class ReadinessSchema(HealthSchema):
    """The word, and what an operator watches beside it."""

    jobs = fields.Nested(BacklogSchema, required=True)


@blueprint.route("/livez", methods=["GET"])
@blueprint.response(200, HealthSchema)
def show_liveness() -> Any:
    """Say that the process answers; it asks nothing else."""
    return {"status": "alive"}


@blueprint.route("/readyz", methods=["GET"])
@blueprint.response(200, ReadinessSchema)
def show_readiness() -> Any:
    """Say that database and logs keep up with what is promised; else a 503.

    Work that lags or was given up is told and refuses nothing: another node answers no
    better.
    """
    node = the(Node)
    with node.database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        node.log_watch.require_healthy(transaction)
        require_connected_head(transaction.connection)
        now = node.clock.now()
        backlog = node.jobs.backlog(transaction, now)
    jobs = {"dead_letters": backlog.dead_letters, "lag_seconds": backlog.lag_seconds(now)}
    return {"status": "ready", "jobs": jobs}
