"""Whether a PDF is plain enough to be taken: no script, action, form or attachment.

Not a parser of PDF: every name in the file, also in streams that unpack to objects, is
held against a list of those that make a PDF do something. What cannot be unpacked to be
looked at is refused. Source: ISO 32000-1, 7.3.5 (names), 7.5.7 (object streams), 12.6.
"""

import re
import zlib

UNPACKED_BYTES_MAX = 64 * 1024 * 1024
_STREAMS_MAX = 20_000

_HEADER = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n ]")
_NAME = re.compile(rb"/([^\x00\t\n\f\r ()<>\[\]{}/%]{1,127})")
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_ACTIVE = frozenset(
    {
        b"JavaScript",
        b"JS",
        b"OpenAction",
        b"AA",
        b"Launch",
        b"SubmitForm",
        b"ImportData",
        b"GoToR",
        b"GoToE",
        b"EmbeddedFile",
        b"EmbeddedFiles",
        b"FileAttachment",
        b"Filespec",
        b"RichMedia",
        b"Movie",
        b"Sound",
        b"Rendition",
        b"XFA",
        b"AcroForm",
        b"3D",
        b"Collection",
    }
)


def why_not_pdf(content: bytes) -> str | None:
    """The code of what is wrong with a PDF; None where nothing is."""
    if not _HEADER.match(content) or content.count(b"%PDF-") != 1:
        return "not_of_its_type"
    if not content.rstrip(b"\r\n \x00").endswith(b"%%EOF") or b"startxref" not in content:
        return "not_of_its_type"
    names = _names(content)
    if b"Encrypt" in names:
        return "encrypted"
    if names & _ACTIVE:
        return "active_content"
    return _why_not_streams(content) if b"ObjStm" in names else None


def _names(content: bytes) -> set[bytes]:
    """Every name, its `#xx` written out: `/J#61vaScript` is no disguise."""
    found = set(_NAME.findall(content))
    return {_HEX.sub(lambda hexed: bytes([int(hexed[1], 16)]), name) for name in found}


def _why_not_streams(content: bytes) -> str | None:
    """Objects may hide in compressed streams: each of these is unpacked and looked at."""
    left = UNPACKED_BYTES_MAX
    for number, start in enumerate(_STREAM.finditer(content)):
        if number >= _STREAMS_MAX:
            return "unpacks_to_too_much"
        head = content[content.rfind(b"obj", 0, start.start()) : start.start()]
        names = _names(head)
        if b"ObjStm" not in names:
            continue
        if names & {b"DecodeParms", b"F"} or not _is_flate_alone(head):
            return "active_content"
        end = content.find(b"endstream", start.end())
        unpacking = zlib.decompressobj()
        try:
            unpacked = unpacking.decompress(content[start.end() : end], left)
        except zlib.error:
            return "not_of_its_type"
        left -= len(unpacked)
        if left <= 0 or unpacking.unconsumed_tail:
            return "unpacks_to_too_much"
        inside = _names(unpacked)
        if inside & _ACTIVE:
            return "active_content"
    return None


def _is_flate_alone(head: bytes) -> bool:
    filters = re.search(rb"/Filter\s*(\[[^\]]*\]|/\w+)", head)
    return filters is not None and _names(filters[1]) == {b"FlateDecode"}
