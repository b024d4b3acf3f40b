"""Column types mean the same on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from registry.database.engine import Database
from registry.database.types import Instant, Json

table = sa.Table(
    "test_values",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Instant),
    sa.Column("document", Json),
)
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def with_table(unmigrated_database: Database) -> Iterator[Database]:
    table.create(unmigrated_database.engine)
    return unmigrated_database


def keep(database: Database, *instants: datetime | None) -> None:
    rows = [{"id": number, "at": instant} for number, instant in enumerate(instants)]
    with database.transaction() as transaction:
        transaction.execute(sa.insert(table), rows)


def test_instants_come_back_aware_in_utc(with_table: Database) -> None:
    """Whatever the offset they were given in, to the microsecond."""
    shanghai = timezone(timedelta(hours=8))
    given = [NOON, NOON.replace(microsecond=1), NOON.astimezone(shanghai), None]
    keep(with_table, *given)
    with with_table.reading() as transaction:
        read = transaction.execute(sa.select(table.c.at).order_by(table.c.id)).scalars().all()
    assert given == read
    assert {UTC} == {instant.tzinfo for instant in read if instant}


def test_instants_sort_and_compare_by_time(with_table: Database) -> None:
    """Fractions and centuries included."""
    instants = [
        NOON,
        NOON + timedelta(microseconds=1),
        NOON + timedelta(seconds=1),
        NOON - timedelta(days=40_000),
        NOON + timedelta(days=40_000),
    ]
    keep(with_table, *instants)
    with with_table.reading() as transaction:
        ordered = transaction.execute(sa.select(table.c.at).order_by(table.c.at)).scalars().all()
        later = transaction.execute(
            sa.select(sa.func.count()).select_from(table).where(table.c.at > NOON)
        ).scalar_one()
    assert sorted(instants) == ordered
    assert 3 == later


def test_a_naive_instant_is_refused(with_table: Database) -> None:
    """It would mean another instant on each machine."""
    with pytest.raises((AssertionError, StatementError), match="aware"):
        keep(with_table, NOON.replace(tzinfo=None))


def test_documents_come_back_as_they_were(with_table: Database) -> None:
    """JSON text and JSONB alike."""
    document = {"a": [1, "二", None, True], "b": {"c": "\N{GRINNING FACE}"}}
    with with_table.transaction() as transaction:
        transaction.execute(sa.insert(table), {"id": 1, "document": document})
        assert document == transaction.execute(sa.select(table.c.document)).scalar_one()
