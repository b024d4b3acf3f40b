"""One request, one answer, within bounds: urllib3 without its own decisions.

No redirect is followed, no proxy of the environment used, nothing decompressed,
no answer read beyond its limit or its time.
"""

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, parse_url

from registry.client.problems import AnswerNotUnderstood, RegistryUnreachable

_CHUNK_BYTES = 65_536
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ConnectionNotTrusted(RegistryUnreachable):
    """TLS could not show that the other side is the registry; trying again is no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Bounds of the connections. `ca_file` replaces the system's authorities."""

    connect_seconds_max: float = 5.0
    read_seconds_max: float = 15.0
    answer_bytes_max: int = 8 * 1024 * 1024
    connections_max: int = 16
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it came. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def title(self) -> str:
        """The status in words."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return f"Status {self.status}"


def checked_origin(origin: str) -> str:
    """`origin` itself: scheme, host and port, and nothing else.

    Plain http is for this machine only: tokens and signed requests are secrets.

    Raises: ValueError.
    """
    parts = urlsplit(origin)
    if not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise ValueError("an origin is scheme://host[:port], e.g. https://registry.example")
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
        raise ValueError("an origin is https, or http on this machine")
    return origin


def as_sent(origin: str, target: str) -> str:
    """Path and query in the one spelling that goes over the wire and is signed.

    Raises: ValueError when `target` is not a path of this origin.
    """
    if not target.startswith("/") or target.startswith("//"):
        raise ValueError("a path starts with one slash")
    return parse_url(origin + target).request_uri


class Transport:
    """A pool of connections to one origin; threads may share it."""

    def __init__(self, origin: str, connections: Connections) -> None:
        self.origin = checked_origin(origin)
        self._bounds = connections
        # A semaphore, and not the pool's own queue, so that waiting has a bound.
        self._places = threading.BoundedSemaphore(connections.connections_max)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=connections.connections_max,
            ssl_context=_tls(connections.ca_file),
        )

    def close(self) -> None:
        """Closes the connections that wait for use."""
        self._pool.clear()

    def exchange(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds_max: float,
    ) -> Answer:
        """Sends once and reads the answer, whatever its status.

        `seconds_max` bounds this exchange within what the connections allow.

        Raises: RegistryUnreachable, AnswerNotUnderstood.
        """
        ends = monotonic() + min(seconds_max, self._bounds.read_seconds_max)
        if not self._places.acquire(timeout=max(0.0, ends - monotonic())):
            raise RegistryUnreachable("all connections are busy")
        try:
            response = self._send(method, target, body, headers, ends)
            try:
                return self._read(response, ends)
            finally:
                # Read to its end, its connection is in the pool already and stays open.
                response.close()
        except SSLError as error:
            raise ConnectionNotTrusted(f"{self.origin}: {_words(error)}") from error
        except HTTPError as error:
            raise RegistryUnreachable(f"{self.origin}: {_words(error)}") from error
        finally:
            self._places.release()

    def _send(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], ends: float
    ) -> BaseHTTPResponse:
        read_seconds = max(0.001, ends - monotonic())
        connect_seconds = min(self._bounds.connect_seconds_max, read_seconds)
        return self._pool.urlopen(
            method,
            self.origin + target,
            body=body,
            headers={"Accept-Encoding": "identity", **headers},
            redirect=False,
            retries=False,
            timeout=Timeout(connect=connect_seconds, read=read_seconds),
            preload_content=False,
            decode_content=False,
        )

    def _read(self, response: BaseHTTPResponse, ends: float) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        if 300 <= response.status < 400 and response.status != HTTPStatus.NOT_MODIFIED:
            raise AnswerNotUnderstood("the registry answered with a redirect; none is followed")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise AnswerNotUnderstood("the answer is compressed, which was not asked for")
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._bounds.answer_bytes_max:
                raise AnswerNotUnderstood(
                    f"the answer is longer than {self._bounds.answer_bytes_max} bytes"
                )
            if monotonic() > ends:
                raise RegistryUnreachable("the answer did not end in time")
        return Answer(status=response.status, headers=headers, body=bytes(body))


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def _words(error: HTTPError) -> str:
    # urllib3 puts the object before the words: "HTTPConnection(host=…): refused".
    return str(error).rpartition(": ")[2] or type(error).__name__
