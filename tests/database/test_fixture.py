"""Each test gets a migrated database of its own."""

import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.migrate import require_head


def test_a_test_database_is_at_head_and_empty(database: Database) -> None:
    """The program would start on it, and nobody is in it."""
    require_head(database.engine)
    with database.reading() as transaction:
        assert 0 == transaction.execute(sa.text("SELECT count(*) FROM members")).scalar_one()
