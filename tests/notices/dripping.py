"""A real relay that never stops talking and never says anything: a byte at a time."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

DRIPS_EVERY_SECONDS = 0.05


class Dripping:
    """Answers as a relay does up to the command `until`, and drips from there on."""

    def __init__(self, until: str, tls: ssl.SSLContext | None) -> None:
        self._until = until
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[str] = []
        self.hung_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._over.set()
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError), self._listener.accept()[0] as connection:
            try:
                talking = connection
                if self._tls is not None:
                    talking = self._tls.wrap_socket(connection, server_side=True)
                with talking:
                    self._talk(talking)
            finally:
                self.hung_up.set()

    def _talk(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        answer = "220 here"
        command = "GREETING"
        while command != self._until:
            connection.sendall(f"{answer}\r\n".encode())
            line = lines.readline()
            command = line.split()[0].decode().upper() if line.split() else "EOF"
            self.heard.append(command)
            answer = "250 well"
            if command == "DATA" and command != self._until:
                connection.sendall(b"354 go on\r\n")
                while lines.readline() not in (b".\r\n", b""):
                    pass
        connection.sendall(b"250-")
        while not self._over.wait(DRIPS_EVERY_SECONDS):
            connection.sendall(b"x")


@contextmanager
def dripping(until: str, tls: ssl.SSLContext | None = None) -> Iterator[Dripping]:
    """A relay on this machine that drips instead of answering `until`."""
    relay = Dripping(until, tls)
    try:
        yield relay
    finally:
        relay.close()
