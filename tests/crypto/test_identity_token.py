"""Tokens are made of exactly the published bytes."""

import hmac

import pytest

from registry.crypto.identity_token import identity_token, oprf_input, seed_of


def test_the_input_separates_its_parts() -> None:
    """Each part has its length before it, in UTF-8 bytes."""
    expected = (
        b"ccr-id-v1\x00" + b"\x00\x03fed" + b"\x00\x07phone/1" + b"\x00\x06\xe4\xb9\xb0\xe5\xae\xb6"
    )
    assert expected == oprf_input(federation="fed", type_name="phone/1", canonical="买家")


def test_parts_cannot_flow_into_each_other() -> None:
    """Moving a character across a border gives other bytes."""
    one = oprf_input(federation="ab", type_name="c", canonical="d")
    other = oprf_input(federation="a", type_name="bc", canonical="d")
    assert one != other


def test_token_and_seed_are_labelled_hmacs() -> None:
    """T = HMAC(y, "ccr-token-v1" 00 key id); seed = HMAC(T, "ccr-seed-v1")."""
    y = bytes(range(64))
    token = hmac.digest(y, b"ccr-token-v1\x00k1", "sha256")
    assert token == identity_token(y, "k1")
    assert hmac.digest(token, b"ccr-seed-v1", "sha256") == seed_of(token)
    assert token != identity_token(y, "k2")


def test_a_part_longer_than_its_length_can_say_is_refused() -> None:
    """65,535 bytes fit, one more does not."""
    oprf_input(federation="f", type_name="t", canonical="a" * 65535)
    with pytest.raises(ValueError, match="65,535"):
        oprf_input(federation="f", type_name="t", canonical="a" * 65536)
