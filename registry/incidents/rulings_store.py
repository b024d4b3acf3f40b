"""What rulings read beside a single incident."""

from collections.abc import Collection

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.incidents.model import Incident
from registry.incidents.store import from_row, incident_identities, incidents
from registry.kernel.ids import IncidentId, MemberId

# More under one subject's identities would be another defect than a repeated filing.
_ALIKE_MAX = 20


def lock_free(
    transaction: Transaction, wanted: Collection[IncidentId]
) -> dict[IncidentId, Incident]:
    """Locks those of these incidents that no other transaction holds.

    SQLite has one writer at a time and needs no lock.
    """
    select = (
        sa.select(incidents)
        .where(incidents.c.id.in_(sorted(wanted)))
        .order_by(incidents.c.id)
        .with_for_update(skip_locked=True)
    )
    found = [from_row(row) for row in transaction.execute(select)]
    return {each.id: each for each in found}


def earlier_alike(
    transaction: Transaction, incident: Incident, furnishers: Collection[MemberId]
) -> list[Incident]:
    """Incidents filed before this one by these furnishers: same subject, code, day and order."""
    own, other = incident_identities.alias("own"), incident_identities.alias("other")
    columns = incidents.c
    alike = (
        sa.select(other.c.incident_id)
        .join(own, own.c.lookup_key == other.c.lookup_key)
        .where(own.c.incident_id == incident.id, other.c.incident_id < incident.id)
    )
    select = (
        sa.select(incidents)
        .where(
            columns.id.in_(alike),
            columns.furnisher.in_(sorted(furnishers)),
            columns.code == incident.filing.code,
            columns.occurred_on == incident.filing.occurred_on,
            columns.order_reference.is_not_distinct_from(incident.filing.order),
        )
        .order_by(columns.id)
        .limit(_ALIKE_MAX)
    )
    return [from_row(row) for row in transaction.execute(select)]
