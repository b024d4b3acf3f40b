"""What is taken as evidence, and what is refused, by name."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.appeals.files import FILE_BYTES_MAX, MEDIA_TYPES, examine
from registry.appeals.problems import EvidenceRefused
from tests.appeals import pictures

PNG, JPEG, WEBP = (pictures.image(each) for each in ("PNG", "JPEG", "WEBP"))
PDF = pictures.pdf()
TEXT = "发货单 – 已核对。\r\nChecked.\n".encode()

WHOLE = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/webp": WEBP,
    "application/pdf": PDF,
    "text/plain": TEXT,
}


def refused(content: bytes, media_type: str) -> str:
    with pytest.raises(EvidenceRefused) as problem:
        examine(content, media_type)
    (error,) = problem.value.errors
    assert error.detail
    return error.code


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_whole_file_of_each_type_is_taken_as_it_came(media_type: str):
    """Byte for byte; the digest is of what was sent."""
    content = WHOLE[media_type]
    taken = examine(content, media_type)
    expected = f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (content, media_type, expected) == (taken.content, taken.media_type, taken.digest)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
@pytest.mark.parametrize("other", MEDIA_TYPES)
def test_no_file_is_taken_as_another_type(media_type: str, other: str):
    """Whatever the caller says it is."""
    if media_type == other:
        return
    assert "not_of_its_type" == refused(WHOLE[other], media_type)


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"<svg/>", "image/svg+xml", "type_not_allowed"),
        (b"MZ", "application/octet-stream", "type_not_allowed"),
        (b"", "text/plain", "empty"),
        (b"a" * (FILE_BYTES_MAX + 1), "text/plain", "too_large"),
        (pictures.archive(), "text/plain", "archive_inside"),
        (PNG + pictures.archive(), "image/png", "archive_inside"),
        (pictures.jpeg_around_archive(), "image/jpeg", "archive_inside"),
        (PDF + pictures.archive(), "application/pdf", "archive_inside"),
        (PNG + b"<script>", "image/png", "more_after_its_end"),
        (JPEG + b"\x00", "image/jpeg", "more_after_its_end"),
        (JPEG + JPEG, "image/jpeg", "more_after_its_end"),
        (WEBP + b"more", "image/webp", "more_after_its_end"),
        (PNG[:-20], "image/png", "not_of_its_type"),
        (JPEG[:-2], "image/jpeg", "not_of_its_type"),
        (JPEG[:200] + JPEG[-2:], "image/jpeg", "not_of_its_type"),
        (pictures.png_of(50_000, 50_000), "image/png", "too_many_pixels"),
        (pictures.png_of(8_000, 8_000), "image/png", "too_many_pixels"),
        (pictures.png_of(5_000, 5_000), "image/png", "not_of_its_type"),
        (pictures.animation(), "image/webp", "not_one_image"),
        (b"text with \x00 in it", "text/plain", "not_of_its_type"),
        (b"\xff\xfe not utf-8", "text/plain", "not_of_its_type"),
        (b" \n<!DOCTYPE html><p>", "text/plain", "not_of_its_type"),
        (b"\xef\xbb\xbf<HTML>", "text/plain", "not_of_its_type"),
        (b"\xef\xbb\xbf<svg onload=x>", "text/plain", "not_of_its_type"),
    ],
)
def test_what_is_refused_and_as_what(content: bytes, media_type: str, code: str):
    """Wrong type, oversize, polyglot, bomb, damage."""
    assert code == refused(content, media_type)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"junk" + PDF, "not_of_its_type"),
        (PDF + b"<script>", "not_of_its_type"),
        (PDF[:-6], "not_of_its_type"),
        (PDF + PDF, "not_of_its_type"),
        (pictures.pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>"), "active_content"),
        (pictures.pdf(b"<< /S /J#61vaScript >>"), "active_content"),
        (pictures.pdf(b"<< /OpenAction 3 0 R >>"), "active_content"),
        (pictures.pdf(b"<< /Type /EmbeddedFile >>"), "active_content"),
        (pictures.pdf(b"<< /AcroForm << /XFA 4 0 R >> >>"), "active_content"),
        (pictures.pdf(b"<< /S /Launch /F (cmd.exe) >>"), "active_content"),
        (pictures.pdf(trailer=b"<< /Root 1 0 R /Encrypt 4 0 R >>"), "encrypted"),
        (
            pictures.pdf(pictures.object_stream(b"9 0 << /S /JavaScript /JS (x) >>")),
            "active_content",
        ),
        (
            pictures.pdf(pictures.object_stream(b"9 0 << >>", b"/DecodeParms << >> ")),
            "active_content",
        ),
        (pictures.pdf(pictures.object_stream(b"\x20" * 80_000_000)), "unpacks_to_too_much"),
    ],
)
def test_a_pdf_that_does_something_is_refused(content: bytes, code: str):
    """Also where it hides: written with escapes, packed into streams, grown by them."""
    assert code == refused(content, "application/pdf")


def test_a_pdf_with_plain_object_streams_is_taken():
    """Most programs write them."""
    content = pictures.pdf(pictures.object_stream(b"9 0 << /Type /Page >>"))
    assert content == examine(content, "application/pdf").content


@given(st.binary(max_size=400), st.sampled_from(MEDIA_TYPES[:4]), st.sampled_from([0, 3, 8]))
def test_any_bytes_are_refused_or_taken_and_nothing_else(junk: bytes, media_type: str, kept: int):
    """Hostile bytes behind a true beginning never make the examiner fall over."""
    with contextlib.suppress(EvidenceRefused):
        examine(WHOLE[media_type][:kept] + junk, media_type)


@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from(MEDIA_TYPES[:4]))
def test_one_changed_byte_is_refused_or_taken(place: int, change: int, media_type: str):
    """The same for one byte changed anywhere in a whole file."""
    content = bytearray(WHOLE[media_type])
    content[place % len(content)] ^= change
    with contextlib.suppress(EvidenceRefused):
        examine(bytes(content), media_type)
