"""The 92 bytes of an entry, and what they commit to."""

import hashlib
import hmac
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.model import (
    Entry,
    Header,
    Log,
    RecordType,
    decode_entry,
    encode_entry,
    header_commitment,
    subject_commitment,
)
from tests.ledger.samples import MEMBER, NOW, REQUEST_ID, make_header

UUID_7 = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


def test_an_entry_is_laid_out_as_published() -> None:
    """Written out by hand from docs/protocol.md, section 6."""
    entry = Entry(
        log=Log.ACCESS,
        record_type=RecordType.REFUSED_LOOKUP,
        hour=NOW,
        uuid=UUID_7,
        header_commitment=b"\xaa" * 32,
        subject_commitment=b"\xbb" * 32,
    )
    hour = int(datetime(2026, 10, 1, 12, tzinfo=UTC).timestamp()) * 1000
    expected = (
        b"\x01\x02\x00\x11" + hour.to_bytes(8, "big") + UUID_7.bytes + b"\xaa" * 32 + b"\xbb" * 32
    )
    assert expected == encode_entry(entry)
    assert 92 == len(expected)


@given(
    st.sampled_from(Log),
    st.sampled_from(RecordType),
    st.integers(0, 2_000_000),
    st.uuids(),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)
def test_an_entry_survives_its_bytes(
    log: Log, record_type: RecordType, hours: int, uuid: UUID, header: bytes, subject: bytes
) -> None:
    """Decoding is the inverse of encoding."""
    entry = Entry(
        log=log,
        record_type=record_type,
        hour=datetime.fromtimestamp(hours * 3600, UTC),
        uuid=uuid,
        header_commitment=header,
        subject_commitment=subject,
    )
    assert entry == decode_entry(encode_entry(entry))


VALID = encode_entry(
    Entry(
        log=Log.INCIDENTS,
        record_type=RecordType.REPORT,
        hour=NOW,
        uuid=UUID_7,
        header_commitment=bytes(32),
        subject_commitment=bytes(32),
    )
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        VALID[:-1],
        VALID + b"\x00",
        b"\x02" + VALID[1:],
        VALID[:1] + b"\x03" + VALID[2:],
        VALID[:2] + b"\x00\x0b" + VALID[4:],
        VALID[:11] + b"\x01" + VALID[12:],
    ],
    ids=["empty", "short", "long", "version", "log", "record type", "minutes"],
)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    """Length, version, log, record type and the cut to the hour are checked."""
    with pytest.raises(ValueError):  # noqa: PT011
        decode_entry(data)


def test_the_header_is_canonical_json_of_the_published_members() -> None:
    """A verifier that has the bytes reads who, why, when and under which rules."""
    expected = (
        '{"at":"2026-10-01T12:34:56.789012Z","edition":"cn-2026.1",'
        f'"member":"{MEMBER}","order":"o-1","outcome":"match",'
        f'"purpose":"refund_only_review","request_id":"{REQUEST_ID}",'
        '"signed_request":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}'
    )
    assert expected.encode() == make_header().to_bytes()


def test_an_operators_own_act_has_no_member_and_no_request() -> None:
    """Null says so; the members of the header never vary by absence."""
    header = Header(
        member=None,
        purpose=None,
        at=NOW,
        request_id=REQUEST_ID,
        outcome="admitted",
        edition="cn-2026.1",
        signed_request=None,
    )
    assert b'"member":null,"outcome":"admitted","purpose":null' in header.to_bytes()
    assert b'"signed_request":null' in header.to_bytes()


def test_a_fixed_member_of_the_header_cannot_be_shadowed() -> None:
    """An entry cannot say that somebody else made it."""
    header = Header(
        member=MEMBER,
        purpose=None,
        at=NOW,
        request_id=REQUEST_ID,
        outcome="match",
        edition="cn-2026.1",
        signed_request=None,
        more={"member": "mem_other"},
    )
    with pytest.raises(AssertionError, match="shadowed"):
        header.to_bytes()


def test_commitments_are_hmacs_over_label_length_and_bytes() -> None:
    """Computed here apart from the program, from the published formula."""
    salt, data = b"s" * 32, b'{"a":1}'
    framed = b"\x00\x00\x00\x00\x07" + data
    assert hmac.new(salt, b"ccr-hdr-v1" + framed, hashlib.sha256).digest() == header_commitment(
        salt, data
    )
    assert hmac.new(salt, b"ccr-sub-v1" + framed, hashlib.sha256).digest() == subject_commitment(
        salt, data
    )
