"""ristretto255 and the client of RFC 9497's VOPRF in pure Python, from the RFCs alone.

Nothing of the registry's own code is used here: what the two agree on, they agree
on because both follow RFC 9496, RFC 9497 and RFC 9380.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"

Point = tuple[int, int, int, int]
IDENTITY: Point = (0, 1, 1, 0)


class Refused(Exception):
    """What the other side sent is not what the protocol allows."""


def _is_negative(value: int) -> bool:
    return value % P % 2 == 1


def _absolute(value: int) -> int:
    value %= P
    return P - value if value % 2 else value


_ROOT_OF_MINUS_ONE = _absolute(pow(2, (P - 1) // 4, P))


def _root_of_ratio(u: int, v: int) -> tuple[bool, int]:
    """SQRT_RATIO_M1 of RFC 9496 §4.2."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct = check == u % P
    flipped = check == -u % P
    flipped_with_root = check == -u * _ROOT_OF_MINUS_ONE % P
    if flipped or flipped_with_root:
        r = r * _ROOT_OF_MINUS_ONE % P
    return correct or flipped, _absolute(r)


_INVERSE_ROOT_A_MINUS_D = _root_of_ratio(1, -1 - D)[1]
# Of the two roots the RFC took the odd one.
_ROOT_AD_MINUS_ONE = P - _root_of_ratio(-D - 1, 1)[1]


def decode(data: bytes) -> Point:
    """The element of its canonical 32 bytes. Source: RFC 9496 §4.3.1."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or s % 2:
        raise Refused("not a canonical field element")
    squared = s * s % P
    u1, u2 = (1 - squared) % P, (1 + squared) % P
    u2_squared = u2 * u2 % P
    v = (-D * u1 * u1 - u2_squared) % P
    was_square, inverse = _root_of_ratio(1, v * u2_squared)
    x_denominator = inverse * u2 % P
    y_denominator = inverse * x_denominator * v % P
    x = _absolute(2 * s * x_denominator)
    y = u1 * y_denominator % P
    t = x * y % P
    if not was_square or _is_negative(t) or y == 0:
        raise Refused("not the encoding of an element")
    return (x, y, 1, t)


def encode(point: Point) -> bytes:
    """The canonical 32 bytes of an element. Source: RFC 9496 §4.3.2."""
    x0, y0, z0, t0 = point
    u1 = (z0 + y0) * (z0 - y0) % P
    u2 = x0 * y0 % P
    _, inverse = _root_of_ratio(1, u1 * u2 * u2)
    denominator1, denominator2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = denominator1 * denominator2 * t0 % P
    if _is_negative(t0 * z_inverse):
        x, y = y0 * _ROOT_OF_MINUS_ONE % P, x0 * _ROOT_OF_MINUS_ONE % P
        denominator_inverse = denominator1 * _INVERSE_ROOT_A_MINUS_D % P
    else:
        x, y, denominator_inverse = x0, y0, denominator2
    if _is_negative(x * z_inverse):
        y = -y % P
    return _absolute(denominator_inverse * (z0 - y)).to_bytes(32, "little")


def add(one: Point, other: Point) -> Point:
    """The sum of two elements, in extended twisted Edwards coordinates."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * D * t1 * t2 % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    """`scalar` times an element; not constant time, which a test need not be."""
    total = IDENTITY
    for bit in bin(scalar % ORDER)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


GENERATOR = decode(
    bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
)


def _elligator(data: bytes) -> Point:
    """MAP of RFC 9496 §4.3.4."""
    t = int.from_bytes(data, "little") % 2**255 % P
    r = _ROOT_OF_MINUS_ONE * t * t % P
    u = (r + 1) * (1 - D * D) % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = _root_of_ratio(u, v)
    c = -1 % P
    if not was_square:
        s = -_absolute(s * t) % P
        c = r
    n = (c * (r - 1) * (D - 1) ** 2 - v) % P
    w0, w1 = 2 * s * v % P, n * _ROOT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return (w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)


def from_uniform(data: bytes) -> Point:
    """The element that 64 uniform bytes are mapped to."""
    return add(_elligator(data[:32]), _elligator(data[32:64]))


def expand_message(message: bytes, tag: bytes, length: int) -> bytes:
    """expand_message_xmd with SHA-512. Source: RFC 9380 §5.3.1."""
    assert len(tag) <= 255
    suffix = tag + bytes([len(tag)])
    first = hashlib.sha512(bytes(128) + message + length.to_bytes(2, "big") + b"\0" + suffix)
    blocks = [hashlib.sha512(first.digest() + b"\1" + suffix).digest()]
    while len(blocks) * 64 < length:
        mixed = bytes(a ^ b for a, b in zip(first.digest(), blocks[-1], strict=True))
        block = hashlib.sha512(mixed + bytes([len(blocks) + 1]) + suffix)
        blocks.append(block.digest())
    return b"".join(blocks)[:length]


def hash_to_group(message: bytes) -> Point:
    """HashToGroup of the suite."""
    return from_uniform(expand_message(message, b"HashToGroup-" + CONTEXT, 64))


def hash_to_scalar(message: bytes) -> int:
    """HashToScalar of the suite."""
    digest = expand_message(message, b"HashToScalar-" + CONTEXT, 64)
    return int.from_bytes(digest, "little") % ORDER


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


@dataclass(frozen=True, slots=True, kw_only=True)
class Blinded:
    """An input, what hides it, and what is sent."""

    input: bytes
    blind: int
    element: bytes


def blind(message: bytes, scalar: int | None = None) -> Blinded:
    """Hides an input. Source: RFC 9497 §3.3.1."""
    chosen = scalar or 1 + secrets.randbelow(ORDER - 1)
    return Blinded(
        input=message, blind=chosen, element=encode(multiply(chosen, hash_to_group(message)))
    )


def verify_proof(
    public_key: bytes, blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes
) -> None:
    """Refuses an evaluation not made with the published key. Source: RFC 9497 §2.2.2."""
    c, s = (int.from_bytes(half, "little") for half in (proof[:32], proof[32:]))
    if len(proof) != 64 or c >= ORDER or s >= ORDER or len(evaluated) != len(blinded):
        raise Refused("not a proof for this batch")
    seed = hashlib.sha512(_prefixed(public_key) + _prefixed(b"Seed-" + CONTEXT)).digest()
    m = z = IDENTITY
    for index, (sent, got) in enumerate(zip(blinded, evaluated, strict=True)):
        position = index.to_bytes(2, "big")
        weight = hash_to_scalar(
            _prefixed(seed) + position + _prefixed(sent) + _prefixed(got) + b"Composite"
        )
        m = add(m, multiply(weight, decode(sent)))
        z = add(z, multiply(weight, decode(got)))
    key = decode(public_key)
    t2 = add(multiply(s, GENERATOR), multiply(c, key))
    t3 = add(multiply(s, m), multiply(c, z))
    transcript = b"".join(_prefixed(each) for each in (public_key, *map(encode, (m, z, t2, t3))))
    if hash_to_scalar(transcript + b"Challenge") != c:
        raise Refused("the proof does not verify")


def finalize(blinded: Blinded, evaluated: bytes) -> bytes:
    """The 64 bytes of the function at the input. Source: RFC 9497 §3.3.1."""
    point = decode(evaluated)
    if encode(point) == bytes(32):
        raise Refused("the identity element")
    unblinded = encode(multiply(pow(blinded.blind, -1, ORDER), point))
    return hashlib.sha512(_prefixed(blinded.input) + _prefixed(unblinded) + b"Finalize").digest()
