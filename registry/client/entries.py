"""Reads log entries, and holds them to their commitments.

Source: docs/protocol.md, section 6.
"""

import hmac
from collections.abc import Mapping

from registry.client.problems import AnswerNotTrusted, AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.results import Inclusion, LogEntry, Opening
from registry.crypto.merkle import leaf_hash
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.ids import EntryId, Prefix, parse_id

ENTRY_BYTES = 92
SALT_BYTES = 32

# Where the entry's id and its two commitments stand in the 92 bytes.
_ID = slice(12, 28)
_HEADER = slice(28, 60)
_SUBJECT = slice(60, 92)
_HEADER_LABEL = b"ccr-hdr-v1\x00"
_SUBJECT_LABEL = b"ccr-sub-v1\x00"


def read_log_entry(document: Reader, entry_id: EntryId) -> LogEntry:
    """The entry of this id, with what its commitments hide where that is shown.

    Raises: AnswerNotUnderstood; AnswerNotTrusted when the bytes are another
    entry's or the opening is not what was committed to.
    """
    entry = document.data("entry", ENTRY_BYTES)
    if entry[_ID] != parse_id(Prefix.ENTRY, entry_id).bytes:
        raise AnswerNotTrusted("the entry that came is another than was asked for")
    opening = _read_opening(document.child("opening")) if document.has("opening") else None
    if opening is not None and not _fits(opening, entry):
        raise AnswerNotTrusted("the entry was opened to something it does not commit to")
    inclusion = _read_inclusion(document.child("inclusion")) if document.has("inclusion") else None
    return LogEntry(
        id=entry_id,
        entry=entry,
        leaf=leaf_hash(entry),
        opening=opening,
        inclusion=inclusion,
        checkpoint=document.maybe_text("checkpoint"),
    )


def _read_opening(document: Reader) -> Opening:
    return Opening(
        header=document.child("header").document,
        subject=document.child("subject").document,
        header_salt=document.data("k_h", SALT_BYTES),
        subject_salt=document.data("k_s", SALT_BYTES),
    )


def _fits(opening: Opening, entry: bytes) -> bool:
    header = _commitment(_HEADER_LABEL, opening.header_salt, opening.header)
    subject = _commitment(_SUBJECT_LABEL, opening.subject_salt, opening.subject)
    return header == entry[_HEADER] and subject == entry[_SUBJECT]


def _commitment(label: bytes, salt: bytes, committed: Mapping[str, JsonValue]) -> bytes:
    try:
        data = canonical_json(committed)
    except ValueError as error:
        raise AnswerNotUnderstood("the opening has no canonical form") from error
    return hmac.digest(salt, label + len(data).to_bytes(4, "big") + data, "sha256")


def _read_inclusion(document: Reader) -> Inclusion:
    try:
        proof = tuple(base64url.decode(text) for text in document.texts("proof"))
    except ValueError as error:
        raise AnswerNotUnderstood("the inclusion proof is not base64url") from error
    return Inclusion(index=document.integer("index"), size=document.integer("size"), proof=proof)
