"""Sealing: what must not be readable in a stolen database or disk.

AES-256-GCM under a key derived afresh for each message, because 2^32 random
96-bit nonces under one key (two months at a thousand lookups a second) are as
many as GCM bears; 24 random bytes of salt and nonce together never run out.
Source: NIST SP 800-38D §8.3; the shape is that of C2SP XAES-256-GCM, with
HMAC-SHA256 as the derivation.

    sealed = 12-byte salt ‖ 12-byte nonce ‖ ciphertext ‖ 16-byte tag
    message key = HMAC-SHA256(key, "ccr-seal-v1" 00 ‖ salt)
"""

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.kernel.problems import Kind, Problem, Text

KEY_BYTES = 32
OVERHEAD_BYTES = 40
BATCH_MESSAGES_MAX = 2**16

_SALT_BYTES = 12
_NONCE_BYTES = 12
# Asking for a nonce costs as much as sealing: a batch asks for some at a time.
_NONCES_DRAWN = 64
_LABEL = b"ccr-seal-v1\x00"


class SealBroken(Problem):
    """Sealed data was made with another key or context, or was changed."""

    kind = Kind.FAULT
    title = Text(en="Sealed data cannot be opened", zh="密封数据无法解开")
    advice = Text(
        en="The operator checks that the key-encryption key is the one the data was sealed with.",
        zh="请运营者核对密钥加密密钥是否为密封数据时所用的密钥。",
    )


class BatchSealer:
    """Seals the messages of one batch; a `Sealer` of the same key opens each."""

    __slots__ = ("_cipher", "_left", "_nonces", "_salt")

    def __init__(self, salt: bytes, cipher: AESGCM) -> None:
        self._salt = salt
        self._cipher = cipher
        self._left = BATCH_MESSAGES_MAX
        self._nonces: list[bytes] = []

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """`plaintext` sealed; it opens only with the same `context`."""
        self._left -= 1
        assert self._left >= 0, "a batch has its limit"
        if not self._nonces:
            self._nonces = _draw_nonces(_NONCES_DRAWN)
        nonce = self._nonces.pop()
        return self._salt + nonce + self._cipher.encrypt(nonce, plaintext, context)


def _draw_nonces(count: int) -> list[bytes]:
    chance = secrets.token_bytes(count * _NONCE_BYTES)
    return [chance[at : at + _NONCE_BYTES] for at in range(0, len(chance), _NONCE_BYTES)]


class Sealer:
    """Seals and opens small secrets under one 32-byte key."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES, "a sealing key has 32 bytes"
        self._key = key

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """`plaintext` sealed; it opens only with the same `context`."""
        prefix = secrets.token_bytes(_SALT_BYTES + _NONCE_BYTES)
        return prefix + self._cipher(prefix).encrypt(prefix[_SALT_BYTES:], plaintext, context)

    def for_batch(self) -> "BatchSealer":
        """Seals what is written together: one derived key for at most 2^16 messages.

        The salt they share is drawn afresh, the nonce of each too: so few random
        nonces under one key are far from what GCM bears.
        """
        salt = secrets.token_bytes(_SALT_BYTES)
        return BatchSealer(salt, self._cipher(salt))

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plaintext that was sealed with this key and `context`.

        Raises: SealBroken.
        """
        if len(sealed) < OVERHEAD_BYTES:
            raise SealBroken
        prefix = sealed[: _SALT_BYTES + _NONCE_BYTES]
        try:
            return self._cipher(prefix).decrypt(
                prefix[_SALT_BYTES:], sealed[len(prefix) :], context
            )
        except InvalidTag as error:
            raise SealBroken from error

    def _cipher(self, prefix: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, _LABEL + prefix[:_SALT_BYTES], "sha256"))
