"""Screening buckets: whether anything is known, asked without naming anyone.

Everyone with something in effect has a tag in one of 2^b buckets. A bucket is
public bytes, of one size for all; only who holds a seed can find its tag. Pure.
Source: docs/protocol.md, section 5. Numbers are big-endian.

    bucket = first b bits of HMAC-SHA256(seed, "ccr-bucket-v1")
    tag    = HMAC-SHA256(seed, "ccr-screen-v1" 00 ‖ epoch)[:8]
    pad    = HMAC-SHA256(pad key, "ccr-pad-v1" 00 ‖ epoch ‖ u32 bucket ‖ u32 i)[:8]
    file   = "CCRB" ‖ u8 1 ‖ u8 b ‖ u16 len(epoch) ‖ u32 sequence ‖ u32 bucket ‖ u32 count ‖ u32 0
             ‖ epoch ‖ count tags ascending ‖ signature
    signature = Ed25519 over "ccr-bucket-sig-v1" 00 ‖ SHA-256(all before)
"""

import hashlib
import hmac
import itertools
import math
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry.crypto import merkle
from registry.crypto.signature import PrivateKey, PublicKey

VERSION = 1
TAG_BYTES = 8
SIGNATURE_BYTES = 64
DIGEST_BYTES = 32
BITS_MAX = 32
# λ, the tags a bucket holds on average, lies between this and twice as many.
BUCKET_SUBJECTS_MIN = 1000
COUNT_STEP = 64
COUNT_MAX = 1 << 20
SEQUENCE_MAX = 2**32 - 1

_MAGIC = b"CCRB"
_HEAD = struct.Struct(">4sBBHIIII")
_PAD_PLACE = struct.Struct(">II")
_BUCKET_LABEL = b"ccr-bucket-v1"
_TAG_LABEL = b"ccr-screen-v1\x00"
_PAD_LABEL = b"ccr-pad-v1\x00"
_SIGNATURE_LABEL = b"ccr-bucket-sig-v1\x00"
_EPOCH = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_WEEK = timedelta(days=7)


class MalformedBucket(ValueError):
    """The bytes are not a bucket's file."""


class BucketNotSigned(ValueError):
    """The bytes are a bucket's file that this key did not sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One bucket of a snapshot; `tags` are its tags and pads, joined, in ascending order."""

    bits: int
    epoch: str
    sequence: int
    bucket: int
    tags: bytes

    @property
    def count(self) -> int:
        """How many tags and pads there are."""
        return len(self.tags) // TAG_BYTES

    def unsigned(self) -> bytes:
        """The file up to its signature."""
        epoch = self.epoch.encode("ascii")
        head = _HEAD.pack(
            _MAGIC,
            VERSION,
            self.bits,
            len(epoch),
            self.sequence,
            self.bucket,
            self.count,
            0,
        )
        return head + epoch + self.tags

    def has(self, tag: bytes) -> bool:
        """Whether `tag` is among the tags."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            at = middle * TAG_BYTES
            found = self.tags[at : at + TAG_BYTES]
            if found == tag:
                return True
            low, high = (middle + 1, high) if found < tag else (low, middle)
        return False


def place_of(seed: bytes) -> int:
    """The 32 bits of a seed that its bucket is made of, whatever b is."""
    return int.from_bytes(hmac.digest(seed, _BUCKET_LABEL, "sha256")[:4], "big")


def bucket_of(place: int, bits: int) -> int:
    """The bucket of a place among 2^`bits`."""
    return place >> (BITS_MAX - bits)


def tag_of(seed: bytes, epoch: str) -> bytes:
    """The 8 bytes a seed is looked for by during an epoch."""
    return hmac.digest(seed, _TAG_LABEL + epoch.encode("ascii"), "sha256")[:TAG_BYTES]


def pad_of(pad_key: bytes, *, epoch: str, bucket: int, number: int) -> bytes:
    """8 bytes that nobody without the key can tell from a tag, the same each time."""
    place = _PAD_PLACE.pack(bucket, number)
    message = _PAD_LABEL + epoch.encode("ascii") + place
    return hmac.digest(pad_key, message, "sha256")[:TAG_BYTES]


def padded(tags: bytes, *, count: int, pad_key: bytes, epoch: str, bucket: int) -> bytes:
    """`tags` and as many pads as make `count`, joined in ascending order."""
    own = [tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)]
    assert len(own) <= count, "a bucket is not cut"
    digest, label = hmac.digest, _PAD_LABEL + epoch.encode("ascii")
    own += [
        digest(pad_key, label + _PAD_PLACE.pack(bucket, number), "sha256")[:TAG_BYTES]
        for number in range(count - len(own))
    ]
    own.sort()
    return b"".join(own)


def bits_for(subjects: int) -> int:
    """b: max(0, floor(log2(N / 1000))), in whole numbers."""
    return min(BITS_MAX, max(0, (subjects // BUCKET_SUBJECTS_MIN).bit_length() - 1))


def count_for(subjects: int, bits: int) -> int:
    """The tags and pads of every bucket: ceil((λ + 6·sqrt(λ)) / 64) · 64, λ = N / 2^b.

    In whole numbers, so that every implementation comes to the same: the least
    multiple c of 64 with (c·2^b - N)² ≥ 36·N·2^b.
    """
    scale = 1 << bits
    root = math.isqrt(36 * subjects * scale)
    root += root * root < 36 * subjects * scale
    step = COUNT_STEP * scale
    return -(-(subjects + root) // step) * COUNT_STEP


def file_bytes(count: int, epoch: str) -> int:
    """How long the file of each bucket is."""
    return _HEAD.size + len(epoch) + count * TAG_BYTES + SIGNATURE_BYTES


def digest_of(unsigned: bytes) -> bytes:
    """SHA-256 of a file up to its signature: what is signed, and the snapshot's tree is of."""
    return hashlib.sha256(unsigned).digest()


def leaf_of(digest: bytes) -> bytes:
    """The leaf of a bucket in its snapshot's tree (RFC 6962): SHA-256(00 ‖ digest)."""
    return merkle.leaf_hash(digest)


def sign(digest: bytes, key: PrivateKey) -> bytes:
    """The signature that ends the file of this digest."""
    return key.sign(_SIGNATURE_LABEL + digest)


def decode(data: bytes, public_key: PublicKey) -> Bucket:
    """The bucket of a file, as signed.

    Raises: MalformedBucket; BucketNotSigned.
    """
    if len(data) < _HEAD.size + SIGNATURE_BYTES:
        raise MalformedBucket("the file is cut short")
    magic, version, bits, epoch_bytes, sequence, number, count, zero = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != VERSION or zero or bits > BITS_MAX or count > COUNT_MAX:
        raise MalformedBucket("the head is none of version 1")
    tags_at = _HEAD.size + epoch_bytes
    end = tags_at + count * TAG_BYTES
    if len(data) != end + SIGNATURE_BYTES:
        raise MalformedBucket("the file is not as long as its head says")
    unsigned, signature = data[:end], data[end:]
    # Before anything is made of what it says: only the signer is to be understood.
    if not public_key.verifies(signature, _SIGNATURE_LABEL + digest_of(unsigned)):
        raise BucketNotSigned("the signature is not this key's")
    epoch = unsigned[_HEAD.size : tags_at].decode("ascii", "replace")
    if _EPOCH.fullmatch(epoch) is None or number >= 1 << bits:
        raise MalformedBucket("the epoch or the bucket is none")
    tags = unsigned[tags_at:]
    listed = [tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)]
    if any(one > other for one, other in itertools.pairwise(listed)):
        raise MalformedBucket("the tags are not in order")
    return Bucket(bits=bits, epoch=epoch, sequence=sequence, bucket=number, tags=tags)


def bucket_name(bucket: int, bits: int) -> str:
    """The bucket in its address: lower-case hex, ceil(b / 4) digits, at least one."""
    return f"{bucket:0{max(1, -(-bits // 4))}x}"


def epoch_of(instant: datetime) -> str:
    """The ISO week an instant lies in, in UTC, such as `2026-W47`."""
    year, week, _ = instant.astimezone(UTC).isocalendar()
    return f"{year:04d}-W{week:02d}"


def epoch_begins_at(epoch: str) -> datetime:
    """The Monday's midnight, in UTC, with which an epoch begins.

    Raises: ValueError for what is no epoch.
    """
    match = _EPOCH.fullmatch(epoch)
    if match is None:
        raise ValueError("not an ISO week")
    return datetime.fromisocalendar(int(match[1]), int(match[2]), 1).replace(tzinfo=UTC)


def epoch_after(epoch: str) -> str:
    """The week after an epoch."""
    return epoch_of(epoch_begins_at(epoch) + _WEEK)


class SnapshotTree:
    """The complete tree over the buckets of a snapshot: its root, and a proof for each."""

    def __init__(self, leaves: bytes) -> None:
        rows = [leaves]
        while len(rows[-1]) > merkle.HASH_BYTES:
            rows.append(merkle.parents(rows[-1]))
        self._rows = rows

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._rows[-1]

    def leaf(self, bucket: int) -> bytes:
        """The leaf of a bucket."""
        return _hash_at(self._rows[0], bucket)

    def proof(self, bucket: int) -> list[bytes]:
        """The b hashes that lead from a bucket's leaf to the root, from its sibling upwards."""
        return [_hash_at(row, (bucket >> level) ^ 1) for level, row in enumerate(self._rows[:-1])]


def _hash_at(row: bytes, index: int) -> bytes:
    return row[index * merkle.HASH_BYTES : (index + 1) * merkle.HASH_BYTES]
