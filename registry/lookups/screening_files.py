"""Snapshots as files of the node's home: every bucket ready to be sent, mapped by all workers.

    file = the buckets, one after another, each of one size ‖ their leaves, 32 bytes each

A file is written beside, flushed to disk and renamed, so that it is whole or not
there; it is named after what it is and never changes. Nothing in it is secret, and
all of it can be made again from the database.
"""

import fcntl
import mmap
import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.crypto.merkle import HASH_BYTES
from registry.crypto.screening import (
    SIGNATURE_BYTES,
    TAG_BYTES,
    Bucket,
    SnapshotTree,
    digest_of,
    file_bytes,
    leaf_of,
    padded,
    sign,
)
from registry.crypto.signature import PrivateKey
from registry.lookups.screening_model import Snapshot

_NAME = re.compile(r"([a-z0-9-]+)\.(\d{4}-W\d{2})\.(\d+)\.ccrb")
_LOCK_NAME = "lock"
# Longer than anybody takes to write one: what is older was left by a crash.
_ABANDONED_SECONDS = 600


class BucketTooFull(Exception):
    """A bucket has more tags than every file was to have; `tags` says how many."""

    def __init__(self, tags: int) -> None:
        super().__init__(f"{tags} tags")
        self.tags = tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a snapshot will be, before its root is known."""

    key_id: str
    epoch: str
    bits: int
    count: int
    sequence: int


class SnapshotFile:
    """A snapshot that is ready to be served; any number of threads may read it."""

    __slots__ = ("_map", "plan", "size", "tree")

    def __init__(self, plan: Plan, mapped: mmap.mmap) -> None:
        self.plan = plan
        self.size = file_bytes(plan.count, plan.epoch)
        self._map = mapped
        self.tree = SnapshotTree(mapped[self.size << plan.bits :])

    def bucket(self, number: int) -> bytes:
        """The file of a bucket, as it is sent."""
        return self._map[number * self.size : (number + 1) * self.size]

    def tags(self, number: int) -> bytes:
        """Tags and pads of a bucket, joined."""
        end = (number + 1) * self.size - SIGNATURE_BYTES
        return self._map[end - self.plan.count * TAG_BYTES : end]


class SnapshotFiles:
    """The directory of a node's snapshots.

    `key` signs; `pad_key_of` gives the key of the pads for a key id and a number of
    bits: another one for each, or what two snapshots have in common would be pads.
    """

    def __init__(
        self, directory: Path, *, key: PrivateKey, pad_key_of: Callable[[str, int], bytes]
    ) -> None:
        self._directory = directory
        self._key = key
        self._pad_key_of = pad_key_of

    def open(self, plan: Plan) -> SnapshotFile | None:
        """The file of a snapshot; None where there is none of the right length."""
        try:
            with self._path(plan).open("rb") as file:
                expected = (file_bytes(plan.count, plan.epoch) + HASH_BYTES) << plan.bits
                if os.fstat(file.fileno()).st_size != expected:
                    return None
                return SnapshotFile(plan, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            return None

    def write(
        self,
        plan: Plan,
        tags_of: Iterator[tuple[int, bytes]],
        *,
        kept: Collection[int],
        before: SnapshotFile | None,
    ) -> SnapshotFile:
        """Writes the file of a snapshot and opens it.

        `tags_of` gives bucket after bucket the tags of those that are not `kept`, which
        have what they had in `before`. Raises: BucketTooFull, and nothing is written.
        """
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path(plan).with_suffix(f".{os.getpid()}.new")
        leaves, pad_key = bytearray(), self._pad_key_of(plan.key_id, plan.bits)
        try:
            with beside.open("wb") as file:
                for number in range(1 << plan.bits):
                    if before is not None and number in kept:
                        tags = before.tags(number)
                    else:
                        tags = _filled(plan, number, tags_of, pad_key)
                    unsigned = Bucket(
                        bits=plan.bits,
                        epoch=plan.epoch,
                        sequence=plan.sequence,
                        bucket=number,
                        tags=tags,
                    ).unsigned()
                    digest = digest_of(unsigned)
                    file.write(unsigned + sign(digest, self._key))
                    leaves += leaf_of(digest)
                file.write(leaves)
                file.flush()
                os.fsync(file.fileno())
            # Crash point: a whole file or none; one that nothing names is swept.
            beside.replace(self._path(plan))
        finally:
            beside.unlink(missing_ok=True)
        written = self.open(plan)
        assert written is not None, "it was written a moment ago"
        return written

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lets one process of this host at a time make a file that all of them need."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / _LOCK_NAME).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def sweep(self, served: Collection[Snapshot]) -> None:
        """Removes files that a served snapshot has replaced, and what crashes have left."""
        newest = {(each.key_id, each.epoch): each.sequence for each in served}
        for path in self._directory.glob("*.[cn]*"):
            match = _NAME.fullmatch(path.name)
            sequence = None if match is None else newest.get((match[1], match[2]))
            # Newer than what is served: it is about to be.
            is_replaced = match is not None and sequence is not None and int(match[3]) < sequence
            if is_replaced or (sequence is None and _is_abandoned(path)):
                path.unlink(missing_ok=True)

    def _path(self, plan: Plan) -> Path:
        return self._directory / f"{plan.key_id}.{plan.epoch}.{plan.sequence}.ccrb"


def plan_of(snapshot: Snapshot) -> Plan:
    """What a published snapshot was planned as."""
    return Plan(
        key_id=snapshot.key_id,
        epoch=snapshot.epoch,
        bits=snapshot.bits,
        count=snapshot.count,
        sequence=snapshot.sequence,
    )


def _filled(plan: Plan, number: int, tags_of: Iterator[tuple[int, bytes]], pad_key: bytes) -> bytes:
    bucket, tags = next(tags_of)
    assert bucket == number, "buckets come in their order"
    if len(tags) > plan.count * TAG_BYTES:
        raise BucketTooFull(len(tags) // TAG_BYTES)
    return padded(tags, count=plan.count, pad_key=pad_key, epoch=plan.epoch, bucket=number)


def _is_abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False
