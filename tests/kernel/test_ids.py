"""Ids: UUIDv7 behind a prefix."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.kernel.ids import (
    Prefix,
    new_incident_id,
    new_incident_ids,
    new_member_id,
    new_uuids,
    parse_id,
    uuid7,
    with_prefix,
)

# RFC 9562 appendix A.6: 22 February 2022, 14:22:22.00 -05:00.
RFC_INSTANT = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
RFC_UUID = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
ENTROPY = bytes.fromhex("0cc3 18c4dc0c0c07398f".replace(" ", ""))


def test_the_uuid_of_the_rfc() -> None:
    """RFC 9562 appendix A.6, bit for bit."""
    assert RFC_UUID == uuid7(RFC_INSTANT, ENTROPY)


@given(st.binary(min_size=10, max_size=10), st.integers(0, 10**10))
def test_every_uuid_is_version_7_of_the_rfc_variant(entropy: bytes, seconds: int) -> None:
    """Whatever the entropy, readers recognise it."""
    uuid = uuid7(datetime.fromtimestamp(seconds, UTC), entropy)
    assert 7 == uuid.version
    assert "specified in RFC 4122" == uuid.variant


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    """A later id is a greater text, whatever was drawn."""
    earlier = with_prefix(Prefix.ENTRY, uuid7(RFC_INSTANT, b"\xff" * 10))
    later = with_prefix(Prefix.ENTRY, uuid7(RFC_INSTANT + timedelta(milliseconds=1), b"\x00" * 10))
    assert earlier < later


def test_many_at_once_are_as_different_as_one_by_one() -> None:
    """No part of what is drawn serves twice."""
    uuids = new_uuids(RFC_INSTANT, 1000)
    assert 1000 == len({uuid.int & 2**48 - 1 for uuid in uuids})
    assert {(7, RFC_UUID.int >> 80)} == {(uuid.version, uuid.int >> 80) for uuid in uuids}
    ids = new_incident_ids(RFC_INSTANT, 3)
    assert 3 == len({parse_id(Prefix.INCIDENT, each) for each in ids})
    assert [] == new_uuids(RFC_INSTANT, 0)


def test_ids_say_what_they_name_and_are_read_back() -> None:
    """The prefix is part of the id."""
    member, incident = new_member_id(RFC_INSTANT), new_incident_id(RFC_INSTANT)
    assert member == with_prefix(Prefix.MEMBER, parse_id(Prefix.MEMBER, member))
    assert incident == with_prefix(Prefix.INCIDENT, parse_id(Prefix.INCIDENT, incident))
    assert 40 == len(member)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mem_",
        f"{RFC_UUID}",
        f"inc_{RFC_UUID}",
        f"mem-{RFC_UUID}",
        f"MEM_{RFC_UUID}",
        f"mem_{RFC_UUID}\n",
        f"mem_{str(RFC_UUID).upper()}",
        f"mem_{RFC_UUID.hex}",
        f"mem_{{{RFC_UUID}}}",
        f"mem_urn:uuid:{RFC_UUID}",
        "mem_017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
    ],
)
def test_another_spelling_or_kind_is_refused(text: str) -> None:
    """An id has one spelling, so that it can be compared as text."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_id(Prefix.MEMBER, text)
