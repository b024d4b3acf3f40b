"""Whether a PDF is plain enough to be taken: no script, action, form or attachment.

Not a parser of PDF: every name in the file, also in streams that unpack to objects, is
held against a list of those that make a PDF do something. Every stream that is packed is
unpacked to its end, and what grows beyond bounds, is packed twice, or cannot be unpacked to
be looked at is refused. Source: ISO 32000-1, 7.3.5 (names), 7.5.7 (object streams), 12.6.
"""

import base64
import re
import zlib

# Of object streams, which are looked at; and of all streams together.
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
ALL_UNPACKED_BYTES_MAX = 256 * 1024 * 1024
# Of one picture: a page of A3 at 1200 dots an inch has 280 million.
PICTURE_PIXELS_MAX = 300_000_000
_STREAMS_MAX = 20_000
_AT_ONCE_BYTES = 1024 * 1024
# Fonts and colours have some; so many hide something.
_ESCAPED_NAMES_MAX = 10_000
_FILTERS_BYTES_MAX = 1024

_HEADER = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n ]")
_REGULAR = rb"[^\x00\t\n\f\r ()<>\[\]{}/%]"
_NAME = re.compile(rb"/(" + _REGULAR + rb"{1,127})")
_ESCAPED = re.compile(rb"/([^\x00\t\n\f\r ()<>\[\]{}/%#]{0,127}#" + _REGULAR + rb"{0,127})")
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_FILTER = re.compile(rb"/(?:Filter|F)\s*(\[[^\]]*\]|/[^\s/<>\[\]()]+)")
_WIDTH, _HEIGHT = (
    re.compile(rb"/W(?:idth)?\s+(\d{1,9})\b"),
    re.compile(rb"/H(?:eight)?\s+(\d{1,9})\b"),
)
_SHORT = {
    b"Fl": b"FlateDecode",
    b"A85": b"ASCII85Decode",
    b"AHx": b"ASCIIHexDecode",
    b"LZW": b"LZWDecode",
    b"RL": b"RunLengthDecode",
}
_PACKING = frozenset({b"FlateDecode", b"LZWDecode", b"RunLengthDecode"})
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
_ENCRYPT = frozenset({b"Encrypt"})
_OBJECT_STREAM = frozenset({b"ObjStm"})
_ELSEWHERE = frozenset({b"DecodeParms", b"DP", b"F"})
_ANY_OF = {
    names: re.compile(rb"/(?:" + rb"|".join(sorted(names)) + rb")(?!" + _REGULAR + rb")")
    for names in (_ACTIVE, _ENCRYPT, _OBJECT_STREAM, _ELSEWHERE)
}


def why_not_pdf(content: bytes) -> str | None:
    """The code of what is wrong with a PDF; None where nothing is."""
    if not _HEADER.match(content) or content.count(b"%PDF-") != 1:
        return "not_of_its_type"
    if not content.rstrip(b"\r\n \x00").endswith(b"%%EOF") or b"startxref" not in content:
        return "not_of_its_type"
    if _names_any(content, _ENCRYPT):
        return "encrypted"
    if _names_any(content, _ACTIVE):
        return "active_content"
    return _why_not_streams(content)


def _names_any(content: bytes, wanted: frozenset[bytes]) -> bool:
    """Whether it names one of these, its `#xx` written out: `/J#61vaScript` is no disguise.

    Names are never gathered: a small file unpacks to millions of them. More escaped ones
    than a document has count as what they may hide.
    """
    if _ANY_OF[wanted].search(content):
        return True
    return any(
        number >= _ESCAPED_NAMES_MAX or _plain(escaped[1]) in wanted
        for number, escaped in enumerate(_ESCAPED.finditer(content))
    )


def _plain(name: bytes) -> bytes:
    return _HEX.sub(lambda hexed: bytes([int(hexed[1], 16)]), name)


def _why_not_streams(content: bytes) -> str | None:
    """What is packed must unpack within bounds; objects may hide there, and are looked at."""
    left = ALL_UNPACKED_BYTES_MAX
    objects_left = UNPACKED_BYTES_MAX
    at = number = 0
    while (start := _STREAM.search(content, at)) is not None:
        number += 1
        if number > _STREAMS_MAX:
            return "unpacks_to_too_much"
        head = content[content.rfind(b"obj", at, start.start()) : start.start()]
        end = content.find(b"endstream", start.end())
        if end < 0:
            return "not_of_its_type"
        at = end
        holds_objects = _names_any(head, _OBJECT_STREAM)
        wrong = _why_not_head(head, holds_objects=holds_objects)
        if wrong is not None:
            return wrong
        if b"FlateDecode" not in _filters(head) and not holds_objects:
            continue
        packed = _written_out(content[start.end() : end], _filters(head))
        unpacked = None if packed is None else _unpack(packed, left, keeps=holds_objects)
        if unpacked is None:
            return "not_of_its_type"
        octets, kept = unpacked
        left -= octets
        objects_left -= len(kept)
        if left <= 0 or objects_left <= 0:
            return "unpacks_to_too_much"
        if _names_any(kept, _ACTIVE):
            return "active_content"
    return None


def _why_not_head(head: bytes, *, holds_objects: bool) -> str | None:
    filters = _filters(head)
    if sum(each in _PACKING for each in filters) > 1:
        return "unpacks_to_too_much"
    if holds_objects and (_names_any(head, _ELSEWHERE) or filters != [b"FlateDecode"]):
        return "active_content"
    width, height = _WIDTH.search(head), _HEIGHT.search(head)
    if width and height and int(width[1]) * int(height[1]) > PICTURE_PIXELS_MAX:
        return "unpacks_to_too_much"
    return None


def _filters(head: bytes) -> list[bytes]:
    """What undoes a stream, in order, by the long names."""
    found = _FILTER.search(head)
    if found is None:
        return []
    if len(found[1]) > _FILTERS_BYTES_MAX:
        # No list of filters is so long: as one that packs twice it is refused.
        return [b"FlateDecode", b"FlateDecode"]
    return [_SHORT.get(name, name) for name in map(_plain, _NAME.findall(found[1]))]


def _written_out(data: bytes, filters: list[bytes]) -> bytes | None:
    """The bytes that are packed, where they are written as letters; None: they cannot be read."""
    for each in filters:
        if each == b"FlateDecode":
            return data
        try:
            if each == b"ASCII85Decode":
                data = base64.a85decode(data.partition(b"~>")[0].strip().removeprefix(b"<~"))
            elif each == b"ASCIIHexDecode":
                data = bytes.fromhex(data.partition(b">")[0].decode("ascii"))
            else:
                return None
        except ValueError:
            return None
    return data


def _unpack(packed: bytes, octets_max: int, *, keeps: bool) -> tuple[int, bytes] | None:
    """How much it unpacks to, up to one more than a bound, and what; None: it does not.

    What is not kept is only counted. A stream without its end is none: the rest of it
    may lie where this did not look.
    """
    unpacking = zlib.decompressobj()
    octets, kept = 0, []
    try:
        while not unpacking.eof and octets <= octets_max:
            piece = unpacking.decompress(packed, _AT_ONCE_BYTES)
            packed = unpacking.unconsumed_tail
            if not piece and not packed and not unpacking.eof:
                return None
            octets += len(piece)
            if keeps and octets <= UNPACKED_BYTES_MAX:
                kept.append(piece)
    except zlib.error:
        return None
    return octets if not keeps or octets <= UNPACKED_BYTES_MAX else octets_max + 1, b"".join(kept)
