"""The queries behind who has something in effect; every one walks an index."""

from collections.abc import Collection
from datetime import date, datetime

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.incidents.store import incident_identities, incidents
from registry.kernel.ids import IncidentId, MemberId

# Places in an IN list: SQLite's own bound is far above, PostgreSQL's planner is quick.
KEYS_MAX = 1000


def identities(
    transaction: Transaction, lookup_keys: Collection[bytes]
) -> list[tuple[bytes, str, bytes]]:
    """Key, key id and sealed seed of one filing for each of these keys, in their order.

    Whatever it was filed under, a key is of one seed.
    """
    columns = incident_identities.c
    keys = sorted(set(lookup_keys))
    found: dict[bytes, tuple[str, bytes]] = {}
    for start in range(0, len(keys), KEYS_MAX):
        select = sa.select(columns.lookup_key, columns.key_id, columns.seed_sealed).where(
            columns.lookup_key.in_(keys[start : start + KEYS_MAX])
        )
        for row in transaction.execute(select):
            found.setdefault(bytes(row.lookup_key), (row.key_id, bytes(row.seed_sealed)))
    return [(key, *found[key]) for key in sorted(found)]


def keys_of(transaction: Transaction, ids: Collection[IncidentId]) -> set[bytes]:
    """The lookup keys these incidents are filed under."""
    columns, wanted = incident_identities.c, sorted(ids)
    keys: set[bytes] = set()
    for start in range(0, len(wanted), KEYS_MAX):
        select = sa.select(columns.lookup_key).where(
            columns.incident_id.in_(wanted[start : start + KEYS_MAX])
        )
        keys.update(bytes(key) for key in transaction.execute(select).scalars())
    return keys


def begun(
    transaction: Transaction,
    *,
    after_at: datetime,
    after: str,
    until: datetime,
    incidents_max: int,
) -> list[tuple[datetime, IncidentId]]:
    """Incidents by when they take effect, behind an instant and an id, up to `until`."""
    columns = incidents.c
    select = (
        sa.select(columns.effective_at, columns.id)
        .where(
            sa.tuple_(columns.effective_at, columns.id)
            > sa.tuple_(
                sa.literal(after_at, columns.effective_at.type), sa.literal(after, columns.id.type)
            ),
            columns.effective_at <= until,
        )
        .order_by(columns.effective_at, columns.id)
        .limit(incidents_max)
    )
    return [(row.effective_at, IncidentId(row.id)) for row in transaction.execute(select)]


def ended(
    transaction: Transaction, *, after: date, until: date, behind: str, incidents_max: int
) -> list[IncidentId]:
    """Incidents that are kept until a day in (after, until], by id, behind an id."""
    columns = incidents.c
    select = (
        sa.select(columns.id)
        .where(
            columns.expires_on > after,
            columns.expires_on <= until,
            columns.id > behind,
        )
        .order_by(columns.id)
        .limit(incidents_max)
    )
    return [IncidentId(each) for each in transaction.execute(select).scalars()]


def of_member(
    transaction: Transaction, member: MemberId, *, behind: str, incidents_max: int
) -> list[IncidentId]:
    """What a member filed, by id, behind an id."""
    columns = incidents.c
    select = (
        sa.select(columns.id)
        .where(columns.furnisher == member, columns.id > behind)
        .order_by(columns.id)
        .limit(incidents_max)
    )
    return [IncidentId(each) for each in transaction.execute(select).scalars()]
