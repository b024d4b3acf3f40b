"""The group is RFC 9496's, and takes in nothing libsodium merely tolerates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto import ristretto255
from registry.crypto.ristretto255 import ORDER, NotAnElement, NotAScalar
from tests.crypto import rfc9496

uniform = st.binary(min_size=64, max_size=64)


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


@pytest.mark.parametrize("times", range(1, 16))
def test_multiples_of_the_generator_are_those_of_the_rfc(times: int) -> None:
    """n·G is the published encoding, by multiplication and by addition."""
    expected = bytes.fromhex(rfc9496.MULTIPLES[times])
    assert expected == ristretto255.multiply_base(ristretto255.scalar(little(times)))
    if times > 1:
        generator = ristretto255.element(bytes.fromhex(rfc9496.MULTIPLES[1]))
        before = ristretto255.element(bytes.fromhex(rfc9496.MULTIPLES[times - 1]))
        assert expected == ristretto255.add(before, generator)


@pytest.mark.parametrize("encoding", rfc9496.INVALID_ENCODINGS)
def test_bad_encodings_of_the_rfc_are_refused(encoding: str) -> None:
    """No listed encoding comes in as an element."""
    with pytest.raises(NotAnElement):
        ristretto255.element(bytes.fromhex(encoding))


@pytest.mark.parametrize(("data", "expected"), rfc9496.FROM_UNIFORM)
def test_uniform_bytes_map_to_the_elements_of_the_rfc(data: str, expected: str) -> None:
    """The map from 64 bytes is the published one."""
    assert bytes.fromhex(expected) == ristretto255.from_uniform(bytes.fromhex(data))


def test_the_identity_is_refused_where_libsodium_accepts_it() -> None:
    """Thirty-two zero bytes are a valid point to libsodium, and no element to us."""
    with pytest.raises(NotAnElement):
        ristretto255.element(bytes(32))


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_other_lengths_are_refused(length: int) -> None:
    """An element and a scalar have 32 bytes."""
    with pytest.raises(NotAnElement):
        ristretto255.element(b"\x01" * length)
    with pytest.raises(NotAScalar):
        ristretto255.scalar(b"\x01" * length)


@pytest.mark.parametrize(
    "number", [0, ORDER, ORDER + 1, 2 * ORDER, 2**253, 2**255 - 1, 2**255 + 1, 2**256 - 1]
)
def test_zero_and_non_canonical_scalars_are_refused(number: int) -> None:
    """libsodium clears the top bit and takes numbers beyond the order; we do not."""
    with pytest.raises(NotAScalar):
        ristretto255.scalar(little(number))


@pytest.mark.parametrize("number", [1, 2, ORDER - 1])
def test_the_first_and_the_last_scalars_are_accepted(number: int) -> None:
    """From 1 to the order less one."""
    assert little(number) == ristretto255.scalar(little(number))


def test_a_product_that_is_the_identity_is_an_error() -> None:
    """libsodium says -1 for it and leaves zeros behind; they are never returned."""
    order = ristretto255.Scalar(little(ORDER))
    generator = ristretto255.element(bytes.fromhex(rfc9496.MULTIPLES[1]))
    with pytest.raises(NotAnElement):
        ristretto255.multiply(order, generator)
    with pytest.raises(NotAnElement):
        ristretto255.multiply_base(order)


@given(uniform, uniform)
def test_scalar_arithmetic_is_arithmetic_modulo_the_order(one: bytes, other: bytes) -> None:
    """Reduction, product, difference and inverse agree with integers."""
    a, b = ristretto255.reduce(one), ristretto255.reduce(other)
    x, y = int.from_bytes(one, "little") % ORDER, int.from_bytes(other, "little") % ORDER
    assert little(x) == a
    assert little(x * y % ORDER) == ristretto255.scalar_multiply(a, b)
    assert little((x - y) % ORDER) == ristretto255.scalar_subtract(a, b)
    if x:
        assert little(pow(x, -1, ORDER)) == ristretto255.scalar_invert(a)


@given(uniform, uniform)
def test_multiplication_distributes_over_addition(one: bytes, other: bytes) -> None:
    """k·(A + B) = k·A + k·B for random elements."""
    a, b = ristretto255.from_uniform(one), ristretto255.from_uniform(other)
    factor = ristretto255.random_scalar()
    total = ristretto255.add(a, b)
    if bytes(32) not in {a, b, total}:
        apart = ristretto255.multiply(factor, a), ristretto255.multiply(factor, b)
        assert ristretto255.add(*apart) == ristretto255.multiply(factor, total)


def test_random_scalars_differ() -> None:
    """A thousand draws give a thousand scalars."""
    assert 1000 == len({ristretto255.random_scalar() for _ in range(1000)})
