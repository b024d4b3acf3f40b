"""Random samples that anyone can draw again from a checkpoint.

    seed  = SHA-256("ccr-sample-v1" 00 || lp(origin) || u64 size || root || lp(label))
    v_i   = first 8 bytes of SHA-256(seed || u64 i), i = 0, 1, 2, …
    skip v_i when v_i >= 2^64 - (2^64 mod size); else index = v_i mod size;
    skip an index that came before.

`lp(b)` is a 2-byte big-endian length followed by b, numbers are big-endian. `origin`,
`size` and `root` are the checkpoint's, `label` is the supervisor's: chosen after the
checkpoint was signed, it keeps whoever made the log from steering what is drawn.
Skipping the last values makes every index exactly as likely as any other.
"""

import hashlib
import struct
from collections.abc import Iterator

_LABEL = b"ccr-sample-v1\x00"
_U64 = struct.Struct(">Q")
_U64_END = 2**64


def draw(*, origin: str, size: int, root: bytes, label: str) -> Iterator[int]:
    """The indices of a log of `size` entries in the order they are drawn, each once."""
    seed = hashlib.sha256(
        _LABEL + _lp(origin.encode()) + _U64.pack(size) + root + _lp(label.encode())
    ).digest()
    fair_end = _U64_END - (_U64_END % size) if size else 0
    drawn: set[int] = set()
    number = 0
    while len(drawn) < size:
        (value,) = _U64.unpack(hashlib.sha256(seed + _U64.pack(number)).digest()[:8])
        number += 1
        index = value % size
        if value < fair_end and index not in drawn:
            drawn.add(index)
            yield index


def _lp(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
