"""A log verifies from its files alone, and whatever is changed in them is named."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from registry.crypto import note
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.cosignature import WitnessKey, cosign
from registry.crypto.signature import PrivateKey
from registry.crypto.tiles import Bundle, Tile
from registry.database.engine import Database
from registry.ledger.bundling import BundleMaker
from registry.ledger.exporting import DirectoryFolder, export_log
from registry.ledger.openings import read_lines
from registry.ledger.sources import DirectorySource
from registry.ledger.verifying import LogNotVerified, Trust, Verified, places, verify_log
from tests.ledger.logs import KEY, ORIGIN, SHARD, VERIFIER, LittleNode

TRUST = Trust(log_keys=(VERIFIER,))
SIZE = 600


@pytest.fixture
def little(database: Database, tmp_path: Path) -> LittleNode:
    return LittleNode(database=database, home=tmp_path)


@pytest.fixture(scope="module")
def exported(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three bundles as files, with all its openings; made once, restored by each test."""
    home = tmp_path_factory.mktemp("exported")
    file = home / "registry.db"
    file.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{file}")
    little = LittleNode(database=database, home=home)
    little.grow(SIZE)
    maker = BundleMaker(database=database, contents=little.contents, ledger=little.ledger)
    maker.whole(SHARD, DirectoryFolder(home / "log"), vkey=VERIFIER.to_vkey())
    database.close()
    return home / "log"


def verify(directory: Path, seen: bytes | None = None, trust: Trust = TRUST) -> Verified:
    with (directory / "entries.jsonl").open("rb") as lines:
        return verify_log(
            DirectorySource(directory), trust=trust, seen=seen, openings=read_lines(lines)
        )


def files(directory: Path) -> list[str]:
    paths = (each for each in directory.rglob("*") if each.is_file())
    return sorted(each.relative_to(directory).as_posix() for each in paths)


def test_a_log_verifies_at_every_size(little: LittleNode, tmp_path: Path) -> None:
    """Empty, partial, full and several tiles high; each continues the one before."""
    seen = None
    size = 0
    for count in (0, 1, 255, 1, 300):
        little.grow(count)
        size += count
        export_log(little.database, SHARD, DirectoryFolder(tmp_path / "log"), vkey="v")
        verified = verify_log(DirectorySource(tmp_path / "log"), trust=TRUST, seen=seen)
        assert size == verified.checkpoint.size
        assert ORIGIN == verified.checkpoint.origin
        seen = verified.signed


def test_openings_verify_with_it(little: LittleNode, tmp_path: Path) -> None:
    """Every entry opens to what it commits to; an erased one is proven all the same."""
    appended = little.grow(300)
    little.erase(appended[7])
    little.sequence()
    maker = BundleMaker(database=little.database, contents=little.contents, ledger=little.ledger)
    maker.whole(SHARD, DirectoryFolder(tmp_path / "log"), vkey=VERIFIER.to_vkey())
    assert 301 == verify(tmp_path / "log").opened


def test_progress_is_told_in_entries(exported: Path) -> None:
    """From nothing to all, in bundles."""
    told: list[tuple[int, int]] = []
    verify_log(
        DirectorySource(exported),
        trust=TRUST,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [(0, SIZE), (256, SIZE), (512, SIZE), (SIZE, SIZE)] == told


def test_the_places_of_a_log_are_all_its_files(exported: Path) -> None:
    """A log of 600 entries has three bundles, three leaf tiles and one above."""
    assert {each.path() for each in places(SIZE)} == {
        name for name in files(exported) if name.startswith("tile/")
    }
    large = list(places(70_000))
    assert Tile(level=2, index=0, width=1) in large
    assert len(large) == len(set(large))


def test_every_flipped_byte_is_caught_and_named(exported: Path) -> None:
    """One bit of any byte of any file: the message names that file, also to who saw it whole."""
    seen = verify(exported).signed
    for name in files(exported):
        if name == "vkey":
            # The verifier trusts the key it was given and never reads this one.
            continue
        path = exported / name
        data = path.read_bytes()
        step = 1 if len(data) < 400 else 97
        for at in range(0, len(data), step):
            damaged = bytearray(data)
            damaged[at] ^= 1 << at % 8
            path.write_bytes(damaged)
            with pytest.raises(LogNotVerified) as caught:
                verify(exported, seen=seen if at % 2 else None)
            expected = "the openings" if name == "entries.jsonl" else name
            assert expected == caught.value.place, f"byte {at} of {name}: {caught.value}"
        path.write_bytes(data)
    assert SIZE == verify(exported).opened


def test_what_is_missing_or_cut_is_named(exported: Path) -> None:
    """A file that is gone, too short or too long."""
    for name in files(exported):
        if name in {"vkey", "entries.jsonl"}:
            continue
        path = exported / name
        data = path.read_bytes()
        for changed in (data[:-1], data + b"\x00", b""):
            path.write_bytes(changed)
            with pytest.raises(LogNotVerified) as caught:
                verify(exported)
            assert name == caught.value.place
        path.unlink()
        with pytest.raises(LogNotVerified) as caught:
            verify(exported)
        assert name == caught.value.place
        path.write_bytes(data)


def test_narrower_tiles_beside_the_widest_are_compared(little: LittleNode, tmp_path: Path) -> None:
    """Partial tiles of earlier sizes stay in the directory and may not differ."""
    for count in (100, 100, 100):
        little.grow(count)
        export_log(little.database, SHARD, DirectoryFolder(tmp_path / "log"), vkey="v")
    source = DirectorySource(tmp_path / "log")
    verify_log(source, trust=TRUST)
    for name in ("tile/0/000.p/100", "tile/entries/000.p/200"):
        path = tmp_path / "log" / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(LogNotVerified) as caught:
            verify_log(source, trust=TRUST)
        assert name == caught.value.place
        path.write_bytes(data)


def signed(size: int, root: bytes, key: PrivateKey = KEY) -> bytes:
    text = Checkpoint(origin=ORIGIN, size=size, root=root).to_text()
    return note.Note(text=text, signatures=(note.sign(text, ORIGIN, key),)).to_bytes()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 599, 600])
def test_another_history_than_the_one_seen_is_named(exported: Path, size: int) -> None:
    """Whatever size was seen last: its entries must be the first of the log now."""
    with pytest.raises(LogNotVerified, match="two histories") as caught:
        verify(exported, seen=signed(size, bytes(32)))
    assert "the checkpoint seen last" == caught.value.place


def test_a_log_that_lost_entries_is_named(exported: Path) -> None:
    """Fewer entries than were signed before."""
    with pytest.raises(LogNotVerified, match="lost some"):
        verify(exported, seen=signed(SIZE + 1, bytes(32)))


def test_a_flipped_byte_of_what_was_seen_is_named(exported: Path) -> None:
    """The file that remembers is itself signed."""
    seen = verify(exported).signed
    assert SIZE == verify(exported, seen=seen).seen_size
    for at in range(len(seen)):
        damaged = bytearray(seen)
        damaged[at] ^= 1
        with pytest.raises(LogNotVerified) as caught:
            verify(exported, seen=bytes(damaged))
        assert "the checkpoint seen last" == caught.value.place


def test_only_the_given_keys_are_believed(exported: Path) -> None:
    """Another key of the same name, and a witness that has not cosigned."""
    other = note.VerifierKey(name=ORIGIN, public_key=PrivateKey.generate().public)
    with pytest.raises(LogNotVerified) as caught:
        verify(exported, trust=Trust(log_keys=(other,)))
    assert "checkpoint" == caught.value.place
    key = PrivateKey.generate()
    witness = WitnessKey(name="w", public_key=key.public)
    trust = Trust(log_keys=(VERIFIER,), witnesses=(witness,))
    with pytest.raises(LogNotVerified, match="w has not cosigned"):
        verify(exported, trust=trust)
    path = exported / "checkpoint"
    data = path.read_bytes()
    parsed = note.parse(data)
    cosigned = parsed.with_signatures([cosign(parsed.text, "w", key, 1)])
    path.write_bytes(cosigned.to_bytes())
    assert SIZE == verify(exported, trust=trust).checkpoint.size
    path.write_bytes(data)


class _Counting(DirectorySource):
    """A source that is read by several threads and remembers how far ahead it was asked."""

    reads_at_once = 4

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.read_paths: list[str] = []

    def read(self, path: str) -> bytes:
        self.read_paths.append(path)
        return super().read(path)

    def prefixes_of(self, place: Tile | Bundle) -> Iterable[str]:
        return ()


def test_reading_ahead_changes_nothing(exported: Path) -> None:
    """Several readers at once: the same result, each file read once."""
    source = _Counting(exported)
    assert SIZE == verify_log(source, trust=TRUST).checkpoint.size
    assert len(source.read_paths) == len(set(source.read_paths))
    path = exported / "tile/entries/001"
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(LogNotVerified) as caught:
        verify_log(source, trust=TRUST)
    assert "tile/entries/001" == caught.value.place
    path.write_bytes(data)
