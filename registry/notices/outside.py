"""Calls an address somebody else chose, without being led inside.

The name is resolved once, every address it has must be a public one, and the
connection goes to exactly that address, while certificate and Host are checked
for the name. Redirects are not followed, proxies of the environment not asked,
the answer's body not read; all of it together takes a bounded time.

Source: Standard Webhooks 1.0.0, "Server side request forgery"; RFC 6890 (special
addresses), RFC 6052 and 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from registry.kernel.clock import Clock
from registry.notices.model import Attempt, AttemptResult, Place, read_url
from registry.settings import Mode

TOTAL_SECONDS_MAX = 15.0
RESOLVE_SECONDS_MAX = 5.0
ADDRESSES_TRIED_MAX = 3
RETRY_AFTER_SECONDS_MAX = 86_400

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Public by their form, and yet a way to other addresses than they seem to be; and what
# `is_global` says differently from one Python to the next.
_DETOURS = tuple(
    ipaddress.ip_network(each)
    for each in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)


class AddressRefused(Exception):
    """The name leads to an address that is not a public one."""


class NameUnknown(Exception):
    """The name has no address, or nobody said so in time."""


def is_public(address: str) -> bool:
    """Whether `address` is an ordinary one of the public internet, and nothing but that."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(ip.version == each.version and ip in each for each in _DETOURS):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        # Whatever carries an IPv4 address inside (mapped, compatible, NAT64) lies elsewhere.
        return ip in _GLOBAL_UNICAST and ip.is_global and ip.scope_id is None
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Posts to addresses of members' choice.

    In a sandbox any address will do, and plain http. `wall` dates attempts;
    `tls` says whom to trust.
    """

    mode: Mode
    wall: Clock
    tls: ssl.SSLContext
    total_seconds_max: float = TOTAL_SECONDS_MAX

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """What came of one POST; never an exception of the network's."""
        at, began = self.wall.now(), time.monotonic()
        status, retry_after = None, None
        try:
            answer = self._post(read_url(url, self.mode), headers, body)
            status = answer.status
            retry_after = _retry_after_seconds(answer.getheader("Retry-After"), self.wall)
            result = AttemptResult.ANSWERED
        except AddressRefused:
            result = AttemptResult.ADDRESS_REFUSED
        except NameUnknown:
            result = AttemptResult.NAME_UNKNOWN
        except ssl.SSLError as error:
            # Cut off by the clock, a handshake ends as if the other had hung up.
            is_late = time.monotonic() - began >= self.total_seconds_max
            is_late = is_late or isinstance(error, TimeoutError)
            result = AttemptResult.TIMED_OUT if is_late else AttemptResult.TLS_FAILED
        except (OSError, http.client.HTTPException, ValueError):
            is_late = time.monotonic() - began >= self.total_seconds_max
            result = AttemptResult.TIMED_OUT if is_late else AttemptResult.CONNECTION_FAILED
        return Attempt(
            at=at,
            result=result,
            status=status,
            latency_milliseconds=int((time.monotonic() - began) * 1000),
            retry_after_seconds=retry_after,
        )

    def _post(
        self, place: Place, headers: Mapping[str, str], body: bytes
    ) -> http.client.HTTPResponse:
        addresses = _resolve(place)
        if self.mode is Mode.LIVE and not all(map(is_public, addresses)):
            # All of them: a name that has one foot inside is not to be trusted.
            raise AddressRefused
        deadline = time.monotonic() + self.total_seconds_max
        opened = _connect(addresses[:ADDRESSES_TRIED_MAX], place.port, deadline)
        # A timeout of the socket bounds each read, not their sum: one byte a second
        # would keep us for hours. At the deadline the connection is cut under it.
        cut = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [opened])
        cut.daemon = True
        cut.start()
        try:
            answer = self._exchange(place, opened, headers, body)
            if time.monotonic() >= deadline:
                # Cut off between two lines, headers look as if they had ended there.
                raise TimeoutError
            return answer
        finally:
            cut.cancel()
            opened.close()

    def _exchange(
        self, place: Place, opened: socket.socket, headers: Mapping[str, str], body: bytes
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = (
            self.tls.wrap_socket(opened, server_hostname=place.host) if place.is_tls else opened
        )
        try:
            connection.putrequest("POST", place.target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", place.authority)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Connection", "close")
            connection.endheaders(body)
            # Status and headers say all that is asked; a body is never read.
            return connection.getresponse()
        finally:
            connection.close()


def _resolve(place: Place) -> Sequence[str]:
    """Every address of the name. Raises: NameUnknown, also when nobody answers in time."""
    found: list[str] = []

    def resolve() -> None:
        try:
            infos = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(info[4][0]) for info in infos))

    # The system's resolver has no time limit of the caller's: it is left behind.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(RESOLVE_SECONDS_MAX)
    if thread.is_alive() or not found:
        raise NameUnknown
    return tuple(found)


def _connect(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    for position, address in enumerate(addresses):
        remaining = deadline - time.monotonic()
        share = max(0.05, remaining / (len(addresses) - position))
        try:
            return socket.create_connection((address, port), timeout=share)
        except OSError:
            if position == len(addresses) - 1:
                raise
    raise NameUnknown


def _cut(opened: socket.socket) -> None:
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _retry_after_seconds(text: str | None, wall: Clock) -> int | None:
    """What `Retry-After` asks for, in seconds or as a date; at most a day."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 9:
        seconds = int(text)
    else:
        try:
            seconds = int((parsedate_to_datetime(text) - wall.now()).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(0, seconds), RETRY_AFTER_SECONDS_MAX)


def trusting_context() -> ssl.SSLContext:
    """TLS as the machine trusts it."""
    return ssl.create_default_context()
