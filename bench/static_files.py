"""Buckets as one would serve them by hand: an ASGI application, bytes that lie ready.

On the server class and the settings of the lean door, with the headers and the bytes
it answered; no ETag is compared, no line written, nothing ever changes.
"""

import json
import os
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

FILE = "BENCH_STATIC_FILE"

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Answer = tuple[Mapping[str, Any], Mapping[str, Any]]


class StaticFiles:
    """What lies in one file, by path; the file is read at the first request that finds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answers: Mapping[str, Answer] = {}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request, or begins and ends with the server."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if not self._answers and self._path.exists():
            self._answers = _read(self._path)
        for message in self._answers.get(scope["path"], _NOT_FOUND):
            await send(message)


_NOT_FOUND: Answer = (
    {"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]},
    {"type": "http.response.body", "body": b""},
)


def _read(path: Path) -> Mapping[str, Answer]:
    return {
        target: (
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(name.encode(), value.encode()) for name, value in each["headers"]],
            },
            {"type": "http.response.body", "body": b64decode(each["body"])},
        )
        for target, each in json.loads(path.read_text()).items()
    }


app = StaticFiles(Path(os.environ.get(FILE, "")))
