"""Leaves and log keys have the bytes of RFC 6962 and C2SP."""

import base64
import hashlib

import pytest

from registry.crypto.merkle import leaf_hash
from registry.crypto.note import key_id, vkey

# The example of C2SP signed-note and of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_the_leaf_of_nothing_is_that_of_the_rfc() -> None:
    """SHA-256(00), as in the RFC 6962 test data."""
    expected = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert expected == leaf_hash(b"").hex()


def test_a_leaf_is_no_plain_hash() -> None:
    """The prefix keeps an inner node from passing for an entry."""
    assert hashlib.sha256(b"entry").digest() != leaf_hash(b"entry")


def test_the_verifier_key_is_that_of_the_specification() -> None:
    """Name, id and key in the published form."""
    public_key = base64.b64decode(VKEY.split("+", 2)[2])[1:]
    assert VKEY == vkey("PeterNeumann", public_key)
    assert "c74f20a3" == key_id("PeterNeumann", public_key).hex()


@pytest.mark.parametrize("name", ["", "a+b", "a b", "a\nb", "a\u3000b"])
def test_names_a_note_cannot_carry_are_refused(name: str) -> None:
    """Empty, with a plus, or with any kind of space."""
    with pytest.raises(ValueError, match="name"):
        vkey(name, bytes(32))
