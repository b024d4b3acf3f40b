"""What belongs to one request: its id, its trace, its access line.

Access lines carry ids only: no path, no query, no address, no body.
"""

import json
import logging
import re
import secrets
import time
from uuid import UUID, uuid4

from flask import Flask, Response, g, request

logger = logging.getLogger("registry.access")

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


def request_id() -> UUID:
    """The id of the request at hand: the caller's if it sent a UUID, else ours."""
    if "request_id" not in g:
        try:
            g.request_id = UUID(request.headers.get("X-Request-ID", ""))
        except ValueError:
            g.request_id = uuid4()
    identifier = g.request_id
    assert isinstance(identifier, UUID)
    return identifier


def _traceparent() -> str:
    match = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
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
        response.headers["traceparent"] = _traceparent()
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        if logger.isEnabledFor(logging.INFO):
            logger.info(_access_line(response))
        return response


def _access_line(response: Response) -> str:
    elapsed = time.perf_counter_ns() - g.get("began", time.perf_counter_ns())
    line = {
        "request": str(request_id()),
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "problem": g.get("problem"),
        "member": g.get("member"),
        "microseconds": elapsed // 1000,
    }
    return json.dumps(line)
