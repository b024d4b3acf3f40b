"""A stored proof is C2SP's format, and verifies offline for one entry of one log."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto import note, tlog_proof
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.cosignature import WitnessKey, cosign
from registry.crypto.merkle import SIZE_MAX, leaf_hash
from registry.crypto.note import Note, VerifierKey
from registry.crypto.signature import PrivateKey
from registry.crypto.tlog_proof import MalformedTlogProof, NotInLog, TlogProof
from tests.crypto import rfc6962

ORIGIN = "registry.example/log/incidents"
SIZE, INDEX = 300, 123

log_key = PrivateKey.from_seed(bytes(32))
log = VerifierKey(name=ORIGIN, public_key=log_key.public)
witness_keys = [PrivateKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3)]
witnesses = [
    WitnessKey(name=f"witness{number}.example", public_key=each.public)
    for number, each in enumerate(witness_keys, start=1)
]
LEAF = rfc6962.root(INDEX, INDEX + 1)


def cosigned(text: str, count: int = 2) -> bytes:
    signatures = [note.sign(text, ORIGIN, log_key)]
    for witness, each in zip(witnesses[:count], witness_keys, strict=False):
        signatures.append(cosign(text, witness.name, each, 1_700_000_000))
    return Note(text=text, signatures=tuple(signatures)).to_bytes()


TEXT = Checkpoint(origin=ORIGIN, size=SIZE, root=rfc6962.root(0, SIZE)).to_text()
PROOF = TlogProof(
    index=INDEX, hashes=rfc6962.path(INDEX, 0, SIZE), signed_checkpoint=cosigned(TEXT)
)


def verify(proof: TlogProof = PROOF, **other: object) -> int:
    asked = {
        "leaf": LEAF,
        "origin": ORIGIN,
        "log_keys": [log],
        "witnesses": witnesses,
        "witnesses_min": 2,
    }
    return tlog_proof.verify(proof, **asked | other).checkpoint.size


def test_the_format_is_that_of_the_specification() -> None:
    """Header, extra data, index, hashes, a blank line, the checkpoint as it was signed."""
    one, two = leaf_hash(b"one"), leaf_hash(b"two")
    proof = dataclasses.replace(PROOF, index=73894, hashes=(one, two), extra=b"extra information")
    expected = (
        "c2sp.org/tlog-proof@v1\n"
        "extra ZXh0cmEgaW5mb3JtYXRpb24=\n"
        "index 73894\n"
        f"{note.encode_base64(one)}\n"
        f"{note.encode_base64(two)}\n"
        "\n"
    ).encode() + PROOF.signed_checkpoint
    assert expected == proof.to_bytes()
    assert proof == tlog_proof.parse(expected)
    without = expected.replace(b"extra ZXh0cmEgaW5mb3JtYXRpb24=\n", b"")
    assert without == dataclasses.replace(proof, extra=b"").to_bytes()


def test_a_proof_of_the_only_entry_has_no_hash() -> None:
    """The blank line follows the index."""
    proof = dataclasses.replace(PROOF, index=0, hashes=())
    assert proof.to_bytes().startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nregistry.example")
    assert proof == tlog_proof.parse(proof.to_bytes())


@given(
    st.integers(0, SIZE_MAX),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=200),
)
def test_any_proof_survives_its_bytes(index: int, hashes: list[bytes], extra: bytes) -> None:
    """parse is the inverse of to_bytes."""
    proof = dataclasses.replace(PROOF, index=index, hashes=tuple(hashes), extra=extra)
    assert proof == tlog_proof.parse(proof.to_bytes())


HEADER = b"c2sp.org/tlog-proof@v1\n"
CHECKPOINT = b"\n" + PROOF.signed_checkpoint
HASH = note.encode_base64(LEAF).encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER,
        HEADER + b"index 0\n",
        HEADER + b"index 0\n\n",
        HEADER + CHECKPOINT,
        HEADER + HASH + CHECKPOINT,
        b"\n" + HEADER + b"index 0\n" + CHECKPOINT,
        b"index 0\n" + CHECKPOINT,
        HEADER.replace(b"v1", b"v2") + b"index 0\n" + CHECKPOINT,
        HEADER.replace(b"\n", b"\r\n") + b"index 0\n" + CHECKPOINT,
        HEADER + b"index\n" + CHECKPOINT,
        HEADER + b"index \n" + CHECKPOINT,
        HEADER + b"index 00\n" + CHECKPOINT,
        HEADER + b"index 01\n" + CHECKPOINT,
        HEADER + b"index +1\n" + CHECKPOINT,
        HEADER + b"index -1\n" + CHECKPOINT,
        HEADER + b"index  1\n" + CHECKPOINT,
        HEADER + b"index 1 \n" + CHECKPOINT,
        HEADER + b"Index 1\n" + CHECKPOINT,
        HEADER + b"index 9223372036854775808\n" + CHECKPOINT,
        HEADER + b"extra\nindex 0\n" + CHECKPOINT,
        HEADER + b"extra \nindex 0\n" + CHECKPOINT,
        HEADER + b"extra YQ\nindex 0\n" + CHECKPOINT,
        HEADER + b"extra YR==\nindex 0\n" + CHECKPOINT,
        HEADER + b"extra !!\nindex 0\n" + CHECKPOINT,
        HEADER + b"extra YQ==\nextra YQ==\nindex 0\n" + CHECKPOINT,
        HEADER + b"index 0\nextra YQ==\n" + CHECKPOINT,
        HEADER + b"extra YQ==\n" + CHECKPOINT,
        HEADER + b"index 0\nindex 0\n" + CHECKPOINT,
        HEADER + b"index 0\n" + HASH[:-2] + b"\n" + CHECKPOINT,
        HEADER + b"index 0\n" + HASH.lower() + CHECKPOINT,
        HEADER + b"index 0\nAAAA\n" + CHECKPOINT,
        HEADER + b"index 0\n" + HASH * 64 + CHECKPOINT,
        HEADER + b"index 0\n" + HASH + b"\n" + CHECKPOINT,
        HEADER + b"index 0\n" + HASH + CHECKPOINT[:-1],
        HEADER + b"index 0\n" + HASH + b"\n" + TEXT.encode(),
        HEADER + b"index 0\n" + HASH + b"\nno checkpoint\n",
        HEADER + "índex 0\n".encode() + CHECKPOINT,
        HEADER + b"extra " + b"A" * tlog_proof.PROOF_BYTES_MAX + b"\nindex 0\n" + CHECKPOINT,
    ],
)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    """Lines in their order, each in its one spelling, and a signed note at the end."""
    with pytest.raises(MalformedTlogProof):
        tlog_proof.parse(data)


def test_a_proof_verifies_offline() -> None:
    """The entry is in the log, and enough witnesses say so."""
    assert SIZE == verify()
    assert SIZE == verify(tlog_proof.parse(PROOF.to_bytes()))
    assert SIZE == verify(witnesses=(), witnesses_min=0)
    assert SIZE == verify(dataclasses.replace(PROOF, extra=b"anything"))


@pytest.mark.parametrize(
    "other",
    [
        {"leaf": leaf_hash(b"foreign")},
        {"leaf": b""},
        {"origin": "registry.example/log/access"},
        {"log_keys": []},
        {"log_keys": [VerifierKey(name=ORIGIN, public_key=witness_keys[0].public)]},
        {"witnesses_min": 3},
        {"witnesses": witnesses[:1]},
        {"witnesses": ()},
    ],
)
def test_a_proof_for_other_expectations_is_refused(other: dict[str, object]) -> None:
    """Another entry, log, key, or more witnesses than there are."""
    with pytest.raises(NotInLog):
        verify(**other)


@pytest.mark.parametrize(
    "proof",
    [
        dataclasses.replace(PROOF, index=INDEX + 1),
        dataclasses.replace(PROOF, index=SIZE),
        dataclasses.replace(PROOF, hashes=PROOF.hashes[:-1]),
        dataclasses.replace(PROOF, hashes=PROOF.hashes[::-1]),
        dataclasses.replace(PROOF, hashes=(*PROOF.hashes, LEAF)),
        dataclasses.replace(PROOF, signed_checkpoint=b"no note"),
        dataclasses.replace(PROOF, signed_checkpoint=cosigned("no checkpoint\n", count=0)),
        dataclasses.replace(
            PROOF, signed_checkpoint=PROOF.signed_checkpoint.replace(b"\n300\n", b"\n301\n")
        ),
    ],
)
def test_a_changed_proof_is_refused(proof: TlogProof) -> None:
    """Index, hashes, checkpoint."""
    with pytest.raises(NotInLog):
        verify(proof)


def test_one_key_under_two_names_is_one_witness() -> None:
    """What a witness signs does not say its name: it could sign for both."""
    names = ("one.example", "two.example")
    signatures = [note.sign(TEXT, ORIGIN, log_key)]
    signatures += [cosign(TEXT, name, witness_keys[0], 1) for name in names]
    signed = Note(text=TEXT, signatures=tuple(signatures)).to_bytes()
    proof = dataclasses.replace(PROOF, signed_checkpoint=signed)
    doubled = [WitnessKey(name=name, public_key=witness_keys[0].public) for name in names]
    assert SIZE == verify(proof, witnesses=doubled, witnesses_min=1)
    with pytest.raises(NotInLog, match="witnesses"):
        verify(proof, witnesses=doubled, witnesses_min=2)


@given(st.integers(0, 8 * 32 - 1), st.data())
def test_a_flipped_bit_in_a_hash_is_found(bit: int, data: st.DataObject) -> None:
    """Any of any."""
    at = data.draw(st.integers(0, len(PROOF.hashes) - 1))
    flipped = bytearray(PROOF.hashes[at])
    flipped[bit // 8] ^= 1 << bit % 8
    hashes = (*PROOF.hashes[:at], bytes(flipped), *PROOF.hashes[at + 1 :])
    with pytest.raises(NotInLog):
        verify(dataclasses.replace(PROOF, hashes=hashes))
