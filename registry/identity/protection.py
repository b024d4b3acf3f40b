"""Tokens at rest: what the database holds instead of them.

A stolen database alone gives neither tokens nor seeds: rows are found by an
HMAC under a pepper, and the seed, which peers need, is sealed. Pepper and
key-encryption key lie in files elsewhere. Source: docs/protocol.md, section 2.
"""

from collections.abc import Callable

from registry.crypto import identity_token
from registry.crypto.keyed_hash import KeyedHash
from registry.crypto.sealing import Sealer

PEPPER_BYTES = 32
LOOKUP_KEY_BYTES = 32

_SEED_CONTEXT = b"ccr-seed-at-rest\x00"
_MARK_LABEL = b"ccr-mark-v1\x00"
_PAD_KEY_LABEL = b"ccr-pad-key-v1\x00"


class Protector:
    """Turns tokens into what may be stored."""

    __slots__ = ("_sealer", "_under_pepper")

    def __init__(self, *, pepper: bytes, sealer: Sealer) -> None:
        assert len(pepper) == PEPPER_BYTES, "a pepper has 32 bytes"
        self._under_pepper = KeyedHash(pepper)
        self._sealer = sealer

    def seed_of(self, token: bytes) -> bytes:
        """The 32-byte seed of an identity token; the token is not needed afterwards."""
        return identity_token.seed_of(token)

    def lookup_key(self, seed: bytes) -> bytes:
        """The 32 bytes a subject's rows are found by."""
        return self._under_pepper.digest(seed)

    def mark(self, text: bytes) -> bytes:
        """32 bytes that `text` can be told by again, and that tell nothing without the pepper."""
        return self._under_pepper.digest(_MARK_LABEL + text)

    def pad_key(self, key_id: str, bits: int) -> bytes:
        """32 bytes that make the pads of screening buckets; as secret as the pepper."""
        return self._under_pepper.digest(_PAD_KEY_LABEL + bytes([bits]) + key_id.encode())

    def seal_seed(self, seed: bytes, lookup_key: bytes) -> bytes:
        """The seed sealed, bound to its lookup key so that rows cannot be exchanged."""
        return self._sealer.seal(seed, _SEED_CONTEXT + lookup_key)

    def seed_sealer(self) -> Callable[[bytes, bytes], bytes]:
        """`seal_seed` for the seeds that are written together, with one derived key."""
        seal = self._sealer.for_batch().seal
        return lambda seed, lookup_key: seal(seed, _SEED_CONTEXT + lookup_key)

    def open_seed(self, sealed: bytes, lookup_key: bytes) -> bytes:
        """The seed of a row.

        Raises: SealBroken when it was sealed for another row or another key.
        """
        return self._sealer.open(sealed, _SEED_CONTEXT + lookup_key)
