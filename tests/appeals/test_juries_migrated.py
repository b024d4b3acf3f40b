"""A jury that was under way when its node was brought to a newer version."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from registry.appeals import jury_store
from registry.appeals.jury_model import Stage
from registry.database.engine import Database
from registry.database.migrate import upgrade
from registry.ledger.first_checkpoints import first_checkpoints

BEFORE = "0028"
CASE = "apl_01935d6e-0000-7000-8000-000000000001"
ENTRY = UUID(int=7)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SOON = NOW + timedelta(days=3)


def test_it_is_read_and_drawn_by_the_next_checkpoint(unmigrated_database: Database) -> None:
    """Nobody is barred from it, and the first checkpoint from now on is kept for it."""
    upgrade(unmigrated_database.engine, BEFORE)
    with unmigrated_database.engine.begin() as connection:
        connection.execute(
            sa.insert(jury_store.juries).values(
                case_id=CASE,
                round=1,
                incident_id="inc_01935d6e-0000-7000-8000-000000000002",
                furnisher="mem_01935d6e-0000-7000-8000-000000000003",
                edition="cn-2026.1",
                stage=Stage.LISTED.value,
                list_key=bytes(32),
                entry_id=ENTRY.bytes,
                proof=b"",
                convened_at=NOW,
                evidence_until=NOW,
                voting_until=SOON,
            )
        )
    upgrade(unmigrated_database.engine)
    with unmigrated_database.reading() as transaction:
        jury = jury_store.find(transaction, CASE, 1)
        awaited = transaction.execute(sa.select(first_checkpoints.c.entry_id)).scalars().all()
    assert jury is not None
    assert (Stage.LISTED, frozenset()) == (jury.stage, jury.barred)
    assert [ENTRY.bytes] == [bytes(each) for each in awaited]
