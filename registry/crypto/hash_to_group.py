"""Hashing bytes to elements and scalars of ristretto255 with SHA-512.

Source: RFC 9380 §5.3.1 and Appendix B, RFC 9497 §4.1.
"""

import hashlib

from registry.crypto.ristretto255 import UNIFORM_BYTES, Element, Scalar, from_uniform, reduce

_HASH_BYTES = 64
_BLOCK_BYTES = 128
_TAG_BYTES_MAX = 255
_BLOCKS_MAX = 255
_OVERSIZE_PREFIX = b"H2C-OVERSIZE-DST-"


def expand_message_xmd(message: bytes, tag: bytes, length: int) -> bytes:
    """`length` uniform bytes of `message` in the domain `tag` names."""
    blocks = -(-length // _HASH_BYTES)
    assert tag, "a domain separation tag is never empty"
    assert 0 < blocks <= _BLOCKS_MAX
    if len(tag) > _TAG_BYTES_MAX:
        tag = hashlib.sha512(_OVERSIZE_PREFIX + tag).digest()
    suffix = tag + bytes([len(tag)])
    start = bytes(_BLOCK_BYTES) + message + length.to_bytes(2, "big") + b"\x00" + suffix
    first = hashlib.sha512(start).digest()
    block = hashlib.sha512(first + b"\x01" + suffix).digest()
    uniform = block
    for number in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = hashlib.sha512(mixed + bytes([number]) + suffix).digest()
        uniform += block
    return uniform[:length]


def hash_to_group(message: bytes, tag: bytes) -> Element:
    """The element `message` hashes to: hash_to_ristretto255."""
    return from_uniform(expand_message_xmd(message, tag, UNIFORM_BYTES))


def hash_to_scalar(message: bytes, tag: bytes) -> Scalar:
    """The scalar `message` hashes to."""
    return reduce(expand_message_xmd(message, tag, UNIFORM_BYTES))
