"""A log's files over HTTP, asked for with a member's signature where one is needed."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from registry.client.calls import problem_of
from registry.client.problems import RegistryProblem, RegistryUnreachable
from registry.client.signing import Signer
from registry.client.transport import Answer, Connections, Transport
from registry.crypto.tiles import Bundle, Tile
from registry.ledger.sources import RESOURCE_BYTES_MAX, ResourceMissing

READS_AT_ONCE = 8
TRIES_MAX = 60
_WAIT_SECONDS_MAX = 60
_TOO_MANY = 429
# What a server without the file answers; any other refusal says nothing of the log.
_MISSING = frozenset({404, 410})
_NOT_SHOWN = frozenset({401, 403})
_WHO_MAY = (
    "The access log is shown to members with the scope audit:read, which supervisors have."
    " Name one by --profile."
)


class UrlSource:
    """The log below the address `url`; `signer` signs each request, where given.

    Raises: ValueError for an address that is none, or http beyond this machine.
    """

    reads_at_once = READS_AT_ONCE

    def __init__(self, url: str, signer: Signer | None = None) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path.rstrip("/")
        self._signer = signer
        self._transport = Transport(
            f"{parts.scheme}://{parts.netloc}",
            Connections(connections_max=READS_AT_ONCE, answer_bytes_max=RESOURCE_BYTES_MAX),
        )

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises: ResourceMissing, RegistryProblem, RegistryUnreachable.
        """
        for _ in range(TRIES_MAX):
            answer = self._ask(f"{self._prefix}/{path}")
            if answer.status == 200:
                return answer.body
            if answer.status in _MISSING:
                raise ResourceMissing(f"{path}: the server answered {answer.status}")
            if answer.status != _TOO_MANY:
                raise _refusal(path, answer)
            # The quota of the member that reads: the log will still be there.
            time.sleep(_seconds(answer))
        raise RegistryUnreachable("the server still answers that there are too many requests")

    def prefixes_of(self, place: Tile | Bundle) -> Iterable[str]:
        """None: what a server no longer names it need not have."""
        return ()

    def _ask(self, target: str) -> Answer:
        headers = {}
        if self._signer is not None:
            jwt = self._signer.sign("GET", target, None, datetime.now(UTC))
            headers["Authorization"] = f"Bearer {jwt}"
        return self._transport.exchange("GET", target, body=None, headers=headers, seconds_max=60.0)


def _refusal(path: str, answer: Answer) -> RegistryProblem:
    problem = problem_of(answer, datetime.now(UTC))
    title = f"{problem.title}; the log was not read"
    detail = f"{path}: {problem.detail}".rstrip(": ")
    if answer.status in _NOT_SHOWN:
        detail = f"{detail}\n{_WHO_MAY}"
    return RegistryProblem(
        type=problem.type,
        title=title,
        status=problem.status,
        detail=detail,
        request_id=problem.request_id,
        document={**problem.document, "title": title, "status": problem.status, "detail": detail},
    )


def _seconds(answer: Answer) -> int:
    after = answer.headers.get("retry-after", "")
    return min(int(after), _WAIT_SECONDS_MAX) if after.isdecimal() else 1
