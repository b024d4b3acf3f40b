"""The Merkle tree of a log: hashes, compact ranges, and proofs checked without the log.

A leaf is SHA-256(00 ‖ entry), a node SHA-256(01 ‖ left ‖ right), the root of
nothing SHA-256 of nothing. A proof has exactly the length its numbers ask for,
or it is refused.
Source: RFC 6962 §2.1 (hashes, what a proof consists of); RFC 9162 §2.1.3.2 and
§2.1.4.2 (how to verify one).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
# A signed 64-bit number, as in golang.org/x/mod: no inclusion proof is longer.
SIZE_MAX = 2**63 - 1
PROOF_HASHES_MAX = 63

EMPTY_ROOT = hashlib.sha256(b"").digest()

_LEAF_PREFIX = b"\x00"
_NODE_PREFIX = b"\x01"
_SIZE_BYTES = 8


class MalformedProof(ValueError):
    """Whatever the hashes are, this is no proof for these numbers."""


class MalformedRange(ValueError):
    """The bytes are not those of a compact range."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 ‖ entry): the leaf of an entry, never the hash of an inner node."""
    return hashlib.sha256(_LEAF_PREFIX + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The leaves of many entries, in their order."""
    sha256, prefix = hashlib.sha256, _LEAF_PREFIX
    return [sha256(prefix + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 ‖ left ‖ right): the node above two subtrees, never a leaf."""
    return hashlib.sha256(_NODE_PREFIX + left + right).digest()


def parents(row: bytes) -> bytes:
    """The nodes above a row of hashes, both as one string; an odd last hash has none yet."""
    sha256 = hashlib.sha256
    pairs = range(0, len(row) - HASH_BYTES, 2 * HASH_BYTES)
    return b"".join([sha256(_NODE_PREFIX + row[at : at + 64]).digest() for at in pairs])


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactRange:
    """All one must keep of a tree to append to it and to know its root.

    `peaks` are the roots of the complete subtrees the tree is made of, one for
    each bit set in `size`, the largest (leftmost) first.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        assert 0 <= self.size <= SIZE_MAX
        assert self.size.bit_count() == len(self.peaks)

    def append(self, leaves: Iterable[bytes]) -> "CompactRange":
        """The range after `leaves`, which are hashes of entries in their order."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            assert len(leaf) == HASH_BYTES, "leaves are appended by their hashes"
            node, complete = leaf, size
            while complete & 1:
                node = node_hash(peaks.pop(), node)
                complete >>= 1
            peaks.append(node)
            size += 1
        return CompactRange(size=size, peaks=tuple(peaks))

    def root(self) -> bytes:
        """The root of the tree."""
        return fold(self.peaks)

    def to_bytes(self) -> bytes:
        """u64 size ‖ the peaks, 32 bytes each."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.peaks)

    @staticmethod
    def from_bytes(data: bytes) -> "CompactRange":
        """The range whose `to_bytes` is `data`.

        Raises: MalformedRange.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        if len(data) != _SIZE_BYTES + size.bit_count() * HASH_BYTES or size > SIZE_MAX:
            raise MalformedRange("a compact range has one peak for each bit of its size")
        peaks = range(_SIZE_BYTES, len(data), HASH_BYTES)
        return CompactRange(size=size, peaks=tuple(data[at : at + HASH_BYTES] for at in peaks))


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees of falling size; of none, the empty root."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def complete_subtrees(low: int, high: int) -> list[tuple[int, int]]:
    """The (height, index) of the complete subtrees that leaves [low, high) are made of.

    Their folded roots are the root of the range. `low` is a multiple of the size
    of the largest, as in every range of a proof.
    """
    subtrees = []
    while low < high:
        height = (high - low).bit_length() - 1
        assert low & ((1 << height) - 1) == 0, "the range is none of a proof"
        subtrees.append((height, low >> height))
        low += 1 << height
    return subtrees


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees [low, high) whose roots prove leaf `index` in a tree of `size`, in order.

    Source: RFC 6962 §2.1.1, PATH.
    """
    assert 0 <= index < size <= SIZE_MAX
    low, high = 0, size
    ranges = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """The subtrees [low, high) whose roots prove that one tree begins the other, in order.

    Source: RFC 6962 §2.1.2, PROOF.
    """
    assert 0 < old_size <= new_size <= SIZE_MAX
    low, high = 0, new_size
    ranges = []
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:
        # Where the old tree is itself a subtree of the new, its root is known.
        ranges.append((low, high))
    return ranges[::-1]


def root_of_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root a tree of `size` must have, if `proof` shows `leaf` at `index` in it.

    Raises: MalformedProof when the index is outside the tree, the proof too short
    or too long, or a hash no hash.
    """
    if not 0 <= index < size <= SIZE_MAX:
        raise MalformedProof("the index is outside the tree")
    _refuse_odd_hashes((leaf, *proof))
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if not last:
            raise MalformedProof("the proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            position, last = _climb_right_edge(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise MalformedProof("the proof is too short")
    return node


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` shows `leaf` at `index` in the tree of `size` with `root`."""
    try:
        return root == root_of_inclusion(index=index, size=size, leaf=leaf, proof=proof)
    except MalformedProof:
        return False


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the old tree is what the new tree begins with.

    Of two trees of one size the roots are equal and the proof is empty. Nothing
    can be shown of an empty old tree, since every tree begins with it: false.
    """
    if not 0 < old_size <= new_size <= SIZE_MAX:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    try:
        old, new = _roots_of_consistency(old_size, new_size, old_root, proof)
    except MalformedProof:
        return False
    return old == old_root and new == new_root


def _roots_of_consistency(
    old_size: int, new_size: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    if not proof:
        raise MalformedProof("the proof is empty")
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    _refuse_odd_hashes(path)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if not last:
            raise MalformedProof("the proof is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            position, last = _climb_right_edge(position, last)
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise MalformedProof("the proof is too short")
    return old, new


def _climb_right_edge(position: int, last: int) -> tuple[int, int]:
    # A node without a right sibling is its own parent: skip the levels it alone fills.
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _refuse_odd_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise MalformedProof("a hash is not 32 bytes")


def _split(leaves: int) -> int:
    # The largest power of two smaller than the number of leaves.
    return 1 << ((leaves - 1).bit_length() - 1)
