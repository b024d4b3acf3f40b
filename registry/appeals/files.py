"""Whether a file can be taken as evidence: what it says it is, whole, and nothing beside.

A file is taken as it came (its bytes are the evidence), after all of it has been read
as what it claims to be: no other type, nothing after its end, no archive in disguise,
no image that unpacks to more than it may. It is never shown in a browser: whoever opens
it downloads it. Pure: bytes in, finding out.

Sources: PNG (ISO 15948) 5.2 to 5.6; JPEG (ITU-T T.81) B.1; RFC 9649 (WebP); ISO 32000-1
7.5; CWE-434, CWE-409.
"""

import io
import re
import struct
import threading
import zipfile
from dataclasses import dataclass
from hashlib import sha256

from registry.appeals.pdf import why_not_pdf
from registry.appeals.problems import EvidenceRefused
from registry.kernel.problems import FieldError

FILE_BYTES_MAX = 10 * 1024 * 1024
PIXELS_MAX = 50_000_000
# Each scan of a progressive JPEG is drawn over the whole picture, however few its bytes.
SCANNED_PIXELS_MAX = 600_000_000
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "application/pdf", "text/plain")

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKUP = (
    *(b"<!", b"<html", b"<head", b"<body", b"<svg", b"<?", b"<script", b"<iframe"),
    *(b"%pdf-", b"%!ps", b"mz", b"#!", b"gif8", b"{\\rtf"),
)
# What makes an image, or a PDF, a file of another type as well: readers of these look
# further than the first byte.
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"xar!\x00\x1c")
_PAGES = re.compile(rb"<script|<html|<!doctype html|<\?php|<iframe", re.IGNORECASE)
_PDF_BEGINS_WITHIN = 1024 + 5
# JPEG markers that stand alone: TEM and RST0 to RST7.
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
# Unpacking takes memory; one image or PDF at a time bounds it.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A file that can be taken. `digest` is `sha256:` and 64 hex digits."""

    media_type: str
    content: bytes
    digest: str


def examine(content: bytes, media_type: str) -> Examined:
    """The file, found to be what `media_type` says.

    Raises: EvidenceRefused, with the one thing that was found first.
    """
    code = _why_not(content, media_type)
    if code is not None:
        raise EvidenceRefused(errors=[FieldError(pointer="", code=code, detail=_DETAILS[code])])
    return Examined(
        media_type=media_type, content=content, digest=f"sha256:{sha256(content).hexdigest()}"
    )


def _why_not(content: bytes, media_type: str) -> str | None:
    if media_type not in MEDIA_TYPES:
        return "type_not_allowed"
    if not content:
        return "empty"
    if len(content) > FILE_BYTES_MAX:
        return "too_large"
    if zipfile.is_zipfile(io.BytesIO(content)) or any(each in content for each in _ARCHIVES):
        return "archive_inside"
    if media_type == "text/plain":
        return _why_not_text(content)
    if media_type == "application/pdf":
        with _one_at_a_time:
            return why_not_pdf(content)
    return _why_not_image(content, media_type)


def _why_not_text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "not_of_its_type"
    if any(ord(each) < 0x20 and each not in "\t\n\r" for each in text) or "\x7f" in text:
        return "not_of_its_type"
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    return "not_of_its_type" if start.startswith(_MARKUP) else None


def _why_not_image(content: bytes, media_type: str) -> str | None:
    end = {"image/jpeg": _jpeg_end, "image/png": _png_end, "image/webp": _webp_end}[media_type](
        content
    )
    if end is None:
        return "not_of_its_type"
    if end != len(content):
        return "more_after_its_end"
    if b"%PDF-" in content[:_PDF_BEGINS_WITHIN] or _PAGES.search(content):
        return "another_type_inside"
    scans = _jpeg_scans(content) if media_type == "image/jpeg" else 1
    with _one_at_a_time:
        return _why_not_decodable(content, _FORMATS[media_type], scans)


def _why_not_decodable(content: bytes, image_format: str, scans: int) -> str | None:
    # Here and not above: few processes of a node are ever given a picture, and it takes
    # each of them some 3 MiB.
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=[image_format]) as image:
            width, height = image.size
            if width * height > PIXELS_MAX or width * height * scans > SCANNED_PIXELS_MAX:
                return "too_many_pixels"
            if getattr(image, "n_frames", 1) != 1:
                return "not_one_image"
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "too_many_pixels"
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        struct.error,
        OverflowError,
        MemoryError,
    ):
        # Whatever a decoder finds wrong in hostile bytes, it is no image.
        return "not_of_its_type"
    return None


def _png_end(content: bytes) -> int | None:
    """Where the last chunk ends; None where the chunks do not follow each other."""
    if not content.startswith(_PNG):
        return None
    at = len(_PNG)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        if kind == b"IEND":
            return int(at) if length == 0 else None
    return None


def _webp_end(content: bytes) -> int | None:
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    (length,) = struct.unpack_from("<I", content, 4)
    return 8 + int(length) + int(length) % 2


def _jpeg_end(content: bytes) -> int | None:
    """Where the end-of-image marker ends that belongs to the first start-of-image."""
    return _jpeg_walk(content)[0]


def _jpeg_scans(content: bytes) -> int:
    """How many scans there are before the end of the image."""
    return _jpeg_walk(content)[1]


def _jpeg_walk(content: bytes) -> tuple[int | None, int]:
    scans = 0
    if not content.startswith(b"\xff\xd8\xff"):
        return None, scans
    at = 2
    while at + 2 <= len(content):
        if content[at] != 0xFF:
            return None, scans
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0xD9:
            return at + 2, scans
        elif marker in _JPEG_ALONE:
            at += 2
        elif at + 4 > len(content):
            return None, scans
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            at += 2 + length
            if marker == 0xDA:
                scans += 1
                at = _after_scan(content, at)
    return None, scans


def _after_scan(content: bytes, at: int) -> int:
    """The next marker after entropy-coded data: 00 is stuffing, RST belongs to the scan."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return len(content)
        if content[at + 1] != 0 and content[at + 1] not in _JPEG_ALONE:
            return at
        at += 2


_DETAILS = {
    "type_not_allowed": "The type is not one of: " + ", ".join(MEDIA_TYPES) + ".",
    "empty": "The file is empty.",
    "too_large": "The file is larger than 10 MB.",
    "archive_inside": "The file is also an archive.",
    "another_type_inside": "The file is also a document or a page.",
    "not_of_its_type": "The file is not what its type says, or it is damaged.",
    "more_after_its_end": "Something follows the end of the image.",
    "too_many_pixels": "The image has more than 50 million pixels.",
    "not_one_image": "The file holds more than one image.",
    "active_content": "The PDF contains scripts, actions, forms or attachments.",
    "encrypted": "The PDF is encrypted.",
    "unpacks_to_too_much": "The PDF unpacks to more than it may.",
}
