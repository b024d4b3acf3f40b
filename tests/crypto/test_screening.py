"""Buckets, tags, pads and files, against the formulas of the page written down apart."""

import hashlib
import hmac
import math
import struct
from datetime import UTC, datetime
from decimal import Decimal, getcontext

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from registry.crypto import screening
from registry.crypto.merkle import verify_inclusion
from registry.crypto.screening import Bucket, BucketNotSigned, MalformedBucket, SnapshotTree
from registry.crypto.signature import PrivateKey

getcontext().prec = 60
KEY = PrivateKey.from_seed(b"s" * 32)
OTHER = PrivateKey.from_seed(b"t" * 32)

edges = st.builds(
    lambda power, step: max(0, 1000 * 2**power + step),
    st.integers(0, 22),
    st.integers(-2, 2),
)
subjects = st.one_of(st.integers(0, 5000), st.integers(0, 10**9), edges)


def signed(bucket: Bucket, key: PrivateKey = KEY) -> bytes:
    unsigned = bucket.unsigned()
    return unsigned + screening.sign(screening.digest_of(unsigned), key)


def bucket(**changes: object) -> Bucket:
    tags = screening.padded(b"", count=64, pad_key=b"p" * 32, epoch="2026-W48", bucket=2)
    whole = {"bits": 2, "epoch": "2026-W48", "sequence": 7, "bucket": 2, "tags": tags}
    return Bucket(**(whole | changes))  # type: ignore[arg-type] # members of Bucket


@given(subjects)
def test_bits_and_count_are_those_of_the_formula(number: int) -> None:
    """Whole numbers give what logarithm and root give with sixty digits."""
    bits = max(0, math.floor((Decimal(number) / 1000).ln() / Decimal(2).ln())) if number else 0
    # A power of two is where the logarithm is least to be trusted: held to its meaning.
    if number >= 1000:
        bits = next(each for each in range(33) if 1000 * 2 ** (each + 1) > number)
    assert bits == screening.bits_for(number)
    mean = Decimal(number) / 2**bits
    assert math.ceil((mean + 6 * mean.sqrt()) / 64) * 64 == screening.count_for(number, bits)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 32))
def test_bucket_and_tag_are_cut_from_their_macs(seed: bytes, bits: int) -> None:
    """The bucket is the first bits of one MAC, the tag the first bytes of another."""
    mac = hmac.new(seed, b"ccr-bucket-v1", hashlib.sha256).digest()
    expected = int.from_bytes(mac, "big") >> (256 - bits)
    assert expected == screening.bucket_of(screening.place_of(seed), bits)
    tag = hmac.new(seed, b"ccr-screen-v1\x002026-W47", hashlib.sha256).digest()[:8]
    assert tag == screening.tag_of(seed, "2026-W47")


def test_a_file_has_the_published_layout() -> None:
    """Byte for byte, and a signature that another library verifies."""
    data = signed(bucket(tags=b"\x00" * 7 + b"\x01" + b"\xff" * 8))
    head = b"CCRB\x01\x02\x00\x08" + struct.pack(">IIII", 7, 2, 2, 0) + b"2026-W48"
    assert head + b"\x00" * 7 + b"\x01" + b"\xff" * 8 == data[:-64]
    digest = hashlib.sha256(data[:-64]).digest()
    public = Ed25519PublicKey.from_public_bytes(KEY.public.raw)
    public.verify(data[-64:], b"ccr-bucket-sig-v1\x00" + digest)
    assert len(data) == screening.file_bytes(2, "2026-W48")


def test_pads_fill_a_bucket_the_same_each_time_and_in_order() -> None:
    """Tags are kept, pads are MACs by number, all of it ascends."""
    tags = b"".join(sorted(bytes([number]) * 8 for number in (3, 200, 77)))
    filled = screening.padded(tags, count=64, pad_key=b"k" * 32, epoch="2026-W48", bucket=9)
    listed = [filled[at : at + 8] for at in range(0, len(filled), 8)]
    label = b"ccr-pad-v1\x002026-W48" + struct.pack(">I", 9)
    pads = [
        hmac.new(b"k" * 32, label + struct.pack(">I", number), hashlib.sha256).digest()[:8]
        for number in range(61)
    ]
    assert sorted([*pads, *(bytes([number]) * 8 for number in (3, 200, 77))]) == listed


@given(st.sets(st.binary(min_size=8, max_size=8), max_size=80), st.binary(min_size=8, max_size=8))
def test_a_tag_is_found_exactly_when_it_is_there(tags: set[bytes], other: bytes) -> None:
    made = bucket(tags=b"".join(sorted(tags)))
    assert all(made.has(each) for each in tags)
    assert (other in tags) == made.has(other)


def test_a_signed_file_is_read_as_it_was_made() -> None:
    assert bucket() == screening.decode(signed(bucket()), KEY.public)


@given(st.data())
def test_a_file_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    """Whatever bit is turned, whatever is cut off."""
    whole = signed(bucket())
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    turned = whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :]
    for changed in (turned, whole[:at]):
        with pytest.raises((BucketNotSigned, MalformedBucket)):
            screening.decode(changed, KEY.public)


@pytest.mark.parametrize(
    "made",
    [
        bucket(bucket=4),
        bucket(epoch="2026-048"),
        bucket(tags=b"\xff" * 8 + b"\x00" * 8),
    ],
)
def test_what_the_signer_itself_made_wrong_is_refused(made: Bucket) -> None:
    """A bucket beyond the bits, an epoch that is none, tags out of order."""
    with pytest.raises(MalformedBucket):
        screening.decode(signed(made), KEY.public)


def test_another_key_s_file_is_refused() -> None:
    with pytest.raises(BucketNotSigned):
        screening.decode(signed(bucket(), OTHER), KEY.public)


@pytest.mark.parametrize(
    ("instant", "epoch"),
    [
        ("2026-11-22T23:59:59+00:00", "2026-W47"),
        ("2026-11-23T00:00:00+00:00", "2026-W48"),
        ("2026-11-23T07:59:59+08:00", "2026-W47"),
        ("2027-01-03T12:00:00+00:00", "2026-W53"),
        ("2024-12-30T00:00:00+00:00", "2025-W01"),
    ],
)
def test_an_epoch_is_the_iso_week_in_utc(instant: str, epoch: str) -> None:
    assert epoch == screening.epoch_of(datetime.fromisoformat(instant))


def test_the_week_after_the_last_of_a_year_is_the_first_of_the_next() -> None:
    assert "2027-W01" == screening.epoch_after("2026-W53")
    assert datetime(2027, 1, 4, tzinfo=UTC) == screening.epoch_begins_at("2027-W01")


@given(st.integers(0, 6), st.data())
def test_a_proof_leads_from_each_bucket_to_the_root(bits: int, data: st.DataObject) -> None:
    """As RFC 6962 has it, and with as many hashes as there are bits."""
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(1 << bits)]
    tree = SnapshotTree(b"".join(leaves))
    number = data.draw(st.integers(0, (1 << bits) - 1))
    proof = tree.proof(number)
    assert bits == len(proof)
    assert verify_inclusion(
        index=number, size=1 << bits, leaf=leaves[number], proof=proof, root=tree.root
    )


@pytest.mark.parametrize(
    ("number", "bits", "name"),
    [(0, 0, "0"), (1, 1, "1"), (15, 4, "f"), (16, 5, "10"), (3, 13, "0003")],
)
def test_a_bucket_has_one_name(number: int, bits: int, name: str) -> None:
    assert name == screening.bucket_name(number, bits)
