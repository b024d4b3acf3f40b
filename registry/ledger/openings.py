"""Entries with what they commit to, one a line, as bundles carry them.

    {"index": 7, "entry": b64u, "proof": [b64u …] or null,
     "opening": {"header": text, "subject": text, "k_h": b64u, "k_s": b64u} or null}

`header` and `subject` are the exact committed JSON as text, or the value itself,
whose canonical form (RFC 8785) was committed to. `opening` is null where the
content was erased or is not shown. Indices rise from line to line, so that a
reader needs no memory of them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue, canonical_json
from registry.ledger.model import (
    ENTRY_BYTES,
    SALT_BYTES,
    decode_entry,
    header_commitment,
    subject_commitment,
)

LINE_BYTES_MAX = 1024 * 1024


class OpeningWrong(ValueError):
    """A line cannot be read, or opens an entry to something it does not commit to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """What an entry's two commitments hide; `header` and `subject` are the committed bytes."""

    header: bytes
    subject: bytes
    header_salt: bytes
    subject_salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEntry:
    """An entry at its place; without `proof` the log itself is at hand."""

    index: int
    entry: bytes
    revealed: Revealed | None
    proof: tuple[bytes, ...] | None

    def to_line(self) -> bytes:
        """The line, ended."""
        proof = None if self.proof is None else [base64url.encode(each) for each in self.proof]
        document = {
            "index": self.index,
            "entry": base64url.encode(self.entry),
            "opening": None if self.revealed is None else _shown(self.revealed),
            "proof": proof,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_lines(lines: Iterable[bytes]) -> Iterator[OpenedEntry]:
    """The entries of the lines, each held to its commitments.

    Raises: OpeningWrong, which says the line.
    """
    last = -1
    for number, line in enumerate(lines, start=1):
        try:
            opened = _read(line)
            if opened.index <= last:
                raise OpeningWrong("its index does not follow the line before")
            if opened.revealed is not None:
                require_commitments(opened.entry, opened.revealed)
        except (ValueError, KeyError, TypeError, strict_json.MalformedJson) as error:
            words = str(error) if isinstance(error, OpeningWrong) else "it is no line of entries"
            raise OpeningWrong(f"line {number}: {words}") from error
        last = opened.index
        yield opened


def revealed_of(opening: Mapping[str, Any]) -> Revealed:
    """What the JSON of an opening reveals. Any: it is as it was read.

    Raises: OpeningWrong.
    """
    if opening.keys() != {"header", "subject", "k_h", "k_s"}:
        raise OpeningWrong("an opening is header, subject and the two salts")
    try:
        revealed = Revealed(
            header=_committed(opening["header"]),
            subject=_committed(opening["subject"]),
            header_salt=base64url.decode(opening["k_h"]),
            subject_salt=base64url.decode(opening["k_s"]),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise OpeningWrong("the opening cannot be read") from error
    if {len(revealed.header_salt), len(revealed.subject_salt)} != {SALT_BYTES}:
        raise OpeningWrong(f"a salt is not {SALT_BYTES} bytes")
    return revealed


def require_commitments(entry: bytes, revealed: Revealed) -> None:
    """Holds an opening to its entry.

    Raises: OpeningWrong, which says whether header or subject differs.
    """
    decoded = decode_entry(entry)
    for word, made, committed in (
        (
            "header",
            header_commitment(revealed.header_salt, revealed.header),
            decoded.header_commitment,
        ),
        (
            "subject",
            subject_commitment(revealed.subject_salt, revealed.subject),
            decoded.subject_commitment,
        ),
    ):
        if made != committed:
            raise OpeningWrong(f"the {word} or its salt is not what the entry commits to")


def _read(line: bytes) -> OpenedEntry:
    document = strict_json.parse(line)
    if document.keys() != {"index", "entry", "opening", "proof"}:
        raise OpeningWrong("a line has index, entry, opening and proof")
    index, proof, opening = document["index"], document["proof"], document["opening"]
    entry = base64url.decode(document["entry"])
    if type(index) is not int or index < 0 or len(entry) != ENTRY_BYTES:
        raise OpeningWrong("the index or the entry is none")
    return OpenedEntry(
        index=index,
        entry=entry,
        revealed=None if opening is None else revealed_of(opening),
        proof=None if proof is None else tuple(map(base64url.decode, proof)),
    )


def _committed(value: JsonValue) -> bytes:
    return value.encode() if isinstance(value, str) else canonical_json(value)


def _shown(revealed: Revealed) -> dict[str, str]:
    return {
        "header": revealed.header.decode(),
        "subject": revealed.subject.decode(),
        "k_h": base64url.encode(revealed.header_salt),
        "k_s": base64url.encode(revealed.subject_salt),
    }
