"""Files made to be more than they say: refused by name, in bounded work, and nothing stays."""

import base64
import io
import struct
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image

from registry.appeals.files import FILE_BYTES_MAX, examine
from registry.appeals.pdf import why_not_pdf
from tests.appeals import pictures
from tests.appeals.test_files import JPEG, PDF, PNG, refused
from tests.appeals.town import Town, lodge, ok

GIF_JS = b"GIF89a/*\x00\x00\x00\x00*/=1;alert(document.domain)//" + b"\x00" * 20 + b";"
RAR, SEVEN = b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c\x00\x04"


def png_with(text: bytes) -> bytes:
    """A whole PNG that says this in a chunk, right behind its header."""
    at = 8 + 25
    return PNG[:at] + pictures._chunk(b"tEXt", b"Comment\x00" + text) + PNG[at:]


def jpeg_with(comment: bytes) -> bytes:
    """A whole JPEG with this comment."""
    return JPEG[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + JPEG[2:]


def webp_with(chunk: bytes) -> bytes:
    """A whole WebP with one more chunk inside its RIFF."""
    webp = pictures.image("WEBP")
    extra = b"XMP " + struct.pack("<I", len(chunk)) + chunk + b"\x00" * (len(chunk) % 2)
    body = webp[8:] + extra
    return b"RIFF" + struct.pack("<I", len(body)) + body


def progressive(scans: int, size: int = 2000) -> bytes:
    """A progressive JPEG whose last scan comes again and again: few bytes, much to draw."""
    out = io.BytesIO()
    Image.new("L", (size, size)).save(out, "JPEG", progressive=True)
    whole = out.getvalue()
    last = whole.rfind(b"\xff\xda")
    return whole[:last] + whole[last:-2] * scans + b"\xff\xd9"


def stream(content: bytes, filters: bytes, more: bytes = b"") -> bytes:
    head = b"<< /Filter " + filters + b" " + more + b"/Length %d >>\nstream\n" % len(content)
    return head + content + b"\nendstream"


def flated(content: bytes) -> bytes:
    return zlib.compress(content, 9)


def endless(octets: int) -> bytes:
    """Zeros, packed without ever being held."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(octets >> 20)]
    return b"".join(pieces) + packer.flush()


def pdf_with_archive() -> bytes:
    """A whole PDF, to its last byte, in which an archive's directory lies."""
    packed = pictures.archive()
    end = packed.rfind(b"PK\x05\x06")
    tail = b"\nendstream\nendobj\nxref\n0 0\ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"
    head = b"%PDF-1.7\n1 0 obj\n<< /Length 9 >>\nstream\n"
    return head + packed[: end + 20] + struct.pack("<H", len(tail)) + tail


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (GIF_JS, "image/gif", "type_not_allowed"),
        (GIF_JS, "image/png", "not_of_its_type"),
        (GIF_JS, "image/jpeg", "not_of_its_type"),
        (b"GIF89a=1;alert(1)//", "text/plain", "not_of_its_type"),
        (PNG, "image/jpg", "type_not_allowed"),
        (PNG, "IMAGE/PNG ; q=1", "type_not_allowed"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "type_not_allowed"),
        (b"<!-- a --><svg onload=alert(1)>", "text/plain", "not_of_its_type"),
        (b"<?php system('id') ?>", "text/plain", "not_of_its_type"),
        (b"<svg/>", "image/png", "not_of_its_type"),
        (JPEG + b"<html><script>alert(1)</script>", "image/jpeg", "more_after_its_end"),
        (jpeg_with(b"*/--><html><script>alert(1)</script>"), "image/jpeg", "another_type_inside"),
        (jpeg_with(b"%PDF-1.7 1 0 obj"), "image/jpeg", "another_type_inside"),
        (jpeg_with(RAR), "image/jpeg", "archive_inside"),
        (png_with(b"<ScRiPt>alert(1)</sCrIpT>"), "image/png", "another_type_inside"),
        (png_with(b"<?php passthru($_GET[0]);"), "image/png", "another_type_inside"),
        (png_with(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>"), "image/png", "another_type_inside"),
        (png_with(SEVEN), "image/png", "archive_inside"),
        (webp_with(b"<html><body>"), "image/webp", "another_type_inside"),
        (PNG + pictures.archive(), "image/png", "archive_inside"),
        (PDF + pictures.archive(), "application/pdf", "archive_inside"),
        (pdf_with_archive(), "application/pdf", "archive_inside"),
        (pictures.pdf(stream(RAR + b"x", b"/DCTDecode")), "application/pdf", "archive_inside"),
        (pictures.png_of(30_000, 30_000), "image/png", "too_many_pixels"),
        (progressive(400), "image/jpeg", "too_many_pixels"),
        (b"\xef\xbb\xbf", "image/png", "not_of_its_type"),
    ],
)
def test_a_file_that_is_another_as_well_is_refused(
    content: bytes, media_type: str, code: str
) -> None:
    """By its bytes, whatever it says it is and wherever the other one lies in it."""
    assert code == refused(content, media_type)


def test_the_archive_in_the_pdf_is_one() -> None:
    """So that refusing it means something."""
    with zipfile.ZipFile(io.BytesIO(pdf_with_archive())) as packed:
        assert ["a.txt"] == packed.namelist()


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        (stream(endless(1 << 30), b"/FlateDecode"), "unpacks_to_too_much"),
        (stream(endless(1 << 30), b"/Fl"), "unpacks_to_too_much"),
        (stream(endless(1 << 30), b"[ /Flate#44ecode ]"), "unpacks_to_too_much"),
        (stream(flated(endless(1 << 30)), b"[/FlateDecode /FlateDecode]"), "unpacks_to_too_much"),
        (stream(b"\x80\x0b\x60\x50", b"[/LZWDecode /FlateDecode]"), "unpacks_to_too_much"),
        (
            stream(base64.a85encode(endless(1 << 29)) + b"~>", b"[/ASCII85Decode /FlateDecode]"),
            "unpacks_to_too_much",
        ),
        (
            stream(endless(1 << 29).hex().encode() + b">", b"[/ASCIIHexDecode /FlateDecode]"),
            "unpacks_to_too_much",
        ),
        (
            stream(b"x", b"/CCITTFaxDecode", b"/Width 30000 /Height 30000 "),
            "unpacks_to_too_much",
        ),
        (stream(b"not packed at all", b"/FlateDecode"), "not_of_its_type"),
        # Its end hidden behind a word that is no end: the rest would go unseen.
        (
            stream(flated(b"seen")[:-4] + b"endstream" + b"\x00" * 9, b"/FlateDecode"),
            "not_of_its_type",
        ),
    ],
)
def test_a_pdf_that_grows_is_refused(stored: bytes, code: str) -> None:
    """Packed once or twice, under any spelling of the filter; counted, never held."""
    content = pictures.pdf(stored)
    assert len(content) <= FILE_BYTES_MAX
    assert code == refused(content, "application/pdf")


@pytest.mark.parametrize("name", [b"/ab", b"/DP", b"/#61", b"/a#"])
def test_a_pdf_of_millions_of_names_is_read_in_bounded_memory(name: bytes) -> None:
    """A small file that unpacks to nothing but names: none is kept, however many there are."""
    unpacked = name * (24 * 1024 * 1024 // len(name))
    content = pictures.pdf(stream(flated(unpacked), b"/FlateDecode", b"/Type /ObjStm "))
    assert len(content) < 200_000
    tracemalloc.start()
    try:
        assert ("active_content" if b"#" in name else None) == why_not_pdf(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 96 * 1024 * 1024


def test_many_small_bombs_are_one() -> None:
    """What they unpack to is counted together."""
    content = pictures.pdf(*[stream(endless(20 << 20), b"/FlateDecode")] * 14)
    assert "unpacks_to_too_much" == refused(content, "application/pdf")


@pytest.mark.parametrize(
    "content",
    [
        pictures.pdf(stream(flated(b"BT (a page) Tj ET"), b"/FlateDecode")),
        pictures.pdf(
            stream(base64.a85encode(flated(b"BT ET")) + b"~>", b"[/ASCII85Decode /FlateDecode]")
        ),
        pictures.pdf(stream(JPEG, b"/DCTDecode", b"/Width 40 /Height 30 ")),
        pictures.pdf(b"<< /Length 5 >>\nstream\nBT ET\nendstream"),
    ],
)
def test_plain_documents_are_taken(content: bytes) -> None:
    """As programs write them."""
    assert content == examine(content, "application/pdf").content


def test_a_progressive_photo_is_taken() -> None:
    """With the ten scans that cameras and websites write."""
    out = io.BytesIO()
    Image.new("RGB", (3000, 2000), (9, 90, 200)).save(out, "JPEG", progressive=True)
    assert out.getvalue() == examine(out.getvalue(), "image/jpeg").content


def test_nothing_of_what_is_refused_stays(town: Town) -> None:
    """No row, no file, no new version; also where the body comes in pieces without a length."""
    person = town.person()
    appeal = lodge(person, town.file())["id"]
    target = f"/v1/subject/appeals/{appeal}/evidence"
    before = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    files = sorted(town.node.settings.home.rglob("*"))
    tables = ("appeal_files", "appeal_events", "pending_entries")
    counts = [town.count(each) for each in tables]

    def send(content: bytes, media_type: str, **more: Any) -> int:
        headers = {"Authorization": f"Bearer {person.bearer}", **more.pop("headers", {})}
        client = town.app.test_client()
        answer = client.post(
            target,
            content_type=media_type,
            headers=headers,
            **more,
            **({"input_stream": io.BytesIO(content)} if more else {"data": content}),
        )
        return answer.status_code

    chunked = {"environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}}
    named = {"Content-Disposition": 'attachment; filename="../../etc/cron.d/evil"'}
    for content, media_type in (
        (GIF_JS, "image/gif"),
        (PNG + pictures.archive(), "image/png"),
        (jpeg_with(b"<html><script>"), "image/jpeg"),
        (pictures.png_of(30_000, 30_000), "image/png"),
        (pictures.pdf(stream(endless(1 << 30), b"/FlateDecode")), "application/pdf"),
        (b"", "image/png"),
        (b"<svg/>", "image/svg+xml"),
    ):
        assert 422 == send(content, media_type, headers=named)
    assert 413 == send(b"a" * (FILE_BYTES_MAX + 1), "text/plain")
    assert 413 == send(b"a" * (FILE_BYTES_MAX + 1), "text/plain", **chunked)
    assert 422 == send(b"<svg/>", "text/plain", **chunked)
    assert counts == [town.count(each) for each in tables]
    assert files == sorted(town.node.settings.home.rglob("*"))
    after = ok(person.call("GET", f"/v1/subject/appeals/{appeal}"))["appeal"]
    assert (before["version"], []) == (after["version"], after["files"])
