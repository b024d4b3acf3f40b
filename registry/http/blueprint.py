"""flask-smorest with strict reading: one media type, strict JSON, pointed errors."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import flask_smorest
import marshmallow as ma
from flask import Request
from webargs import core
from webargs.flaskparser import FlaskParser

from registry.http.problems import (
    MediaTypeUnsupported,
    RequestInvalid,
    schema_errors,
)
from registry.kernel import strict_json
from registry.kernel.problems import FieldError

View = TypeVar("View", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """Reads a request's body and query; what does not fit is a problem."""

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """The body as a JSON value; no body at all is no value."""
        body = req.get_data()
        if not body:
            return core.missing
        encoding = req.headers.get("Content-Encoding", "identity")
        if req.mimetype != "application/json" or encoding.lower() != "identity":
            raise MediaTypeUnsupported
        return strict_json.parse(body)

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """The query's parameters; one given twice is refused."""
        doubled = [name for name, values in req.args.lists() if len(values) > 1]
        if doubled:
            errors = [
                FieldError(pointer=f"/{name}", code="repeated", detail="Given more than once.")
                for name in doubled
            ]
            raise RequestInvalid("A query parameter is given more than once.", errors=errors)
        return super().load_querystring(req, schema)

    def handle_error(
        self,
        error: ma.ValidationError,
        req: Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Any,
    ) -> NoReturn:
        """Answers with every place at which the request does not fit its schema."""
        messages = error.messages
        assert isinstance(messages, dict), "webargs nests by location: {'json': {…}}"
        errors = [each for inner in messages.values() for each in schema_errors(inner)]
        raise RequestInvalid(errors=errors) from error


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest is untyped
    """A room's URLs, read strictly and described in the API's document."""

    # Unknown query parameters are refused like unknown members.
    ARGUMENTS_PARSER = StrictParser(unknown=ma.RAISE)

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Registers a view under `rule`."""
        return _typed(super().route(rule, **options))

    def arguments(self, schema: type[ma.Schema], **options: Any) -> Callable[[View], View]:
        """Gives the view what `schema` loads from the request."""
        # An instance: of a class, webargs makes a new one for each request, with a
        # copy of every field, which costs more than the loading. Loading keeps no
        # state in a schema, so threads may share it.
        return _typed(super().arguments(schema(), **options))

    def response(
        self, status: int, schema: type[ma.Schema] | None = None, **options: Any
    ) -> Callable[[View], View]:
        """Dumps what the view returns with `schema`, under `status`."""
        return _typed(super().response(status, schema, **options))

    def alt_response(self, status: int, **options: Any) -> Callable[[View], View]:
        """Describes another answer of the view."""
        return _typed(super().alt_response(status, **options))


def _typed(decorator: Any) -> Callable[[View], View]:
    """flask-smorest's decorators keep a view's signature but do not say so."""
    checked: Callable[[View], View] = decorator
    return checked
