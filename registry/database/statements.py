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
    if transaction.is_sqlite:
        return sqlite.insert(table).values(values).on_conflict_do_nothing()
    return postgresql.insert(table).values(values).on_conflict_do_nothing()
