"""Turns problems into answers (RFC 9457) and gives every problem a page.

The one table from kind to status is here; rooms know no HTTP.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from registry.http.requests import request_id
from registry.kernel.problems import FieldError, Kind, Problem, Text, declared_problems

logger = logging.getLogger("registry.http")

PROBLEM_MEDIA_TYPE = "application/problem+json"

STATUS_BY_KIND: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.NOT_ACCEPTABLE: 406,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.PRECONDITION_FAILED: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA: 415,
    Kind.INVALID: 422,
    Kind.PRECONDITION_REQUIRED: 428,
    Kind.TOO_MANY: 429,
    Kind.FAULT: 500,
    Kind.UNAVAILABLE: 503,
}


class RequestMalformed(Problem):
    """The request is not HTTP this registry understands."""

    kind = Kind.MALFORMED
    title = Text(en="The request is malformed", zh="请求格式错误")
    advice = Text(
        en="Compare the request with the API description at /v1/openapi.json.",
        zh="请对照 /v1/openapi.json 中的接口描述检查请求。",
    )


class RequestInvalid(Problem):
    """The body is JSON but not what this operation takes."""

    kind = Kind.INVALID
    title = Text(en="The request does not fit its schema", zh="请求内容不符合接口规定")
    advice = Text(
        en="Each entry of `errors` points at one place of the body and says what is wrong there.",
        zh="`errors` 中每一项都用 pointer 指出正文中的一处，并说明问题所在。",
    )


class NothingHere(Problem):
    """No resource of this address, or none that this caller may know of."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is nothing at this address", zh="该地址没有内容")
    advice = Text(
        en="Check the path and the id. What belongs to another member is not shown.",
        zh="请检查路径与编号。属于其他成员机构的内容不会显示。",
    )


class MethodNotAllowed(Problem):
    """The resource exists and does not take this method."""

    kind = Kind.METHOD_NOT_ALLOWED
    title = Text(en="The method is not allowed here", zh="此处不支持该请求方法")
    advice = Text(en="The Allow header lists the methods.", zh="Allow 响应头列出了可用的方法。")


class NotAcceptable(Problem):
    """No form of the answer that the caller accepts."""

    kind = Kind.NOT_ACCEPTABLE
    title = Text(en="No acceptable form of the answer", zh="没有可接受的响应格式")
    advice = Text(en="Accept application/json.", zh="请接受 application/json。")


class BodyTooLarge(Problem):
    """The body is larger than this operation reads."""

    kind = Kind.TOO_LARGE
    title = Text(en="The body is too large", zh="请求正文过大")
    advice = Text(en="A body has at most 1 MiB.", zh="请求正文最大为 1 MiB。")


class MediaTypeUnsupported(Problem):
    """The body is of a kind this operation does not read."""

    kind = Kind.UNSUPPORTED_MEDIA
    title = Text(en="The media type is not supported", zh="不支持该媒体类型")
    advice = Text(
        en="Send Content-Type: application/json and no Content-Encoding.",
        zh="请使用 Content-Type: application/json，且不要使用 Content-Encoding。",
    )


class InternalFault(Problem):
    """The registry itself failed; nothing of the request remains."""

    kind = Kind.FAULT
    title = Text(en="The registry failed", zh="登记系统内部错误")
    advice = Text(
        en="Nothing was recorded. Tell the operator the request id.",
        zh="本次请求未留下任何记录。请把请求编号告知运营者。",
    )


_BY_HTTP_STATUS: Mapping[int, type[Problem]] = {
    404: NothingHere,
    405: MethodNotAllowed,
    406: NotAcceptable,
    413: BodyTooLarge,
    415: MediaTypeUnsupported,
}


def problem_document(problem: Problem, *, origin: str, request: UUID) -> dict[str, Any]:
    """The RFC 9457 members of `problem`, as JSON values."""
    document: dict[str, Any] = {
        "type": f"{origin}/problems/{problem.slug()}",
        "title": problem.title.en,
        "status": STATUS_BY_KIND[problem.kind],
        "detail": problem.detail,
        "instance": f"urn:uuid:{request}",
    }
    if problem.errors:
        document["errors"] = [
            {"pointer": error.pointer, "code": error.code, "detail": error.detail}
            for error in problem.errors
        ]
    return document


def problem_response(problem: Problem, origin: str) -> Response:
    """The answer that carries `problem`."""
    document = problem_document(problem, origin=origin, request=request_id())
    g.problem = problem.slug()
    response = Response(
        json.dumps(document, ensure_ascii=False),
        status=document["status"],
        content_type=PROBLEM_MEDIA_TYPE,
    )
    response.headers.update(problem_headers(problem))
    return response


def problem_headers(problem: Problem) -> dict[str, str]:
    """The headers that an answer carrying `problem` has beside its type."""
    headers = {}
    if problem.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="registry"'
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return headers


def schema_errors(messages: Any, pointer: str = "") -> list[FieldError]:
    """marshmallow's nested messages as flat errors with JSON Pointers."""
    if isinstance(messages, Mapping):
        return [
            error
            for name, inner in messages.items()
            for error in schema_errors(inner, pointer + _pointer_part(name))
        ]
    return [_schema_error(pointer, str(message)) for message in messages]


def _pointer_part(name: Any) -> str:
    if name == "_schema":
        return ""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def _schema_error(pointer: str, message: str) -> FieldError:
    codes = {
        "Missing data for required field.": "missing",
        "Unknown field.": "unknown_member",
        "Field may not be null.": "null",
    }
    return FieldError(pointer=pointer, code=codes.get(message, "invalid"), detail=message)


def register_problem_answers(app: Flask, origin: str) -> None:
    """Makes every error of `app` a problem document, and no other text."""

    @app.errorhandler(Problem)
    def answer_problem(problem: Problem) -> Response:
        return problem_response(problem, origin)

    @app.errorhandler(HTTPException)
    def answer_http_error(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return Response(error.get_response().get_data(), error.code or 500, error.get_headers())
        other = InternalFault if error.code >= 500 else RequestMalformed
        kind = _BY_HTTP_STATUS.get(error.code, other)
        response = problem_response(kind(), origin)
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    @app.errorhandler(Exception)
    def answer_fault(error: Exception) -> Response:
        # The outermost of the loops that may catch everything: the caller learns
        # the request id, the operator the traceback.
        logger.exception("request %s failed: %s %s", request_id(), request.method, request.endpoint)
        return problem_response(InternalFault(), origin)


def problem_by_slug(slug: str) -> type[Problem] | None:
    """The declared problem of this slug, for its page."""
    return next((kind for kind in declared_problems() if kind.slug() == slug), None)
