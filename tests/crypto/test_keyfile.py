"""Secret files are whole, guarded, sealed and never overwritten by accident."""

import json
from pathlib import Path

import pytest

from registry.crypto import keyfile
from registry.crypto.keyfile import KeyFile, KeyFileUnusable
from registry.crypto.sealing import SealBroken, Sealer
from registry.kernel.canonical import JsonValue

KEY_FILE = KeyFile(
    kind="oprf", id="k1", public=b"\x01" * 32, attributes={"status": "current"}, secret=b"s" * 32
)


@pytest.fixture
def sealer() -> Sealer:
    """A key-encryption key."""
    return Sealer(bytes(range(32)))


@pytest.fixture
def path(tmp_path: Path, sealer: Sealer) -> Path:
    """A key file just written."""
    path = tmp_path / "k1.json"
    keyfile.create_key_file(path, KEY_FILE, sealer)
    return path


def test_a_key_file_comes_back(path: Path, sealer: Sealer) -> None:
    """All members and the secret are as written; only the owner can read the file."""
    read = keyfile.read_key_file(path, "oprf", sealer)
    assert KEY_FILE == read
    assert KEY_FILE.secret == read.secret
    assert 0o600 == path.stat().st_mode & 0o777
    assert [path] == list(path.parent.iterdir())


def test_the_secret_is_not_in_the_file(path: Path) -> None:
    """Neither plain nor encoded: only the sealed form."""
    members = json.loads(path.read_bytes())
    assert {"version", "kind", "id", "public", "attributes", "sealed"} == members.keys()
    assert "c3Nzc3Nz" not in path.read_text()
    assert "ssssss" not in path.read_text()
    assert "secret" not in repr(KEY_FILE)


@pytest.mark.parametrize(
    ("member", "value"), [("id", "k2"), ("public", "AA"), ("attributes", {"status": "previous"})]
)
def test_the_seal_covers_every_member(
    member: str, value: JsonValue, path: Path, sealer: Sealer
) -> None:
    """A key renamed or given another status by hand does not open."""
    members = json.loads(path.read_bytes())
    path.write_text(json.dumps(members | {member: value}))
    with pytest.raises(SealBroken):
        keyfile.read_key_file(path, "oprf", sealer)


def test_another_key_encryption_key_does_not_open_it(path: Path) -> None:
    """The operator learns that the seal is what fails."""
    with pytest.raises(SealBroken):
        keyfile.read_key_file(path, "oprf", Sealer(bytes(32)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"version":1,"version":1}',
        b'{"version":2,"kind":"oprf","id":"k1","public":"","attributes":{},"sealed":""}',
        b'{"version":1,"kind":"oprf","id":"k1","public":"","attributes":{},"sealed":"="}',
        b'{"version":1,"kind":"oprf","id":"k1","public":"","attributes":{},"sealed":7}',
        b" " * (keyfile.FILE_BYTES_MAX + 1),
    ],
)
def test_other_content_is_refused(content: bytes, path: Path, sealer: Sealer) -> None:
    """Half a file, another version, other members: named as unusable."""
    path.write_bytes(content)
    with pytest.raises(KeyFileUnusable):
        keyfile.read_key_file(path, "oprf", sealer)


def test_another_kind_is_refused(path: Path, sealer: Sealer) -> None:
    """An evaluation key cannot stand in for a signing key."""
    with pytest.raises(KeyFileUnusable):
        keyfile.read_key_file(path, "signing", sealer)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_a_file_others_can_reach_is_refused(mode: int, path: Path, sealer: Sealer) -> None:
    """Group and world have no bit at all."""
    path.chmod(mode)
    with pytest.raises(KeyFileUnusable, match="others"):
        keyfile.read_key_file(path, "oprf", sealer)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    """Named as unusable, not as an error of the machine."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(KeyFileUnusable):
            keyfile.read_guarded(path)


def test_a_key_is_never_overwritten_by_creating_another(path: Path, sealer: Sealer) -> None:
    """The second creation fails, the first file stands, nothing lies around."""
    before = path.read_bytes()
    with pytest.raises(KeyFileUnusable, match="exists"):
        keyfile.create_key_file(path, KEY_FILE, sealer)
    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_replacing_leaves_the_new_file_alone(path: Path, sealer: Sealer) -> None:
    """The new status is there, the mode is kept tight, no temporary file remains."""
    retired = KeyFile(
        kind="oprf", id="k1", public=b"", attributes={"status": "previous"}, secret=b"s"
    )
    keyfile.replace_key_file(path, retired, sealer)
    assert retired == keyfile.read_key_file(path, "oprf", sealer)
    assert 0o600 == path.stat().st_mode & 0o777
    assert [path] == list(path.parent.iterdir())


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Writing into nowhere is a problem the operator can read."""
    with pytest.raises(KeyFileUnusable, match="cannot be written"):
        keyfile.create_random_key(tmp_path / "nowhere" / "kek")


def test_random_keys_come_back_and_differ(tmp_path: Path) -> None:
    """32 bytes, the same when read, another each time."""
    key = keyfile.create_random_key(tmp_path / "one")
    assert 32 == len(key)
    assert key == keyfile.read_random_key(tmp_path / "one")
    assert key != keyfile.create_random_key(tmp_path / "two")


@pytest.mark.parametrize("content", [b"", b"AAAA", b"not base64url!", b"\xff\xfe"])
def test_random_keys_of_other_content_are_refused(content: bytes, tmp_path: Path) -> None:
    """A key cut short is not a key."""
    keyfile.create_guarded(tmp_path / "kek", content)
    with pytest.raises(KeyFileUnusable):
        keyfile.read_random_key(tmp_path / "kek")
