"""Hands a request to the Flask application, in a thread, as a WSGI server would.

Up to `AHEAD_BYTES_MAX` of a body are read before a thread is taken, so that a slow
sender holds none; what is longer is read by the thread as it goes.
Source: PEP 3333; ASGI 3.0.
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_to_bytes

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WsgiApplication = Callable[..., Iterable[bytes]]

# Under this name a scope holds path and query as they came over the wire.
TARGET = "registry.target"
# As much as an ordinary body may have, and the byte that shows it has more.
AHEAD_BYTES_MAX = 1024 * 1024 + 1
BODY_SECONDS_MAX = 30.0


class CallerGone(Exception):
    """The caller hung up, or sent its body too slowly."""


class Bridge:
    """Runs a WSGI application for the requests of an event loop."""

    def __init__(self, application: WsgiApplication, *, threads: int) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="flask")

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, body: bytes | None = None
    ) -> None:
        """The application's answer; `body` where it has been read already."""
        loop = asyncio.get_running_loop()
        if body is None:
            body, more = await read_body(receive, AHEAD_BYTES_MAX)
        else:
            more = False
        rest = _Rest(loop, receive) if more else None
        stream = io.BytesIO(body) if rest is None else io.BufferedReader(_Body(body, rest))
        environ = wsgi_environ(scope, stream)
        call = _Call(loop, send)
        await loop.run_in_executor(self._threads, call.run, self._application, environ)

    def close(self) -> None:
        """Lets the calls at hand end."""
        self._threads.shutdown(wait=True)


async def read_body(receive: Receive, bytes_max: int) -> tuple[bytes, bool]:
    """The body, or as much of it as reaches `bytes_max`; and whether there is more.

    Raises: CallerGone.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return message.get("body", b""), False
    pieces = []
    length = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                if message["type"] != "http.request":
                    raise CallerGone
                piece = message.get("body", b"")
                pieces.append(piece)
                length += len(piece)
                if not message.get("more_body"):
                    return b"".join(pieces), False
                if length >= bytes_max:
                    return b"".join(pieces), True
                message = await receive()
    except TimeoutError:
        raise CallerGone from None


def wsgi_environ(scope: Scope, stream: Any) -> dict[str, Any]:
    """The environ of a request, as gunicorn makes it, its raw target included."""
    target = scope.get(TARGET)
    if target is None:
        query = scope.get("query_string", b"")
        target = scope["raw_path"] + (b"?" + query if query else b"")
    host, port = (scope.get("server") or ("localhost", 0))[:2]
    client = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "RAW_URI": target.decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": client[0],
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": stream,
        # The stream ends where the body does, also when it came in chunks.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    environ.update(_header_variables(scope["headers"]))
    return environ


def _header_variables(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    variables: dict[str, str] = {}
    for name, value in headers:
        # `X_A` would become what `X-A` is: such names are dropped, as gunicorn does.
        if b"_" in name:
            continue
        variable = name.decode("latin-1").upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = f"HTTP_{variable}"
        text = value.decode("latin-1")
        earlier = variables.get(variable)
        variables[variable] = text if earlier is None else f"{earlier},{text}"
    return variables


class _Rest:
    """What of a body has not come yet, for a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive) -> None:
        self._loop = loop
        self._receive = receive
        self._ended = False

    def next(self) -> bytes:
        """The next piece; b"" at the end, also when the caller is gone."""
        while not self._ended:
            waited = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            piece = waited.result()
            if piece:
                return piece
        return b""

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                message = await self._receive()
        except TimeoutError:
            self._ended = True
            return b""
        self._ended = message["type"] != "http.request" or not message.get("more_body")
        piece = message.get("body", b"")
        assert isinstance(piece, bytes)
        return piece


class _Body(io.RawIOBase):
    """The part of a body that was read ahead, then the rest."""

    def __init__(self, ahead: bytes, rest: _Rest) -> None:
        self._piece = memoryview(ahead)
        self._rest = rest

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As many bytes as are there, at most as many as fit; 0 at the end."""
        if not self._piece:
            self._piece = memoryview(self._rest.next())
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count


class _Call:
    """One call of the application; what it writes goes to the loop piece by piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._loop = loop
        self._send_message = send
        self._start: Message | None = None

    def run(self, application: WsgiApplication, environ: dict[str, Any]) -> None:
        pieces = application(environ, self._start_response)
        try:
            waiting = b""
            for piece in pieces:
                # One piece behind, so that the last one ends the answer.
                if waiting:
                    self._send(waiting, more=True)
                waiting = piece
            self._send(waiting, more=False)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        self._start = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ],
        }
        return lambda data: self._send(data, more=True)

    def _send(self, data: bytes, *, more: bool) -> None:
        start, self._start = self._start, None
        sent = self._send_both(
            start, {"type": "http.response.body", "body": data, "more_body": more}
        )
        asyncio.run_coroutine_threadsafe(sent, self._loop).result()

    async def _send_both(self, start: Message | None, body: Message) -> None:
        if start is not None:
            await self._send_message(start)
        await self._send_message(body)
