"""uvicorn's HTTP/1.1 protocol with limits on what is read, and our answer to what is not.

Source: RFC 9112; the limits are gunicorn's settings of the same names.
"""

import logging
from asyncio import TimerHandle, Transport
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from registry.app.worker import refusal_of
from registry.door.bridge import TARGET
from registry.http.problems import RequestMalformed

logger = logging.getLogger("registry.http")

LINE_BYTES_MAX = 4094
FIELDS_MAX = 64
FIELD_BYTES_MAX = 8190
HEAD_BYTES_MAX = 64 * 1024
# A head that is not complete by then is not waited for.
HEAD_SECONDS_MAX = 20.0
# Two of them would mean two things.
_ONCE = frozenset({b"host", b"content-type"})
_UPGRADING = frozenset({b"upgrade", b"http2-settings"})


class HeadTooLarge(Exception):
    """The request line or the fields are longer than is read."""


class HeadRefused(Exception):
    """The head has more than one meaning, or none here."""


class StrictProtocol(HttpToolsProtocol):
    """Reads requests within limits; refuses without repeating what was sent."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._fields = 0
        self._head_timer: TimerHandle | None = None
        self._is_asked_to_upgrade = False
        self._has_head = False
        self._has_said_all = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begins to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on; a head may not grow without end."""
        self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._head_timer is not None and self._head_bytes > HEAD_BYTES_MAX:
            self.send_400_response("")

    def eof_received(self) -> bool:  # type: ignore[override] # as asyncio's
        """Who has said all still hears what was asked for whole."""
        self._has_said_all = True
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def on_response_complete(self) -> None:
        """Goes on to what was asked next, if anything was or can be."""
        super().on_response_complete()
        if self._has_said_all and self.cycle.response_complete and not self.transport.is_closing():
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begins a request."""
        super().on_message_begin()
        self._fields = 0
        self._has_head = False
        if self._head_timer is None:
            self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """Takes a piece of the target."""
        super().on_url(url)
        if len(self.url) > LINE_BYTES_MAX:
            raise HeadTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a field."""
        self._fields += 1
        if self._fields > FIELDS_MAX or len(name) + len(value) > FIELD_BYTES_MAX:
            raise HeadTooLarge
        if self._has_head:
            # A trailer is none of the head (RFC 9110 §6.5.1), wherever a packet ended.
            return
        if name.lower() in _ONCE and any(each == name.lower() for each, _ in self.headers):
            raise HeadRefused
        # The parser leaves the white space behind a value, which is none of it.
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """Hands the request on, with its target as it came over the wire."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise HeadRefused
        if version == "1.0" and any(name == b"transfer-encoding" for name, _ in self.headers):
            # Its framing is faulty (RFC 9112 §6.1).
            raise HeadRefused
        self._is_asked_to_upgrade = (
            self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        )
        if self._is_asked_to_upgrade:
            return
        self._stop_waiting()
        self._has_head = True
        self.scope[TARGET] = _origin_form(self.url)  # type: ignore[literal-required] # ours
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Ends a request."""
        if not self._is_asked_to_upgrade:
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as asked:
                # The wish may be ignored (RFC 9110 §7.8), the body behind it may not: the
                # parser would take it for the next request. So the head is read again.
                data = self._head_without_upgrade() + data[asked.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self.send_400_response("")
                return
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode("ascii")
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name not in _UPGRADING]
        return b"\r\n".join([*lines, b"", b""])

    def send_400_response(self, msg: str) -> None:
        """Refuses what could not be read, and hangs up; no word of it is repeated."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        logger.warning("a request could not be read")
        # uvicorn has none before the first request, which it does not say.
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            # An earlier request on this connection is still being answered; that
            # answer is the last.
            cycle.keep_alive = False
            self.pipeline.clear()
            self.transport.pause_reading()
            return
        if cycle is None or not cycle.response_started or cycle.response_complete:
            self.transport.write(refusal_of(RequestMalformed()))
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


def _origin_form(target: bytes) -> bytes:
    """Path and query of a target, whose form may be absolute (RFC 9112 §3.2.2)."""
    if target.startswith(b"/"):
        return target
    return b"/" + target.partition(b"://")[2].partition(b"/")[2]
