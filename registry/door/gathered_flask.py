"""Flask's own hot calls, gathered: what its threads bring at one time is answered together.

thread:  request -> signature, body -> arrival --.              .--> reply -> response
loop:                                            '-> Gatherer --'
or, where the call is not plain: the view, alone
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Flask, Response, g, request

from registry.app import BODY_BYTES_MAX
from registry.app.node import Node
from registry.database.transaction import DatabaseUnavailable
from registry.door.arrivals import Arrival, Reply, unanswered
from registry.door.hot_calls import (
    HOT_MEDIA_TYPE,
    HOT_ROUTES,
    ODD_HEADERS,
    HotCall,
    open_hot_calls,
)
from registry.http.limits import announce
from registry.http.requests import request_id
from registry.http.signed import Door, request_target
from registry.http.wiring import service_of
from registry.kernel.problems import Problem

View = Callable[..., Any]

# The last thread that is free waits no longer: it is what tells others of a stall.
LAST_THREAD_SECONDS_MAX = 2.0


def gather(flask: Flask) -> Flask:
    """Has `flask` answer plain hot calls together, and by its views the others."""
    together = _Together(flask)
    paths = flask.url_map.bind("")
    for route in HOT_ROUTES:
        endpoint, _ = paths.match(route, method="POST")
        alone = flask.view_functions[endpoint]
        flask.view_functions[endpoint] = _gathered(alone, route, together)
    return flask


class _Together:
    """The hot calls on a loop in a thread of its own, begun with the first of them.

    Not before: a server may load the application and fork then, which no thread survives.
    """

    def __init__(self, flask: Flask) -> None:
        self._node = service_of(flask, Node)
        self._door = service_of(flask, Door)
        self._beginning = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asking = 0
        self._asking_long_max = max(1, self._node.settings.threads - 1)
        self._calls: Mapping[str, HotCall] = {}

    def answer(self, route: str) -> Response | None:
        """The answer to the request at hand; None where it is not plain.

        Raises: NotAuthenticated.
        """
        if not _is_plain(route):
            return None
        loop = self._begun()
        call = self._calls[route]
        arrival = call.arrival(
            self._door.gate,
            authorization=request.headers.get("Authorization"),
            body=request.get_data(),
            request_id=request_id(),
        )
        if arrival is None:
            return None
        try:
            # No longer than a gatherer lets anybody wait.
            reply = asyncio.run_coroutine_threadsafe(self._ask(call, arrival), loop).result()
        except Problem as problem:
            reply = unanswered(arrival, problem, self._door.origin)
        return _response(reply)

    async def _ask(self, call: HotCall, arrival: Arrival) -> Reply:
        """The reply. A database that stalls gets all threads but one.

        Else calls would wait for a thread before they wait for the database, without a
        bound, and what needs no database would wait with them.
        """
        is_last = self._asking >= self._asking_long_max
        if is_last and call.gatherer.is_stalled:
            raise DatabaseUnavailable
        self._asking += 1
        try:
            async with asyncio.timeout(LAST_THREAD_SECONDS_MAX if is_last else None):
                return await call.gatherer.answer(arrival)
        except TimeoutError:
            raise DatabaseUnavailable from None
        finally:
            self._asking -= 1

    def _begun(self) -> asyncio.AbstractEventLoop:
        with self._beginning:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="gathering", daemon=True).start()
                self._calls = asyncio.run_coroutine_threadsafe(self._open(), loop).result()
                self._loop = loop
            return self._loop

    async def _open(self) -> Mapping[str, HotCall]:
        return {each.route: each for each in open_hot_calls(self._node, self._door)}


def _gathered(alone: View, route: str, together: _Together) -> View:
    @wraps(alone)
    def view(**path: Any) -> Any:
        response = together.answer(route)
        return alone(**path) if response is None else response

    return view


def _is_plain(route: str) -> bool:
    length = request.content_length
    return (
        request.method == "POST"
        and request_target() == route
        and length is not None
        and length <= BODY_BYTES_MAX
        and request.headers.get("Content-Type") == HOT_MEDIA_TYPE
        and not any(name in request.headers for name in ODD_HEADERS)
    )


def _response(reply: Reply) -> Response:
    g.member = reply.member
    g.problem = reply.problem
    for allowance in reply.allowances:
        announce(allowance)
    return Response(
        reply.body, status=reply.status, headers=reply.headers, content_type=reply.media_type
    )
