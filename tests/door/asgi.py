"""A lean door on one event loop, and calls to it as a server would make them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from registry.client.signing import Signer
from registry.door.application import LeanDoor
from registry.door.bridge import TARGET
from tests.nodes import ORIGIN, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server would have sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came over the wire; the body in pieces, None: the caller hangs up."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    pieces: Sequence[bytes | None] = (b"",)


def signed(
    caller: Caller, method: str, target: str, document: Any = None, *more: tuple[str, str]
) -> Request:
    """A signed request; `document` is sent as JSON, bytes as they are."""
    body = b"" if document is None else document
    if not isinstance(body, bytes):
        body = json.dumps(document).encode()
    signer = Signer(origin=ORIGIN, member=caller.member.id, key=caller.key)
    headers = [
        ("Authorization", "Bearer " + signer.sign(method, target, body, datetime.now(UTC))),
        *([("Content-Type", "application/json")] if body else []),
        ("Content-Length", str(len(body))),
        *more,
    ]
    return Request(method=method, target=target, headers=headers, pieces=[body])


async def send(door: LeanDoor, request: Request) -> Answer | None:
    """The answer to a request; None where there is none."""
    path, _, query = request.target.encode().partition(b"?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers],
        "server": ("127.0.0.1", 1),
        "client": ("127.0.0.1", 2),
        TARGET: request.target.encode(),
    }
    pieces = list(request.pieces)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        piece = pieces.pop(0) if pieces else None
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    await door(scope, receive, take)
    if not sent:
        return None
    return Answer(
        status=sent[0]["status"],
        headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
        body=b"".join(each["body"] for each in sent[1:]),
    )


def with_door(door: LeanDoor, play: Callable[[LeanDoor], Awaitable[Any]]) -> Any:
    """What `play` gives, with the door opened before and closed after it."""

    async def run() -> Any:
        await door.begin()
        try:
            return await play(door)
        finally:
            await door.end()

    return asyncio.run(run())


def answers_of(door: LeanDoor, *requests: Request) -> list[Answer]:
    """The answers to requests that all arrive at once."""

    async def play(opened: LeanDoor) -> list[Answer | None]:
        return list(await asyncio.gather(*(send(opened, each) for each in requests)))

    answers = with_door(door, play)
    assert None not in answers
    return answers
