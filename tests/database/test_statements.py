"""Statements that mean the same on both databases."""

import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.statements import insert_if_absent

things = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("name", sa.String(8), primary_key=True),
    sa.Column("number", sa.Integer),
)


def test_insert_if_absent_says_whether_it_added(unmigrated_database: Database) -> None:
    """One row the first time, none the second, and the first stays as it is."""
    things.create(unmigrated_database.engine)
    with unmigrated_database.transaction() as transaction:
        counts = [
            transaction.execute(
                insert_if_absent(transaction, things, {"name": "a", "number": number})
            ).rowcount
            for number in (1, 2)
        ]
        rows = [tuple(row) for row in transaction.execute(sa.select(things))]
    assert [1, 0] == counts
    assert [("a", 1)] == rows
