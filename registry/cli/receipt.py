"""`registry receipt`: verify what a registry promised, and that it kept it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.table import Table

from registry.cli.log_keys import given_logs, origin_of, published_logs
from registry.cli.parameters import read_at_most
from registry.cli.rendering import facts, json_option, panel, show
from registry.client.entries import read_log_entry
from registry.client.problems import AnswerNotUnderstood
from registry.client.reading import Reader
from registry.client.receipts import (
    ReceiptNotVerified,
    log_public_key,
    verify_inclusion,
    verify_receipt,
)
from registry.client.results import LogKey
from registry.crypto import checkpoint, note, tlog_proof
from registry.crypto.merkle import leaf_hash
from registry.crypto.signature import split_compact
from registry.kernel import base64url, strict_json
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import EntryId, Prefix, with_prefix
from registry.ledger.model import ENTRY_BYTES, decode_entry, shard_of

_PROOF_START = b"c2sp.org/tlog-proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a file shows of an entry; `checked` are the things that were verified."""

    file: str
    entry: str
    leaf: bytes
    log: str
    checked: tuple[str, ...]
    index: int | None = None
    size: int | None = None
    merge_by: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """The same as JSON values."""
        return {
            "verified": True,
            "file": self.file,
            "entry": self.entry,
            "log": self.log,
            "leaf": base64url.encode(self.leaf),
            "checked": list(self.checked),
            "index": self.index,
            "size": self.size,
            "merge_by": self.merge_by,
        }


@click.group()
def receipt() -> None:
    """Verify receipts and proofs."""


@receipt.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--vkey", "vkeys", multiple=True, metavar="VKEY", help="The log's verifier key.")
@json_option
def verify(files: tuple[str, ...], vkeys: tuple[str, ...]) -> None:
    """Verify receipts, entries and proofs; several FILEs must be of one entry.

    FILE is a receipt (JWS) or an answer that has one, the JSON of
    GET /v1/receipts/ENTRY, or a .tlog-proof; - is standard input. With --vkey
    nothing is asked of anybody; without it the key is the one the node publishes.
    """
    known = given_logs(vkeys)
    verified = [_verify_file(file, known) for file in files]
    if len({each.leaf for each in verified}) != 1:
        raise ReceiptNotVerified("the files are of different entries")
    documents = [each.to_json() for each in verified]
    shown = [panel(_title(each), _shown(each), style="green") for each in verified]
    show(documents[0] if len(documents) == 1 else list(documents), *shown)


def _verify_file(file: str, known: Sequence[LogKey]) -> Verified:
    data = read_at_most(file, tlog_proof.PROOF_BYTES_MAX)
    name = "-" if file == "-" else Path(file).name
    if data.startswith(_PROOF_START):
        return _verify_proof(name, data, known)
    if data.lstrip()[:1] == b"{":
        document = Reader(strict_json.parse(data), name)
        if document.has("entry") and not document.has("receipt"):
            return _verify_entry(name, document, known)
        return _verify_receipt(name, document.text("receipt"), known)
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ReceiptNotVerified(f"{name} is no receipt, entry or proof") from None
    return _verify_receipt(name, text, known)


def _verify_receipt(file: str, text: str, known: Sequence[LogKey]) -> Verified:
    try:
        # Not believed: it only says whose key to look for.
        claims = Reader(strict_json.parse(split_compact(text).claims), file)
    except (ValueError, strict_json.MalformedJson) as error:
        raise ReceiptNotVerified(f"{file} is no receipt, entry or proof") from error
    issuer = claims.text("iss")
    logs = [each for each in known if each.origin.startswith(f"{urlsplit(issuer).netloc}/log/")]
    promised = verify_receipt(text, origin=issuer, logs=logs or _published(issuer, known))
    return Verified(
        file=file,
        entry=promised.entry,
        leaf=promised.leaf,
        log=promised.log,
        checked=("signature of the receipt",),
        merge_by=format_instant(promised.merge_by),
    )


def _verify_entry(file: str, document: Reader, known: Sequence[LogKey]) -> Verified:
    data = document.data("entry", ENTRY_BYTES)
    entry = read_log_entry(document, _id_of(data))
    if entry.inclusion is None or entry.checkpoint is None:
        raise ReceiptNotVerified(f"{file}: the entry has no place in its log yet; ask again")
    origin = _require_shard(data, entry.checkpoint.encode())
    verify_inclusion(entry, logs=_logs_of(origin, known))
    opened = () if entry.opening is None else ("header and subject against their commitments",)
    return Verified(
        file=file,
        entry=entry.id,
        leaf=entry.leaf,
        log=origin,
        checked=("leaf", "inclusion", "signature of the checkpoint", *opened),
        index=entry.inclusion.index,
        size=entry.inclusion.size,
    )


def _verify_proof(file: str, data: bytes, known: Sequence[LogKey]) -> Verified:
    try:
        proof = tlog_proof.parse(data)
        if len(proof.extra) != ENTRY_BYTES:
            raise ReceiptNotVerified(f"{file}: the proof does not carry its entry")
        origin = _require_shard(proof.extra, proof.signed_checkpoint)
        keys = [
            note.VerifierKey(name=origin, public_key=log_public_key(log.vkey))
            for log in _logs_of(origin, known)
        ]
        leaf = leaf_hash(proof.extra)
        tree = tlog_proof.verify(proof, leaf=leaf, origin=origin, log_keys=keys[:1]).checkpoint
    except ValueError as error:
        raise ReceiptNotVerified(f"{file}: {error}") from error
    return Verified(
        file=file,
        entry=_id_of(proof.extra),
        leaf=leaf,
        log=origin,
        checked=("leaf", "inclusion", "signature of the checkpoint"),
        index=proof.index,
        size=tree.size,
    )


def _require_shard(entry: bytes, signed_checkpoint: bytes) -> str:
    """The origin of the checkpoint, which is that of the log the entry says it belongs to."""
    try:
        decode_entry(entry)
        origin = checkpoint.parse(note.parse(signed_checkpoint).text).origin
    except ValueError as error:
        raise ReceiptNotVerified(f"the entry or the checkpoint cannot be read: {error}") from error
    if not origin.endswith(f"/log/{shard_of(entry).name}"):
        raise ReceiptNotVerified("the checkpoint is of another log than the entry's")
    return origin


def _id_of(entry: bytes) -> EntryId:
    try:
        return EntryId(with_prefix(Prefix.ENTRY, decode_entry(entry).uuid))
    except ValueError as error:
        raise ReceiptNotVerified(f"the entry cannot be read: {error}") from error


def _logs_of(origin: str, known: Sequence[LogKey]) -> list[LogKey]:
    """The keys of the log `origin`, under its own name."""
    stem = origin.rpartition("/")[0]
    logs = known or _published(origin_of(origin.partition("/log/")[0]), known)
    return [replace(each, origin=origin) for each in logs if each.origin.rpartition("/")[0] == stem]


def _published(origin: str, known: Sequence[LogKey]) -> Sequence[LogKey]:
    if known:
        raise ReceiptNotVerified(f"none of the keys given is of {origin}")
    try:
        return published_logs(origin)
    except ValueError as error:
        raise AnswerNotUnderstood(f"{origin}: {error}") from error


def _title(verified: Verified) -> str:
    return f"{verified.file} verifies"


def _shown(verified: Verified) -> Table:
    document = verified.to_json()
    shown = {name: value for name, value in document.items() if value is not None}
    del shown["verified"], shown["file"]
    shown["checked"] = ", ".join(verified.checked)
    return facts(shown)
