"""Statements that both databases know under one meaning and two names."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from registry.database.transaction import Transaction


def insert_if_absent(transaction: Transaction, table: sa.Table, values: Any) -> sa.Insert:
    """An INSERT that adds nothing where a row with the same key stands.

    A rowcount of 0 says that it stood; on PostgreSQL it waits for a transaction
    that is just adding it, so that the answer is final.
    """
    insert = sqlite.insert if transaction.is_sqlite else postgresql.insert
    statement = insert(table).values(values).on_conflict_do_nothing()
    # Without this SQLAlchemy lets go of an INSERT's rowcount with psycopg: -1, always.
    return statement.execution_options(preserve_rowcount=True)


def insert_or_replace(
    transaction: Transaction, table: sa.Table, *, replaced: Collection[str]
) -> sa.Insert:
    """An INSERT whose row takes the place of one with the same key, in the columns `replaced`."""
    insert = (sqlite.insert if transaction.is_sqlite else postgresql.insert)(table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in replaced},
    )
