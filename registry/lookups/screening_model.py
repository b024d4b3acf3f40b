"""The nouns of screening on the node, and the rules over them.

The database keeps shelves: the tags of an epoch in a fixed number of sets, in the
order of their places, so that buckets can be cut from them whatever b is. An entry
of a shelf is the u32 place ‖ the 8-byte tag.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from registry.crypto.screening import (
    BITS_MAX,
    SEQUENCE_MAX,
    TAG_BYTES,
    epoch_after,
    epoch_begins_at,
    epoch_of,
)
from registry.kernel.ids import MemberId
from registry.kernel.problems import Kind, Problem, Text

SHELF_BITS = 10
SHELVES = 1 << SHELF_BITS
ENTRY_BYTES = 4 + TAG_BYTES

# What comes and goes by time shows in the next snapshot; what is taken back, at once.
SNAPSHOT_EVERY = timedelta(minutes=5)
# A snapshot is renewed this often though nothing changed, so that its age tells something.
SNAPSHOT_AGE_MAX = timedelta(hours=1)
# How long before its Monday the next epoch is prepared.
AHEAD = timedelta(hours=6)
# Whatever took effect may be committed this much later than its instant says.
LATE_MAX = timedelta(minutes=2)

_SHELF_SHIFT = BITS_MAX - SHELF_BITS


class ScreeningNotReady(Problem):
    """No snapshot has been made yet."""

    kind = Kind.UNAVAILABLE
    title = Text(en="Screening is not ready yet", zh="预筛数据尚未就绪")
    advice = Text(
        en="The node makes its first snapshot shortly after it starts. Try again soon.",
        zh="节点启动后不久即会生成首个快照，请稍后重试。",
    )


class BucketNotServed(Problem):
    """The address names a key, epoch, number of bits or bucket that is not served now."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such bucket now", zh="当前没有该预筛分桶")
    advice = Text(
        en="Read /v1/screening again: it names the key, the epoch and the bits served now.",
        zh="请重新读取 /v1/screening，其中列出了当前提供的密钥、周期与位数。",
    )


class MovedOn(Exception):
    """Another hand has moved the progress meanwhile; what this one prepared is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Up to where the shelves are true.

    What took effect has been taken in up to (`begun_at`, `begun_id`), what expired up to
    (`ended_on`, and beyond it `ended_id`); `suspended` are the members whose filings are
    left out, one more or one less as far as `walked_id`. `version` counts every move.
    """

    version: int
    sequence: int
    looked_at: datetime | None
    begun_at: datetime
    begun_id: str
    ended_on: date
    ended_id: str
    suspended: frozenset[MemberId]
    walked_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How far the shelves of an epoch are built: up to the lookup key `after`."""

    epoch: str
    after: bytes = b""
    parts: int = 0
    is_whole: bool = False

    def has_reached(self, lookup_key: bytes) -> bool:
        """Whether the shelves already say something of this key."""
        return self.is_whole or lookup_key <= self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The tags of an epoch whose places begin with the same 10 bits."""

    number: int
    sequence: int
    entries: bytes = field(repr=False)

    def changed(self, *, present: Set[bytes], absent: Set[bytes], sequence: int) -> "Shelf | None":
        """The shelf with and without some entries; None: it is as it was."""
        before = set(_split(self.entries))
        after = (before - absent) | present
        if after == before:
            return None
        return replace(self, sequence=sequence, entries=b"".join(sorted(after)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All buckets of a key and an epoch at one moment, as published and logged.

    `count` is that of every file, `root` of the tree over them, `entry` the log entry.
    """

    key_id: str
    epoch: str
    bits: int
    count: int
    sequence: int
    root: bytes
    entry: UUID
    made_at: datetime


def shelf_of(place: int) -> int:
    """The shelf of a place."""
    return place >> _SHELF_SHIFT


def entry_of(place: int, tag: bytes) -> bytes:
    """The entry of a tag."""
    return place.to_bytes(4, "big") + tag


def epochs_wanted(now: datetime) -> list[str]:
    """The epochs to keep shelves of: the present one, and near its end the next."""
    present = epoch_of(now)
    coming = epoch_after(present)
    return [present, coming] if now >= epoch_begins_at(coming) - AHEAD else [present]


def next_sequence(sequence: int, now: datetime) -> int:
    """More than the last one, and at least the unix time: also after a backup was restored."""
    number = max(sequence + 1, int(now.timestamp()))
    assert number <= SEQUENCE_MAX
    return number


def buckets_changed(changed_in: Mapping[int, int], *, since: int, bits: int) -> set[int]:
    """The buckets of which a shelf changed after the sequence `since`."""
    buckets: set[int] = set()
    for shelf, sequence in changed_in.items():
        if sequence <= since:
            continue
        if bits <= SHELF_BITS:
            buckets.add(shelf >> (SHELF_BITS - bits))
        else:
            wide = bits - SHELF_BITS
            buckets.update(range(shelf << wide, (shelf + 1) << wide))
    return buckets


def shelves_of(buckets: Iterable[int], bits: int) -> set[int]:
    """The shelves that these buckets are cut from."""
    if bits >= SHELF_BITS:
        return {bucket >> (bits - SHELF_BITS) for bucket in buckets}
    wide = SHELF_BITS - bits
    return {shelf for bucket in buckets for shelf in range(bucket << wide, (bucket + 1) << wide)}


def cut(shelves: Iterable[Shelf], bits: int) -> Iterator[tuple[int, bytes]]:
    """The buckets that these shelves make, in order: number, and its tags joined.

    The shelves of a bucket are given together, in order.
    """
    if bits >= SHELF_BITS:
        for shelf in shelves:
            yield from _cut_one(shelf, bits)
        return
    at, joined = -1, bytearray()
    for shelf in shelves:
        bucket = shelf.number >> (SHELF_BITS - bits)
        if bucket != at and at >= 0:
            yield at, bytes(joined)
            joined = bytearray()
        at = bucket
        for entry in _split(shelf.entries):
            joined += entry[4:]
    if at >= 0:
        yield at, bytes(joined)


def _cut_one(shelf: Shelf, bits: int) -> Iterator[tuple[int, bytes]]:
    wide = bits - SHELF_BITS
    entries = sorted(_split(shelf.entries))
    low = 0
    for bucket in range(shelf.number << wide, (shelf.number + 1) << wide):
        end = (bucket + 1) << (BITS_MAX - bits)
        # Past the last place there is no u32 any more: the rest is the last bucket's.
        is_last = end > 0xFFFF_FFFF
        high = len(entries) if is_last else bisect_left(entries, end.to_bytes(4, "big"), low)
        yield bucket, b"".join(entry[4:] for entry in entries[low:high])
        low = high


def _split(entries: bytes) -> list[bytes]:
    return [entries[at : at + ENTRY_BYTES] for at in range(0, len(entries), ENTRY_BYTES)]
