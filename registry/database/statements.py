"""Statements that both databases know under one meaning and two names."""

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
