"""Statements that mean the same on both databases."""

import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.statements import insert_if_absent, insert_or_replace

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


def test_insert_or_replace_keeps_what_it_was_not_told_to_replace(
    unmigrated_database: Database,
) -> None:
    """The named columns are the new row's, the others the old one's; several rows at once."""
    things = sa.Table(
        "things",
        sa.MetaData(),
        sa.Column("name", sa.String(8), primary_key=True),
        sa.Column("number", sa.Integer),
        sa.Column("kept", sa.Integer),
    )
    things.create(unmigrated_database.engine)
    with unmigrated_database.transaction() as transaction:
        for number in (1, 2):
            rows = [{"name": name, "number": number, "kept": number} for name in ("a", "b")]
            transaction.execute(insert_or_replace(transaction, things, replaced=["number"]), rows)
        found = [tuple(row) for row in transaction.execute(sa.select(things).order_by("name"))]
    assert [("a", 2, 1), ("b", 2, 1)] == found
