"""Shows the rulebook: every number and list that decides, to anyone."""

import hashlib
from typing import Any

from flask import Response, request
from marshmallow import fields

from registry.http.blueprint import Blueprint
from registry.http.fields import AnswerSchema, StrictSchema, Word
from registry.http.openapi import describe_problems
from registry.http.wiring import the
from registry.kernel.canonical import canonical_json
from registry.kernel.problems import Kind, Problem, Text
from registry.rulebook.model import Rulebook

blueprint = Blueprint("rulebook", __name__, description="The rules, as data")

# An edition never changes under its name; which one is current may.
_CACHE = "public, max-age=300"


class EditionNotFound(Problem):
    """This registry has no edition of that name."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such edition of the rulebook", zh="没有该规则版本")
    advice = Text(
        en="The answer without a name lists every edition in `editions`.",
        zh="不指定版本时，应答中的 `editions` 列出全部版本。",
    )


class RulebookQuerySchema(StrictSchema):
    """Which edition to show; the current one if none is named."""

    edition = Word("[a-z0-9.-]{1,32}", longest=32)


class RulebookSchema(AnswerSchema):
    """One edition, as its file has it, and the names of all."""

    current = fields.String(required=True)
    editions = fields.List(fields.String(), required=True)
    edition = fields.Dict(required=True, metadata={"description": "The edition's file as JSON"})


@blueprint.route("/v1/rulebook", methods=["GET"])
@describe_problems(EditionNotFound)
@blueprint.arguments(RulebookQuerySchema, location="query")
@blueprint.response(200, RulebookSchema)
@blueprint.alt_response(304, description="The edition of If-None-Match stands")
def show_rulebook(query: dict[str, Any]) -> Response:
    """Show an edition of the rulebook."""
    rulebook = the(Rulebook)
    name = query.get("edition", rulebook.current.name)
    if name not in rulebook.editions:
        raise EditionNotFound
    body = canonical_json(
        {
            "current": rulebook.current.name,
            "editions": sorted(rulebook.editions),
            "edition": rulebook.editions[name].document,
        }
    )
    response = Response(body, content_type="application/json")
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.headers["Cache-Control"] = _CACHE
    response.make_conditional(request)
    return response
