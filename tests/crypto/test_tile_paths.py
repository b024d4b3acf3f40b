"""Tiles and entry bundles are named and laid out as in C2SP tlog-tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto.tiles import (
    INDEX_MAX,
    LEVEL_MAX,
    TILE_BYTES,
    Bundle,
    MalformedPath,
    MalformedTile,
    Tile,
    decode_entries,
    encode_entries,
    parse_path,
)

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


def test_a_full_tile_has_8192_bytes() -> None:
    """256 hashes."""
    assert 8192 == TILE_BYTES
