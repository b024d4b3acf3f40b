"""Checks receipts against the log keys a registry publishes.

Source: docs/protocol.md, section 6; C2SP signed-note (verifier keys).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from registry.client.problems import AnswerNotTrusted, AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.results import LogEntry, LogKey, Receipt
from registry.crypto import checkpoint, merkle, note
from registry.crypto.signature import Compact, PublicKey, split_compact, verify
from registry.kernel import strict_json
from registry.kernel.ids import EntryId, Prefix, parse_id

RECEIPT_TYPE = "ccr-receipt+jwt"
MERGE_SECONDS_MAX = 60
LEAF_BYTES = 32

_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})


class ReceiptNotVerified(AnswerNotTrusted):
    """The receipt is not one this registry signed; keep it, it is evidence."""


def log_public_key(vkey: str) -> PublicKey:
    """The Ed25519 key inside `name+hex id+base64(01 ‖ key)`.

    Raises: AnswerNotUnderstood when it is no such text or its id is another key's.
    """
    try:
        return note.VerifierKey.from_vkey(vkey).public_key
    except note.MalformedVerifierKey as error:
        raise AnswerNotUnderstood(f"the key of a log cannot be read: {error}") from error


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


def verify_inclusion(entry: LogEntry, *, logs: Sequence[LogKey]) -> None:
    """Promises that a merged entry stands in the tree its checkpoint signs.

    A log is a half-year's shard; each is signed for with the node's one key, under
    a name of its own. Raises: ReceiptNotVerified, also before the merge.
    """
    if entry.inclusion is None or entry.checkpoint is None:
        raise ReceiptNotVerified("the entry has no place in its log yet")
    try:
        signed = note.parse(entry.checkpoint.encode())
        origin = checkpoint.parse(signed.text).origin
        keys = [
            note.VerifierKey(name=origin, public_key=log_public_key(log.vkey))
            for log in logs
            if origin.rpartition("/")[0] == log.origin.rpartition("/")[0]
        ]
        tree = checkpoint.verify(signed, origin=origin, log_keys=keys).checkpoint
    except ValueError as error:
        raise ReceiptNotVerified(f"the checkpoint does not verify: {error}") from error
    proof = entry.inclusion
    included = tree.size == proof.size and merkle.verify_inclusion(
        index=proof.index,
        size=proof.size,
        leaf=entry.leaf,
        proof=proof.proof,
        root=tree.root,
    )
    if not included:
        raise ReceiptNotVerified("the proof does not show the entry in its log")


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
