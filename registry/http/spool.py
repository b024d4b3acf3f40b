"""A body that is read in pieces, hashed on its way, and never whole in memory.

What has come lies in a file without a name, sealed under a key that only this
request knows: bodies carry identity tokens, and a disk keeps what was deleted.
When the request is over, or the process dies, there is nothing to find.
"""

import hashlib
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from registry.crypto.sealing import KEY_BYTES, OVERHEAD_BYTES, Sealer

PIECE_BYTES = 65_536
_CONTEXT = b"ccr-spool-v1"


class SpoolFull(Exception):
    """More came than there may be."""


class Spool:
    """The body of one request, between its door and its service."""

    def __init__(self, directory: Path | None = None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 # closed by __exit__
        self._sealer = Sealer(secrets.token_bytes(KEY_BYTES))
        self._digest = hashlib.sha256()
        self.bytes_total = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has come."""
        return self._digest.digest()

    def take(self, source: IO[bytes], *, bytes_max: int) -> None:
        """Reads `source` to its end.

        Raises: SpoolFull, when it holds more than `bytes_max`.
        """
        while piece := _read_whole(source):
            self.bytes_total += len(piece)
            if self.bytes_total > bytes_max:
                raise SpoolFull
            self._digest.update(piece)
            self._file.write(self._sealer.seal(piece, _CONTEXT))

    def pieces(self) -> Iterator[bytes]:
        """What has come, in its order, in pieces of `PIECE_BYTES` (the last may be shorter)."""
        self._file.seek(0)
        while sealed := self._file.read(PIECE_BYTES + OVERHEAD_BYTES):
            yield self._sealer.open(sealed, _CONTEXT)


def _read_whole(source: IO[bytes]) -> bytes:
    """The next `PIECE_BYTES`; fewer only at the end, however little comes at once."""
    parts = []
    wanted = PIECE_BYTES
    while wanted and (part := source.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)
