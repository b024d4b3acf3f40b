"""Checks receipts against the log keys a registry publishes.

Source: docs/protocol.md, section 6; C2SP signed-note (verifier keys).
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from registry.client.problems import AnswerNotTrusted, AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.results import LogKey, Receipt
from registry.crypto import note
from registry.crypto.signature import Algorithm, Compact, PublicKey, split_compact, verify
from registry.kernel import strict_json
from registry.kernel.ids import EntryId, Prefix, parse_id

RECEIPT_TYPE = "ccr-receipt+jwt"
MERGE_SECONDS_MAX = 60
LEAF_BYTES = 32

_ED25519 = b"\x01"
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})


class ReceiptNotVerified(AnswerNotTrusted):
    """The receipt is not one this registry signed; keep it, it is evidence."""


def log_public_key(vkey: str) -> PublicKey:
    """The Ed25519 key inside `name+hex id+base64(01 ‖ key)`.

    Raises: AnswerNotUnderstood when it is no such text or its id is another key's.
    """
    # The base64 may itself hold a plus: only the first two part the text.
    name, _, rest = vkey.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        data = base64.b64decode(encoded, validate=True)
        if data[:1] != _ED25519:
            raise ValueError("not an Ed25519 key")
        public_key = PublicKey.from_raw(Algorithm.EDDSA, data[1:])
    except (binascii.Error, ValueError) as error:
        raise AnswerNotUnderstood(f"the key of the log {name} cannot be read") from error
    if note.key_id(name, public_key.raw).hex() != key_id:
        raise AnswerNotUnderstood(f"the key of the log {name} does not fit its id")
    return public_key


def knows_key(compact_text: str, logs: Sequence[LogKey]) -> bool:
    """Whether one of `logs` is signed for with the key the receipt names."""
    kid = _split(compact_text).header.get("kid")
    return any(log_public_key(log.vkey).kid == kid for log in logs)


def verify_receipt(compact_text: str, *, origin: str, logs: Sequence[LogKey]) -> Receipt:
    """What the receipt promises, once its signature has verified.

    The key is the one published for the log that the receipt names.

    Raises: ReceiptNotVerified.
    """
    compact = _split(compact_text)
    if compact.header.keys() != _HEADER_MEMBERS or compact.header["typ"] != RECEIPT_TYPE:
        raise ReceiptNotVerified("the header is not a receipt's")
    try:
        receipt = _claims(compact)
    except (AnswerNotUnderstood, strict_json.MalformedJson, ValueError, OverflowError) as error:
        raise ReceiptNotVerified(f"the receipt cannot be read: {error}") from error
    keys = [log_public_key(log.vkey) for log in logs if log.name == receipt.log]
    key = next((each for each in keys if each.kid == compact.header["kid"]), None)
    if key is None:
        raise ReceiptNotVerified("the receipt is signed with a key that is not the log's")
    if not verify(compact, key):
        raise ReceiptNotVerified("the signature of the receipt does not verify")
    if receipt.origin != origin:
        raise ReceiptNotVerified("the receipt is another registry's")
    if not 0 <= (receipt.merge_by - receipt.issued_at).total_seconds() <= MERGE_SECONDS_MAX:
        raise ReceiptNotVerified("the receipt promises its entry too late")
    return receipt


def _split(compact_text: str) -> Compact:
    try:
        return split_compact(compact_text)
    except ValueError as error:
        raise ReceiptNotVerified(f"the receipt cannot be read: {error}") from error


def _claims(compact: Compact) -> Receipt:
    claims = Reader(strict_json.parse(compact.claims), "the receipt")
    entry = claims.text("entry")
    parse_id(Prefix.ENTRY, entry)
    return Receipt(
        origin=claims.text("iss"),
        log=claims.text("log"),
        entry=EntryId(entry),
        leaf=claims.data("leaf", LEAF_BYTES),
        issued_at=datetime.fromtimestamp(claims.integer("iat"), UTC),
        merge_by=datetime.fromtimestamp(claims.integer("merge_by"), UTC),
    )
