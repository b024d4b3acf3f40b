"""gunicorn's threaded worker, with our answer to what it cannot read.

gunicorn refuses broken HTTP before the application sees it, with a page of its
own and a line that holds the caller's address and bytes. Here the refusal is a
problem document like every other, and the line says only what kind it was.
"""

import json
import logging
import socket
from http import HTTPStatus
from uuid import uuid4

from flask import Flask, Response
from gunicorn.http.errors import ParseException
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from registry.http.problems import (
    InternalFault,
    RequestMalformed,
    problem_document,
    problem_response,
)
from registry.kernel.problems import Problem
from registry.settings import Settings

logger = logging.getLogger("registry.http")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn is untyped
    """Serves with threads; refuses without repeating what was sent."""

    def handle_error(
        self, req: object | None, client: socket.socket, addr: object, exc: Exception
    ) -> None:
        """Answers a request that could not be read, and closes its connection."""
        if isinstance(exc, ParseException):
            logger.warning("a request could not be read: %s", type(exc).__name__)
            if req is not None:
                # The application has answered; what is broken is the rest of the body.
                return
        else:
            logger.error("a connection failed", exc_info=exc)
        try:
            kind = RequestMalformed if isinstance(exc, ParseException) else InternalFault
            write_nonblock(client, refusal_of(kind()))
        except OSError:
            logger.debug("the caller has gone")


def register_unreadable_bodies(app: Flask, origin: str) -> None:
    """Makes chunks that gunicorn cannot read, found by the application, a 400."""

    @app.errorhandler(ParseException)
    def answer_unreadable(_error: ParseException) -> Response:
        return problem_response(RequestMalformed("The body's chunks cannot be read."), origin)


def refusal_of(problem: Problem) -> bytes:
    """A whole HTTP/1.1 answer to what never became a request."""
    identifier = uuid4()
    document = problem_document(problem, origin=Settings.load().origin, request=identifier)
    body = json.dumps(document, ensure_ascii=False).encode()
    status = HTTPStatus(document["status"])
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        f"X-Request-ID: {identifier}\r\n\r\n"
    )
    return head.encode("ascii") + body
