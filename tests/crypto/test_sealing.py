"""Sealed data opens with its key and its context only."""

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto.sealing import OVERHEAD_BYTES, SealBroken, Sealer

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_was_sealed_opens(plaintext: bytes, context: bytes) -> None:
    """Any bytes come back, with the same overhead each time."""
    sealed = Sealer(KEY).seal(plaintext, context)
    assert plaintext == Sealer(KEY).open(sealed, context)
    assert len(plaintext) + OVERHEAD_BYTES == len(sealed)


def test_the_layout_is_the_documented_one() -> None:
    """Salt, nonce, then AES-256-GCM under HMAC-SHA256 of the salt."""
    sealed = Sealer(KEY).seal(b"seed", b"context")
    key = hmac.digest(KEY, b"ccr-seal-v1\x00" + sealed[:12], "sha256")
    assert b"seed" == AESGCM(key).decrypt(sealed[12:24], sealed[24:], b"context")


def test_nothing_else_opens() -> None:
    """Another key, another context, one changed bit, a cut, an addition."""
    sealer = Sealer(KEY)
    sealed = sealer.seal(b"seed", b"context")
    changed = [
        bytes(byte ^ (place == position) for position, byte in enumerate(sealed))
        for place in range(len(sealed))
    ]
    for other in (*changed, sealed[:-1], sealed + b"\x00", sealed[:39], b""):
        with pytest.raises(SealBroken):
            sealer.open(other, b"context")
    with pytest.raises(SealBroken):
        sealer.open(sealed, b"another")
    with pytest.raises(SealBroken):
        Sealer(bytes(32)).open(sealed, b"context")


def test_the_same_plaintext_seals_differently() -> None:
    """Equal seeds cannot be recognised in the database."""
    sealer = Sealer(KEY)
    assert 100 == len({sealer.seal(b"seed", b"") for _ in range(100)})


def test_a_key_of_another_length_stops_the_work() -> None:
    """Only 32 bytes make a key."""
    with pytest.raises(AssertionError):
        Sealer(bytes(16))


def test_what_is_sealed_as_a_batch_opens_one_by_one() -> None:
    """With its own context alone, and equal messages differ."""
    sealer = Sealer(bytes(range(32)))
    batch = sealer.for_batch()
    sealed = [batch.seal(b"message", b"context %d" % number) for number in range(3)]
    assert 3 == len(set(sealed))
    for number, each in enumerate(sealed):
        assert b"message" == sealer.open(each, b"context %d" % number)
        with pytest.raises(SealBroken):
            sealer.open(each, b"context %d" % (number + 1))
    assert sealer.for_batch().seal(b"message", b"")[:12] != sealed[0][:12]
