"""A keyed hash is HMAC-SHA256."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto.keyed_hash import KeyedHash


def test_the_vector_of_the_rfc() -> None:
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert expected == KeyedHash(b"Jefe").digest(b"what do ya want for nothing?").hex()


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), max_size=3))
def test_it_is_the_standard_librarys(key: bytes, messages: list[bytes]) -> None:
    """Whatever the key, for one message after the other."""
    keyed = KeyedHash(key)
    for message in messages:
        assert hmac.digest(key, message, "sha256") == keyed.digest(message)


def test_a_longer_key_is_refused() -> None:
    """It would have to be hashed first."""
    with pytest.raises(AssertionError):
        KeyedHash(bytes(65))
