"""Tiles have the paths and the hashes of C2SP tlog-tiles, however a log grows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.crypto.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    CompactRange,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from registry.crypto.tiles import (
    INDEX_MAX,
    LEVEL_MAX,
    TILE_BYTES,
    Bundle,
    MalformedPath,
    MalformedTile,
    RightEdge,
    Tile,
    TiledTree,
    TileMissing,
    decode_entries,
    encode_entries,
    grow,
    new_bundles,
    new_tiles,
    parse_path,
    right_edge,
    tile_root,
    tiles_of_ranges,
    width_at,
)
from tests.crypto import rfc6962

# The size C2SP tlog-tiles explains its tiles with.
SIZE = 70_000
LEAVES = tuple(leaf_hash(rfc6962.entry(index)) for index in range(SIZE))


class Shelf:
    """The widest tile seen of each place, as a log would store them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], bytes] = {}
        self.reads: list[Tile] = []

    def keep(self, tiles: dict[Tile, bytes]) -> None:
        for tile, data in tiles.items():
            self.rows[tile.level, tile.index] = data

    def tile(self, level: int, index: int, width: int) -> bytes:
        self.reads.append(Tile(level=level, index=index, width=width))
        row = self.rows.get((level, index), b"")
        if len(row) < width * HASH_BYTES:
            raise TileMissing(f"{level}/{index}")
        return row[: width * HASH_BYTES]


@pytest.fixture(scope="module")
def stored() -> Shelf:
    """A log of 70,000 entries, grown at once."""
    shelf = Shelf()
    shelf.keep(dict(grow(RightEdge(), LEAVES).tiles))
    return shelf


# Hashing tens of thousands of leaves takes longer than the usual deadline.
few = settings(deadline=None, max_examples=25)
many = settings(deadline=None)
sizes = st.one_of(st.integers(0, 600), st.integers(65_000, 66_500), st.integers(0, SIZE))
places = st.builds(
    Tile,
    level=st.integers(0, LEVEL_MAX),
    index=st.one_of(st.integers(0, 2000), st.integers(0, INDEX_MAX)),
    width=st.integers(1, 256),
)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Tile(level=0, index=0), "tile/0/000"),
        (Tile(level=0, index=999), "tile/0/999"),
        (Tile(level=0, index=1000), "tile/0/x001/000"),
        (Tile(level=1, index=1_234_067), "tile/1/x001/x234/067"),
        (Tile(level=0, index=273, width=112), "tile/0/273.p/112"),
        (Tile(level=63, index=1000, width=1), "tile/63/x001/000.p/1"),
        (Tile(level=2, index=0, width=255), "tile/2/000.p/255"),
        (Bundle(index=0), "tile/entries/000"),
        (Bundle(index=123_456_789, width=8), "tile/entries/x123/x456/789.p/8"),
        (Tile(level=0, index=INDEX_MAX), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_paths_are_those_of_the_specification(place: Tile | Bundle, path: str) -> None:
    """Three digits an element, all but the last behind an x, the width of partial tiles."""
    assert path == place.path()
    assert place == parse_path(path)


@given(places)
def test_a_path_is_read_as_it_was_written(place: Tile) -> None:
    """Of tiles, and of bundles."""
    bundle = Bundle(index=place.index, width=place.width)
    assert place == parse_path(place.path())
    assert bundle == parse_path(bundle.path())


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile//000",
        "tile/8/0/000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/X001/234",
        "tile/0/x1/234",
        "tile/0/x001//234",
        "tile/0/x000/x001/234",
        "tile/0/ 00",
        "tile/0/٠٠٠",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/x001.p/234",
        "tile/0/000.P/1",
        "tile/0/000/1",
        "tile/0/../000",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x000/x000/x000/x000/x000/000",
        "tile/entries/000.p/256",
        "tile/entries/x000/000",
        "checkpoint",
    ],
)
def test_other_spellings_of_a_path_are_refused(path: str) -> None:
    """One tile has one URL, or caches would hold it twice."""
    with pytest.raises(MalformedPath):
        parse_path(path)


def test_the_tiles_of_seventy_thousand_entries_are_those_of_the_specification() -> None:
    """273 full and one of 112 at level 0; one full and one of 17; one of 1."""
    tiles = list(new_tiles(0, SIZE))
    partial = {(t.level, t.index): t.width for t in tiles if t.width < 256}
    assert {(0, 273): 112, (1, 1): 17, (2, 0): 1} == partial
    assert [273, 1, 0] == [
        sum(t.level == level and t.width == 256 for t in tiles) for level in range(3)
    ]
    assert [Tile(level=0, index=0), Tile(level=1, index=0, width=1)] == list(new_tiles(0, 256))
    assert [] == list(new_tiles(0, 0))
    assert [] == list(new_tiles(SIZE, SIZE))


@few
@given(sizes, sizes)
def test_growing_makes_the_tiles_that_are_announced(one: int, other: int) -> None:
    """The same, in the same order, and each with the width its path says."""
    old, new = sorted((one, other))
    edge = grow(RightEdge(), LEAVES[:old]).edge
    grown = grow(edge, LEAVES[old:new])
    assert list(new_tiles(old, new)) == list(grown.tiles)
    assert all(tile.width * HASH_BYTES == len(data) for tile, data in grown.tiles.items())
    assert all(tile.is_within(new) and not tile.is_within(old) for tile in grown.tiles)


@many
@given(st.lists(st.integers(0, 900), max_size=6))
def test_the_steps_one_grows_in_do_not_matter(steps: list[int]) -> None:
    """The stored tiles and the right edge are those of growing at once."""
    stepwise, at_once = Shelf(), Shelf()
    edge = RightEdge()
    for step in steps:
        grown = grow(edge, LEAVES[edge.size : edge.size + step])
        stepwise.keep(dict(grown.tiles))
        edge = grown.edge
    whole = grow(RightEdge(), LEAVES[: sum(steps)])
    at_once.keep(dict(whole.tiles))
    assert at_once.rows == stepwise.rows
    assert whole.edge == edge


def test_one_leaf_at_a_time_makes_the_same_tiles() -> None:
    """Through three hundred sizes, each with the root of the definition."""
    shelf, edge = Shelf(), RightEdge()
    for size in range(1, 301):
        grown = grow(edge, [LEAVES[size - 1]])
        shelf.keep(dict(grown.tiles))
        edge = grown.edge
        assert rfc6962.root(0, size) == edge.compact_range().root()
        assert rfc6962.root(0, size) == TiledTree(shelf, size).root()
    assert edge == grow(RightEdge(), LEAVES[:300]).edge


@few
@given(sizes)
def test_a_log_goes_on_from_its_stored_tiles(stored: Shelf, size: int) -> None:
    """The right edge read back, at any size it had, is the one it grew by."""
    edge = right_edge(stored, size)
    assert grow(RightEdge(), LEAVES[:size]).edge == edge
    assert CompactRange().append(LEAVES[:size]) == edge.compact_range()


@few
@given(sizes)
def test_old_roots_can_be_computed_again(stored: Shelf, size: int) -> None:
    """From the tiles of today, the root of any size."""
    expected = CompactRange().append(LEAVES[:size]).root()
    assert expected == TiledTree(stored, size).root()
    assert expected == TiledTree(stored, SIZE).old_root(size)


def test_a_tree_of_nothing_needs_no_tile() -> None:
    """Its root is known."""
    assert EMPTY_ROOT == TiledTree(Shelf(), 0).root()
    assert EMPTY_ROOT == right_edge(Shelf(), 0).compact_range().root()
    assert {} == grow(RightEdge(), []).tiles


@many
@given(sizes.filter(bool), st.data())
def test_inclusion_proofs_from_tiles_verify(stored: Shelf, size: int, data: st.DataObject) -> None:
    """Of any entry in any size of the log."""
    index = data.draw(st.integers(0, size - 1))
    tree = TiledTree(stored, size)
    assert LEAVES[index] == tree.leaf(index)
    assert verify_inclusion(
        index=index,
        size=size,
        leaf=LEAVES[index],
        proof=tree.inclusion_proof(index),
        root=tree.root(),
    )


@many
@given(sizes.filter(bool), sizes.filter(bool))
def test_consistency_proofs_from_tiles_verify(stored: Shelf, one: int, other: int) -> None:
    """Between any two sizes of the log."""
    old, new = sorted((one, other))
    tree = TiledTree(stored, new)
    assert verify_consistency(
        old_size=old,
        old_root=tree.old_root(old),
        new_size=new,
        new_root=tree.root(),
        proof=tree.consistency_proof(old),
    )


def test_all_proofs_of_three_hundred_sizes_are_those_of_the_definition(stored: Shelf) -> None:
    """Hash by hash, PATH and PROOF of RFC 6962."""
    for size in range(1, 301):
        tree = TiledTree(stored, size)
        for index in range(size):
            assert rfc6962.path(index, 0, size) == tree.inclusion_proof(index)
            assert rfc6962.proof(index + 1, size) == tree.consistency_proof(index + 1)


@many
@given(st.integers(0, SIZE - 1))
def test_a_proof_reads_few_tiles_each_once(stored: Shelf, index: int) -> None:
    """Two a level at most, and those that were announced."""
    stored.reads.clear()
    tree = TiledTree(stored, SIZE)
    tree.inclusion_proof(index)
    reads = list(stored.reads)
    assert len(reads) == len(set(reads)) <= 5
    assert tiles_of_ranges(inclusion_ranges(index, SIZE), SIZE) == set(reads)
    tree.inclusion_proof(index)
    assert reads == stored.reads


@many
@given(st.integers(1, SIZE))
def test_a_consistency_proof_reads_few_tiles(stored: Shelf, old_size: int) -> None:
    """As many as an inclusion proof."""
    stored.reads.clear()
    TiledTree(stored, SIZE).consistency_proof(old_size)
    assert len(stored.reads) <= 5
    ranges = consistency_ranges(old_size, SIZE)
    assert tiles_of_ranges(ranges, SIZE) == set(stored.reads)


def test_a_flipped_bit_in_any_tile_changes_the_root() -> None:
    """A tile of each level, the first and the last byte; one below a full tile is found above."""
    shelf = Shelf()
    shelf.keep(dict(grow(RightEdge(), LEAVES[:600]).tiles))
    root = TiledTree(shelf, 600).root()
    for place in ((0, 2), (1, 0)):
        for at in (0, -1):
            damaged = Shelf()
            damaged.rows = dict(shelf.rows)
            data = bytearray(shelf.rows[place])
            data[at] ^= 1
            damaged.rows[place] = bytes(data)
            assert root != TiledTree(damaged, 600).root()
    full = bytearray(shelf.rows[0, 0])
    assert shelf.rows[1, 0][:HASH_BYTES] == tile_root(bytes(full))
    full[0] ^= 1
    assert shelf.rows[1, 0][:HASH_BYTES] != tile_root(bytes(full))


def test_a_missing_or_short_tile_is_named() -> None:
    """And no proof is made up for it."""

    class Stingy(Shelf):
        def tile(self, level: int, index: int, width: int) -> bytes:
            return super().tile(level, index, width)[:-1]

    shelf = Stingy()
    shelf.keep(dict(grow(RightEdge(), LEAVES[:10]).tiles))
    with pytest.raises(MalformedTile, match="tile 0/0 "):
        TiledTree(shelf, 10).root()
    with pytest.raises(MalformedTile, match="tile 0/0 "):
        right_edge(shelf, 10)
    with pytest.raises(TileMissing):
        TiledTree(Shelf(), 10).inclusion_proof(0)


@given(st.integers(0, 70_000), st.integers(0, 3), st.integers(0, 300))
def test_the_width_of_a_tile_is_what_the_size_leaves(size: int, level: int, index: int) -> None:
    """C2SP: full, or ⌊size / 256^level⌋ mod 256 for the last, or not there."""
    hashes = size // 256**level
    full, partial = divmod(hashes, 256)
    expected = 256 if index < full else partial if index == full else 0
    assert expected == width_at(level, index, size)


@pytest.mark.parametrize(
    "entries", [[], [b""], [b"a"], [b"x" * 92] * 256, [bytes(65_535), b"", b"\x00\x01"]]
)
def test_entries_survive_their_bundle(entries: list[bytes]) -> None:
    """Empty and longest ones too."""
    assert entries == decode_entries(encode_entries(entries), len(entries))


def test_a_bundle_has_the_bytes_of_the_specification() -> None:
    """Big-endian u16 lengths before the entries."""
    assert b"\x00\x01a\x00\x00\x01\x00" + bytes(256) == encode_entries([b"a", b"", bytes(256)])
    with pytest.raises(OverflowError):
        encode_entries([bytes(65_536)])


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x02a", 1),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00\x01b", 1),
        (b"\x00\x01a\x00", 2),
        (b"\x00\x00", 0),
    ],
)
def test_a_bundle_of_other_bytes_is_refused(data: bytes, width: int) -> None:
    """Too few, too many, or cut short."""
    with pytest.raises(MalformedTile):
        decode_entries(data, width)


@many
@given(sizes, sizes)
def test_bundles_are_published_with_the_tiles_of_level_nought(one: int, other: int) -> None:
    """The same indices and widths."""
    old, new = sorted((one, other))
    expected = [(t.index, t.width) for t in new_tiles(old, new) if t.level == 0]
    bundles = list(new_bundles(old, new))
    assert expected == [(bundle.index, bundle.width) for bundle in bundles]
    assert all(each.is_within(new) and not each.is_within(old) for each in bundles)


def test_a_full_tile_has_8192_bytes() -> None:
    """256 hashes."""
    assert 8192 == TILE_BYTES
