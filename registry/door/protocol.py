"""uvicorn's HTTP/1.1 protocol with limits on what is read, and our answer to what is not.

Source: RFC 9112; the limits are gunicorn's settings of the same names.
"""

import logging
from asyncio import TimerHandle, Transport
from typing import Any

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


class HeadTooLarge(Exception):
    """The request line or the fields are longer than is read."""


class StrictProtocol(HttpToolsProtocol):
    """Reads requests within limits; refuses without repeating what was sent."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._fields = 0
        self._head_timer: TimerHandle | None = None

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
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > HEAD_BYTES_MAX:
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begins a request."""
        super().on_message_begin()
        self._fields = 0
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
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hands the request on, with its target as it came over the wire."""
        self._stop_waiting()
        self.scope[TARGET] = _origin_form(self.url)  # type: ignore[literal-required] # ours
        super().on_headers_complete()

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
