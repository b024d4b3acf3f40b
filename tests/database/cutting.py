"""A PostgreSQL behind a socket that can be cut, with the last words of the server's choice."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

_PORT = 5432
_CHUNK_BYTES = 65_536


def message(kind: bytes, severity: bytes, sqlstate: bytes) -> bytes:
    """A NoticeResponse (`N`) or ErrorResponse (`E`).

    Source: PostgreSQL, "Message Formats".
    """
    fields = b"S%s\0V%s\0C%s\0Mcut\0\0" % (severity, severity, sqlstate)
    return kind + (4 + len(fields)).to_bytes(4, "big") + fields


class CuttingProxy:
    """Passes bytes on between one client at a time and the PostgreSQL at `url`.

    What the server sends is counted in `sent` from `count` on; where it comes to
    `cut_at` bytes the connection is cut in the middle, as a network does.
    """

    def __init__(self, directory: Path, url: str) -> None:
        parsed = sa.make_url(url)
        self._upstream = f"{parsed.query['host']}/.s.PGSQL.{_PORT}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{directory}/.s.PGSQL.{_PORT}")
        self._listener.listen()
        self.url = parsed.update_query_dict({"host": str(directory)}).render_as_string()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.sent = 0
        self.cut_at: int | None = None
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def count(self, cut_at: int | None = None) -> None:
        """Counts from here on what the server sends."""
        self.sent, self.cut_at = 0, cut_at

    def cut(self, last_words: bytes = b"") -> None:
        """The server says its last words and closes; what comes from the client finds nobody."""
        for client, server in self._pairs:
            with suppress(OSError):
                client.sendall(last_words)
            _close(client, server)
        self._pairs.clear()

    def close(self) -> None:
        """Ends it all."""
        _close(self._listener)
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._upstream)
                self._pairs.append((client, server))
                for way in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while part := source.recv(_CHUNK_BYTES):
                if is_answer and self.cut_at is not None and self.sent + len(part) >= self.cut_at:
                    sink.sendall(part[: self.cut_at - self.sent])
                    break
                if is_answer:
                    self.sent += len(part)
                sink.sendall(part)
        _close(source, sink)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        # Shut down first: another thread may wait in it.
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
