"""Incidents whose time has come, and what is left of those that were removed."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.incidents.model import Course, Incident
from registry.incidents.store import from_row, incident_identities, incidents
from registry.kernel.ids import IncidentId, MemberId

removed_incidents = sa.Table(
    "removed_incidents",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("furnisher", sa.String(40), nullable=False),
    sa.Column("reference_mark", sa.LargeBinary(32), nullable=False),
    sa.Column("erased_by", sa.LargeBinary(16), nullable=False),
    sa.Column("removed_at", Instant, nullable=False),
    # A furnisher that repeats an old report is told that it was removed.
    sa.Index("ix_removed_incidents_furnisher_reference_mark", "furnisher", "reference_mark"),
)

_ASKED_MAX = 1000
_KNOWN = (
    "SELECT 1 FROM incidents WHERE (furnisher, reference) IN {pairs}"
    " UNION ALL SELECT 1 FROM removed_incidents WHERE (furnisher, reference_mark) IN {pairs}"
    " LIMIT 1"
)
# LIMIT in the inner SELECT: each is looked up in the index, however few rows there were
# when the plan was made.
_KNOWN_POSTGRESQL = (
    "SELECT 1 FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS asked (furnisher, name, mark)"
    " WHERE (SELECT true FROM incidents"
    "  WHERE furnisher = asked.furnisher AND reference = asked.name LIMIT 1)"
    " OR (SELECT true FROM removed_incidents"
    "  WHERE furnisher = asked.furnisher AND reference_mark = asked.mark LIMIT 1)"
    " LIMIT 1"
)
_REMOVED = (
    "SELECT reference_mark FROM removed_incidents"
    " WHERE furnisher = ? AND reference_mark IN ({places})"
)
_REMOVED_POSTGRESQL = (
    "SELECT asked.mark FROM unnest(%s::bytea[]) AS asked (mark), LATERAL"
    " (SELECT 1 FROM removed_incidents"
    "  WHERE furnisher = %s AND reference_mark = asked.mark LIMIT 1) AS found"
)
_GONE = (Course.WITHDRAWN.value, Course.OVERTURNED.value)


def expired(
    transaction: Transaction,
    *,
    today: date,
    after: tuple[date, IncidentId] | None,
    incidents_max: int,
) -> list[Incident]:
    """Incidents that are kept no longer than `today`, oldest first, behind `after`."""
    columns = incidents.c
    select = sa.select(incidents).where(columns.expires_on <= today)
    return _some(transaction, select, columns.expires_on, after, incidents_max)


def taken_back(
    transaction: Transaction,
    *,
    before: datetime,
    kept_beyond: date,
    after: tuple[datetime, IncidentId] | None,
    incidents_max: int,
) -> list[Incident]:
    """Incidents withdrawn or overturned before an instant, oldest first, behind `after`.

    Those that would be kept no longer than `kept_beyond` anyway are among the expired.
    """
    columns = incidents.c
    select = sa.select(incidents).where(
        columns.course.in_(_GONE),
        columns.changed_at < before,
        columns.expires_on > kept_beyond,
    )
    return _some(transaction, select, columns.changed_at, after, incidents_max)


def under(transaction: Transaction, lookup_keys: Collection[bytes]) -> list[IncidentId]:
    """The incidents that are found by one of these keys, or were and are found by none any more."""
    columns = incident_identities.c
    other = incident_identities.alias()
    is_found = sa.exists().where(
        other.c.incident_id == columns.incident_id, other.c.severed_at.is_(None)
    )
    select = (
        sa.select(columns.incident_id)
        .where(
            columns.lookup_key.in_(sorted(lookup_keys)),
            sa.or_(columns.severed_at.is_(None), sa.not_(is_found)),
        )
        .distinct()
        .order_by(columns.incident_id)
    )
    return [IncidentId(each) for each in transaction.execute(select).scalars()]


def remove(
    transaction: Transaction,
    incident: Incident,
    *,
    reference_mark: bytes,
    by: UUID,
    now: datetime,
) -> None:
    """Deletes an incident and its identities, and notes that there was one."""
    transaction.execute(
        sa.delete(incident_identities).where(incident_identities.c.incident_id == incident.id)
    )
    transaction.execute(sa.delete(incidents).where(incidents.c.id == incident.id))
    values = {
        "id": incident.id,
        "furnisher": incident.furnisher,
        "reference_mark": reference_mark,
        "erased_by": by.bytes,
        "removed_at": now,
    }
    transaction.execute(sa.insert(removed_incidents).values(values))


def was_removed(
    transaction: Transaction, incident: IncidentId, *, furnisher: MemberId | None = None
) -> bool:
    """Whether the incident of this id was removed, and was this furnisher's, if one is named."""
    columns = removed_incidents.c
    conditions = [columns.id == incident]
    if furnisher is not None:
        conditions.append(columns.furnisher == furnisher)
    return _exists(transaction, *conditions)


def is_any_reference_known(
    transaction: Transaction, references: Sequence[tuple[MemberId, str, bytes]]
) -> bool:
    """Whether a furnisher filed something under its reference, removed or not.

    `references` are furnisher, reference and the mark the reference would have left.
    """
    cursor = transaction.hot_cursor()
    furnishers, names, marks = zip(*references, strict=True)
    if transaction.is_sqlite:
        places = ", ".join(["(?, ?)"] * len(references))
        named = [value for pair in zip(furnishers, names, strict=True) for value in pair]
        marked = [value for pair in zip(furnishers, marks, strict=True) for value in pair]
        cursor.execute(_KNOWN.format(pairs=f"(VALUES {places})"), named + marked)
    else:
        cursor.execute(_KNOWN_POSTGRESQL, (furnishers, names, marks))
    return cursor.fetchone() is not None


def marks_removed(
    transaction: Transaction, furnisher: MemberId, marks: Sequence[bytes]
) -> set[bytes]:
    """Those of `marks` that references of removed incidents left."""
    found: set[bytes] = set()
    cursor = transaction.hot_cursor()
    for start in range(0, len(marks), _ASKED_MAX):
        some = marks[start : start + _ASKED_MAX]
        if transaction.is_sqlite:
            cursor.execute(_REMOVED.format(places=", ".join("?" * len(some))), [furnisher, *some])
        else:
            cursor.execute(_REMOVED_POSTGRESQL, [some, furnisher])
        found.update(bytes(mark) for (mark,) in cursor)
    return found


def _some(
    transaction: Transaction,
    select: sa.Select[Any],
    order: sa.Column[Any],
    after: tuple[date, IncidentId] | None,
    incidents_max: int,
) -> list[Incident]:
    if after is not None:
        at, incident = after
        is_later = sa.and_(order == at, incidents.c.id > incident)
        # The first condition alone lets the index begin there.
        select = select.where(order >= at, sa.or_(order > at, is_later))
    rows = transaction.execute(select.order_by(order, incidents.c.id).limit(incidents_max))
    return [from_row(row) for row in rows]


def _exists(transaction: Transaction, *conditions: sa.ColumnElement[bool]) -> bool:
    select = sa.select(sa.exists().where(*conditions))
    return bool(transaction.execute(select).scalar_one())
