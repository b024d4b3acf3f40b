"""The tables of holds and orders, and the queries that erase; triggers allow no other change.

An erased payload keeps its row and says by which entry it was erased.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.statements import insert_or_replace
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger import further_subject_store
from registry.ledger.erasure_model import (
    EntryTarget,
    ErasureOrder,
    Held,
    IncidentTarget,
    LegalHold,
    OrderState,
    Person,
    SubjectTarget,
    Target,
    TargetKind,
    kind_of,
)
from registry.ledger.log_store import log_entries, log_subjects
from registry.ledger.model import Log, RecordType
from registry.ledger.store import log_payloads

legal_holds = sa.Table(
    "legal_holds",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("entry_id", sa.LargeBinary(16)),
    sa.Column("incident_id", sa.String(40)),
    sa.Column("lookup_key", sa.LargeBinary(32)),
    sa.Column("ground", sa.String(128), nullable=False),
    sa.Column("placed_by", sa.String(40), nullable=False),
    sa.Column("placed_at", Instant, nullable=False),
    sa.Column("released_by", sa.String(40)),
    sa.Column("released_at", Instant),
)
erasure_orders = sa.Table(
    "erasure_orders",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("entry_id", sa.LargeBinary(16)),
    sa.Column("incident_id", sa.String(40)),
    sa.Column("lookup_key", sa.LargeBinary(32)),
    sa.Column("ground", sa.String(128), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("ordered_by", sa.String(40), nullable=False),
    sa.Column("ordered_kid", sa.String(64)),
    sa.Column("ordered_agent", sa.String(64)),
    sa.Column("ordered_at", Instant, nullable=False),
    sa.Column("decided_by", sa.String(40)),
    sa.Column("decided_kid", sa.String(64)),
    sa.Column("decided_agent", sa.String(64)),
    sa.Column("decided_at", Instant),
    sa.Column("carried_out_at", Instant),
)
erasure_positions = sa.Table(
    "erasure_positions",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("after", sa.LargeBinary(16), nullable=False),
)

# Where the record type stands in an entry: version, log, then two bytes.
_TYPE_AT = 2
_NOTHING = bytes(16)
_CONTENT = ("header", "subject_sealed", "header_salt", "subject_salt", "signed_request")


def lock(transaction: Transaction) -> None:
    """Keeps every other eraser, and every new hold, waiting until this transaction ends.

    SQLite has one writer at a time and needs no lock.
    """
    if not transaction.is_sqlite:
        transaction.execute(sa.text("LOCK TABLE legal_holds IN SHARE ROW EXCLUSIVE MODE"))


def erase(transaction: Transaction, entries: Collection[UUID], *, by: UUID) -> int:
    """Deletes the content and the salts of these entries; how many had any."""
    columns = log_payloads.c
    gone = dict.fromkeys(_CONTENT)
    update = (
        sa.update(log_payloads)
        .where(columns.entry_id.in_([each.bytes for each in entries]), columns.erased_by.is_(None))
        .values(erased_by=by.bytes, **gone)
    )
    return transaction.execute(update).rowcount


def forget_subjects(transaction: Transaction, pairs: Collection[tuple[bytes, UUID]]) -> None:
    """Deletes whom entries are about, given as lookup key and entry."""
    if not pairs:
        return
    columns = log_subjects.c
    delete = sa.delete(log_subjects).where(
        columns.lookup_key == sa.bindparam("key"), columns.entry_id == sa.bindparam("entry")
    )
    transaction.execute(delete, [{"key": key, "entry": entry.bytes} for key, entry in pairs])


def unerased_before(
    transaction: Transaction, log: Log, *, after: bytes, before: UUID, entries_max: int
) -> list[tuple[UUID, RecordType]]:
    """Entries of a log with content and an id between `after` and `before`, oldest first."""
    select = (
        sa.select(log_payloads.c.entry_id, log_entries.c.entry)
        .join(log_entries, log_entries.c.entry_id == log_payloads.c.entry_id)
        .where(
            log_payloads.c.entry_id > after,
            log_payloads.c.entry_id < before.bytes,
            log_payloads.c.erased_by.is_(None),
            log_entries.c.log == log,
        )
        .order_by(log_payloads.c.entry_id)
        .limit(entries_max)
    )
    return [
        (
            UUID(bytes=bytes(row.entry_id)),
            RecordType(int.from_bytes(bytes(row.entry)[_TYPE_AT : _TYPE_AT + 2], "big")),
        )
        for row in transaction.execute(select)
    ]


def count_unerased_before(
    transaction: Transaction, log: Log, *, before: UUID, record_types: Collection[RecordType]
) -> int:
    """How many entries of a log with content and an id before `before` are of these types."""
    kind = sa.func.substr(log_entries.c.entry, _TYPE_AT + 1, 2)
    wanted = [sa.literal(each.to_bytes(2, "big"), sa.LargeBinary) for each in record_types]
    select = (
        sa.select(sa.func.count())
        .select_from(log_payloads)
        .join(log_entries, log_entries.c.entry_id == log_payloads.c.entry_id)
        .where(
            log_payloads.c.entry_id < before.bytes,
            log_payloads.c.erased_by.is_(None),
            log_entries.c.log == log,
            kind.in_(wanted),
        )
    )
    return int(transaction.execute(select).scalar_one())


def position(transaction: Transaction, name: str) -> bytes:
    """The id up to which a clock has been applied; lower than every id before the first time."""
    columns = erasure_positions.c
    found = transaction.execute(sa.select(columns.after).where(columns.name == name)).scalar()
    return _NOTHING if found is None else bytes(found)


def move_position(transaction: Transaction, name: str, after: bytes) -> None:
    """Notes up to which id a clock has been applied."""
    insert = insert_or_replace(transaction, erasure_positions, replaced=["after"])
    transaction.execute(insert, {"name": name, "after": after})


def start_over(transaction: Transaction) -> None:
    """Makes every clock begin anew: what was held may be due."""
    transaction.execute(sa.delete(erasure_positions))


def add_hold(transaction: Transaction, hold: LegalHold) -> None:
    """Adds a hold."""
    assert hold.target is not None
    values = {
        "id": hold.id.bytes,
        "ground": hold.ground,
        "placed_by": hold.placed_by,
        "placed_at": hold.placed_at,
        **_target_values(hold.target),
    }
    transaction.execute(sa.insert(legal_holds).values(values))
    further_subject_store.add(transaction, hold.id, hold.target)


def find_hold(transaction: Transaction, hold: UUID) -> LegalHold | None:
    """The hold of this id."""
    select = sa.select(legal_holds).where(legal_holds.c.id == hold.bytes)
    row = transaction.execute(select).one_or_none()
    return None if row is None else _hold(row, _further(transaction, [row]))


def holds(transaction: Transaction, *, after: UUID | None, holds_max: int) -> list[LegalHold]:
    """Holds there are or were, oldest first, behind the id `after`."""
    columns = legal_holds.c
    select = sa.select(legal_holds).where(columns.id > (after.bytes if after else _NOTHING))
    rows = transaction.execute(select.order_by(columns.id).limit(holds_max)).all()
    further = _further(transaction, rows)
    return [_hold(row, further) for row in rows]


def release_hold(transaction: Transaction, hold: UUID, *, by: MemberId, now: datetime) -> bool:
    """Ends a hold; False where it had ended."""
    columns = legal_holds.c
    update = (
        sa.update(legal_holds)
        .where(columns.id == hold.bytes, columns.released_at.is_(None))
        .values(released_by=by, released_at=now)
    )
    return transaction.execute(update).rowcount == 1


def held(transaction: Transaction) -> Held:
    """All that is held now."""
    columns = legal_holds.c
    select = sa.select(columns.id, columns.entry_id, columns.incident_id, columns.lookup_key)
    rows = transaction.execute(select.where(columns.released_at.is_(None))).all()
    further = _further(transaction, rows)
    return Held(
        entries={UUID(bytes=bytes(row.entry_id)) for row in rows if row.entry_id is not None},
        incidents={IncidentId(row.incident_id) for row in rows if row.incident_id is not None},
        lookup_keys={key for row in rows for key in _keys(row, further)},
    )


def add_order(transaction: Transaction, order: ErasureOrder) -> None:
    """Adds an order."""
    assert order.target is not None
    values = {
        "id": order.id.bytes,
        "kind": order.kind.value,
        "ground": order.ground,
        "state": order.state.value,
        "ordered_by": order.ordered_by.member,
        "ordered_kid": order.ordered_by.kid,
        "ordered_agent": order.ordered_by.agent,
        "ordered_at": order.ordered_at,
        **_target_values(order.target),
    }
    transaction.execute(sa.insert(erasure_orders).values(values))
    further_subject_store.add(transaction, order.id, order.target)


def find_order(transaction: Transaction, order: UUID) -> ErasureOrder | None:
    """The order of this id."""
    select = sa.select(erasure_orders).where(erasure_orders.c.id == order.bytes)
    row = transaction.execute(select).one_or_none()
    return None if row is None else _order(row, _further(transaction, [row]))


def orders(transaction: Transaction, *, after: UUID | None, orders_max: int) -> list[ErasureOrder]:
    """Orders, oldest first, behind the id `after`."""
    columns = erasure_orders.c
    select = sa.select(erasure_orders).where(columns.id > (after.bytes if after else _NOTHING))
    return _orders(transaction, select.order_by(columns.id).limit(orders_max))


def confirmed_orders(transaction: Transaction) -> list[ErasureOrder]:
    """Every order that is confirmed and not carried out, oldest first."""
    columns = erasure_orders.c
    select = sa.select(erasure_orders).where(columns.state == OrderState.CONFIRMED.value)
    return _orders(transaction, select.order_by(columns.id))


def _orders(transaction: Transaction, select: sa.Select[Any]) -> list[ErasureOrder]:
    rows = transaction.execute(select).all()
    further = _further(transaction, rows)
    return [_order(row, further) for row in rows]


def decide_order(
    transaction: Transaction, order: UUID, state: OrderState, *, by: Person, now: datetime
) -> bool:
    """Confirms or declines an order; False where it has been decided."""
    columns = erasure_orders.c
    update = (
        sa.update(erasure_orders)
        .where(columns.id == order.bytes, columns.state == OrderState.ORDERED.value)
        .values(
            state=state.value,
            decided_by=by.member,
            decided_kid=by.kid,
            decided_agent=by.agent,
            decided_at=now,
        )
    )
    return transaction.execute(update).rowcount == 1


def finish_order(transaction: Transaction, order: UUID, now: datetime) -> None:
    """Notes that an order is carried out; a subject's lookup keys go with it."""
    further_subject_store.forget_act(transaction, order)
    update = (
        sa.update(erasure_orders)
        .where(erasure_orders.c.id == order.bytes)
        .values(state=OrderState.CARRIED_OUT.value, carried_out_at=now, lookup_key=None)
    )
    transaction.execute(update)


def forget_subject(transaction: Transaction, lookup_keys: Sequence[bytes]) -> None:
    """Takes a subject's keys out of the holds and orders that are over: they name nobody then."""
    over = (
        (legal_holds, legal_holds.c.released_at.is_not(None)),
        (erasure_orders, erasure_orders.c.state == OrderState.DECLINED.value),
    )
    for table, is_over in over:
        update = sa.update(table).where(table.c.lookup_key.in_(lookup_keys), is_over)
        transaction.execute(update.values(lookup_key=None))
        acts = sa.select(table.c.id).where(is_over)
        further_subject_store.forget(transaction, lookup_keys, acts=acts)


def _target_values(target: Target) -> dict[str, Any]:
    values: dict[str, Any] = {"entry_id": None, "incident_id": None, "lookup_key": None}
    match target:
        case EntryTarget():
            values["entry_id"] = target.entry.bytes
        case IncidentTarget():
            values["incident_id"] = target.incident
        case SubjectTarget():
            values["lookup_key"] = target.lookup_keys[0]
    return values


def _further(
    transaction: Transaction, acts: Sequence[sa.Row[Any]]
) -> Mapping[bytes, Sequence[bytes]]:
    return further_subject_store.find(transaction, [bytes(each.id) for each in acts])


def _keys(row: sa.Row[Any], further: Mapping[bytes, Sequence[bytes]]) -> tuple[bytes, ...]:
    first = [] if row.lookup_key is None else [bytes(row.lookup_key)]
    return (*first, *further.get(bytes(row.id), ()))


def _target(row: sa.Row[Any], further: Mapping[bytes, Sequence[bytes]]) -> Target | None:
    if row.entry_id is not None:
        return EntryTarget(entry=UUID(bytes=bytes(row.entry_id)))
    if row.incident_id is not None:
        return IncidentTarget(incident=IncidentId(row.incident_id))
    keys = _keys(row, further)
    return SubjectTarget(lookup_keys=keys) if keys else None


def _member(text: str | None) -> MemberId | None:
    return None if text is None else MemberId(text)


def _hold(row: sa.Row[Any], further: Mapping[bytes, Sequence[bytes]]) -> LegalHold:
    target = _target(row, further)
    assert target is not None or row.released_at is not None, "a hold holds something"
    return LegalHold(
        id=UUID(bytes=bytes(row.id)),
        kind=TargetKind.SUBJECT if target is None else kind_of(target),
        target=target,
        ground=row.ground,
        placed_by=MemberId(row.placed_by),
        placed_at=row.placed_at,
        released_by=_member(row.released_by),
        released_at=row.released_at,
    )


def _order(row: sa.Row[Any], further: Mapping[bytes, Sequence[bytes]]) -> ErasureOrder:
    target = _target(row, further)
    kind = TargetKind(row.kind)
    assert target is None or kind is kind_of(target)
    return ErasureOrder(
        id=UUID(bytes=bytes(row.id)),
        kind=kind,
        target=target,
        ground=row.ground,
        state=OrderState(row.state),
        ordered_by=Person(
            member=MemberId(row.ordered_by), kid=row.ordered_kid, agent=row.ordered_agent
        ),
        ordered_at=row.ordered_at,
        decided_by=None
        if row.decided_by is None
        else Person(member=MemberId(row.decided_by), kid=row.decided_kid, agent=row.decided_agent),
        decided_at=row.decided_at,
        carried_out_at=row.carried_out_at,
    )
