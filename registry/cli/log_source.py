"""A log's files over HTTP, asked for with a member's signature where one is needed."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from registry.client.problems import RegistryUnreachable
from registry.client.signing import Signer
from registry.client.transport import Answer, Connections, Transport
from registry.crypto.tiles import Bundle, Tile
from registry.ledger.sources import RESOURCE_BYTES_MAX, ResourceMissing

READS_AT_ONCE = 8
TRIES_MAX = 60
_WAIT_SECONDS_MAX = 60
_TOO_MANY = 429


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

        Raises: ResourceMissing, RegistryUnreachable.
        """
        for _ in range(TRIES_MAX):
            answer = self._ask(f"{self._prefix}/{path}")
            if answer.status == 200:
                return answer.body
            if answer.status != _TOO_MANY:
                raise ResourceMissing(f"{path}: the server answered {answer.status}")
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


def _seconds(answer: Answer) -> int:
    after = answer.headers.get("retry-after", "")
    return min(int(after), _WAIT_SECONDS_MAX) if after.isdecimal() else 1
