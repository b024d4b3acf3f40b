"""Makes what was deleted unreadable in the database's files, not only in its tables.

SQLite overwrites deleted content (secure_delete), but moving rows between pages can
leave copies in the unused part of a page, and the write-ahead log holds earlier
pages: VACUUM rewrites the whole file, a truncating checkpoint empties the log.
PostgreSQL frees dead rows by VACUUM and overwrites them when their room is used
again; to rewrite its files at once takes VACUUM FULL, which locks the tables, so
that is left to the operator. Its planner also keeps samples of what stood in each
column (pg_statistic): ANALYZE takes them anew from the rows that are left, and does
nothing where none is; to delete them then takes a superuser. Source:
sqlite.org/pragma.html#pragma_secure_delete, sqlite.org/lang_vacuum.html; PostgreSQL
manual, "Routine Vacuuming" and "Statistics Used by the Planner".
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from registry.database.engine import BUSY_TIMEOUT_SECONDS, Database
from registry.database.transaction import DatabaseUnavailable
from registry.database.turnstile import Turnstile, TurnTimedOut

_STATISTICS = "pg_catalog.pg_statistic"
_SAMPLED = "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What was done. `is_complete` False: another process was reading; run it again."""

    is_complete: bool
    advice: str | None


def compact(database: Database, tables: Sequence[str]) -> Compacted:
    """Rewrites a SQLite database; on PostgreSQL vacuums `tables`, and says what is left to do.

    Raises: DatabaseUnavailable.
    """
    if database.is_sqlite:
        return _compact_sqlite(database)
    emptied = _vacuum_postgresql(database, tables)
    advice = f"VACUUM FULL {', '.join([*tables, _STATISTICS])};"
    if emptied:
        relations = ", ".join(f"'{each}'::regclass" for each in emptied)
        delete = f"DELETE FROM {_STATISTICS} WHERE starelid IN ({relations});"  # noqa: S608
        advice = f"{delete} {advice}"
    return Compacted(is_complete=True, advice=advice)


def _compact_sqlite(database: Database) -> Compacted:
    path = database.engine.url.database
    assert path is not None, "a SQLite registry lives in a file"
    turnstile = Turnstile(Path(path))
    try:
        turnstile.enter(BUSY_TIMEOUT_SECONDS)
    except (TurnTimedOut, OSError) as error:
        raise DatabaseUnavailable from error
    try:
        return _rewrite(database)
    finally:
        turnstile.leave()


def _rewrite(database: Database) -> Compacted:
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        # Outside any transaction: the driver begins none by itself here.
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, _, _) = cursor.fetchone() or (1, 0, 0)
        cursor.close()
    except sqlite3.OperationalError as error:
        raise DatabaseUnavailable from error
    finally:
        connection.close()
    return Compacted(is_complete=not busy, advice=None)


def _vacuum_postgresql(database: Database, tables: Sequence[str]) -> list[str]:
    """Gives the tables that are empty now and of which the planner keeps older samples."""
    try:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.text("SET statement_timeout = 0"))
            sampled = set(connection.execute(sa.text(_SAMPLED)).scalars())
            emptied = []
            for table in tables:
                # What was never sampled is not sampled here: it would have to go later.
                options = "(ANALYZE)" if table in sampled else ""
                connection.execute(sa.text(f"VACUUM {options} {table}"))
                is_empty = sa.text(f"SELECT NOT EXISTS (SELECT FROM {table})")  # noqa: S608
                if table in sampled and connection.execute(is_empty).scalar_one():
                    emptied.append(table)
            # The samples before these; a role that does not own the database is warned.
            connection.execute(sa.text(f"VACUUM {_STATISTICS}"))
            # Its limits are those of no other connection.
            connection.invalidate()
            return emptied
    except DBAPIError as error:
        raise DatabaseUnavailable from error
