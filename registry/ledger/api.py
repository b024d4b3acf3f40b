"""The doors of the ledger. Source: docs/protocol.md, section 6."""

from typing import Any
from uuid import UUID

from flask import Response

from registry.crypto.tlog_proof import EXTENSION, TlogProof
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_optionally_signed, describe_problems
from registry.http.signed import Door
from registry.http.wiring import the
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.model import (
    PUBLIC_RECORD_TYPES,
    EntryNotFound,
    EntryNotMerged,
    decode_entry,
)
from registry.ledger.schemas import ReceiptEntrySchema, receipt_document
from registry.ledger.service import Ledger

blueprint = Blueprint("ledger", __name__, description="The two logs, and what receipts promise")


@blueprint.route("/v1/receipts/<entry_id>", methods=["GET"])
@describe_optionally_signed
@describe_problems(EntryNotFound)
@blueprint.response(200, ReceiptEntrySchema)
def read_entry(entry_id: str) -> dict[str, Any]:
    """Read the entry a receipt speaks of; sign the call to open an entry you made."""
    uuid = _uuid(entry_id)
    caller = the(Door).caller_if_signed()
    ledger = the(Ledger)
    with the(Database).reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        entry = ledger.entry(transaction, uuid)
        opening = ledger.opening(transaction, uuid)
        proof = ledger.proof(transaction, uuid)
    if entry is None:
        raise EntryNotFound
    is_makers = opening is not None and caller is not None and caller.member == opening.member
    is_public = decode_entry(entry).record_type in PUBLIC_RECORD_TYPES
    return receipt_document(entry, opening if is_makers or is_public else None, proof)


@blueprint.route(f"/v1/receipts/<entry_id>{EXTENSION}", methods=["GET"])
@describe_problems(EntryNotFound, EntryNotMerged)
@blueprint.response(200, content_type="text/plain", description="A C2SP tlog-proof")
def read_tlog_proof(entry_id: str) -> Response:
    """Read the proof that an entry is in its log; its extra data is the entry."""
    uuid = _uuid(entry_id)
    ledger = the(Ledger)
    with the(Database).reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
        entry = ledger.entry(transaction, uuid)
        proof = ledger.proof(transaction, uuid)
    if entry is None:
        raise EntryNotFound
    if proof is None:
        raise EntryNotMerged(retry_after_seconds=1)
    stored = TlogProof(
        index=proof.index,
        hashes=proof.hashes,
        signed_checkpoint=proof.checkpoint.encode(),
        extra=entry,
    )
    return Response(stored.to_bytes(), content_type="text/plain; charset=utf-8")


def _uuid(entry_id: str) -> UUID:
    try:
        return parse_id(Prefix.ENTRY, entry_id)
    except ValueError:
        raise EntryNotFound from None
