"""A log as tiles: how they are named, which there are, proofs from them, growing them.

A tile holds up to 256 neighbouring hashes of every eighth level of the tree; a
partial tile is a prefix of what it will be when full, so that one stored row
for each (level, index), the widest so far, serves them all. The rightmost tile
of *each* level is stored: a proof then reads at most two tiles a level.
Source: C2SP tlog-tiles.

    level 1   0 1 2 … 255 | 256 …          each is the root of one full tile below
    level 0   0 … 255 | 256 … 511 | …      leaf hashes
    entries   bundles of as many entries as the tile of level 0 has hashes
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from registry.crypto.merkle import (
    HASH_BYTES,
    SIZE_MAX,
    CompactRange,
    complete_subtrees,
    consistency_ranges,
    fold,
    inclusion_ranges,
    parents,
)

HEIGHT = 8
TILE_WIDTH = 1 << HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
LEVEL_MAX = 63
INDEX_MAX = SIZE_MAX // TILE_WIDTH
ENTRY_BYTES_MAX = 0xFFFF
# 24 KiB each with the tile it is of.
_PYRAMIDS_KEPT_MAX = 128

_LENGTH_BYTES = 2
_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])"
    r"/((?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/([1-9][0-9]{0,2}))?"
)


class MalformedPath(ValueError):
    """The text is not the one path of a tile or an entry bundle."""


class MalformedTile(ValueError):
    """The bytes are not those of a tile or an entry bundle of this width."""


class TileMissing(LookupError):
    """The reader has no tile of this width at this place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The place of a tile: its first `width` hashes, 256 when it is full."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        assert 0 <= self.level <= LEVEL_MAX
        assert 0 <= self.index <= INDEX_MAX
        assert 0 < self.width <= TILE_WIDTH

    def path(self) -> str:
        """`tile/<level>/<index>[.p/<width>]`, below the prefix of the log."""
        return f"tile/{self.level}/{_index_path(self.index, self.width)}"

    def is_within(self, size: int) -> bool:
        """Whether a tree of `size` leaves has all the hashes of the tile."""
        return self.width <= width_at(self.level, self.index, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The place of an entry bundle: the entries under a tile of level 0."""

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        assert 0 <= self.index <= INDEX_MAX
        assert 0 < self.width <= TILE_WIDTH

    def path(self) -> str:
        """`tile/entries/<index>[.p/<width>]`, below the prefix of the log."""
        return f"tile/entries/{_index_path(self.index, self.width)}"

    def is_within(self, size: int) -> bool:
        """Whether a log of `size` entries has all the entries of the bundle."""
        return self.width <= width_at(0, self.index, size)


class TileReader(Protocol):
    """Where tiles are kept: a table, a directory, another's server."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile, cut from a wider one if need be.

        Raises: TileMissing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RightEdge:
    """All one must keep of a tree to grow its tiles: the rightmost tile of each level.

    `tiles[level]` is the partial tile there, empty where the last tile is full.
    """

    size: int = 0
    tiles: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        assert 0 <= self.size <= SIZE_MAX
        widths = [(self.size >> HEIGHT * level) % TILE_WIDTH for level in range(_levels(self.size))]
        assert [width * HASH_BYTES for width in widths] == [len(data) for data in self.tiles]

    def compact_range(self) -> CompactRange:
        """The same tree as a compact range; its root is the tree's root."""
        rows = [_pyramid(data) for data in self.tiles]
        peaks = [
            _hash_at(rows[height // HEIGHT][height % HEIGHT], index % (TILE_WIDTH >> height % 8))
            for height, index in complete_subtrees(0, self.size)
        ]
        return CompactRange(size=self.size, peaks=tuple(peaks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What appending leaves made: the new right edge, and each new or widened tile.

    Lower levels come first, and in a level lower indices.
    """

    edge: RightEdge
    tiles: Mapping[Tile, bytes]


def parse_path(text: str) -> Tile | Bundle:
    """The tile or bundle whose `path()` is `text`, and no other spelling of it.

    Raises: MalformedPath.
    """
    match = _PATH.fullmatch(text)
    if match is None:
        raise MalformedPath("not the path of a tile")
    level, digits, width_text = match.groups()
    index = int(re.sub("[x/]", "", digits))
    width = TILE_WIDTH if width_text is None else int(width_text)
    if index > INDEX_MAX or width > TILE_WIDTH:
        raise MalformedPath("an index or a width beyond every tree")
    place: Tile | Bundle = (
        Bundle(index=index, width=width)
        if level == "entries"
        else Tile(level=int(level), index=index, width=width)
    )
    # x000/001 for 001, and .p/256 for a full tile, name the same tile otherwise.
    if place.path() != text:
        raise MalformedPath("another spelling of the path of a tile")
    return place


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of `size` leaves, 0 when it is not there."""
    return max(0, min(TILE_WIDTH, (size >> HEIGHT * level) - index * TILE_WIDTH))


def new_tiles(old_size: int, new_size: int) -> Iterator[Tile]:
    """The tiles, full and partial, to publish when a tree grows from one size to another.

    From nothing, they are all the tiles of the tree. Partial tiles of the sizes
    between are not among them: no checkpoint asks for those.
    """
    assert 0 <= old_size <= new_size <= SIZE_MAX
    for level in range(_levels(new_size)):
        old, new = old_size >> HEIGHT * level, new_size >> HEIGHT * level
        if old == new:
            return
        for index in range(old // TILE_WIDTH, new // TILE_WIDTH):
            yield Tile(level=level, index=index)
        if new % TILE_WIDTH:
            yield Tile(level=level, index=new // TILE_WIDTH, width=new % TILE_WIDTH)


def new_bundles(old_size: int, new_size: int) -> Iterator[Bundle]:
    """The entry bundles to publish when a log grows from one size to another."""
    for tile in new_tiles(old_size, new_size):
        if tile.level:
            return
        yield Bundle(index=tile.index, width=tile.width)


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """The bytes of a bundle: each entry after its u16 length."""
    return b"".join([len(each).to_bytes(_LENGTH_BYTES, "big") + each for each in entries])


def decode_entries(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle.

    Raises: MalformedTile when there are fewer or more bytes.
    """
    entries, at = [], 0
    for _ in range(width):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data):
        raise MalformedTile(f"not {width} entries")
    return entries


def tile_root(data: bytes) -> bytes:
    """The root of a full tile: its hash in the tile above."""
    assert len(data) == TILE_BYTES
    return _pyramid(data)[HEIGHT]


def right_edge(reader: TileReader, size: int) -> RightEdge:
    """The rightmost tiles of a tree of `size` leaves.

    Raises: TileMissing, MalformedTile.
    """
    tiles = []
    for level in range(_levels(size)):
        index, width = divmod(size >> HEIGHT * level, TILE_WIDTH)
        tiles.append(_read(reader, level, index, width) if width else b"")
    return RightEdge(size=size, tiles=tuple(tiles))


def grow(edge: RightEdge, leaves: Sequence[bytes]) -> Growth:
    """The tiles that appending `leaves`, hashes of entries in order, makes or widens.

    They are those of `new_tiles`, whatever the steps one grows in.
    """
    assert set(map(len, leaves)) <= {HASH_BYTES}, "leaves are appended by their hashes"
    changed: dict[Tile, bytes] = {}
    rightmost = list(edge.tiles)
    row, level = b"".join(leaves), 0
    while row:
        if level == len(rightmost):
            rightmost.append(b"")
        row = rightmost[level] + row
        index = edge.size >> HEIGHT * (level + 1)
        roots = []
        for at in range(0, len(row) - TILE_BYTES + 1, TILE_BYTES):
            full = row[at : at + TILE_BYTES]
            changed[Tile(level=level, index=index)] = full
            roots.append(tile_root(full))
            index += 1
        rightmost[level] = rest = row[len(roots) * TILE_BYTES :]
        if rest:
            changed[Tile(level=level, index=index, width=len(rest) // HASH_BYTES)] = rest
        row, level = b"".join(roots), level + 1
    return Growth(
        edge=RightEdge(size=edge.size + len(leaves), tiles=tuple(rightmost)), tiles=changed
    )


class TiledTree:
    """The tree of the first `size` leaves of a log, computed from its tiles.

    Reads a tile once and keeps it, so that many proofs cost little; of use for
    one request. Any size the log has had will do. What an untrusted reader gives
    is only as good as the proof: verify it against a signed root.
    Every method raises TileMissing and MalformedTile as the reader gives cause.
    """

    def __init__(self, reader: TileReader, size: int) -> None:
        assert 0 <= size <= SIZE_MAX
        self.size = size
        self._reader = reader
        self._pyramids: dict[tuple[int, int], list[bytes]] = {}

    def root(self) -> bytes:
        """The root of the tree."""
        return self._range_root(0, self.size)

    def old_root(self, old_size: int) -> bytes:
        """The root of the tree when it had `old_size` leaves."""
        assert 0 <= old_size <= self.size
        return self._range_root(0, old_size)

    def leaf(self, index: int) -> bytes:
        """The hash of the entry at `index`."""
        assert 0 <= index < self.size
        return self._node(0, index)

    def inclusion_proof(self, index: int, old_size: int | None = None) -> tuple[bytes, ...]:
        """The proof of the entry at `index`, from the leaf's sibling upwards.

        With `old_size` in the tree of so many leaves, which this one begins with.
        """
        assert old_size is None or old_size <= self.size
        return self._range_roots(inclusion_ranges(index, old_size or self.size))

    def consistency_proof(self, old_size: int) -> tuple[bytes, ...]:
        """The proof that the tree of `old_size` > 0 leaves is what this one begins with."""
        return self._range_roots(consistency_ranges(old_size, self.size))

    def _range_roots(self, ranges: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        return tuple(self._range_root(low, high) for low, high in ranges)

    def _range_root(self, low: int, high: int) -> bytes:
        return fold([self._node(*subtree) for subtree in complete_subtrees(low, high)])

    def _node(self, height: int, index: int) -> bytes:
        level, within = divmod(height, HEIGHT)
        tile_index, position = divmod(index << within, TILE_WIDTH)
        pyramid = self._pyramids.get((level, tile_index))
        if pyramid is None:
            width = width_at(level, tile_index, self.size)
            pyramid = _known_pyramid(_read(self._reader, level, tile_index, width))
            self._pyramids[level, tile_index] = pyramid
        return _hash_at(pyramid[within], position >> within)


def tiles_of_ranges(ranges: Iterable[tuple[int, int]], size: int) -> set[Tile]:
    """The tiles that proofs of these ranges read, to fetch them all at once."""
    places = {
        (height // HEIGHT, (index << height % HEIGHT) // TILE_WIDTH)
        for low, high in ranges
        for height, index in complete_subtrees(low, high)
    }
    return {
        Tile(level=level, index=index, width=width_at(level, index, size))
        for level, index in places
    }


def _index_path(index: int, width: int) -> str:
    path = f"{index % 1000:03}"
    while index := index // 1000:
        path = f"x{index % 1000:03}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def _levels(size: int) -> int:
    # How many levels of tiles a tree has: the top one holds at least one hash.
    return -(-size.bit_length() // HEIGHT)


def _read(reader: TileReader, level: int, index: int, width: int) -> bytes:
    data = reader.tile(level, index, width)
    if len(data) != width * HASH_BYTES:
        raise MalformedTile(f"tile {level}/{index} has not {width} hashes")
    return data


def _pyramid(data: bytes) -> list[bytes]:
    # The rows of nodes over the hashes of a tile, the lowest first; a full tile has nine.
    rows = [data]
    while len(rows[-1]) > HASH_BYTES:
        rows.append(parents(rows[-1]))
    return rows


# By its bytes, so that nothing is ever out of date. Every proof of a log reads the tiles of its
# upper levels and of its right edge: hashing them anew is most of what a proof costs.
_known_pyramid = lru_cache(maxsize=_PYRAMIDS_KEPT_MAX)(_pyramid)


def _hash_at(row: bytes, position: int) -> bytes:
    return row[position * HASH_BYTES : (position + 1) * HASH_BYTES]
