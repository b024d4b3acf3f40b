"""The cases supervisors look into, and what became of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.kernel.ids import MemberId
from registry.oversight.model import Case, Disposed, Disposition, Flag

_KEYS_AT_ONCE_MAX = 1000

oversight_cases = sa.Table(
    "oversight_cases",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("rules", sa.String(32), nullable=False),
    sa.Column("rule", sa.String(32), nullable=False),
    sa.Column("member_id", sa.String(40)),
    sa.Column("key", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("facts", Json, nullable=False),
    sa.Column("window_from", Instant, nullable=False),
    sa.Column("window_until", Instant, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("disposition", sa.String(12), nullable=False),
)
oversight_dispositions = sa.Table(
    "oversight_dispositions",
    metadata,
    sa.Column("case_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("number", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("disposition", sa.String(12), nullable=False),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("why", sa.String(500), nullable=False),
)


def add(transaction: Transaction, case: Case) -> bool:
    """Opens a case; False where its flag had been raised."""
    flag = case.flag
    values = {
        "id": case.id.bytes,
        "rules": flag.rules,
        "rule": flag.rule,
        "member_id": flag.member,
        "key": flag.key,
        "facts": dict(flag.facts),
        "window_from": flag.window_from,
        "window_until": flag.window_until,
        "opened_at": case.opened_at,
        "disposition": case.disposition.value,
    }
    insert = insert_if_absent(transaction, oversight_cases, values)
    return transaction.execute(insert).rowcount == 1


def raised(transaction: Transaction, keys: Collection[bytes]) -> Mapping[bytes, Case]:
    """The cases of these flags, by key and without their history; others wait for them now."""
    columns = oversight_cases.c
    wanted = sorted(keys)
    found: dict[bytes, Case] = {}
    for start in range(0, len(wanted), _KEYS_AT_ONCE_MAX):
        some = wanted[start : start + _KEYS_AT_ONCE_MAX]
        select = sa.select(oversight_cases).where(columns.key.in_(some))
        for row in transaction.execute(select.order_by(columns.id).with_for_update()):
            found[bytes(row.key)] = _case(row)
    return found


def extend(transaction: Transaction, case: UUID, flag: Flag) -> None:
    """Makes a case end with a later window in which it was found again; it is known by that."""
    update = sa.update(oversight_cases).where(oversight_cases.c.id == case.bytes)
    values = {"key": flag.key, "facts": dict(flag.facts), "window_until": flag.window_until}
    transaction.execute(update.values(values))


def find_and_lock(transaction: Transaction, case: UUID) -> Case | None:
    """A case with its history, which others wait for from now on."""
    select = sa.select(oversight_cases).where(oversight_cases.c.id == case.bytes)
    row = transaction.execute(select.with_for_update()).one_or_none()
    if row is None:
        return None
    return replace(_case(row), history=_history(transaction, case))


def page(
    transaction: Transaction,
    *,
    disposition: Disposition | None,
    member: MemberId | None,
    after: UUID | None,
    cases_max: int,
) -> list[Case]:
    """Cases in the order they were opened, after the id `after`."""
    columns = oversight_cases.c
    select = sa.select(oversight_cases)
    if disposition is not None:
        select = select.where(columns.disposition == disposition.value)
    if member is not None:
        select = select.where(columns.member_id == member)
    if after is not None:
        select = select.where(columns.id > after.bytes)
    rows = transaction.execute(select.order_by(columns.id).limit(cases_max)).all()
    return [replace(case, history=_history(transaction, case.id)) for case in map(_case, rows)]


def dispose(transaction: Transaction, case: Case, disposed: Disposed) -> None:
    """Adds what became of a case; what was said before stays."""
    values = {
        "case_id": case.id.bytes,
        "number": len(case.history),
        "disposition": disposed.disposition.value,
        "member_id": disposed.member,
        "at": disposed.at,
        "why": disposed.why,
    }
    transaction.execute(sa.insert(oversight_dispositions).values(values))
    update = sa.update(oversight_cases).where(oversight_cases.c.id == case.id.bytes)
    transaction.execute(update.values(disposition=disposed.disposition.value))


def forget_before(transaction: Transaction, before: datetime, cases_max: int) -> int:
    """Deletes up to `cases_max` cases opened before an instant; how many it deleted."""
    columns = oversight_cases.c
    # A case's id is of the instant it was opened at: in their order the old ones are first.
    first = sa.select(columns.id, columns.opened_at).order_by(columns.id).limit(cases_max)
    some = first.subquery()
    select = sa.select(some.c.id).where(some.c.opened_at < before)
    old = [row.id for row in transaction.execute(select)]
    if not old:
        return 0
    transaction.execute(
        sa.delete(oversight_dispositions).where(oversight_dispositions.c.case_id.in_(old))
    )
    return transaction.execute(sa.delete(oversight_cases).where(columns.id.in_(old))).rowcount


def _history(transaction: Transaction, case: UUID) -> tuple[Disposed, ...]:
    columns = oversight_dispositions.c
    select = sa.select(oversight_dispositions).where(columns.case_id == case.bytes)
    rows: Sequence[sa.Row[Any]] = transaction.execute(select.order_by(columns.number)).all()
    return tuple(
        Disposed(
            disposition=Disposition(row.disposition),
            member=MemberId(row.member_id),
            at=row.at,
            why=row.why,
        )
        for row in rows
    )


def _case(row: sa.Row[Any]) -> Case:
    return Case(
        id=UUID(bytes=bytes(row.id)),
        flag=Flag(
            rules=row.rules,
            rule=row.rule,
            member=None if row.member_id is None else MemberId(row.member_id),
            key=bytes(row.key),
            facts=row.facts,
            window_from=row.window_from,
            window_until=row.window_until,
        ),
        opened_at=row.opened_at,
        disposition=Disposition(row.disposition),
    )
