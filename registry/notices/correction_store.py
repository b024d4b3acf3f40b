"""Corrections, whom they are about, who had looked, and who was told."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel.ids import EntryId, IncidentId, MemberId
from registry.ledger.erasure_model import Held
from registry.notices.correction_model import (
    Acknowledgement,
    Correction,
    CorrectionKind,
    Did,
    Recall,
)

corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("incident_id", sa.String(40), nullable=False, index=True),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("furnisher", sa.String(40), nullable=False),
    sa.Column("entry_id", sa.String(40), nullable=False),
    sa.Column("filed_at", Instant, nullable=False),
    sa.Column("at", Instant, nullable=False, index=True),
    sa.Column("began_at", Instant),
    sa.Column("cursor_key", sa.SmallInteger, nullable=False),
    sa.Column("cursor_after", sa.LargeBinary(16)),
    sa.Column("traced_at", Instant),
)
correction_subjects = sa.Table(
    "correction_subjects",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("correction_id", sa.LargeBinary(16), primary_key=True, index=True),
    # None for what was corrected before this was kept: whose it was is not known any more.
    sa.Column("verified_on", sa.Date),
)
recalls = sa.Table(
    "recalls",
    metadata,
    sa.Column("member_id", sa.String(40), primary_key=True),
    sa.Column("correction_id", sa.LargeBinary(16), primary_key=True, index=True),
    sa.Column("told_at", Instant, nullable=False),
    sa.Column("acknowledge_by", Instant, nullable=False),
    sa.Column("escalate_at", Instant, nullable=False),
    sa.Column("reminded_at", Instant),
    sa.Column("escalated_at", Instant),
    sa.Column("acknowledged_at", Instant),
    sa.Column("did", sa.String(20)),
    sa.Column("reviewer", sa.String(64)),
    sa.Column("signed_request", sa.Text),
    # What is still owed, oldest first: for supervisors, and for who has lost lookups.
    sa.Index(
        "ix_recalls_acknowledge_by",
        "acknowledge_by",
        postgresql_where=sa.text("acknowledged_at IS NULL"),
        sqlite_where=sa.text("acknowledged_at IS NULL"),
    ),
)
recalled_lookups = sa.Table(
    "recalled_lookups",
    metadata,
    sa.Column("correction_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("lookup_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Index("ix_recalled_lookups_correction_id_member_id", "correction_id", "member_id"),
)


def add(
    transaction: Transaction, correction: Correction, verified_on: Mapping[bytes, date]
) -> None:
    """Inserts a correction, whom it is about, and when each key was verified to be theirs."""
    transaction.execute(sa.insert(corrections).values(_correction_values(correction)))
    rows = [
        {"lookup_key": key, "correction_id": correction.uuid.bytes, "verified_on": verified_on[key]}
        for key in sorted(verified_on)
    ]
    if rows:
        transaction.execute(sa.insert(correction_subjects), rows)


def put(transaction: Transaction, correction: Correction) -> None:
    """Writes a correction over what it was."""
    statement = sa.update(corrections).where(corrections.c.id == correction.uuid.bytes)
    assert transaction.execute(statement.values(_correction_values(correction))).rowcount == 1


def find_and_lock(transaction: Transaction, uuid: UUID) -> Correction | None:
    """The correction of this id, which nobody else changes until this transaction ends."""
    statement = sa.select(corrections).where(corrections.c.id == uuid.bytes).with_for_update()
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _correction_of(row)


def find_all(transaction: Transaction, uuids: Collection[UUID]) -> dict[UUID, Correction]:
    """These corrections, by id."""
    keys = [each.bytes for each in uuids]
    rows = transaction.execute(sa.select(corrections).where(corrections.c.id.in_(keys)))
    return {each.uuid: each for each in map(_correction_of, rows)}


def of_incident(transaction: Transaction, incident: IncidentId) -> list[Correction]:
    """Every correction of an incident, first to last."""
    columns = corrections.c
    rows = transaction.execute(
        sa.select(corrections).where(columns.incident_id == incident).order_by(columns.id)
    )
    return [_correction_of(row) for row in rows]


def about(
    transaction: Transaction,
    lookup_key: bytes,
    corrections_max: int,
    incident: IncidentId | None,
) -> list[tuple[Correction, date | None]]:
    """The corrections of what is, or was, filed under this key, newest first.

    Each with when the key was verified; None: not known.
    """
    beside = correction_subjects.c
    statement = (
        sa.select(corrections, beside.verified_on)
        .join(correction_subjects, beside.correction_id == corrections.c.id)
        .where(beside.lookup_key == lookup_key)
    )
    if incident is not None:
        statement = statement.where(corrections.c.incident_id == incident)
    rows = transaction.execute(statement.order_by(corrections.c.id.desc()).limit(corrections_max))
    return [(_correction_of(row), row.verified_on) for row in rows]


def verified_on_of(transaction: Transaction, correction: UUID) -> dict[bytes, date]:
    """Whom a correction is about, and when each was verified last; not where nobody noted it."""
    columns = correction_subjects.c
    select = sa.select(columns.lookup_key, columns.verified_on).where(
        columns.correction_id == correction.bytes, columns.verified_on.is_not(None)
    )
    return {bytes(row.lookup_key): row.verified_on for row in transaction.execute(select)}


def lookup_keys_of(transaction: Transaction, correction: UUID) -> list[bytes]:
    """Whom a correction is about, in their order."""
    columns = correction_subjects.c
    keys = transaction.execute(
        sa.select(columns.lookup_key)
        .where(columns.correction_id == correction.bytes)
        .order_by(columns.lookup_key)
    ).scalars()
    return [bytes(each) for each in keys]


def add_lookup(transaction: Transaction, correction: UUID, lookup: UUID, member: MemberId) -> bool:
    """Notes a lookup that was answered with what is corrected; False: it was known."""
    values = {
        "correction_id": correction.bytes,
        "lookup_id": lookup.bytes,
        "member_id": member,
    }
    insert = insert_if_absent(transaction, recalled_lookups, values)
    return transaction.execute(insert).rowcount == 1


def lookups_of(
    transaction: Transaction, correction: UUID, member: MemberId, lookups_max: int
) -> list[UUID]:
    """The lookups of a member that a correction is about, first to last."""
    columns = recalled_lookups.c
    found = transaction.execute(
        sa.select(columns.lookup_id)
        .where(columns.correction_id == correction.bytes, columns.member_id == member)
        .order_by(columns.lookup_id)
        .limit(lookups_max)
    ).scalars()
    return [UUID(bytes=bytes(each)) for each in found]


def count_lookups(
    transaction: Transaction, these: Collection[UUID]
) -> dict[tuple[UUID, MemberId], int]:
    """How many lookups each of these corrections is about, by member."""
    columns = recalled_lookups.c
    rows = transaction.execute(
        sa.select(columns.correction_id, columns.member_id, sa.func.count().label("lookups"))
        .where(columns.correction_id.in_([each.bytes for each in these]))
        .group_by(columns.correction_id, columns.member_id)
    )
    return {
        (UUID(bytes=bytes(row.correction_id)), MemberId(row.member_id)): row.lookups for row in rows
    }


def add_recall(transaction: Transaction, recall: Recall) -> None:
    """Inserts that a member was told."""
    transaction.execute(sa.insert(recalls).values(_recall_values(recall)))


def put_recall(transaction: Transaction, recall: Recall) -> None:
    """Writes a recall over what it was."""
    columns = recalls.c
    statement = sa.update(recalls).where(
        columns.member_id == recall.member, columns.correction_id == recall.correction.bytes
    )
    assert transaction.execute(statement.values(_recall_values(recall))).rowcount == 1


def find_and_lock_recall(
    transaction: Transaction, correction: UUID, member: MemberId
) -> Recall | None:
    """What a member was told of a correction, locked until this transaction ends."""
    columns = recalls.c
    statement = (
        sa.select(recalls)
        .where(columns.member_id == member, columns.correction_id == correction.bytes)
        .with_for_update()
    )
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _recall_of(row)


def recalls_of(transaction: Transaction, these: Collection[UUID]) -> list[Recall]:
    """Who was told of these corrections, in the order of corrections and members."""
    columns = recalls.c
    rows = transaction.execute(
        sa.select(recalls)
        .where(columns.correction_id.in_([each.bytes for each in these]))
        .order_by(columns.correction_id, columns.member_id)
    )
    return [_recall_of(row) for row in rows]


def page_of_member(
    transaction: Transaction, member: MemberId, *, after: UUID | None, recalls_max: int
) -> list[Recall]:
    """What a member was told, oldest first, after the correction `after`."""
    columns = recalls.c
    statement = sa.select(recalls).where(columns.member_id == member)
    if after is not None:
        statement = statement.where(columns.correction_id > after.bytes)
    rows = transaction.execute(statement.order_by(columns.correction_id).limit(recalls_max))
    return [_recall_of(row) for row in rows]


def owes_escalated(transaction: Transaction, member: MemberId) -> bool:
    """Whether a member still owes the answer to a correction that was escalated."""
    columns = recalls.c
    owed = sa.exists().where(
        columns.member_id == member,
        columns.escalated_at.is_not(None),
        columns.acknowledged_at.is_(None),
    )
    return bool(transaction.execute(sa.select(owed)).scalar_one())


def overdue(transaction: Transaction, now: datetime, recalls_max: int) -> list[Recall]:
    """What members should have answered by now and have not, oldest first."""
    columns = recalls.c
    rows = transaction.execute(
        sa.select(recalls)
        .where(columns.acknowledged_at.is_(None), columns.acknowledge_by <= now)
        .order_by(columns.acknowledge_by, columns.correction_id, columns.member_id)
        .limit(recalls_max)
    )
    return [_recall_of(row) for row in rows]


def forget_subject(transaction: Transaction, lookup_key: bytes) -> None:
    """Deletes that corrections were about this subject."""
    columns = correction_subjects.c
    transaction.execute(sa.delete(correction_subjects).where(columns.lookup_key == lookup_key))


def forget(transaction: Transaction, before: datetime, corrections_max: int, held: Held) -> int:
    """Deletes some corrections from before an instant with all about them; how many.

    What is of an incident or a person that is held stays.
    """
    columns = corrections.c
    of_held = sa.exists().where(
        correction_subjects.c.correction_id == columns.id,
        correction_subjects.c.lookup_key.in_(sorted(held.lookup_keys)),
    )
    is_free = sa.and_(sa.not_(of_held), columns.incident_id.not_in(sorted(held.incidents)))
    select = sa.select(columns.id).where(columns.at < before, is_free).limit(corrections_max)
    old = [bytes(each) for each in transaction.execute(select).scalars()]
    if not old:
        return 0
    for table in (recalled_lookups, recalls, correction_subjects):
        transaction.execute(sa.delete(table).where(table.c.correction_id.in_(old)))
    transaction.execute(sa.delete(corrections).where(columns.id.in_(old)))
    return len(old)


def _correction_values(correction: Correction) -> dict[str, Any]:
    after = correction.cursor_after
    return {
        "id": correction.uuid.bytes,
        "incident_id": correction.incident,
        "kind": correction.kind.value,
        "furnisher": correction.furnisher,
        "entry_id": correction.entry,
        "filed_at": correction.filed_at,
        "at": correction.at,
        "began_at": correction.began_at,
        "cursor_key": correction.cursor_key,
        "cursor_after": None if after is None else after.bytes,
        "traced_at": correction.traced_at,
    }


def _correction_of(row: sa.Row[Any]) -> Correction:
    after = row.cursor_after
    return Correction(
        uuid=UUID(bytes=bytes(row.id)),
        incident=IncidentId(row.incident_id),
        kind=CorrectionKind(row.kind),
        furnisher=MemberId(row.furnisher),
        entry=EntryId(row.entry_id),
        filed_at=row.filed_at,
        at=row.at,
        began_at=row.began_at,
        cursor_key=row.cursor_key,
        cursor_after=None if after is None else UUID(bytes=bytes(after)),
        traced_at=row.traced_at,
    )


def _recall_values(recall: Recall) -> dict[str, Any]:
    said = recall.acknowledgement
    return {
        "member_id": recall.member,
        "correction_id": recall.correction.bytes,
        "told_at": recall.told_at,
        "acknowledge_by": recall.acknowledge_by,
        "escalate_at": recall.escalate_at,
        "reminded_at": recall.reminded_at,
        "escalated_at": recall.escalated_at,
        "acknowledged_at": recall.acknowledged_at,
        "did": said and said.did.value,
        "reviewer": said and said.reviewer,
        "signed_request": recall.signed_request,
    }


def _recall_of(row: sa.Row[Any]) -> Recall:
    said = None
    if row.did is not None:
        said = Acknowledgement(did=Did(row.did), reviewer=row.reviewer)
    return Recall(
        correction=UUID(bytes=bytes(row.correction_id)),
        member=MemberId(row.member_id),
        told_at=row.told_at,
        acknowledge_by=row.acknowledge_by,
        escalate_at=row.escalate_at,
        reminded_at=row.reminded_at,
        escalated_at=row.escalated_at,
        acknowledged_at=row.acknowledged_at,
        acknowledgement=said,
        signed_request=row.signed_request,
    )
