"""The pages every node has: what it is, what each problem means, the API's description."""

import json
from importlib.resources import files
from inspect import getdoc
from typing import Any

from flask import Blueprint, Response, current_app, render_template, send_from_directory

from registry.app.node import Node
from registry.http.openapi import describe
from registry.http.problems import STATUS_BY_KIND, NothingHere, problem_by_slug
from registry.http.wiring import the
from registry.kernel.problems import declared_problems

blueprint = Blueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)

_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# The offline API browser sets styles from its script and embeds small images.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("/")
def show_home() -> Response:
    """What this node is."""
    return _page("home.html", edition=the(Node).rulebook.current.name)


@blueprint.get("/problems")
def list_problems() -> Response:
    """Every problem the API can answer with."""
    problems = sorted(declared_problems(), key=lambda problem: problem.slug())
    return _page("problems.html", problems=[(p, STATUS_BY_KIND[p.kind]) for p in problems])


@blueprint.get("/problems/<slug>")
def show_problem(slug: str) -> Response:
    """What one problem means and what to do, in both languages."""
    problem = problem_by_slug(slug)
    if problem is None:
        raise NothingHere
    meaning = (getdoc(problem) or "").partition("\n")[0]
    return _page(
        "problem.html", problem=problem, status=STATUS_BY_KIND[problem.kind], meaning=meaning
    )


@blueprint.get("/docs")
def show_docs() -> Response:
    """The API's description, to browse; it needs nothing from the network."""
    response = Response(render_template("docs.html"), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _DOCS_POLICY
    return response


@blueprint.get("/docs/assets/<name>")
def send_docs_asset(name: str) -> Response:
    """A file of the API browser, as its package ships it."""
    response = send_from_directory(str(files("flask_swagger_ui") / "dist"), name)
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@blueprint.get("/v1/openapi.json")
def send_description() -> Response:
    """The OpenAPI document of this node."""
    document = current_app.extensions["registry.description"]
    return Response(document, content_type="application/json")


def keep_description(app: Any, api: Any) -> None:
    """Builds the OpenAPI document once, when all rooms are registered."""
    app.extensions["registry.description"] = json.dumps(describe(api), ensure_ascii=False)


def _page(template: str, **facts: Any) -> Response:
    settings = the(Node).settings
    text = render_template(
        template,
        origin=settings.origin,
        federation=settings.federation,
        mode=settings.mode.value,
        **facts,
    )
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    return response
