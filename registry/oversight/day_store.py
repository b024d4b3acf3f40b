"""Up to which day each rule has judged, and how much of the next one."""

from collections.abc import Mapping, Sequence
from datetime import date

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import metadata

oversight_days = sa.Table(
    "oversight_days",
    metadata,
    sa.Column("rules", sa.String(32), primary_key=True),
    sa.Column("rule", sa.String(32), primary_key=True),
    sa.Column("next_day", sa.Date, nullable=False),
    # Of a day that has more than fits into a step.
    sa.Column("seen", sa.Integer, nullable=False, server_default="0"),
)
_days = oversight_days.c


def next_days(transaction: Transaction, rules: str) -> Mapping[str, date]:
    """By rule of this version the first day it has not judged; a rule without one is new."""
    select = sa.select(_days.rule, _days.next_day).where(_days.rules == rules)
    return {row.rule: row.next_day for row in transaction.execute(select)}


def begin(transaction: Transaction, rules: str, names: Sequence[str], first: date) -> None:
    """Notes `first` for those rules that are new."""
    for name in sorted(names):
        values = {"rules": rules, "rule": name, "next_day": first}
        transaction.execute(insert_if_absent(transaction, oversight_days, values))


def hold(transaction: Transaction, rules: str) -> dict[str, date]:
    """As `next_days`; whoever judges too waits until this transaction ends."""
    select = sa.select(_days.rule, _days.next_day).where(_days.rules == rules)
    rows = transaction.execute(select.order_by(_days.rule).with_for_update())
    return {row.rule: row.next_day for row in rows}


def seen(transaction: Transaction, rules: str, rule: str) -> int:
    """How many finds of the day that is next are judged already."""
    select = sa.select(_days.seen).where(_days.rules == rules, _days.rule == rule)
    return int(transaction.execute(select).scalar_one())


def move(transaction: Transaction, rules: str, rule: str, next_day: date, *, seen: int = 0) -> None:
    """Notes that a rule has judged every day before `next_day`, and so many finds of that."""
    update = sa.update(oversight_days).where(_days.rules == rules, _days.rule == rule)
    transaction.execute(update.values(next_day=next_day, seen=seen))
