"""What has arrived at the lean door, and what it is answered with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from registry.http.limits import Allowance, limit_headers
from registry.http.problems import PROBLEM_MEDIA_TYPE, problem_document, problem_headers
from registry.http.requests import traceparent_after
from registry.http.signed_request import VerifiedCall
from registry.kernel.problems import Problem

JSON_MEDIA_TYPE = "application/json"
_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A call whose signature holds and whose body was read; nothing of it is written yet.

    `asked` is what the body loads to, `weight` how much work it asks for.
    """

    verified: VerifiedCall
    asked: Any
    weight: int
    request_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an arrival is answered with; `member` and `problem` are for its access line."""

    status: int
    body: bytes
    media_type: str = JSON_MEDIA_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    allowances: Sequence[Allowance] = ()
    member: str | None = None
    problem: str | None = None


def problem_reply(
    problem: Problem,
    *,
    origin: str,
    request_id: UUID,
    member: str | None = None,
    allowances: Sequence[Allowance] = (),
) -> Reply:
    """The reply that carries `problem`."""
    document = problem_document(problem, origin=origin, request=request_id)
    return Reply(
        status=document["status"],
        body=json.dumps(document, ensure_ascii=False).encode(),
        media_type=PROBLEM_MEDIA_TYPE,
        headers=problem_headers(problem),
        allowances=allowances,
        member=member,
        problem=problem.slug(),
    )


def unanswered(arrival: Arrival, problem: Problem, origin: str) -> Reply:
    """The reply to an arrival whose work was undone; it was counted if it came so far."""
    return problem_reply(
        problem,
        origin=origin,
        request_id=arrival.request_id,
        member=arrival.verified.key.caller.member,
        allowances=arrival.verified.counted,
    )


def reply_headers(
    reply: Reply, request_id: UUID, traceparent: str | None
) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, as every answer of the registry has them."""
    own = {
        "content-type": reply.media_type,
        "content-length": str(len(reply.body)),
        "x-request-id": str(request_id),
        "traceparent": traceparent_after(traceparent),
        **reply.headers,
        **limit_headers(reply.allowances),
    }
    headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in own.items()]
    headers.extend(_EVERY_ANSWER)
    return headers
