"""The ASGI application: takes the hot calls itself and hands every other one to Flask."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import Flask

from registry.app import BODY_BYTES_MAX
from registry.app.node import Node
from registry.door.access_lines import AccessLines
from registry.door.arrivals import Reply, problem_reply, reply_headers, unanswered
from registry.door.bridge import TARGET, Bridge, CallerGone, Receive, Scope, Send, read_body
from registry.door.hot_calls import (
    HOT_MEDIA_TYPE,
    ODD_HEADERS,
    HotCall,
    close_hot_calls,
    open_hot_calls,
)
from registry.http.requests import is_access_logged, request_id_of, traceparent_after
from registry.http.signed import Door
from registry.http.wiring import service_of
from registry.kernel.problems import Problem
from registry.lookups.screening_serving import INDEX_PATH

logger = logging.getLogger("registry.door")

_SCREENING = INDEX_PATH.encode("ascii")


class LeanDoor:
    """One node's ASGI application; `flask` is the same node's, for everything else."""

    def __init__(self, flask: Flask) -> None:
        self.flask = flask
        self._node = service_of(flask, Node)
        self._door = service_of(flask, Door)
        self._bridge = Bridge(flask, threads=self._node.settings.threads)
        self._hot: Mapping[bytes, HotCall] = {}
        self._access_lines = AccessLines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or begins and ends with the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                await self._answer(scope, receive, send)
            except CallerGone:
                # Nothing was written, and there is nobody to tell.
                logger.info("a caller left before its request was read")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.end()
        await send({"type": "lifespan.shutdown.complete"})

    async def begin(self) -> None:
        """Opens the door, on the running loop."""
        calls = open_hot_calls(self._node, self._door)
        self._hot = {each.route.encode("ascii"): each for each in calls}

    async def end(self) -> None:
        """Lets what has arrived be answered."""
        await close_hot_calls(list(self._hot.values()))
        self._bridge.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = self._hot.get(scope.get(TARGET, scope["raw_path"]))
        if hot is None or scope["method"] != "POST":
            if not await self._screen(scope, send):
                await self._bridge.answer(scope, receive, send)
            return
        began = time.perf_counter_ns()
        headers = _plain_headers(scope["headers"])
        if headers is None:
            await self._bridge.answer(scope, receive, send)
            return
        body, more = await read_body(receive, BODY_BYTES_MAX + 1)
        if more:
            await self._bridge.answer(scope, _after(body, receive), send)
            return
        request_id = request_id_of(headers.get(b"x-request-id"))
        reply = None
        if len(body) <= BODY_BYTES_MAX:
            reply = await self._reply(hot, headers, body, request_id)
        if reply is None:
            await self._bridge.answer(scope, receive, send, body)
            return
        traceparent = headers.get(b"traceparent")
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": reply_headers(reply, request_id, traceparent),
            }
        )
        if is_access_logged():
            self._access_lines.add(
                request_id=request_id,
                method="POST",
                route=hot.route,
                status=reply.status,
                problem=reply.problem,
                member=reply.member,
                began=began,
            )
        await send({"type": "http.response.body", "body": reply.body})

    async def _screen(self, scope: Scope, send: Send) -> bool:
        """Whether this was a call for screening's ready bytes, and is answered."""
        path = scope.get(TARGET, scope["raw_path"])
        if not path.startswith(_SCREENING) or scope["method"] not in ("GET", "HEAD"):
            return False
        began = time.perf_counter_ns()
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            known, text = name.decode("latin-1"), value.decode("latin-1")
            # A list may come in several fields (RFC 9110 §5.3).
            headers[known] = f"{headers[known]},{text}" if known in headers else text
        try:
            found = self._node.screening.door.answer_at_once(
                scope["method"], path.decode("latin-1"), headers
            )
        except Problem:
            # Flask says what is wrong.
            return False
        if found is None:
            return False
        request_id = request_id_of(headers.get("x-request-id"))
        own = {
            "X-Request-ID": str(request_id),
            "traceparent": traceparent_after(headers.get("traceparent")),
            "X-Content-Type-Options": "nosniff",
        }
        sent = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in (*found.headers, *own.items())
        ]
        await send({"type": "http.response.start", "status": found.status, "headers": sent})
        if is_access_logged():
            self._access_lines.add(
                request_id=request_id,
                method=scope["method"],
                route=_screening_route(path),
                status=found.status,
                problem=None,
                member=None,
                began=began,
            )
        await send({"type": "http.response.body", "body": found.body})
        return True

    async def _reply(
        self, hot: HotCall, headers: Mapping[bytes, str], body: bytes, request_id: UUID
    ) -> Reply | None:
        """What a hot call is answered with; None: it is for Flask."""
        try:
            arrival = hot.arrival(
                self._door.gate,
                authorization=headers.get(b"authorization"),
                body=body,
                request_id=request_id,
            )
        except Problem as problem:
            return problem_reply(problem, origin=self._door.origin, request_id=request_id)
        if arrival is None:
            return None
        try:
            return await hot.gatherer.answer(arrival)
        except Problem as problem:
            return unanswered(arrival, problem, self._door.origin)


def _screening_route(path: bytes) -> str:
    """The rule Flask has for a path that was answered: access lines hold no paths."""
    parts = path.count(b"/") - _SCREENING.count(b"/")
    rest = "" if not parts else "/<key_id>/<epoch>/<bits>/<bucket>"
    return INDEX_PATH + rest + ("/proof" if path.endswith(b"/proof") else "")


# One value each, or the request is not plain.
_SINGLE = frozenset({b"authorization", b"content-type", b"x-request-id", b"traceparent"})
_ODD = frozenset(name.encode("ascii") for name in ODD_HEADERS)


def _plain_headers(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, str] | None:
    """The headers a hot call is read by; None where they are not plain."""
    known: dict[bytes, str] = {}
    for name, value in headers:
        if name in _SINGLE:
            if name in known:
                return None
            known[name] = value.decode("latin-1")
        elif name in _ODD:
            return None
    if known.get(b"content-type") != HOT_MEDIA_TYPE or b"authorization" not in known:
        return None
    return known


def _after(body: bytes, receive: Receive) -> Receive:
    """The same messages, with what was read of the body before them."""
    read = [body]

    async def next_message() -> Any:
        if read:
            return {"type": "http.request", "body": read.pop(), "more_body": True}
        return await receive()

    return next_message
