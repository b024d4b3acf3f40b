"""Standings: one row per lookup key with all that a lookup needs.

A row lists the contributions of every incident filed under its key. What depends
on the furnisher (its group, reliability, suspension) or on time is not in it and
is applied when it is read, so that no job has to visit rows.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from registry.database.bulk import Row
from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.incidents.flags import Flags, flags_from_text, flags_to_text
from registry.incidents.model import Course, Incident, KeptIdentity
from registry.incidents.standing_lines import (
    StandingLine,
    line_document,
    line_of_filed,
    lines_of,
    text_of,
)
from registry.incidents.store import incident_identities, incidents

standings = sa.Table(
    "standings",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("contributions", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    # What the person said at their own door; not of the incidents, and kept without any.
    sa.Column("flags", sa.Text),
    # Few people say anything: whose markers are over is found among them alone.
    sa.Index(
        "ix_standings_flagged",
        "lookup_key",
        postgresql_where=sa.text("flags IS NOT NULL"),
        sqlite_where=sa.text("flags IS NOT NULL"),
    ),
    # Rows are rewritten in place: room on the page keeps the update off the index.
    postgresql_with={"fillfactor": 80},
)

_GONE = (Course.WITHDRAWN.value, Course.OVERTURNED.value)
_LOCK = (
    "INSERT INTO standings (lookup_key, contributions, version) VALUES {places}"
    " ON CONFLICT (lookup_key) DO UPDATE SET version = standings.version + 1"
)
# As `_LOCK`, and nothing of a row that stands is another afterwards.
_HOLD = _LOCK.removesuffix(" + 1")
_KEEP = "UPDATE standings SET contributions = ? WHERE lookup_key = ?"
_DROP = "DELETE FROM standings WHERE lookup_key = ? AND flags IS NULL"
_DROP_EMPTY = (
    "DELETE FROM standings WHERE lookup_key IN ({places})"
    " AND flags IS NULL AND contributions = '[]'"
)
_FLAG = "UPDATE standings SET flags = ? WHERE lookup_key = ?"
_READ = "SELECT lookup_key, contributions, flags FROM standings WHERE lookup_key "
_READ_POSTGRESQL = _READ + "= ANY(%s)"
_FLAGGED = "SELECT lookup_key, flags FROM standings WHERE flags IS NOT NULL AND lookup_key "
_STOOD = "SELECT lookup_key FROM standings WHERE lookup_key IN ({places})"
_ADD = "INSERT INTO standings (lookup_key, contributions, version) VALUES (?, ?, 1)"
_ADD_POSTGRESQL = (
    "INSERT INTO standings (lookup_key, contributions, version)"
    " SELECT lookup_key, contributions, 1"
    " FROM unnest(%s::bytea[], %s::text[]) AS new (lookup_key, contributions)"
    " ON CONFLICT (lookup_key) DO UPDATE SET version = standings.version + 1"
    " RETURNING lookup_key, (xmax = 0)::int"
)
# A text for each length is prepared once a connection: few lengths, few texts.
_ROWS_MAX = 500

# Built once: building it takes as long as running it.
_LINES = (
    sa.select(
        incident_identities.c.lookup_key,
        incident_identities.c.last_verified_on,
        incidents.c.id,
        incidents.c.code,
        incidents.c.severity,
        incidents.c.occurred_on,
        incidents.c.effective_at,
        incidents.c.expires_on,
        incidents.c.furnisher,
        incidents.c.course,
        incidents.c.block,
        incidents.c.evidence,
    )
    .join(incidents, incidents.c.id == incident_identities.c.incident_id)
    .where(
        incident_identities.c.lookup_key.in_(sa.bindparam("keys", expanding=True)),
        incident_identities.c.severed_at.is_(None),
        incidents.c.course.not_in(_GONE),
        incidents.c.expires_on > sa.bindparam("today"),
    )
    .order_by(incidents.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """All that is kept ready of one identity."""

    lines: list[StandingLine]
    flags: Flags | None


def read(
    transaction: Transaction, lookup_keys: Collection[bytes]
) -> Mapping[bytes, list[StandingLine]]:
    """The lines of these keys' rows, by key, with one SELECT; a clean subject has none."""
    return {key: row.lines for key, row in read_rows(transaction, lookup_keys).items()}


def read_rows(
    transaction: Transaction, lookup_keys: Collection[bytes]
) -> Mapping[bytes, StandingRow]:
    """The standing rows of these keys, by key, with one SELECT; most people have none."""
    return read_rows_later(transaction, lookup_keys)()


def read_rows_later(
    transaction: Transaction, lookup_keys: Collection[bytes]
) -> Callable[[], Mapping[bytes, StandingRow]]:
    """As `read_rows`, told when asked: PostgreSQL is sent the SELECT with the next statement."""
    found: Iterable[tuple[Any, ...]]
    if transaction.is_sqlite:
        # Read to its end at once: a statement that nobody asks any more would go on seeing
        # the past, and the next to write on its connection be refused.
        statement = f"{_READ}IN ({_places(lookup_keys)})"
        found = list(transaction.execute_later(statement, list(lookup_keys)))
    else:
        found = transaction.execute_later(_READ_POSTGRESQL, [list(lookup_keys)])

    def tell() -> Mapping[bytes, StandingRow]:
        return {
            bytes(key): StandingRow(
                lines=lines_of(text),
                flags=None if flags is None else flags_from_text(flags),
            )
            for key, text, flags in found
        }

    return tell


def flags_among(transaction: Transaction, lookup_keys: Collection[bytes]) -> Mapping[bytes, Flags]:
    """What people said of these identities, by key, with one SELECT; most say nothing."""
    cursor = transaction.hot_cursor()
    if transaction.is_sqlite:
        cursor.execute(f"{_FLAGGED}IN ({_places(lookup_keys)})", list(lookup_keys))
    else:
        cursor.execute(f"{_FLAGGED}= ANY(%s)", [list(lookup_keys)])
    return {bytes(key): flags_from_text(flags) for key, flags in cursor}


def change_flags(
    transaction: Transaction,
    lookup_keys: Collection[bytes],
    change: Callable[[Flags | None], Flags | None],
) -> Mapping[bytes, Flags | None]:
    """Replaces the flags of these keys by what `change` makes of them; None: there are none.

    The rows are locked as `recompute` locks them: a filing and a freeze of one subject wait
    for each other. Gives what the flags are from now on.
    """
    keys = sorted(set(lookup_keys))
    _lock(transaction, keys)
    found = read_rows(transaction, keys)
    changed = {}
    for key in keys:
        flags = change(found[key].flags)
        changed[key] = None if flags is None or flags.says_nothing else flags
        kept = changed[key]
        _run(transaction, _FLAG, [None if kept is None else flags_to_text(kept), key])
        if kept is None:
            _run(transaction, _DROP_EMPTY.format(places="?"), [key])
    return changed


def flagged(transaction: Transaction, *, after: bytes, rows_max: int) -> list[tuple[bytes, Flags]]:
    """The next rows in which a person says something, in the order of their keys."""
    columns = standings.c
    select = (
        sa.select(columns.lookup_key, columns.flags)
        .where(columns.flags.is_not(None), columns.lookup_key > after)
        .order_by(columns.lookup_key)
        .limit(rows_max)
    )
    return [
        (bytes(row.lookup_key), flags_from_text(row.flags)) for row in transaction.execute(select)
    ]


def page(
    transaction: Transaction, *, after: bytes, rows_max: int
) -> list[tuple[bytes, list[StandingLine]]]:
    """The next rows in the order of their keys, behind the key `after`."""
    select = (
        sa.select(standings.c.lookup_key, standings.c.contributions)
        .where(standings.c.lookup_key > after)
        .order_by(standings.c.lookup_key)
        .limit(rows_max)
    )
    return [
        (bytes(row.lookup_key), lines_of(row.contributions)) for row in transaction.execute(select)
    ]


def recompute(transaction: Transaction, lookup_keys: Set[bytes], today: date) -> None:
    """Brings the rows of these keys up to date with the incidents, in this transaction.

    What has expired by `today` is left out of them.

    The rows are locked first, in one order everywhere, so that two changes of one
    subject wait for each other and neither overlooks the other; what is read
    after the lock is what every earlier holder committed.
    """
    keys = sorted(lookup_keys)
    if not keys:
        return
    _lock(transaction, keys)
    _rewrite(transaction, keys, today)


def hold(transaction: Transaction, lookup_keys: Set[bytes]) -> None:
    """Locks the rows of all these keys now, for whoever changes several incidents together.

    Else the second incident's rows would be locked after the first's, in an order of
    their own. SQLite has one writer at a time and needs no lock.
    """
    keys = sorted(lookup_keys)
    if not keys or transaction.is_sqlite:
        return
    places = ", ".join(["(?, '[]', 1)"] * len(keys))
    _run(transaction, _HOLD.format(places=places), keys)
    # A row that this made is none; that it was made keeps others waiting all the same.
    for start in range(0, len(keys), _ROWS_MAX):
        some = keys[start : start + _ROWS_MAX]
        _run(transaction, _DROP_EMPTY.format(places=_places(some)), some)


def add(
    transaction: Transaction,
    filed: Sequence[tuple[Incident, Sequence[KeptIdentity]]],
    today: date,
) -> None:
    """As `recompute`, for incidents that were just filed, however many.

    Who had no row gets one with these incidents, at the cost of one statement; the
    rows of everyone else are written anew.
    """
    lines: dict[bytes, list[str]] = {}
    # In the order of ids, as they are read again from the incidents.
    for incident, identities in sorted(filed, key=lambda each: each[0].id):
        for identity in identities:
            lines.setdefault(identity.lookup_key, []).append(line_of_filed(incident, identity))
    keys = sorted(lines)
    rows = [(key, f"[{','.join(lines[key])}]") for key in keys]
    stood: list[bytes] = []
    for start in range(0, len(rows), _ROWS_MAX):
        stood += _insert(transaction, rows[start : start + _ROWS_MAX])
    if stood:
        _rewrite(transaction, stood, today)


def _insert(transaction: Transaction, rows: Sequence[tuple[bytes, str]]) -> list[bytes]:
    """Inserts rows where there is none; the keys of those that stood, locked from now on."""
    cursor = transaction.hot_cursor()
    if transaction.is_sqlite:
        cursor.execute(_STOOD.format(places=_places(rows)), [key for key, _ in rows])
        stood = {bytes(key) for (key,) in cursor}
        cursor.executemany(_ADD, [row for row in rows if row[0] not in stood])
        return sorted(stood)
    # In the order of the arrays. `xmax` of a row that was inserted is 0: it tells those
    # that stood, without another look, which could not see what is not committed.
    cursor.execute(_ADD_POSTGRESQL, [[key for key, _ in rows], [text for _, text in rows]])
    return [key for key, is_new in cursor if not is_new]


def _rewrite(transaction: Transaction, keys: Sequence[bytes], today: date) -> None:
    """Writes rows that are locked anew from the incidents."""
    for start in range(0, len(keys), _ROWS_MAX):
        some = keys[start : start + _ROWS_MAX]
        lines = _lines_from_incidents(transaction, some, today)
        for key in some:
            found = lines.get(key)
            if found:
                _run(transaction, _KEEP, [text_of(found), key])
            elif not _run(transaction, _DROP, [key]):
                # No incident is left, but what the person said is.
                _run(transaction, _KEEP, ["[]", key])


def row_of(incident: Incident, identity: KeptIdentity) -> Row:
    """The row of a subject of whom this one incident is known, in the order of the columns."""
    return (identity.lookup_key, f"[{line_of_filed(incident, identity)}]", 1, None)


def _places(rows: Collection[object]) -> str:
    return ", ".join("?" * len(rows))


def _lock(transaction: Transaction, keys: Sequence[bytes]) -> None:
    # One statement for all; PostgreSQL takes the rows in the order of VALUES.
    places = ", ".join(["(?, '[]', 1)"] * len(keys))
    _run(transaction, _LOCK.format(places=places), list(keys))


def _run(transaction: Transaction, statement: str, parameters: Sequence[bytes | str | None]) -> int:
    """Runs a statement with question marks for placeholders; how many rows it touched."""
    cursor = transaction.hot_cursor()
    try:
        cursor.execute(
            statement if transaction.is_sqlite else statement.replace("?", "%s"), parameters
        )
        return int(cursor.rowcount)
    finally:
        cursor.close()


def _lines_from_incidents(
    transaction: Transaction, keys: Collection[bytes], today: date
) -> dict[bytes, list[dict[str, Any]]]:
    lines: dict[bytes, list[dict[str, Any]]] = {}
    for row in transaction.execute(_LINES, {"keys": keys, "today": today}):
        lines.setdefault(row.lookup_key, []).append(line_document(row))
    return lines
