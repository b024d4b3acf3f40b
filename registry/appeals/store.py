"""The tables of appeals, and the only queries on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.appeals.model import (
    Appeal,
    AppealId,
    Basis,
    Blocking,
    Deadline,
    Ending,
    Event,
    Ground,
    Link,
    Milestone,
    Outcome,
    Stance,
    State,
    What,
)
from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.incidents.model import Course
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.paging import Page
from registry.ledger.erasure_model import Held
from registry.rulebook.model import Severity

_IS_OPEN = sa.text("state NOT IN ('draft', 'closed')")
_IS_DRAFT = sa.text("state = 'draft'")
_IS_RUNNING = sa.text("ended_at IS NULL")

appeals = sa.Table(
    "appeals",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("incident_id", sa.String(40), nullable=False),
    sa.Column("furnisher", sa.String(40), nullable=False),
    sa.Column("severity", sa.String(2)),
    sa.Column("code", sa.String(8), nullable=False),
    sa.Column("edition", sa.String(32), nullable=False),
    # Null once the case is erased.
    sa.Column("lookup_key", sa.LargeBinary(32)),
    sa.Column("link", sa.String(8), nullable=False),
    sa.Column("grounds", Json, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(32)),
    sa.Column("basis", sa.String(16)),
    sa.Column("playbook", sa.String(32)),
    sa.Column("course_before", sa.String(16), nullable=False),
    sa.Column("blocking", sa.String(16)),
    sa.Column("stance", sa.String(16)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("lodged_at", Instant),
    sa.Column("facts_added_at", Instant),
    sa.Column("answered_at", Instant),
    sa.Column("decided_at", Instant),
    sa.Column("version", sa.Integer, nullable=False),
    # One contest of an incident at a time, and one draft of each person for it.
    sa.Index(
        "uq_appeals_open",
        "incident_id",
        unique=True,
        postgresql_where=_IS_OPEN,
        sqlite_where=_IS_OPEN,
    ),
    sa.Index(
        "uq_appeals_draft",
        "incident_id",
        "lookup_key",
        unique=True,
        postgresql_where=_IS_DRAFT,
        sqlite_where=_IS_DRAFT,
    ),
    sa.Index("ix_appeals_incident_id", "incident_id"),
    sa.Index("ix_appeals_lookup_key", "lookup_key"),
    # A furnisher reads its queue, reviewers read theirs, both in order.
    sa.Index(
        "ix_appeals_furnisher_id",
        "furnisher",
        "id",
        postgresql_where=_IS_OPEN,
        sqlite_where=_IS_OPEN,
    ),
    sa.Index("ix_appeals_open_id", "id", postgresql_where=_IS_OPEN, sqlite_where=_IS_OPEN),
    # Drafts nobody went on with are dropped.
    sa.Index(
        "ix_appeals_created_at", "created_at", postgresql_where=_IS_DRAFT, sqlite_where=_IS_DRAFT
    ),
)

appeal_deadlines = sa.Table(
    "appeal_deadlines",
    metadata,
    sa.Column("appeal_id", sa.ForeignKey(appeals.c.id), primary_key=True),
    sa.Column("milestone", sa.String(24), primary_key=True),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("ending", sa.String(8)),
    # What falls due next, whatever has ended beside it.
    sa.Index(
        "ix_appeal_deadlines_due_at",
        "due_at",
        postgresql_where=_IS_RUNNING,
        sqlite_where=_IS_RUNNING,
    ),
)

appeal_events = sa.Table(
    "appeal_events",
    metadata,
    sa.Column("appeal_id", sa.ForeignKey(appeals.c.id), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("what", sa.String(32), nullable=False),
    sa.Column("by", sa.String(40), nullable=False),
    sa.Column("detail", sa.String(32)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAppeal:
    """An appeal one of whose limits has run out."""

    id: AppealId
    incident: IncidentId


def add(transaction: Transaction, appeal: Appeal) -> bool:
    """Adds an appeal with its deadlines and events; False where one like it stands."""
    insert = insert_if_absent(transaction, appeals, _to_row(appeal))
    if transaction.execute(insert).rowcount != 1:
        return False
    _write_beside(transaction, appeal, events_before=0)
    return True


def change(transaction: Transaction, before: Appeal, after: Appeal) -> Appeal:
    """Replaces `before`, which this transaction holds locked; `after` at its new version."""
    changed = replace(after, version=before.version + 1)
    transaction.execute(
        sa.update(appeals).where(appeals.c.id == before.id).values(_to_row(changed))
    )
    transaction.execute(
        sa.delete(appeal_deadlines).where(appeal_deadlines.c.appeal_id == before.id)
    )
    count = sa.select(sa.func.count()).where(appeal_events.c.appeal_id == before.id)
    _write_beside(transaction, changed, events_before=transaction.execute(count).scalar_one())
    return replace(changed, happened=())


def find(transaction: Transaction, appeal: AppealId) -> Appeal | None:
    """The appeal of this id."""
    return _one(transaction, sa.select(appeals).where(appeals.c.id == appeal))


def find_and_lock(transaction: Transaction, appeal: AppealId) -> Appeal | None:
    """The appeal of this id, whose incident the caller holds locked."""
    return _one(transaction, sa.select(appeals).where(appeals.c.id == appeal).with_for_update())


def open_of(transaction: Transaction, incident: IncidentId) -> Appeal | None:
    """The appeal that contests an incident now, locked."""
    select = sa.select(appeals).where(appeals.c.incident_id == incident, _IS_OPEN)
    return _one(transaction, select.with_for_update())


def of_incident(transaction: Transaction, incident: IncidentId) -> Sequence[Appeal]:
    """Every appeal against an incident, drafts too, the oldest first."""
    return _all(transaction, sa.select(appeals).where(appeals.c.incident_id == incident))


def of_subject(
    transaction: Transaction, lookup_keys: Collection[bytes], *, after: str, items_max: int
) -> Page[Appeal]:
    """The appeals lodged, or begun, under these lookup keys, after the id `after`."""
    is_theirs = appeals.c.lookup_key.in_(sorted(lookup_keys))
    return _page(transaction, sa.select(appeals).where(is_theirs), after, items_max)


def open_against(
    transaction: Transaction, lookup_keys: Collection[bytes], incidents: Collection[IncidentId]
) -> Sequence[Appeal]:
    """The open appeals lodged under these lookup keys against these incidents."""
    select = sa.select(appeals).where(
        appeals.c.lookup_key.in_(sorted(lookup_keys)),
        appeals.c.incident_id.in_(sorted(incidents)),
        _IS_OPEN,
    )
    return _all(transaction, select)


def of_furnisher(
    transaction: Transaction, furnisher: MemberId, *, after: str, items_max: int
) -> Page[Appeal]:
    """The open appeals a furnisher has been told of, after the id `after`."""
    select = sa.select(appeals).where(
        appeals.c.furnisher == furnisher, _IS_OPEN, appeals.c.state != State.LODGED.value
    )
    return _page(transaction, select, after, items_max)


def open_page(transaction: Transaction, *, after: str, items_max: int) -> Page[Appeal]:
    """Every open appeal, after the id `after`."""
    return _page(transaction, sa.select(appeals).where(_IS_OPEN), after, items_max)


def due(transaction: Transaction, now: datetime, *, appeals_max: int) -> list[DueAppeal]:
    """The appeals whose limits ran out first; one look into an index, however many are open."""
    soonest = (
        sa.select(appeal_deadlines.c.appeal_id, appeal_deadlines.c.due_at)
        .where(_IS_RUNNING, appeal_deadlines.c.due_at <= now)
        .order_by(appeal_deadlines.c.due_at)
        .limit(appeals_max)
        .subquery()
    )
    select = sa.select(appeals.c.id, appeals.c.incident_id).where(
        appeals.c.id.in_(sa.select(soonest.c.appeal_id))
    )
    return [
        DueAppeal(id=AppealId(row.id), incident=IncidentId(row.incident_id))
        for row in transaction.execute(select)
    ]


def drafts_before(
    transaction: Transaction, before: datetime, *, appeals_max: int, held: Held
) -> list[AppealId]:
    """Old drafts, the oldest first, locked; none that a hold keeps, or that is being lodged."""
    columns = appeals.c
    is_old = sa.and_(_IS_DRAFT, columns.created_at < before)
    is_free = columns.incident_id.not_in(sorted(held.incidents)) & columns.lookup_key.not_in(
        sorted(held.lookup_keys)
    )
    select = sa.select(columns.id).where(is_old, is_free).order_by(columns.created_at)
    select = select.limit(appeals_max).with_for_update(skip_locked=True)
    return [AppealId(each) for each in transaction.execute(select).scalars()]


def hold_draft(transaction: Transaction, appeal: AppealId) -> bool:
    """Locks a draft; False: it is none any more, or somebody else holds it. Waits for none."""
    select = sa.select(appeals.c.id).where(appeals.c.id == appeal, _IS_DRAFT)
    return transaction.execute(select.with_for_update(skip_locked=True)).first() is not None


def outcomes_of(transaction: Transaction, wanted: Collection[AppealId]) -> dict[AppealId, Outcome]:
    """How those of these appeals ended that have."""
    columns = appeals.c
    select = sa.select(columns.id, columns.outcome).where(
        columns.id.in_(sorted(wanted)),
        columns.state == State.CLOSED.value,
        columns.outcome.is_not(None),
    )
    return {AppealId(row.id): Outcome(row.outcome) for row in transaction.execute(select)}


def events_of(transaction: Transaction, appeal: AppealId) -> Sequence[Event]:
    """What happened, in order."""
    is_its = appeal_events.c.appeal_id == appeal
    select = sa.select(appeal_events).where(is_its).order_by(appeal_events.c.position)
    return [
        Event(at=row.at, what=What(row.what), by=row.by, detail=row.detail)
        for row in transaction.execute(select)
    ]


def remove(transaction: Transaction, appeal: AppealId) -> None:
    """Deletes an appeal that was never lodged."""
    for table in (appeal_deadlines, appeal_events):
        transaction.execute(sa.delete(table).where(table.c.appeal_id == appeal))
    transaction.execute(sa.delete(appeals).where(appeals.c.id == appeal))


def forget_subject(transaction: Transaction, appeal: AppealId) -> None:
    """Takes out of an appeal under which identity it was lodged."""
    transaction.execute(sa.update(appeals).where(appeals.c.id == appeal).values(lookup_key=None))


def _write_beside(transaction: Transaction, appeal: Appeal, *, events_before: int) -> None:
    if appeal.deadlines:
        transaction.execute(
            sa.insert(appeal_deadlines),
            [
                {
                    "appeal_id": appeal.id,
                    "milestone": milestone.value,
                    "due_at": each.due_at,
                    "ended_at": each.ended_at,
                    "ending": each.ending and each.ending.value,
                }
                for milestone, each in appeal.deadlines.items()
            ],
        )
    if appeal.happened:
        transaction.execute(
            sa.insert(appeal_events),
            [
                {
                    "appeal_id": appeal.id,
                    "position": events_before + number,
                    "at": each.at,
                    "what": each.what.value,
                    "by": each.by,
                    "detail": each.detail,
                }
                for number, each in enumerate(appeal.happened)
            ],
        )


def _page(
    transaction: Transaction, select: sa.Select[Any], after: str, items_max: int
) -> Page[Appeal]:
    found = _all(transaction, select.where(appeals.c.id > after).limit(items_max + 1))
    shown = found[:items_max]
    return Page(shown, shown[-1].id if len(found) > items_max else None)


def _one(transaction: Transaction, select: sa.Select[Any]) -> Appeal | None:
    row = transaction.execute(select).one_or_none()
    return None if row is None else _with_deadlines(transaction, [row])[0]


def _all(transaction: Transaction, select: sa.Select[Any]) -> list[Appeal]:
    return _with_deadlines(transaction, list(transaction.execute(select.order_by(appeals.c.id))))


def _with_deadlines(transaction: Transaction, rows: Sequence[sa.Row[Any]]) -> list[Appeal]:
    if not rows:
        return []
    wanted = appeal_deadlines.c.appeal_id.in_([row.id for row in rows])
    running: dict[str, dict[Milestone, Deadline]] = {row.id: {} for row in rows}
    for each in transaction.execute(sa.select(appeal_deadlines).where(wanted)):
        running[each.appeal_id][Milestone(each.milestone)] = Deadline(
            due_at=each.due_at,
            ended_at=each.ended_at,
            ending=each.ending and Ending(each.ending),
        )
    return [_from_row(row, running[row.id]) for row in rows]


def _to_row(appeal: Appeal) -> dict[str, Any]:
    return {
        "id": appeal.id,
        "incident_id": appeal.incident,
        "furnisher": appeal.furnisher,
        "severity": appeal.severity and appeal.severity.value,
        "code": appeal.code,
        "edition": appeal.edition,
        "lookup_key": appeal.lookup_key,
        "link": appeal.link.value,
        "grounds": [each.value for each in appeal.grounds],
        "state": appeal.state.value,
        "outcome": appeal.outcome and appeal.outcome.value,
        "basis": appeal.basis and appeal.basis.value,
        "playbook": appeal.playbook,
        "course_before": appeal.course_before.value,
        "blocking": appeal.blocking and appeal.blocking.value,
        "stance": appeal.stance and appeal.stance.value,
        "created_at": appeal.created_at,
        "lodged_at": appeal.lodged_at,
        "facts_added_at": appeal.facts_added_at,
        "answered_at": appeal.answered_at,
        "decided_at": appeal.decided_at,
        "version": appeal.version,
    }


def _from_row(row: sa.Row[Any], deadlines: dict[Milestone, Deadline]) -> Appeal:
    return Appeal(
        id=AppealId(row.id),
        incident=IncidentId(row.incident_id),
        furnisher=MemberId(row.furnisher),
        severity=row.severity and Severity(row.severity),
        code=row.code,
        edition=row.edition,
        lookup_key=None if row.lookup_key is None else bytes(row.lookup_key),
        link=Link(row.link),
        grounds=tuple(map(Ground, row.grounds)),
        state=State(row.state),
        outcome=row.outcome and Outcome(row.outcome),
        basis=row.basis and Basis(row.basis),
        playbook=row.playbook,
        course_before=Course(row.course_before),
        blocking=row.blocking and Blocking(row.blocking),
        stance=row.stance and Stance(row.stance),
        created_at=row.created_at,
        lodged_at=row.lodged_at,
        facts_added_at=row.facts_added_at,
        answered_at=row.answered_at,
        decided_at=row.decided_at,
        version=row.version,
        deadlines=deadlines,
    )
