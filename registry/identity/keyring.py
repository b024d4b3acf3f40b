"""The node's evaluation keys: sealed files, read once at the start.

A file a key, `evaluation-<key id>.json`. The newest key is the current one, so
that rotation is the writing of one file and cannot be half done; older keys go
on evaluating until their files are taken away.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from registry.crypto import voprf
from registry.crypto.keyfile import KeyFile, KeyFileUnusable, create_key_file, read_key_file
from registry.crypto.ristretto255 import element
from registry.crypto.sealing import Sealer
from registry.identity.model import EvaluationKey, KeyNode, KeySet, KeyStatus
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant, parse_instant

KEY_ID_CHARACTERS_MAX = 32

_KIND = "evaluation"
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


class Keyring:
    """Every evaluation key of the node; immutable once read."""

    __slots__ = ("_by_id", "_current")

    def __init__(self, keys: Sequence[EvaluationKey]) -> None:
        assert keys, "a node without an evaluation key cannot serve"
        ordered = sorted(keys, key=lambda key: (key.created_at, key.key_id), reverse=True)
        self._current = ordered[0]
        self._by_id = {key.key_id: key for key in ordered}
        assert len(self._by_id) == len(ordered), "key ids are unique"

    @staticmethod
    def load(directory: Path, sealer: Sealer, *, origin: str) -> "Keyring":
        """The keys in `directory`, of the node whose public address is `origin`.

        Raises: KeyFileUnusable when there is none, or one is not what it says;
        SealBroken when one was sealed under another key-encryption key.
        """
        paths = sorted(directory.glob(f"{_KIND}-*.json"))
        if not paths:
            raise KeyFileUnusable(f"There is no evaluation key in {directory}.")
        return Keyring([_read(path, sealer, origin) for path in paths])

    def current(self) -> EvaluationKey:
        """The key new tokens are made under."""
        return self._current

    def find(self, key_id: str) -> EvaluationKey | None:
        """The key of this id, current or previous."""
        return self._by_id.get(key_id)

    def every(self) -> Sequence[EvaluationKey]:
        """Every key, the current one first."""
        return tuple(self._by_id.values())

    def published(self) -> tuple[KeySet, ...]:
        """What everyone may know of the keys, the current one first."""
        return tuple(
            key.published(KeyStatus.CURRENT if key is self._current else KeyStatus.PREVIOUS)
            for key in self._by_id.values()
        )


def create_oprf_key(directory: Path, key_id: str, sealer: Sealer, now: datetime) -> bytes:
    """Makes a fresh key held by this node alone; gives its public key.

    From the next start of the node it is the current one.

    Raises: KeyFileUnusable when the id is taken; ValueError for an impossible id.
    """
    if len(key_id) > KEY_ID_CHARACTERS_MAX or not _KEY_ID.fullmatch(key_id):
        raise ValueError("a key id has up to 32 of a-z, 0-9 and -, and does not begin with -")
    pair = voprf.generate_key_pair()
    file = KeyFile(
        kind=_KIND,
        id=key_id,
        public=pair.public,
        attributes={
            "suite": voprf.SUITE,
            "created_at": format_instant(now),
            "threshold": 1,
            "other_nodes": [],
        },
        secret=pair.secret,
    )
    create_key_file(_path(directory, key_id), file, sealer)
    return pair.public


def _path(directory: Path, key_id: str) -> Path:
    return directory / f"{_KIND}-{key_id}.json"


def _read(path: Path, sealer: Sealer, origin: str) -> EvaluationKey:
    file = read_key_file(path, _KIND, sealer)
    try:
        key = _key_of(file, origin)
    except (KeyError, TypeError, ValueError) as error:
        raise KeyFileUnusable(f"{path} does not hold an evaluation key.") from error
    if path != _path(path.parent, key.key_id):
        raise KeyFileUnusable(f"{path} is not named after its key, {key.key_id}.")
    return key


def _key_of(file: KeyFile, origin: str) -> EvaluationKey:
    attributes = file.attributes
    if attributes["suite"] != voprf.SUITE:
        raise ValueError("another suite")
    others, threshold = attributes["other_nodes"], attributes["threshold"]
    if not isinstance(others, Sequence) or not isinstance(threshold, int):
        raise TypeError("nodes or threshold missing")
    share = voprf.key_pair_of(file.secret)
    # This node's own address is not in the file: it may move with its settings.
    own = KeyNode(origin=origin, share_public_key=share.public)
    key = EvaluationKey(
        key_id=file.id,
        created_at=parse_instant(str(attributes["created_at"])),
        public_key=element(file.public),
        threshold=threshold,
        nodes=(own, *map(_node_of, others)),
        share=share,
    )
    if not 1 <= threshold <= len(key.nodes):
        raise ValueError("a threshold beyond the nodes")
    if threshold == 1 and any(node.share_public_key != key.public_key for node in key.nodes):
        raise ValueError("where one node suffices its share is the key")
    return key


def _node_of(node: JsonValue) -> KeyNode:
    if not isinstance(node, Mapping):
        raise TypeError("a node is an object")
    share = element(base64url.decode(str(node["share_public_key"])))
    return KeyNode(origin=str(node["origin"]), share_public_key=share)
