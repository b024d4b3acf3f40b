"""A proof verifies for the one statement it proves, and nothing near it does."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto.merkle import (
    PROOF_HASHES_MAX,
    SIZE_MAX,
    MalformedProof,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    root_of_inclusion,
    verify_consistency,
    verify_inclusion,
)
from tests.crypto import rfc6962

SIZE = 300
Proof = tuple[bytes, ...]

indices_and_sizes = st.integers(1, SIZE).flatmap(
    lambda size: st.tuples(st.integers(0, size - 1), st.just(size))
)
two_sizes = st.integers(2, SIZE).flatmap(
    lambda size: st.tuples(st.integers(1, size - 1), st.just(size))
)


def flipped(data: bytes, bit: int) -> bytes:
    place, bit = divmod(bit % (8 * len(data)), 8)
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def spoilt(proof: Proof, *roots: bytes) -> Iterator[Proof]:
    """Proofs near `proof` that prove nothing: odd hashes, too many, too few, in another order."""
    for foreign in (b"", bytes(31), bytes(32), bytes(33), *roots):
        yield (*proof, foreign)
        yield (foreign, *proof)
    for place, each in enumerate(proof):
        before, after = proof[:place], proof[place + 1 :]
        yield before + after
        yield (*before, each, each, *after)
        yield (*before, each[:-1], *after)
        yield (*before, each + b"\x00", *after)
        yield (*before, b"", *after)
    for place in range(1, len(proof)):
        yield (*proof[place:], *proof[:place])
    if len(proof) > 1:
        yield (b"".join(proof[:2]), *proof[2:])


def indices_near(index: int) -> set[int]:
    return {index - 1, index + 1, index ^ 2, index * 2 + 1, -index - 1, 2**64 - 1}


def sizes_off(size: int) -> set[int]:
    # Not the sizes beside it: a proof may fit those too. That a root is of one
    # size only, the signed checkpoint says.
    return {size * 2, size // 2, -size, 0, SIZE_MAX, 2**64 - 1}


@pytest.mark.parametrize(("index", "size"), rfc6962.INCLUSION)
def test_inclusion_proofs_of_the_rfc_verify(index: int, size: int) -> None:
    """And give the root by themselves."""
    leaf = leaf_hash(rfc6962.ENTRIES[index])
    root = bytes.fromhex(rfc6962.ROOTS[size - 1])
    proof = rfc6962.hashes(rfc6962.INCLUSION[index, size])
    assert verify_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    assert root == root_of_inclusion(index=index, size=size, leaf=leaf, proof=proof)


@pytest.mark.parametrize(("index", "size"), rfc6962.INCLUSION)
def test_nothing_near_an_inclusion_proof_of_the_rfc_verifies(index: int, size: int) -> None:
    """Another index, size, leaf, root or proof."""
    leaf = leaf_hash(rfc6962.ENTRIES[index])
    root = bytes.fromhex(rfc6962.ROOTS[size - 1])
    proof = rfc6962.hashes(rfc6962.INCLUSION[index, size])
    empty = bytes.fromhex(rfc6962.EMPTY_ROOT)

    def verifies(**other: object) -> bool:
        asked = {"index": index, "size": size, "leaf": leaf, "proof": proof, "root": root}
        return verify_inclusion(**asked | other)

    assert verifies()
    assert [] == [other for other in indices_near(index) if verifies(index=other)]
    assert [] == [other for other in sizes_off(size) if verifies(size=other)]
    assert [] == [other for other in spoilt(proof, root, leaf) if verifies(proof=other)]
    for other in (empty, b"", bytes(32), flipped(root, 3), leaf_hash(b"foreign"), root[:-1]):
        assert not verifies(root=other)
        assert not verifies(leaf=other)


@pytest.mark.parametrize(("old_size", "new_size"), rfc6962.CONSISTENCY)
def test_consistency_proofs_of_the_rfc_verify(old_size: int, new_size: int) -> None:
    """One tree begins the other."""
    assert verify_consistency(
        old_size=old_size,
        old_root=bytes.fromhex(rfc6962.ROOTS[old_size - 1]),
        new_size=new_size,
        new_root=bytes.fromhex(rfc6962.ROOTS[new_size - 1]),
        proof=rfc6962.hashes(rfc6962.CONSISTENCY[old_size, new_size]),
    )


@pytest.mark.parametrize(("old_size", "new_size"), rfc6962.CONSISTENCY)
def test_nothing_near_a_consistency_proof_of_the_rfc_verifies(old_size: int, new_size: int) -> None:
    """Other sizes, roots or proofs; roots and sizes in the wrong order."""
    old_root = bytes.fromhex(rfc6962.ROOTS[old_size - 1])
    new_root = bytes.fromhex(rfc6962.ROOTS[new_size - 1])
    proof = rfc6962.hashes(rfc6962.CONSISTENCY[old_size, new_size])
    empty = bytes.fromhex(rfc6962.EMPTY_ROOT)

    def verifies(**other: object) -> bool:
        asked = {
            "old_size": old_size,
            "old_root": old_root,
            "new_size": new_size,
            "new_root": new_root,
            "proof": proof,
        }
        return verify_consistency(**asked | other)

    assert verifies()
    assert [] == [other for other in sizes_off(old_size) if verifies(old_size=other)]
    assert [] == [other for other in sizes_off(new_size) if verifies(new_size=other)]
    assert [] == [p for p in spoilt(proof, old_root, new_root) if verifies(proof=p)]
    for other in (empty, b"", bytes(32), flipped(old_root, 3), flipped(new_root, 200)):
        assert not verifies(old_root=other)
        assert not verifies(new_root=other)
    if old_size != new_size:
        assert not verifies(old_root=new_root, new_root=old_root)
        assert not verifies(old_size=new_size, new_size=old_size)
        assert not verifies(proof=())


def test_trees_of_one_size_are_consistent_when_their_roots_are_equal() -> None:
    """The proof is then empty."""
    one, two = leaf_hash(b"one"), leaf_hash(b"two")
    equal = {"old_size": 1, "old_root": one, "new_size": 1}
    assert verify_consistency(**equal, new_root=one, proof=())
    assert not verify_consistency(**equal, new_root=two, proof=())
    assert not verify_consistency(**equal, new_root=one, proof=(one,))


@pytest.mark.parametrize("new_size", [0, 1, 8])
@pytest.mark.parametrize("proof", [(), (bytes(32),)])
def test_nothing_is_shown_of_an_empty_tree(new_size: int, proof: Proof) -> None:
    """Every tree begins with it: whoever asks has mistaken something."""
    empty = bytes.fromhex(rfc6962.EMPTY_ROOT)
    roots = {"old_root": empty, "new_root": bytes.fromhex(rfc6962.ROOTS[7]) if new_size else empty}
    assert not verify_consistency(old_size=0, new_size=new_size, proof=proof, **roots)
    assert not verify_inclusion(index=0, size=0, leaf=empty, proof=(), root=empty)


def test_a_proof_of_the_wrong_shape_says_so() -> None:
    """The root of such a proof does not exist."""
    leaf = leaf_hash(b"")
    for index, size, proof in (
        (0, 0, ()),
        (1, 1, ()),
        (-1, 1, ()),
        (0, 2, ()),
        (0, 1, (leaf,)),
        (0, 2, (leaf, leaf)),
        (0, 2, (leaf[:-1],)),
        (0, SIZE_MAX + 1, (leaf,) * 64),
    ):
        with pytest.raises(MalformedProof):
            root_of_inclusion(index=index, size=size, leaf=leaf, proof=proof)


def test_every_inclusion_proof_of_every_size_verifies() -> None:
    """All leaves of all trees up to three hundred, their proofs made as the RFC defines them."""
    for size in range(1, SIZE + 1):
        root = rfc6962.root(0, size)
        for index in range(size):
            proof = rfc6962.path(index, 0, size)
            leaf = rfc6962.root(index, index + 1)
            assert root == root_of_inclusion(index=index, size=size, leaf=leaf, proof=proof)


@given(two_sizes)
def test_every_consistency_proof_verifies(sizes: tuple[int, int]) -> None:
    """Of two sizes up to three hundred, made as the RFC defines it."""
    old_size, new_size = sizes
    assert verify_consistency(
        old_size=old_size,
        old_root=rfc6962.root(0, old_size),
        new_size=new_size,
        new_root=rfc6962.root(0, new_size),
        proof=rfc6962.proof(old_size, new_size),
    )


@given(indices_and_sizes, st.integers(min_value=0))
def test_a_flipped_bit_anywhere_spoils_an_inclusion_proof(place: tuple[int, int], bit: int) -> None:
    """In the leaf, in the root, and in each hash."""
    index, size = place
    asked = {"index": index, "size": size}
    leaf, root = rfc6962.root(index, index + 1), rfc6962.root(0, size)
    proof = rfc6962.path(index, 0, size)
    assert not verify_inclusion(**asked, leaf=flipped(leaf, bit), proof=proof, root=root)
    assert not verify_inclusion(**asked, leaf=leaf, proof=proof, root=flipped(root, bit))
    for at, each in enumerate(proof):
        changed = (*proof[:at], flipped(each, bit), *proof[at + 1 :])
        assert not verify_inclusion(**asked, leaf=leaf, proof=changed, root=root)


@given(two_sizes, st.integers(min_value=0))
def test_a_flipped_bit_anywhere_spoils_a_consistency_proof(
    sizes: tuple[int, int], bit: int
) -> None:
    """In the old root, in the new root, and in each hash."""
    old_size, new_size = sizes
    asked = {"old_size": old_size, "new_size": new_size}
    old, new = rfc6962.root(0, old_size), rfc6962.root(0, new_size)
    proof = rfc6962.proof(old_size, new_size)
    assert not verify_consistency(**asked, old_root=flipped(old, bit), new_root=new, proof=proof)
    assert not verify_consistency(**asked, old_root=old, new_root=flipped(new, bit), proof=proof)
    for at, each in enumerate(proof):
        changed = (*proof[:at], flipped(each, bit), *proof[at + 1 :])
        assert not verify_consistency(**asked, old_root=old, new_root=new, proof=changed)


@given(indices_and_sizes, st.data())
def test_an_inclusion_proof_is_of_one_place(place: tuple[int, int], data: st.DataObject) -> None:
    """It verifies at no other index of its tree."""
    index, size = place
    other = data.draw(st.integers(0, size - 1))
    verified = verify_inclusion(
        index=other,
        size=size,
        leaf=rfc6962.root(index, index + 1),
        proof=rfc6962.path(index, 0, size),
        root=rfc6962.root(0, size),
    )
    assert (other == index) == verified


@given(indices_and_sizes)
def test_the_ranges_of_an_inclusion_proof_are_those_of_the_rfc(place: tuple[int, int]) -> None:
    """Their roots are PATH."""
    index, size = place
    roots = [rfc6962.root(low, high) for low, high in inclusion_ranges(index, size)]
    assert list(rfc6962.path(index, 0, size)) == roots


@given(two_sizes)
def test_the_ranges_of_a_consistency_proof_are_those_of_the_rfc(sizes: tuple[int, int]) -> None:
    """Their roots are PROOF."""
    roots = [rfc6962.root(low, high) for low, high in consistency_ranges(*sizes)]
    assert list(rfc6962.proof(*sizes)) == roots


def test_the_longest_inclusion_proof_has_sixty_three_hashes() -> None:
    """Which is what the format of stored proofs leaves room for."""
    assert PROOF_HASHES_MAX == len(inclusion_ranges(0, SIZE_MAX))
    assert 63 == PROOF_HASHES_MAX
