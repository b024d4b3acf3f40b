"""The tables of incidents, and the only queries on them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from registry.database.bulk import Row, insert_rows, insert_statement
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.incidents.model import Block, Course, Incident, KeptIdentity
from registry.incidents.rows import (
    filing_from_row,
    filing_to_row,
    identity_values,
    incident_values,
    recertification_from_json,
    recertification_to_json,
)
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.paging import Page
from registry.rulebook.model import Severity

_ASKED_MAX = 1000
_DIGESTS = "SELECT reference, digest FROM incidents WHERE furnisher = ? AND reference IN ({places})"
# LIMIT in the inner SELECT: each is looked up in the index, however few rows there were
# when the plan was made.
_DIGESTS_POSTGRESQL = (
    "SELECT asked.name, found.digest FROM unnest(%s::text[]) AS asked (name), LATERAL"
    " (SELECT digest FROM incidents WHERE furnisher = %s AND reference = asked.name LIMIT 1)"
    " AS found"
)
_IS_GONE = sa.text("course IN ('withdrawn', 'overturned')")

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("furnisher", sa.String(40), nullable=False),
    sa.Column("reference", sa.String(64), nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("code", sa.String(8), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(2)),
    sa.Column("edition", sa.String(32), nullable=False),
    sa.Column("occurred_on", sa.Date, nullable=False),
    sa.Column("confirmed_on", sa.Date),
    sa.Column("amount_minor_units", sa.BigInteger),
    sa.Column("amount_currency", sa.String(3)),
    sa.Column("order_reference", sa.String(64)),
    sa.Column("evidence", Json, nullable=False),
    sa.Column("intent", sa.Text),
    sa.Column("reviewers", Json, nullable=False),
    sa.Column("decision", Json),
    sa.Column("notice", Json),
    sa.Column("course", sa.String(16), nullable=False),
    sa.Column("effective_at", Instant, nullable=False),
    sa.Column("expires_on", sa.Date, nullable=False),
    sa.Column("filed_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("report_receipt", sa.Text, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column("withdrawal_reason", sa.Text),
    sa.Column("block", sa.String(16)),
    sa.Column("recertification", Json),
    sa.UniqueConstraint("furnisher", "reference"),
    # A furnisher reads its own incidents in order.
    sa.Index("ix_incidents_furnisher_id", "furnisher", "id"),
    # Screening looks for what has come into effect by time alone.
    sa.Index("ix_incidents_effective_at_id", "effective_at", "id"),
    # Retention looks for what has expired, and for what was taken back.
    sa.Index("ix_incidents_expires_on", "expires_on"),
    sa.Index(
        "ix_incidents_changed_at",
        "changed_at",
        postgresql_where=_IS_GONE,
        sqlite_where=_IS_GONE,
    ),
)

incident_identities = sa.Table(
    "incident_identities",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("key_id", sa.String(32), nullable=False),
    sa.Column("lookup_key", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("seed_sealed", sa.LargeBinary, nullable=False),
    sa.Column("last_verified_on", sa.Date, nullable=False),
    # Since a later holder of the identifier said that this is not theirs, it is not found by it.
    sa.Column("severed_at", Instant),
)


def add(transaction: Transaction, incident: Incident) -> bool:
    """Adds an incident; False when the furnisher's reference is taken."""
    statement = insert_statement(
        incidents, is_sqlite=transaction.is_sqlite, ending="ON CONFLICT DO NOTHING"
    )
    cursor = transaction.hot_cursor()
    cursor.execute(statement, incident_values(incident))
    return bool(cursor.rowcount == 1)


def add_identities(
    transaction: Transaction, incident: IncidentId, identities: Sequence[KeptIdentity]
) -> None:
    """Adds the identities of a new incident, in their order."""
    statement = insert_statement(
        incident_identities, is_sqlite=transaction.is_sqlite, rows=len(identities)
    )
    rows = identity_values(incident, identities)
    transaction.hot_cursor().execute(statement, [value for row in rows for value in row])


def add_all(
    transaction: Transaction, filed: Iterable[tuple[Incident, Sequence[KeptIdentity]]]
) -> None:
    """Adds incidents with their identities; an error when a reference is taken."""
    rows: list[Row] = []
    identity_rows: list[Row] = []
    for incident, identities in filed:
        rows.append(incident_values(incident))
        identity_rows += identity_values(incident.id, identities)
    insert_rows(transaction, incidents, rows)
    insert_rows(transaction, incident_identities, identity_rows)


def change(transaction: Transaction, incident: Incident, *, from_version: int) -> bool:
    """Replaces an incident; False when it is no longer at `from_version`."""
    row = _to_row(incident)
    update = (
        sa.update(incidents)
        .where(incidents.c.id == incident.id, incidents.c.version == from_version)
        .values(row)
    )
    return transaction.execute(update).rowcount == 1


def keep_receipt(transaction: Transaction, incident: Incident, receipt: str) -> Incident:
    """The incident with the receipt of its newest log entry; the first is its report's."""
    first = incident.report_receipt or receipt
    transaction.execute(
        sa.update(incidents)
        .where(incidents.c.id == incident.id)
        .values(receipt=receipt, report_receipt=first)
    )
    return replace(incident, receipt=receipt, report_receipt=first)


def find(transaction: Transaction, incident: IncidentId) -> Incident | None:
    """The incident of this id."""
    return _one(transaction, incidents.c.id == incident)


def find_and_lock(transaction: Transaction, incident: IncidentId) -> Incident | None:
    """The incident of this id, which other transactions wait for from now on.

    SQLite has one writer at a time and needs no lock.
    """
    row = transaction.execute(
        sa.select(incidents).where(incidents.c.id == incident).with_for_update()
    ).one_or_none()
    return None if row is None else from_row(row)


def find_by_reference(
    transaction: Transaction, furnisher: MemberId, reference: str
) -> Incident | None:
    """The incident a furnisher filed under this reference."""
    return _one(transaction, incidents.c.furnisher == furnisher, incidents.c.reference == reference)


def digests_by_reference(
    transaction: Transaction, furnisher: MemberId, references: Sequence[str]
) -> dict[str, bytes]:
    """The digests of what a furnisher filed under these references, where it did."""
    found: dict[str, bytes] = {}
    cursor = transaction.hot_cursor()
    for start in range(0, len(references), _ASKED_MAX):
        some = references[start : start + _ASKED_MAX]
        if transaction.is_sqlite:
            cursor.execute(_DIGESTS.format(places=", ".join("?" * len(some))), [furnisher, *some])
        else:
            cursor.execute(_DIGESTS_POSTGRESQL, [some, furnisher])
        found.update((reference, bytes(digest)) for reference, digest in cursor)
    return found


def page_of(
    transaction: Transaction, furnisher: MemberId, *, after: str, items_max: int
) -> Page[Incident]:
    """A furnisher's incidents in the order of their ids, after the id `after`."""
    select = (
        sa.select(incidents)
        .where(incidents.c.furnisher == furnisher, incidents.c.id > after)
        .order_by(incidents.c.id)
        .limit(items_max + 1)
    )
    found = [from_row(row) for row in transaction.execute(select)]
    shown = found[:items_max]
    return Page(shown, shown[-1].id if len(found) > items_max else None)


def identities_of(transaction: Transaction, incident: IncidentId) -> Sequence[KeptIdentity]:
    """The identities an incident is found by, in their order: not those that were severed."""
    return _identities(
        transaction,
        incident_identities.c.incident_id == incident,
        incident_identities.c.severed_at.is_(None),
    )


def every_identity_of(transaction: Transaction, incident: IncidentId) -> Sequence[KeptIdentity]:
    """The identities an incident was filed under, in their order."""
    return _identities(transaction, incident_identities.c.incident_id == incident)


def keys_of_all(transaction: Transaction, wanted: Collection[IncidentId]) -> set[bytes]:
    """The lookup keys under which any of these incidents was filed."""
    columns = incident_identities.c
    select = sa.select(columns.lookup_key).where(columns.incident_id.in_(sorted(wanted)))
    return {bytes(each) for each in transaction.execute(select).scalars()}


def lock_all(transaction: Transaction, wanted: Collection[IncidentId]) -> None:
    """Makes others wait for all of these incidents, locked by id as everywhere."""
    select = sa.select(incidents.c.id).where(incidents.c.id.in_(sorted(wanted)))
    transaction.execute(select.order_by(incidents.c.id).with_for_update()).all()


def _identities(
    transaction: Transaction, *conditions: sa.ColumnElement[bool]
) -> Sequence[KeptIdentity]:
    select = (
        sa.select(incident_identities).where(*conditions).order_by(incident_identities.c.position)
    )
    return [
        KeptIdentity(
            type_name=row.type,
            key_id=row.key_id,
            lookup_key=row.lookup_key,
            seed_sealed=row.seed_sealed,
            last_verified_on=row.last_verified_on,
        )
        for row in transaction.execute(select)
    ]


def _one(transaction: Transaction, *conditions: sa.ColumnElement[bool]) -> Incident | None:
    row = transaction.execute(sa.select(incidents).where(*conditions)).one_or_none()
    return None if row is None else from_row(row)


def _to_row(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "furnisher": incident.furnisher,
        "reference": incident.reference,
        "digest": incident.digest,
        "severity": incident.severity and incident.severity.value,
        "edition": incident.edition,
        "course": incident.course.value,
        "effective_at": incident.effective_at,
        "expires_on": incident.expires_on,
        "filed_at": incident.filed_at,
        "changed_at": incident.changed_at,
        "version": incident.version,
        "report_receipt": incident.report_receipt,
        "receipt": incident.receipt,
        "withdrawal_reason": incident.withdrawal_reason,
        "block": incident.block and incident.block.value,
        "recertification": recertification_to_json(incident.recertification),
        **filing_to_row(incident.filing),
    }


def from_row(row: sa.Row[Any]) -> Incident:
    """The incident of a row of `incidents`."""
    return Incident(
        id=IncidentId(row.id),
        furnisher=MemberId(row.furnisher),
        reference=row.reference,
        digest=row.digest,
        filing=filing_from_row(row._mapping),
        severity=None if row.severity is None else Severity(row.severity),
        edition=row.edition,
        course=Course(row.course),
        effective_at=row.effective_at,
        expires_on=row.expires_on,
        filed_at=row.filed_at,
        changed_at=row.changed_at,
        version=row.version,
        report_receipt=row.report_receipt,
        receipt=row.receipt,
        withdrawal_reason=row.withdrawal_reason,
        block=None if row.block is None else Block(row.block),
        recertification=recertification_from_json(row.recertification),
    )
