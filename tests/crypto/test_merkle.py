"""Hashes and compact ranges have the numbers of RFC 6962, however a tree grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto.merkle import (
    SIZE_MAX,
    CompactRange,
    MalformedRange,
    complete_subtrees,
    fold,
    leaf_hash,
    node_hash,
    parents,
)
from tests.crypto import rfc6962

LEAVES = tuple(leaf_hash(rfc6962.entry(index)) for index in range(300))


def range_of(size: int) -> CompactRange:
    return CompactRange().append(LEAVES[:size])


def test_the_leaves_are_those_of_the_rfc() -> None:
    """SHA-256(00 ‖ entry)."""
    expected = [rfc6962.NODES[index, index + 1] for index in range(8)]
    assert expected == [leaf_hash(entry).hex() for entry in rfc6962.ENTRIES]


@pytest.mark.parametrize(
    ("low", "middle", "high"),
    [(0, 1, 2), (2, 3, 4), (4, 5, 6), (6, 7, 8), (0, 2, 4), (4, 6, 8)],
)
def test_the_nodes_are_those_of_the_rfc(low: int, middle: int, high: int) -> None:
    """SHA-256(01 ‖ left ‖ right)."""
    left, right = rfc6962.hashes(((low, middle), (middle, high)))
    assert rfc6962.NODES[low, high] == node_hash(left, right).hex()
    assert rfc6962.NODES[low, high] == parents(left + right).hex()


def test_the_roots_are_those_of_the_rfc() -> None:
    """Of no leaf, and of one to eight, appended one by one."""
    grown = CompactRange()
    assert rfc6962.EMPTY_ROOT == grown.root().hex()
    for entry, root in zip(rfc6962.ENTRIES, rfc6962.ROOTS, strict=True):
        grown = grown.append([leaf_hash(entry)])
        assert root == grown.root().hex()


def test_every_root_up_to_three_hundred_leaves_is_that_of_the_definition() -> None:
    """MTH of RFC 6962 §2.1, computed as it is written."""
    grown = CompactRange()
    for size, leaf in enumerate(LEAVES, start=1):
        grown = grown.append([leaf])
        assert rfc6962.root(0, size) == grown.root()


@given(st.lists(st.integers(0, 60), max_size=5))
def test_the_steps_one_grows_in_do_not_matter(steps: list[int]) -> None:
    """Leaves in any portions make the same range."""
    grown = CompactRange()
    for step in steps:
        grown = grown.append(LEAVES[grown.size : grown.size + step])
    assert range_of(sum(steps)) == grown


def test_a_row_with_an_odd_end_has_no_parent_for_it_yet() -> None:
    """Nodes are made of pairs; of one hash or none there are none."""
    one, two, three = LEAVES[:3]
    assert node_hash(one, two) == parents(one + two + three)
    assert b"" == parents(one)
    assert b"" == parents(b"")


@given(st.integers(0, 300))
def test_a_range_survives_its_bytes(size: int) -> None:
    """from_bytes is the inverse of to_bytes."""
    grown = range_of(size)
    assert grown == CompactRange.from_bytes(grown.to_bytes())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(8) + bytes(32),
        (1).to_bytes(8, "big"),
        (3).to_bytes(8, "big") + bytes(32),
        (3).to_bytes(8, "big") + bytes(65),
        (SIZE_MAX + 1).to_bytes(8, "big") + bytes(32),
    ],
)
def test_bytes_that_are_no_range_are_refused(data: bytes) -> None:
    """A peak for each bit of the size, no more and no less, and a size that can be."""
    with pytest.raises(MalformedRange):
        CompactRange.from_bytes(data)


@given(st.integers(0, 300))
def test_the_complete_subtrees_of_a_tree_are_its_peaks(size: int) -> None:
    """Their roots, folded, are its root."""
    peaks = [
        rfc6962.root(index << height, (index + 1) << height)
        for height, index in complete_subtrees(0, size)
    ]
    assert list(range_of(size).peaks) == peaks
    assert range_of(size).root() == fold(peaks)


def test_what_is_no_leaf_is_not_appended() -> None:
    """An entry itself instead of its hash is a mistake of the program."""
    with pytest.raises(AssertionError):
        CompactRange().append([b"entry"])
