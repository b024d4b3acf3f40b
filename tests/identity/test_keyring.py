"""Evaluation keys: sealed files, the newest current, nothing accepted that does not fit."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.crypto import voprf
from registry.crypto.keyfile import KeyFile, KeyFileUnusable, create_key_file
from registry.crypto.sealing import SealBroken, Sealer
from registry.identity.keyring import Keyring, create_oprf_key
from registry.identity.model import KeyNode, KeyStatus
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue

ORIGIN = "https://registry.example"
NOW = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def sealer() -> Sealer:
    """A key-encryption key."""
    return Sealer(b"k" * 32)


def written(
    directory: Path, sealer: Sealer, *, named: str = "k1", **changes: JsonValue | bytes
) -> Path:
    """A key file like the ones we write, but for `changes`."""
    pair = voprf.derive_key_pair(b"s" * 32, b"")
    attributes: dict[str, JsonValue] = {
        "suite": voprf.SUITE,
        "created_at": "2026-11-01T08:00:00Z",
        "threshold": 1,
        "other_nodes": [],
    }
    secret, public = changes.pop("secret", pair.secret), changes.pop("public", pair.public)
    assert isinstance(secret, bytes)
    assert isinstance(public, bytes)
    attributes |= {name: value for name, value in changes.items() if not isinstance(value, bytes)}
    file = KeyFile(
        kind="evaluation",
        id="k1",
        public=public,
        attributes={name: value for name, value in attributes.items() if value != "missing"},
        secret=secret,
    )
    path = directory / f"evaluation-{named}.json"
    create_key_file(path, file, sealer)
    return path


def test_a_created_key_is_read_back(tmp_path: Path, sealer: Sealer) -> None:
    """One node, threshold 1, its share is the key; the address is the present one."""
    public = create_oprf_key(tmp_path, "k1", sealer, NOW)
    keyring = Keyring.load(tmp_path, sealer, origin=ORIGIN)
    key = keyring.current()
    assert ("k1", NOW, 1, public) == (key.key_id, key.created_at, key.threshold, key.public_key)
    assert (KeyNode(origin=ORIGIN, share_public_key=public),) == key.nodes
    assert key is keyring.find("k1")
    assert keyring.find("k2") is None
    evaluation = voprf.evaluate(key.share, [voprf.blind(b"x").element])
    assert 1 == len(evaluation.elements)


def test_the_newest_key_is_current_and_older_ones_go_on(tmp_path: Path, sealer: Sealer) -> None:
    """Rotation is one more file, whatever the ids are called."""
    create_oprf_key(tmp_path, "z-first", sealer, NOW)
    create_oprf_key(tmp_path, "a-third", sealer, NOW + timedelta(days=2))
    create_oprf_key(tmp_path, "m-second", sealer, NOW + timedelta(days=1))
    keyring = Keyring.load(tmp_path, sealer, origin=ORIGIN)
    assert "a-third" == keyring.current().key_id
    assert [
        ("a-third", KeyStatus.CURRENT),
        ("m-second", KeyStatus.PREVIOUS),
        ("z-first", KeyStatus.PREVIOUS),
    ] == [(each.key_id, each.status) for each in keyring.published()]
    assert keyring.find("z-first") is not None


def test_what_is_published_holds_no_secret(tmp_path: Path, sealer: Sealer) -> None:
    """Suite, keys and nodes; the share's secret is in neither value nor repr."""
    create_oprf_key(tmp_path, "k1", sealer, NOW)
    keyring = Keyring.load(tmp_path, sealer, origin=ORIGIN)
    (published,) = keyring.published()
    assert "ristretto255-SHA512" == published.suite
    secret = bytes(keyring.current().share.secret)
    assert repr(secret) not in repr(published)
    assert repr(secret) not in repr(keyring.current())


def test_a_key_is_never_overwritten(tmp_path: Path, sealer: Sealer) -> None:
    """All tokens made under a key would be lost with it."""
    create_oprf_key(tmp_path, "k1", sealer, NOW)
    with pytest.raises(KeyFileUnusable, match="exists"):
        create_oprf_key(tmp_path, "k1", sealer, NOW)


@pytest.mark.parametrize("key_id", ["", "-k", "K1", "k 1", "../k1", "k/1", "k1\n", "k" * 33, "ķ"])
def test_impossible_ids_are_refused(key_id: str, tmp_path: Path, sealer: Sealer) -> None:
    """An id is part of a file name and of every token."""
    with pytest.raises(ValueError, match="key id"):
        create_oprf_key(tmp_path, key_id, sealer, NOW)
    assert [] == list(tmp_path.iterdir())


def test_an_empty_directory_is_no_keyring(tmp_path: Path, sealer: Sealer) -> None:
    """A node without a key must not start."""
    with pytest.raises(KeyFileUnusable, match="no evaluation key"):
        Keyring.load(tmp_path, sealer, origin=ORIGIN)


def test_another_key_encryption_key_opens_nothing(tmp_path: Path, sealer: Sealer) -> None:
    """The operator learns that the seal is what fails."""
    create_oprf_key(tmp_path, "k1", sealer, NOW)
    with pytest.raises(SealBroken):
        Keyring.load(tmp_path, Sealer(b"x" * 32), origin=ORIGIN)


def test_a_renamed_file_is_refused(tmp_path: Path, sealer: Sealer) -> None:
    """A copy under another name is not another key."""
    written(tmp_path, sealer, named="k2")
    with pytest.raises(KeyFileUnusable, match="named after"):
        Keyring.load(tmp_path, sealer, origin=ORIGIN)


def test_a_file_like_ours_is_accepted(tmp_path: Path, sealer: Sealer) -> None:
    """The unchanged form of the next test's files is read."""
    written(tmp_path, sealer)
    assert "k1" == Keyring.load(tmp_path, sealer, origin=ORIGIN).current().key_id


OTHER = base64url.encode(voprf.generate_key_pair().public)


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": bytes(32)},
        {"secret": b"\xff" * 32},
        {"secret": b"short"},
        {"public": bytes(32)},
        {"public": voprf.generate_key_pair().public},
        {"suite": "P256-SHA256"},
        {"suite": "missing"},
        {"created_at": "yesterday"},
        {"created_at": "missing"},
        {"threshold": 0},
        {"threshold": 2},
        {"threshold": "1"},
        {"other_nodes": "missing"},
        {"other_nodes": 7},
        {"other_nodes": ["https://peer.example"]},
        {"other_nodes": [{"origin": "https://peer.example"}]},
        {"other_nodes": [{"origin": "https://peer.example", "share_public_key": "AAAA"}]},
        {"other_nodes": [{"origin": "https://peer.example", "share_public_key": OTHER}]},
    ],
)
def test_a_file_that_does_not_fit_itself_is_refused(
    changes: dict[str, JsonValue | bytes], tmp_path: Path, sealer: Sealer
) -> None:
    """Secret, public key, suite, time, threshold and nodes must agree."""
    written(tmp_path, sealer, **changes)
    with pytest.raises(KeyFileUnusable):
        Keyring.load(tmp_path, sealer, origin=ORIGIN)


def test_a_share_of_a_threshold_key_is_read(tmp_path: Path, sealer: Sealer) -> None:
    """Two of two nodes: the public key is nobody's share."""
    public = voprf.generate_key_pair().public
    other = {"origin": "https://peer.example", "share_public_key": OTHER}
    written(tmp_path, sealer, public=public, threshold=2, other_nodes=[other])
    (published,) = Keyring.load(tmp_path, sealer, origin=ORIGIN).published()
    assert (2, public) == (published.threshold, published.public_key)
    assert [ORIGIN, "https://peer.example"] == [node.origin for node in published.nodes]
