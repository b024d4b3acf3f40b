"""What the bridge hands to a WSGI application is what a server would have handed it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from registry.door.bridge import AHEAD_BYTES_MAX, TARGET, Bridge, CallerGone

Environ = dict[str, Any]


def ask(
    application: Callable[..., Iterable[bytes]], *pieces: bytes | None, **scope: Any
) -> list[dict[str, Any]]:
    """The messages an application's answer becomes; a piece None: the caller hangs up."""
    every = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=%2F",
        "headers": [],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 2),
        TARGET: b"/a%20b?x=%2F",
    }
    sent: list[dict[str, Any]] = []
    left = list(pieces or [b""])

    async def receive() -> dict[str, Any]:
        piece = left.pop(0) if left else None
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        bridge = Bridge(application, threads=2)
        try:
            await bridge.answer(every | scope, receive, send)
        finally:
            bridge.close()

    asyncio.run(run())
    return sent


def test_a_request_keeps_its_target_and_headers() -> None:
    """Raw where it is signed, decoded where it is routed; no header under another's name."""
    seen: Environ = {}

    def application(environ: Environ, start: Any) -> Iterable[bytes]:
        seen.update(environ)
        start("204 No Content", [])
        return []

    headers = [
        (b"content-type", b"application/json"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"x_request_id", b"forged"),
        (b"authorization", b"Bearer \xe9"),
    ]
    (start, body) = ask(application, headers=headers)
    assert (204, b"", False) == (start["status"], body["body"], body["more_body"])
    assert ("/a%20b?x=%2F", "/a b", "x=%2F") == tuple(
        seen[name] for name in ("RAW_URI", "PATH_INFO", "QUERY_STRING")
    )
    assert ("application/json", "1,2", "Bearer \u00e9") == tuple(
        seen[name] for name in ("CONTENT_TYPE", "HTTP_X_A", "HTTP_AUTHORIZATION")
    )
    assert "HTTP_X_REQUEST_ID" not in seen


@pytest.mark.parametrize("size", [0, 10, AHEAD_BYTES_MAX, 3 * AHEAD_BYTES_MAX + 7])
def test_a_body_arrives_whole_however_long(size: int) -> None:
    """What is read ahead and what is read as it comes are one stream with an end."""
    whole = (bytes(range(251)) * (size // 251 + 1))[:size]
    pieces = [whole[at : at + 100_000] for at in range(0, size, 100_000)] or [b""]
    read: list[bytes] = []

    def application(environ: Environ, start: Any) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        read.extend((stream.read(5), stream.read(), stream.read(1)))
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    ask(application, *pieces)
    assert whole == b"".join(read)


def test_an_answer_in_pieces_is_sent_in_pieces() -> None:
    """Each as it is made, the last one as the end; and the application is closed."""
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"one", b"", b"two", b"three")

        def close(self) -> None:
            closed.append(True)

    def application(_environ: Environ, start: Any) -> Iterable[bytes]:
        start("200 OK", [("X-A", "1")])
        return Pieces()

    start, *bodies = ask(application)
    assert [(b"x-a", b"1")] == start["headers"]
    assert b"onetwothree" == b"".join(each["body"] for each in bodies)
    assert [*[True] * (len(bodies) - 1), False] == [each["more_body"] for each in bodies]
    assert [True] == closed


def test_a_caller_that_hangs_up_takes_no_thread() -> None:
    """The application is not called for half a body."""

    def application(_environ: Environ, _start: Any) -> Iterable[bytes]:
        raise AssertionError("nobody asked")

    with pytest.raises(CallerGone):
        ask(application, b"half", None)
