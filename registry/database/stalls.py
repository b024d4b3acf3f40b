"""Ends transactions whose server has stopped answering without hanging up.

A server that is stopped, or a network that swallows packets, keeps its connections:
libpq waits for ever, and with it the thread. Whoever must answer in bounded time has
its connection shut down from outside; libpq takes that for a server that is gone.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

LOOK_EVERY_SECONDS = 0.5


class Stalls:
    """Watches the transactions that have a deadline. Threads share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[object, tuple[float, Any]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def bounded(self, connection: Any, seconds_max: float) -> Iterator[None]:
        """Shuts the psycopg `connection` down when this lasts longer than `seconds_max`."""
        if self._thread is None:
            self._start()
        key = object()
        self._watched[key] = (time.monotonic() + seconds_max, connection)
        try:
            yield
        finally:
            # Under the lock: what is let go of here is not shut down any more, whoever
            # has its connection next.
            with self._lock:
                del self._watched[key]

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            now = time.monotonic()
            with self._lock:
                for deadline, connection in list(self._watched.values()):
                    if now > deadline:
                        _shut_down(connection)


def _shut_down(connection: Any) -> None:
    # Of a copy: the descriptor stays libpq's to close. It may be closed already.
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)
