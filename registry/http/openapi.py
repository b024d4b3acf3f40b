"""The API's description: OpenAPI 3.1 from the same declarations that run.

flask-smorest collects schemas and operations; what is true of every operation
(problem answers, request ids, signatures) is added here once.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import flask_smorest
import yaml
from flask import Flask
from flask_smorest import utils as smorest_utils

from registry.http.caller import Scope
from registry.http.fields import describe_field
from registry.http.problems import PROBLEM_MEDIA_TYPE, STATUS_BY_KIND
from registry.kernel.problems import Problem

OPENAPI_VERSION = "3.1.0"

View = TypeVar("View", bound=Callable[..., Any])

_HEADERS_OF_EVERY_ANSWER = {
    "X-Request-ID": {"description": "Id of this request", "schema": {"type": "string"}},
    "traceparent": {"description": "W3C Trace Context", "schema": {"type": "string"}},
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page about this problem"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "urn:uuid of the request"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer into the body"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_DESCRIPTION = """\
Members sign every call: `Authorization: Bearer <JWT>` made for that call (see the
protocol page). People carry the bearer of their session. Bodies are strict JSON of at
most 1 MiB; unknown members are refused; answers may gain members. Every error is an
RFC 9457 problem document.
"""
_PROBLEMS_OF_EVERY_OPERATION = {400: "Malformed", 406: "Not acceptable", 503: "Unavailable"}
_PROBLEMS_OF_SIGNED_CALLS = {401: "Not authenticated", 403: "Forbidden", 429: "Too many"}
_METHODS_WITH_KEYS = frozenset({"post", "patch"})
_PROBLEMS_OF_BODIES = {413: "Too large", 415: "Unsupported media type", 422: "Invalid"}


class Api(flask_smorest.Api):  # type: ignore[misc] # flask-smorest is untyped
    """Collects the operations; answers errors by `http.problems`, not by its own page."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Nothing: problem documents are the only errors there are."""


def create_api(app: Flask, *, version: str) -> Api:
    """The API collector of `app`, with the strict fields' descriptions."""
    app.config.update(
        API_TITLE="Consumer Credit Registry",
        API_VERSION=version,
        OPENAPI_VERSION=OPENAPI_VERSION,
        OPENAPI_URL_PREFIX=None,
    )
    api = Api(app, spec_kwargs={"info": {"description": _DESCRIPTION}})
    api.spec.plugins[1].converter.add_attribute_function(_describe)
    return api


def _describe(_converter: object, field: Any, **kwargs: Any) -> dict[str, Any]:
    return describe_field(field, **kwargs)


def describe_signed(view: Callable[..., Any], scope: Scope | None) -> None:
    """Notes on `view` that it takes signed requests, and which scope it asks for."""
    note: dict[str, Any] = {"security": [{"signedRequest": []}]}
    if scope is not None:
        note["x-scope"] = scope.value
    _note(view, note)


def describe_optionally_signed(view: View) -> View:
    """Notes on a view that it answers unsigned calls too, with less."""
    _note(view, {"security": [{}, {"signedRequest": []}]})
    return view


def describe_own(view: Callable[..., Any]) -> None:
    """Notes on a view that it takes the session of a person."""
    _note(view, {"security": [{"subjectSession": []}]})


def describe_optionally_own(view: View) -> View:
    """Notes on a view that it takes the session of a person, where there is one."""
    _note(view, {"security": [{}, {"subjectSession": []}]})
    return view


def describe_problems(*problems: type[Problem]) -> Callable[[View], View]:
    """Notes on a view which problems its rules answer with, beyond the usual ones."""

    def decorate(view: View) -> View:
        responses: dict[str, Any] = {}
        for problem in problems:
            status = str(STATUS_BY_KIND[problem.kind])
            text = f"{problem.title.en} (`{problem.slug()}`)"
            known = responses.get(status, {}).get("description")
            responses[status] = {"description": f"{known}; {text}" if known else text}
        _note(view, {"responses": responses})
        return view

    return decorate


def describe_file_body(*media_types: str) -> Callable[[View], View]:
    """Notes on a view that its body is a file of one of these types."""

    def decorate(view: View) -> View:
        _note(
            view, {"requestBody": {"required": True, "content": {each: {} for each in media_types}}}
        )
        return view

    return decorate


def describe_header(
    name: str, *, meaning: str, presence: str = "optional"
) -> Callable[[View], View]:
    """Notes on a view that it reads the request header `name`."""

    def decorate(view: View) -> View:
        parameter = {
            "in": "header",
            "name": name,
            "required": presence == "required",
            "description": meaning,
            "schema": {"type": "string"},
        }
        _note(view, {"x-headers": {name: parameter}})
        return view

    return decorate


def describe_body(media_types: Sequence[str], *, meaning: str) -> Callable[[View], View]:
    """Notes on a view that it reads a body that no schema loads whole."""

    def decorate(view: View) -> View:
        content = {each: {"schema": {"type": "string"}} for each in media_types}
        body = {"required": True, "description": meaning, "content": content}
        _note(view, {"requestBody": body})
        return view

    return decorate


def _note(view: Callable[..., Any], note: dict[str, Any]) -> None:
    documentation = deepcopy(getattr(view, "_apidoc", {}))
    known = documentation.get("manual_doc", {})
    documentation["manual_doc"] = smorest_utils.deepupdate(known, note)
    view._apidoc = documentation  # type: ignore[attr-defined] # where flask-smorest looks


def describe(api: Api) -> dict[str, Any]:
    """The whole description as an OpenAPI document, the same at every start."""
    document: dict[str, Any] = deepcopy(api.spec.to_dict())
    components = document.setdefault("components", {})
    components["responses"] = {}
    components.setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
    for unused in ("Error", "PaginationMetadata"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "signedRequest": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT of typ ccr-request+jwt made for this one call.",
        },
        "subjectSession": {
            "type": "http",
            "scheme": "bearer",
            "description": "The bearer of a person's session, given by a proof of an identifier.",
        },
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            if method != "parameters":
                _complete(operation, method, has_path_id="parameters" in path)
    document["paths"] = dict(sorted(document["paths"].items()))
    components["schemas"] = dict(sorted(components["schemas"].items()))
    return document


def description_yaml(document: dict[str, Any]) -> str:
    """The description as it is committed in api_spec/openapi.yaml."""
    return yaml.dump(
        document, Dumper=_WithoutAliases, sort_keys=False, allow_unicode=True, width=100
    )


class _WithoutAliases(yaml.SafeDumper):
    """Writes what stands twice twice: not every reader of OpenAPI knows YAML's aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """No value is a reference to another."""
        return True


def _complete(operation: dict[str, Any], method: str, *, has_path_id: bool) -> None:
    responses = {
        status: response
        for status, response in operation.get("responses", {}).items()
        if "$ref" not in response
    }
    expected = dict(_PROBLEMS_OF_EVERY_OPERATION)
    if "security" in operation:
        expected |= _PROBLEMS_OF_SIGNED_CALLS
    if "requestBody" in operation:
        expected |= _PROBLEMS_OF_BODIES
    if "security" in operation and method in _METHODS_WITH_KEYS:
        # An Idempotency-Key of another call, also where there is no body.
        expected[422] = "Invalid"
    if any(p.get("in") == "query" for p in operation.get("parameters", [])):
        expected[422] = "Invalid"
    if has_path_id:
        expected[404] = "Nothing here"
    for status, description in expected.items():
        responses.setdefault(str(status), {"description": description})
    for status, response in responses.items():
        if int(status) >= 400:
            schema = {"$ref": "#/components/schemas/Problem"}
            response["content"] = {PROBLEM_MEDIA_TYPE: {"schema": schema}}
        response["headers"] = {**_HEADERS_OF_EVERY_ANSWER, **response.get("headers", {})}
    operation["responses"] = dict(sorted(responses.items()))
    operation.setdefault("parameters", []).extend(_headers_read(operation, method))
    if not operation["parameters"]:
        del operation["parameters"]


def _headers_read(operation: dict[str, Any], method: str) -> list[dict[str, Any]]:
    headers = list(operation.pop("x-headers", {}).values())
    if method in {"post", "patch"} and {"signedRequest": []} in operation.get("security", ()):
        headers.append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": False,
                "description": "Repeating a call with the same key gives the same answer for 24 h.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
            }
        )
    return headers
