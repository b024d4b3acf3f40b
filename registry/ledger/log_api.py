"""The logs as C2SP tlog-tiles serves them. Source: docs/protocol.md, section 6."""

from datetime import datetime

from flask import Response

from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.http.blueprint import Blueprint
from registry.http.caller import Scope
from registry.http.openapi import describe_optionally_signed, describe_problems
from registry.http.signed import Door, ScopeMissing
from registry.http.signed_request import NotAuthenticated
from registry.http.wiring import the
from registry.kernel.clock import SystemClock
from registry.ledger.model import Log, Shard
from registry.ledger.publishing import NoSuchLog, checkpoint_of, resource_of, shard_named

blueprint = Blueprint("logs", __name__, description="The two transparency logs, as tiles")

# A tile of one width is the same for ever, but not under the present half-year's
# address, which will be another's; that of the access log is for few.
_FOR_EVER = "max-age=31536000, immutable"
_FOR_NOW = "max-age=1"
_CHECKPOINT = "public, max-age=1"


@blueprint.route("/log/<name>/checkpoint", methods=["GET"])
@describe_problems(NoSuchLog)
@blueprint.response(200, content_type="text/plain", description="A signed note")
def read_present_checkpoint(name: str) -> Response:
    """Read the checkpoint of a log's present half-year."""
    return _checkpoint(shard_named(name, None, _now()))


@blueprint.route("/log/<name>/<half_year>/checkpoint", methods=["GET"])
@describe_problems(NoSuchLog)
@blueprint.response(200, content_type="text/plain", description="A signed note")
def read_checkpoint(name: str, half_year: str) -> Response:
    """Read the checkpoint of one half-year of a log."""
    return _checkpoint(shard_named(name, half_year, _now()))


@blueprint.route("/log/<name>/tile/<path:place>", methods=["GET"])
@describe_optionally_signed
@describe_problems(NoSuchLog, NotAuthenticated, ScopeMissing)
@blueprint.response(200, content_type="application/octet-stream", description="A tile or bundle")
def read_present_tile(name: str, place: str) -> Response:
    """Read a tile or an entry bundle of a log's present half-year."""
    return _tile(shard_named(name, None, _now()), place, _FOR_NOW)


@blueprint.route("/log/<name>/<half_year>/tile/<path:place>", methods=["GET"])
@describe_optionally_signed
@describe_problems(NoSuchLog, NotAuthenticated, ScopeMissing)
@blueprint.response(200, content_type="application/octet-stream", description="A tile or bundle")
def read_tile(name: str, half_year: str, place: str) -> Response:
    """Read a tile or an entry bundle of one half-year of a log."""
    return _tile(shard_named(name, half_year, _now()), place, _FOR_EVER)


def _checkpoint(shard: Shard) -> Response:
    with the(Database).reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        text = checkpoint_of(transaction, shard)
    return _answer(text.encode(), "text/plain; charset=utf-8", _CHECKPOINT)


def _tile(shard: Shard, place: str, caching: str) -> Response:
    _require_reader(shard)
    with the(Database).reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        data = resource_of(transaction, shard, f"tile/{place}")
    audience = "public" if shard.log is Log.INCIDENTS else "private"
    return _answer(data, "application/octet-stream", f"{audience}, {caching}")


def _require_reader(shard: Shard) -> None:
    """The incidents log is everybody's; who looked whom up is for those who audit."""
    if shard.log is Log.INCIDENTS:
        return
    caller = the(Door).caller_if_signed()
    if caller is None:
        raise NotAuthenticated("The tiles of the access log are read with signed requests.")
    if Scope.AUDIT not in caller.scopes:
        raise ScopeMissing(f"The scope {Scope.AUDIT.value} is not granted to this member.")


def _answer(data: bytes, content_type: str, caching: str) -> Response:
    response = Response(data, content_type=content_type)
    response.headers["Cache-Control"] = caching
    return response


def _now() -> datetime:
    # Half-years of the logs follow the sequencer, which follows the machine.
    return SystemClock().now()
