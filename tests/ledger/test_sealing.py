"""The request behind an entry is kept, and the database alone does not show it."""

import secrets
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from registry.crypto.sealing import SealBroken, Sealer
from registry.database.engine import Database
from registry.ledger.sealing import open_request, seal_request
from registry.ledger.store import log_payloads
from tests.ledger.logs import REQUEST, LittleNode

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_the_database_shows_no_signed_request(database: Database, tmp_path: Path) -> None:
    """Neither while the entry waits nor in its place; whoever holds the key reads it."""
    node = LittleNode(database=database, home=tmp_path)
    [appended] = node.append(1)
    for _ in range(2):
        with database.reading() as transaction:
            row = transaction.execute(sa.select(log_payloads)).one()
            opening = node.ledger.opening(transaction, appended.uuid)
        assert row.signed_request.startswith("sealed:")
        assert REQUEST not in "".join(map(str, row))
        assert opening is not None
        assert REQUEST == opening.signed_request
        node.sequence()
    node.fsck.check()


def test_a_request_of_an_older_row_is_read_in_clear() -> None:
    """Rows from before, and rows without a request, are what they are."""
    sealer = Sealer(secrets.token_bytes(32))
    assert REQUEST == open_request(sealer, ONE, REQUEST)
    assert None is open_request(sealer, ONE, None)
    assert None is seal_request(sealer, ONE, None)


def test_a_request_opens_only_beside_its_entry() -> None:
    """Moved to another entry, cut or changed it does not open."""
    sealer = Sealer(secrets.token_bytes(32))
    sealed = seal_request(sealer, ONE, REQUEST)
    assert sealed is not None
    assert REQUEST == open_request(sealer, ONE, sealed)
    changed = sealed[:-2] + ("AA" if not sealed.endswith("AA") else "BB")
    for uuid, stored in ((OTHER, sealed), (ONE, sealed[:-4]), (ONE, changed), (ONE, "sealed:!")):
        with pytest.raises(SealBroken):
            open_request(sealer, uuid, stored)
