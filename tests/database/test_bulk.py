"""Rows come back as they went in, whatever is in them, one or many thousands."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.database.bulk import Row, insert_rows
from registry.database.engine import Database

TABLE = sa.Table(
    "rows_of_a_test",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("data", sa.LargeBinary),
    sa.Column("number", sa.BigInteger),
)
# Neither database keeps U+0000 and surrogates; what COPY spells in its own way comes often.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8) | (
    st.text("\\\t\n\r.N中", max_size=8)
)
VALUES = st.tuples(
    st.none() | TEXTS,
    st.none() | st.binary(max_size=8),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)


@pytest.fixture
def own(database: Database) -> Database:
    with database.transaction() as transaction:
        TABLE.metadata.drop_all(transaction.connection)
        TABLE.metadata.create_all(transaction.connection)
    return database


def came_back(database: Database, rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """What stands after `rows` were inserted; it is gone again then."""
    with database.transaction() as transaction:
        insert_rows(transaction, TABLE, rows)
        found = transaction.execute(sa.select(TABLE).order_by(TABLE.c.id)).all()
        transaction.execute(sa.delete(TABLE))
    return [tuple(row) for row in found]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_values_come_back(own: Database, values: list[tuple[object, ...]]) -> None:
    """Backslashes, tabs, ends of lines, NULL, and the text that means it."""
    rows = [(number, *each) for number, each in enumerate(values)]
    assert rows == came_back(own, rows)  # type: ignore[arg-type]


def test_thousands_come_back(own: Database) -> None:
    """Also where they are sent in several pieces, and one alone is out of the ordinary."""
    rows: list[Row] = [(number, f"text {number}", b"\\x00", number) for number in range(3000)]
    rows[700] = (700, "tab\tand \\N", None, None)
    assert rows == came_back(own, rows)
