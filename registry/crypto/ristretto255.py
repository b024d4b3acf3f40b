"""The prime-order group ristretto255 and its scalars. Source: RFC 9496.

Elements and scalars are their canonical 32 bytes, and are checked when they
come in: libsodium accepts the identity as a point, ignores the top bit of a
point (version 1.0.18) and of a scalar, and takes scalars beyond the order.
Multiplication, inversion and reduction are libsodium's and run in constant time;
Python cannot wipe what it held, so secrets stay in memory until it is reused.
"""

import ctypes
import hmac
import secrets
from typing import NewType

from registry.crypto.sodium import library

Element = NewType("Element", bytes)
Scalar = NewType("Scalar", bytes)

ELEMENT_BYTES = 32
SCALAR_BYTES = 32
UNIFORM_BYTES = 64

ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD_PRIME = 2**255 - 19

_IDENTITY = bytes(ELEMENT_BYTES)
_ZERO = bytes(SCALAR_BYTES)
_Buffer = ctypes.c_char * 32


class NotAnElement(ValueError):
    """The bytes are no element, not its canonical form, or the identity."""


class NotAScalar(ValueError):
    """The bytes are no scalar, not its canonical form, or zero."""


def element(data: bytes) -> Element:
    """`data` as an element that is not the identity.

    Raises: NotAnElement.
    """
    if len(data) != ELEMENT_BYTES or data == _IDENTITY:
        raise NotAnElement
    number = int.from_bytes(data, "little")
    if number >= FIELD_PRIME or number % 2:
        raise NotAnElement
    if library().crypto_core_ristretto255_is_valid_point(data) != 1:
        raise NotAnElement
    return Element(data)


def scalar(data: bytes) -> Scalar:
    """`data` as a scalar from 1 to the order less one, little-endian.

    Raises: NotAScalar.
    """
    if len(data) != SCALAR_BYTES:
        raise NotAScalar
    # A scalar may be a secret key: both comparisons run in constant time.
    reduced = reduce(data + bytes(UNIFORM_BYTES - SCALAR_BYTES))
    if hmac.compare_digest(reduced, _ZERO) or not hmac.compare_digest(reduced, data):
        raise NotAScalar
    return Scalar(data)


def random_scalar() -> Scalar:
    """A fresh secret scalar, uniform over all but zero."""
    # 64 bytes reduced are within 2^-259 of uniform; zero comes up never.
    return scalar(reduce(secrets.token_bytes(UNIFORM_BYTES)))


def reduce(uniform: bytes) -> Scalar:
    """64 little-endian bytes modulo the order."""
    assert len(uniform) == UNIFORM_BYTES
    result = _Buffer()
    library().crypto_core_ristretto255_scalar_reduce(result, uniform)
    return Scalar(result.raw)


def from_uniform(uniform: bytes) -> Element:
    """The element that 64 uniform bytes map to (RFC 9496 §4.3.4)."""
    assert len(uniform) == UNIFORM_BYTES
    result = _Buffer()
    library().crypto_core_ristretto255_from_hash(result, uniform)
    return Element(result.raw)


def multiply(factor: Scalar, point: Element) -> Element:
    """`factor` times `point`, in constant time.

    Raises: NotAnElement when `point` is no element or the product the identity.
    """
    assert len(factor) == SCALAR_BYTES
    assert len(point) == ELEMENT_BYTES
    result = _Buffer()
    if library().crypto_scalarmult_ristretto255(result, factor, point) != 0:
        raise NotAnElement
    return Element(result.raw)


def multiply_base(factor: Scalar) -> Element:
    """`factor` times the generator, in constant time.

    Raises: NotAnElement when the product is the identity.
    """
    assert len(factor) == SCALAR_BYTES
    result = _Buffer()
    if library().crypto_scalarmult_ristretto255_base(result, factor) != 0:
        raise NotAnElement
    return Element(result.raw)


def add(one: Element, other: Element) -> Element:
    """The sum, which may be the identity.

    Raises: NotAnElement when a summand is no element.
    """
    assert len(one) == len(other) == ELEMENT_BYTES
    result = _Buffer()
    if library().crypto_core_ristretto255_add(result, one, other) != 0:
        raise NotAnElement
    return Element(result.raw)


def scalar_multiply(one: Scalar, other: Scalar) -> Scalar:
    """The product modulo the order."""
    result = _Buffer()
    library().crypto_core_ristretto255_scalar_mul(result, one, other)
    return Scalar(result.raw)


def scalar_subtract(one: Scalar, other: Scalar) -> Scalar:
    """The difference modulo the order."""
    result = _Buffer()
    library().crypto_core_ristretto255_scalar_sub(result, one, other)
    return Scalar(result.raw)


def scalar_invert(one: Scalar) -> Scalar:
    """The multiplicative inverse modulo the order, in constant time."""
    result = _Buffer()
    status = library().crypto_core_ristretto255_scalar_invert(result, one)
    assert status == 0, "zero has no inverse and is no Scalar"
    return Scalar(result.raw)
