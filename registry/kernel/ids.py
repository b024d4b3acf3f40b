"""Ids: UUIDv7 behind a prefix that says what they name.

`inc_01992f5e-7c00-7abc-8def-0123456789ab`. Ids of one kind sort by the
millisecond they were made in. Source: RFC 9562 §5.7.
"""

import secrets
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import NewType
from uuid import UUID

MemberId = NewType("MemberId", str)
IncidentId = NewType("IncidentId", str)
LookupId = NewType("LookupId", str)
EntryId = NewType("EntryId", str)
ImportId = NewType("ImportId", str)

_ENTROPY_BYTES = 10


class Prefix(Enum):
    """What an id names."""

    MEMBER = "mem"
    INCIDENT = "inc"
    LOOKUP = "lkp"
    APPEAL = "apl"
    IMPORT = "imp"
    ENTRY = "ent"
    CASE = "cas"
    SIGN_IN = "sgn"
    MARKER = "mrk"
    NOTICE = "ntc"
    WEBHOOK = "whk"
    DELIVERY = "dlv"
    LETTER = "ltr"
    CORRECTION = "cor"


def uuid7(now: datetime, entropy: bytes) -> UUID:
    """A version 7 UUID: 48 bits of unix milliseconds, 74 bits of `entropy`.

    `entropy` is 10 bytes; six of its bits give way to version and variant.
    """
    assert len(entropy) == _ENTROPY_BYTES
    milliseconds = int(now.timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(entropy, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def new_uuid(now: datetime) -> UUID:
    """A fresh version 7 UUID made at `now`."""
    return uuid7(now, secrets.token_bytes(_ENTROPY_BYTES))


def new_uuids(now: datetime, count: int) -> list[UUID]:
    """Fresh version 7 UUIDs made at `now`; chance is asked once for all."""
    entropy = secrets.token_bytes(count * _ENTROPY_BYTES)
    places = range(0, len(entropy), _ENTROPY_BYTES)
    return [uuid7(now, entropy[at : at + _ENTROPY_BYTES]) for at in places]


def made_at(uuid: UUID) -> datetime:
    """The millisecond a version 7 UUID was made in."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=uuid.int >> 80)


def with_prefix(prefix: Prefix, uuid: UUID) -> str:
    """The id of `uuid` as text."""
    return f"{prefix.value}_{uuid}"


def new_member_id(now: datetime) -> MemberId:
    """A fresh member id."""
    return MemberId(with_prefix(Prefix.MEMBER, new_uuid(now)))


def new_incident_id(now: datetime) -> IncidentId:
    """A fresh incident id."""
    return IncidentId(with_prefix(Prefix.INCIDENT, new_uuid(now)))


def new_incident_ids(now: datetime, count: int) -> list[IncidentId]:
    """Fresh incident ids, in any order."""
    return [IncidentId(with_prefix(Prefix.INCIDENT, uuid)) for uuid in new_uuids(now, count)]


def new_import_id(now: datetime) -> ImportId:
    """A fresh import id."""
    return ImportId(with_prefix(Prefix.IMPORT, new_uuid(now)))


def parse_id(prefix: Prefix, text: str) -> UUID:
    """The UUID inside an id, in the one spelling ids have.

    Raises: ValueError when `text` is not an id of this kind.
    """
    head, _, tail = text.partition("_")
    uuid = UUID(tail)
    if head != prefix.value or str(uuid) != tail or uuid.version != 7:
        raise ValueError(f"not an id of the form {prefix.value}_<UUIDv7>")
    return uuid
