"""The table of the other identities a hold or an order is about, and the only queries on it.

A person may be known under several: the first stands with the hold or order itself.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.ledger.erasure_model import SubjectTarget, Target

further_subjects = sa.Table(
    "further_subjects",
    metadata,
    sa.Column("act_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
)

_ACTS_AT_ONCE_MAX = 500


def add(transaction: Transaction, act: UUID, target: Target) -> None:
    """Adds the keys beyond the first of the hold or order `act`, where there are any."""
    if isinstance(target, SubjectTarget) and len(target.lookup_keys) > 1:
        rows = [{"act_id": act.bytes, "lookup_key": key} for key in target.lookup_keys[1:]]
        transaction.execute(sa.insert(further_subjects), rows)


def find(transaction: Transaction, acts: Sequence[bytes]) -> Mapping[bytes, Sequence[bytes]]:
    """By hold or order the keys beyond the first."""
    columns = further_subjects.c
    found: dict[bytes, list[bytes]] = {}
    for start in range(0, len(acts), _ACTS_AT_ONCE_MAX):
        some = acts[start : start + _ACTS_AT_ONCE_MAX]
        select = sa.select(further_subjects).where(columns.act_id.in_(some))
        for row in transaction.execute(select.order_by(columns.act_id, columns.lookup_key)):
            found.setdefault(bytes(row.act_id), []).append(bytes(row.lookup_key))
    return found


def forget_act(transaction: Transaction, act: UUID) -> None:
    """Deletes the keys beyond the first of one hold or order."""
    transaction.execute(sa.delete(further_subjects).where(further_subjects.c.act_id == act.bytes))


def forget(
    transaction: Transaction, lookup_keys: Sequence[bytes], *, acts: sa.Select[tuple[bytes]]
) -> None:
    """Deletes these keys from the holds and orders that `acts` selects the ids of."""
    columns = further_subjects.c
    delete = sa.delete(further_subjects).where(
        columns.lookup_key.in_(lookup_keys), columns.act_id.in_(acts)
    )
    transaction.execute(delete)
