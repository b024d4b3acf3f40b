"""Incidents by the identities of the person they are about."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.incidents.model import Incident
from registry.incidents.store import from_row, incident_identities, incidents
from registry.kernel.ids import IncidentId


def under(
    transaction: Transaction,
    lookup_keys: Collection[bytes],
    *,
    after: str,
    incidents_max: int,
) -> dict[IncidentId, dict[bytes, date]]:
    """The next incidents linked to these keys, by id in order, with when each link was verified."""
    columns = incident_identities.c
    ids = (
        sa.select(columns.incident_id)
        .where(_linked(lookup_keys), columns.incident_id > after)
        .distinct()
        .order_by(columns.incident_id)
        .limit(incidents_max)
    )
    found = [IncidentId(each) for each in transaction.execute(ids).scalars()]
    links: dict[IncidentId, dict[bytes, date]] = {each: {} for each in found}
    select = sa.select(columns.incident_id, columns.lookup_key, columns.last_verified_on).where(
        _linked(lookup_keys), columns.incident_id.in_(found)
    )
    for row in transaction.execute(select):
        links[row.incident_id][bytes(row.lookup_key)] = row.last_verified_on
    return links


def links_of(
    transaction: Transaction, lookup_keys: Collection[bytes], incident: IncidentId
) -> dict[bytes, date]:
    """By which of these keys an incident is found, and when each was verified."""
    columns = incident_identities.c
    select = sa.select(columns.lookup_key, columns.last_verified_on).where(
        _linked(lookup_keys), columns.incident_id == incident
    )
    return {bytes(row.lookup_key): row.last_verified_on for row in transaction.execute(select)}


def verified_of(
    transaction: Transaction, lookup_keys: Collection[bytes], wanted: Collection[IncidentId]
) -> dict[IncidentId, dict[bytes, date]]:
    """When these incidents were filed under which of these keys, severed since or not."""
    columns = incident_identities.c
    select = sa.select(columns.incident_id, columns.lookup_key, columns.last_verified_on).where(
        columns.lookup_key.in_(sorted(lookup_keys)), columns.incident_id.in_(sorted(wanted))
    )
    found: dict[IncidentId, dict[bytes, date]] = {}
    for row in transaction.execute(select):
        verified_on = found.setdefault(IncidentId(row.incident_id), {})
        verified_on[bytes(row.lookup_key)] = row.last_verified_on
    return found


def incidents_of(
    transaction: Transaction, wanted: Sequence[IncidentId]
) -> dict[IncidentId, Incident]:
    """These incidents, by id."""
    select = sa.select(incidents).where(incidents.c.id.in_(wanted))
    return {IncidentId(row.id): from_row(row) for row in transaction.execute(select)}


def sever(
    transaction: Transaction,
    incident: IncidentId,
    lookup_keys: Collection[bytes],
    severed_at: datetime,
) -> None:
    """Cuts an incident, which is locked, off from these keys."""
    transaction.execute(
        sa.update(incident_identities)
        .where(_linked(lookup_keys), incident_identities.c.incident_id == incident)
        .values(severed_at=severed_at)
    )


def _linked(lookup_keys: Collection[bytes]) -> sa.ColumnElement[bool]:
    columns = incident_identities.c
    return columns.lookup_key.in_(sorted(lookup_keys)) & columns.severed_at.is_(None)
