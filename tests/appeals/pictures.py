"""Files for evidence: whole ones, and hostile ones made from them."""

import io
import struct
import zipfile
import zlib

from PIL import Image


def image(image_format: str, size: tuple[int, int] = (40, 30)) -> bytes:
    """A small image of this format."""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, image_format)
    return out.getvalue()


def animation() -> bytes:
    """Two frames in one WebP."""
    out = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (each, 0, 0)) for each in (0, 255)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises this size, with the few bytes a bomb has."""
    rows = zlib.compress(b"\x00" * 1_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", rows)
        + _chunk(b"IEND", b"")
    )


def archive() -> bytes:
    """A small ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a.txt", "a")
    return out.getvalue()


def jpeg_around_archive() -> bytes:
    """A whole JPEG, to its last byte, that is a ZIP as well: its end lies in the comment."""
    packed = archive()
    jpeg = image("JPEG")
    # SOI, a comment with the archive, and all the rest as the archive's own comment.
    rest = jpeg[2:]
    end = packed.rfind(b"PK\x05\x06")
    with_comment = packed[: end + 20] + struct.pack("<H", len(rest)) + rest
    head = b"\xff\xd8\xff\xfe" + struct.pack(">H", end + 22 + 2)
    return head + with_comment


def pdf(*objects: bytes, trailer: bytes = b"<< /Root 1 0 R >>") -> bytes:
    """A PDF with a catalogue, an empty page and these objects."""
    body = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    body += b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
    for number, each in enumerate(objects, 3):
        body += b"%d 0 obj\n" % number + each + b"\nendobj\n"
    return body + b"xref\n0 0\ntrailer\n" + trailer + b"\nstartxref\n0\n%%EOF\n"


def object_stream(content: bytes, extra: bytes = b"") -> bytes:
    """An object stream with this content, compressed."""
    packed = zlib.compress(content, 9)
    head = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode " + extra
    return head + b"/Length %d >>\nstream\n" % len(packed) + packed + b"\nendstream"


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
