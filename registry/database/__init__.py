"""The database: one transaction per request, on SQLite and on PostgreSQL.

Promises: what a transaction wrote is on disk when it ends without an error, and
nothing of it remains when it ends with one; a database that cannot be reached
is a `DatabaseUnavailable`, in bounded time.
Never: knows a room's tables; commits in the middle.

    engine -> transaction      types      migrate (Alembic, numbered)

Sources: sqlite.org/wal.html, PostgreSQL 15 manual ch. 13 and 30.
"""
