"""Log entries: 92 bytes that commit to a header and a subject without showing them."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from registry.crypto.keyed_hash import KeyedHash
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.clock import format_instant
from registry.kernel.ids import EntryId, MemberId, Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.rulebook.model import Purpose

ENTRY_BYTES = 92
# Where the record type stands in an entry, in two bytes: version and log come first.
RECORD_TYPE_AT = 2
SALT_BYTES = 32
ENTRY_VERSION = 1
# An entry waits at most this long for its place in the log.
MERGE_DELAY_MAX = timedelta(seconds=60)

# version u8, log u8, record type u16, unix milliseconds cut to the hour u64,
# entry id, header commitment, subject commitment; big-endian.
_ENTRY = struct.Struct(">BBHQ16s32s32s")
_ENTRY_HEAD = struct.Struct(">BBHQ")
_HOUR_MILLISECONDS = 3_600_000
_HEADER_LABEL = b"ccr-hdr-v1\x00"
_SUBJECT_LABEL = b"ccr-sub-v1\x00"
_LENGTH = struct.Struct(">I")


class EntryNotFound(Problem):
    """No entry has this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such entry", zh="没有该日志条目")
    advice = Text(
        en="Use the member `entry` of the receipt, such as ent_01992f5e-….",
        zh="请使用回执中的 entry 成员，例如 ent_01992f5e-…。",
    )


class EntryNotMerged(Problem):
    """The entry is on disk and waits for its place in the log."""

    kind = Kind.NOT_FOUND
    title = Text(en="The entry has no proof yet", zh="该条目尚无证明")
    advice = Text(
        en="The receipt's `merge_by` says when it has one at the latest.",
        zh="最迟在回执的 merge_by 时刻即可取得证明。",
    )


class Log(IntEnum):
    """The two logs: what was filed, and who looked."""

    INCIDENTS = 1
    ACCESS = 2

    @property
    def wire_name(self) -> str:
        """What the log is called in URLs and receipts."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Half a year of a log: a Merkle tree of its own, named such as `access/2026h2`."""

    log: Log
    half_year: str

    @property
    def name(self) -> str:
        """What stands after `/log/` in its URLs and in its origin."""
        return f"{self.log.wire_name}/{self.half_year}"


class RecordType(IntEnum):
    """What an entry records. Source: docs/protocol.md, section 6."""

    REPORT = 1
    AMENDMENT = 2
    DISPUTE = 3
    DECISION = 4
    WITHDRAWAL = 5
    EXPIRY = 6
    MEMBER = 7
    KEY = 8
    SNAPSHOT = 9
    JURY = 10
    LOOKUP = 16
    REFUSED_LOOKUP = 17
    OWN_VIEW = 18
    SUPERVISOR_VIEW = 19
    EXPORT = 20
    OUTCOME = 21
    ERASURE = 32
    LEGAL_HOLD = 33
    PEER_CHECKPOINT = 34


# What entries of these types commit to is for everyone: no person is in it, and
# whoever screens must be able to see that all are shown the same.
PUBLIC_RECORD_TYPES = frozenset({RecordType.SNAPSHOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Who did what when, and why: the part of an entry about the one who acted.

    `member` None is the operator of this node. `signed_request` is SHA-256 of
    the JWT. `more` are members some record types add (order, agent,
    authorisation); it may not shadow the fixed ones.
    """

    member: MemberId | None
    purpose: Purpose | None
    at: datetime
    request_id: UUID
    outcome: str
    edition: str
    signed_request: bytes | None
    more: Mapping[str, JsonValue] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical JSON that is committed to."""
        fixed: dict[str, JsonValue] = {
            "at": format_instant(self.at),
            "edition": self.edition,
            "member": self.member,
            "outcome": self.outcome,
            "purpose": self.purpose,
            "request_id": str(self.request_id),
            "signed_request": (
                None if self.signed_request is None else base64url.encode(self.signed_request)
            ),
        }
        if self.more:
            assert fixed.keys().isdisjoint(self.more), "a fixed member of the header is shadowed"
            fixed.update(self.more)
        return canonical_json(fixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry to be made.

    `subject` says whom it touches (seeds in base64url, ids); bytes are its canonical JSON
    already. `uuid` is given
    where the entry shares it with what it records: lkp_X and ent_X are one.
    `signed_request` is the JWT to keep with it. `lookup_keys` are of the subjects
    it is about, so that each can be told of it.
    """

    log: Log
    record_type: RecordType
    header: Header
    subject: Mapping[str, JsonValue] | bytes
    uuid: UUID | None = None
    signed_request: str | None = None
    lookup_keys: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The 92 bytes, decoded. `hour` is the instant cut to the hour."""

    log: Log
    record_type: RecordType
    hour: datetime
    uuid: UUID
    header_commitment: bytes
    subject_commitment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """An entry that will be on disk when its transaction is."""

    uuid: UUID
    log: Log
    entry: bytes
    leaf: bytes
    at: datetime

    @property
    def entry_id(self) -> EntryId:
        """The entry's id as text."""
        return EntryId(with_prefix(Prefix.ENTRY, self.uuid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An entry with all that its commitments hide.

    `header` and `subject` are the exact committed bytes, `member` is who made
    the entry (None: the operator).
    """

    entry: bytes
    member: MemberId | None
    header: bytes
    subject: bytes
    header_salt: bytes
    subject_salt: bytes
    signed_request: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """That an entry stands at `index` in the log of `size` entries that `checkpoint` signs."""

    index: int
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str


def encode_entry(entry: Entry) -> bytes:
    """The 92 bytes of an entry; `hour` may be any instant within it."""
    return _ENTRY.pack(
        ENTRY_VERSION,
        entry.log,
        entry.record_type,
        hour_milliseconds(entry.hour),
        entry.uuid.bytes,
        entry.header_commitment,
        entry.subject_commitment,
    )


def decode_entry(data: bytes) -> Entry:
    """What 92 bytes say.

    Raises: ValueError for another length, version, log or record type.
    """
    if len(data) != ENTRY_BYTES:
        raise ValueError(f"an entry has {ENTRY_BYTES} bytes")
    version, log, record_type, milliseconds, uuid, header, subject = _ENTRY.unpack(data)
    if version != ENTRY_VERSION:
        raise ValueError("an entry of an unknown version")
    if milliseconds % _HOUR_MILLISECONDS:
        raise ValueError("an entry's instant is a whole hour")
    return Entry(
        log=Log(log),
        record_type=RecordType(record_type),
        hour=datetime.fromtimestamp(milliseconds // 1000, UTC),
        uuid=UUID(bytes=uuid),
        header_commitment=header,
        subject_commitment=subject,
    )


def record_type_of(entry: bytes) -> RecordType:
    """What kind of record an entry is of.

    Raises: ValueError for one that is unknown.
    """
    return RecordType(int.from_bytes(entry[RECORD_TYPE_AT : RECORD_TYPE_AT + 2], "big"))


def shard_of(entry: bytes) -> Shard:
    """The shard an entry belongs to, by the hour it was made in, in UTC."""
    _, log, _, milliseconds = _ENTRY_HEAD.unpack_from(entry)
    hour = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return Shard(log=Log(log), half_year=half_year_of(hour))


def half_year_of(instant: datetime) -> str:
    """The half-year an instant lies in, such as `2026h2`."""
    utc = instant.astimezone(UTC)
    return f"{utc.year:04d}h{1 if utc.month <= 6 else 2}"


def hour_milliseconds(instant: datetime) -> int:
    """Unix milliseconds of the hour `instant` lies in."""
    seconds = int(instant.timestamp())
    return seconds * 1000 // _HOUR_MILLISECONDS * _HOUR_MILLISECONDS


def header_commitment(salt: bytes, header: bytes) -> bytes:
    """C_h: binds the header, and tells nothing of it without the salt."""
    return KeyedHash(salt).digest(_HEADER_LABEL + _LENGTH.pack(len(header)) + header)


def subject_commitment(salt: bytes, subject: bytes) -> bytes:
    """C_s: binds the subject, and tells nothing of it without the salt."""
    return KeyedHash(salt).digest(_SUBJECT_LABEL + _LENGTH.pack(len(subject)) + subject)
