"""The doors of the ledger. Source: docs/protocol.md, section 6."""

from typing import Any

from registry.database.engine import Database
from registry.http.blueprint import Blueprint
from registry.http.openapi import describe_optionally_signed, describe_problems
from registry.http.signed import Door
from registry.http.wiring import the
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.model import EntryNotFound
from registry.ledger.schemas import ReceiptEntrySchema, opened_document, public_document
from registry.ledger.service import Ledger

blueprint = Blueprint("ledger", __name__, description="The two logs, and what receipts promise")


@blueprint.route("/v1/receipts/<entry_id>", methods=["GET"])
@describe_optionally_signed
@describe_problems(EntryNotFound)
@blueprint.response(200, ReceiptEntrySchema)
def read_entry(entry_id: str) -> dict[str, Any]:
    """Read the entry a receipt speaks of; sign the call to open an entry you made."""
    try:
        uuid = parse_id(Prefix.ENTRY, entry_id)
    except ValueError:
        raise EntryNotFound from None
    caller = the(Door).caller_if_signed()
    with the(Database).reading() as transaction:
        opening = the(Ledger).opening(transaction, uuid)
    if opening is None:
        raise EntryNotFound
    if caller is not None and caller.member == opening.member:
        return opened_document(opening)
    return public_document(opening)
