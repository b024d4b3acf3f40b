"""What belongs to one request: its id, its trace, its access line.

Access lines carry ids only: no path, no query, no address, no body.
"""

import logging
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID, uuid4

import orjson
from flask import Flask, Response, g, request

logger = logging.getLogger("registry.access")

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


def request_id() -> UUID:
    """The id of the request at hand: the caller's if it sent a UUID, else ours."""
    if "request_id" not in g:
        g.request_id = request_id_of(request.headers.get("X-Request-ID"))
    identifier = g.request_id
    assert isinstance(identifier, UUID)
    return identifier


def request_id_of(header: str | None) -> UUID:
    """The id a request goes by: the UUID in its X-Request-ID, else a fresh one."""
    if header is not None:
        with suppress(ValueError):
            return UUID(header)
    return uuid4()


def traceparent_after(header: str | None) -> str:
    """The traceparent of the answer: the caller's trace where it sent one, with a span of ours."""
    match = None if header is None else _TRACEPARENT.fullmatch(header)
    if match and match.group(1).strip("0") and match.group(2).strip("0"):
        return f"00-{match.group(1)}-{secrets.token_hex(8)}-{match.group(3)}"
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def register_request_facts(app: Flask) -> None:
    """Gives every answer its request id and trace, and every request one access line."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter_ns()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-ID"] = str(request_id())
        response.headers["traceparent"] = traceparent_after(request.headers.get("traceparent"))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        if is_access_logged():
            line = access_line(
                request_id=request_id(),
                method=request.method,
                route=request.url_rule.rule if request.url_rule else None,
                status=response.status_code,
                problem=g.get("problem"),
                member=g.get("member"),
                began=g.get("began", time.perf_counter_ns()),
            )
            write_access_lines([line])
        return response


def is_access_logged() -> bool:
    """Whether anybody wants access lines."""
    return logger.isEnabledFor(logging.INFO)


def write_access_lines(lines: Sequence[str]) -> None:
    """Writes access lines, all at once."""
    if lines:
        logger.info("\n".join(lines))


def access_line(
    *,
    request_id: UUID,
    method: str,
    route: str | None,
    status: int,
    problem: str | None,
    member: str | None,
    began: int,
) -> str:
    """One access line; `began` is by `time.perf_counter_ns`."""
    line = {
        "request": str(request_id),
        "method": method,
        "route": route,
        "status": status,
        "problem": problem,
        "member": member,
        "microseconds": (time.perf_counter_ns() - began) // 1000,
    }
    return orjson.dumps(line).decode()
