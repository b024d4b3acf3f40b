"""Where a log's static files are read from: a directory, or whatever else has them.

Paths are those of C2SP tlog-tiles, below the prefix of the log.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from registry.crypto.tiles import Bundle, Tile, TileMissing

CHECKPOINT_PATH = "checkpoint"
# The largest file of a log: a bundle of 256 entries of any size.
RESOURCE_BYTES_MAX = 256 * (2 + 0xFFFF)


class ResourceMissing(LookupError):
    """The source has no such file, or it is longer than any file of a log."""


class Source(Protocol):
    """A log's files; `reads_at_once` of them may be asked for together."""

    @property
    def reads_at_once(self) -> int:
        """How many reads gain from running beside each other."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises: ResourceMissing.
        """
        ...

    def prefixes_of(self, place: Tile | Bundle) -> Iterable[str]:
        """Paths of narrower versions of a tile or bundle that the source also has."""
        ...


class DirectorySource:
    """A log in a directory, as `registry log export` writes it."""

    reads_at_once = 1

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises: ResourceMissing.
        """
        try:
            with (self._directory / path).open("rb") as file:
                data = file.read(RESOURCE_BYTES_MAX + 1)
        except OSError as error:
            raise ResourceMissing(f"{path}: {error.strerror}") from error
        if len(data) > RESOURCE_BYTES_MAX:
            raise ResourceMissing(f"{path}: longer than any file of a log")
        return data

    def prefixes_of(self, place: Tile | Bundle) -> Iterable[str]:
        """Paths of narrower versions of a tile or bundle that lie beside it."""
        full = place.path().partition(".p/")[0]
        widths = (self._directory / f"{full}.p").glob("*")
        paths = (f"{full}.p/{each.name}" for each in sorted(widths))
        return (path for path in paths if path != place.path())


class SourceTiles:
    """The tiles of a source, for proofs (a `tiles.TileReader`)."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile.

        Raises: TileMissing.
        """
        try:
            return self._source.read(Tile(level=level, index=index, width=width).path())
        except ResourceMissing as error:
            raise TileMissing(str(error)) from error


def read_in_order(
    source: Source, places: Iterable[Tile | Bundle]
) -> Iterator[tuple[Tile | Bundle, bytes]]:
    """Each place with its bytes, in their order; reads a little ahead, never all.

    Raises: ResourceMissing, when its turn comes.
    """
    if source.reads_at_once == 1:
        for place in places:
            yield place, source.read(place.path())
        return
    with ThreadPoolExecutor(source.reads_at_once) as pool:
        ahead: deque[tuple[Tile | Bundle, Future[bytes]]] = deque()
        try:
            for place in places:
                ahead.append((place, pool.submit(source.read, place.path())))
                if len(ahead) > 2 * source.reads_at_once:
                    first, reading = ahead.popleft()
                    yield first, reading.result()
            while ahead:
                first, reading = ahead.popleft()
                yield first, reading.result()
        finally:
            for _, reading in ahead:
                reading.cancel()
