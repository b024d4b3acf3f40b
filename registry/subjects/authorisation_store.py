"""The table of one-use authorisations, and the only queries on it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel.ids import MemberId

_KEY_BYTES = 32

one_use_authorisations = sa.Table(
    "one_use_authorisations",
    metadata,
    sa.Column("code_mark", sa.LargeBinary(32), primary_key=True),
    # All identities of the person who gave it, one after the other.
    sa.Column("lookup_keys", sa.LargeBinary, nullable=False),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("order_reference", sa.String(64), nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
    sa.Column("lookup_id", sa.LargeBinary(16)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAuthorisation:
    """An authorisation that is not spent yet."""

    lookup_keys: frozenset[bytes]
    member: MemberId
    order: str
    expires_at: datetime


def add(transaction: Transaction, code_mark: bytes, given: GivenAuthorisation) -> None:
    """Adds an authorisation."""
    values = {
        "code_mark": code_mark,
        "lookup_keys": b"".join(sorted(given.lookup_keys)),
        "member_id": given.member,
        "order_reference": given.order,
        "expires_at": given.expires_at,
    }
    transaction.execute(sa.insert(one_use_authorisations).values(values))


def lock_unspent(
    transaction: Transaction, code_marks: Collection[bytes]
) -> dict[bytes, GivenAuthorisation]:
    """Those of these that are not spent, locked in one order everywhere.

    Who waited for a lock sees what the holder before it committed: spent is spent.
    """
    columns = one_use_authorisations.c
    select = (
        sa.select(one_use_authorisations)
        .where(columns.code_mark.in_(sorted(code_marks)), columns.lookup_id.is_(None))
        .order_by(columns.code_mark)
        .with_for_update()
    )
    return {
        bytes(row.code_mark): GivenAuthorisation(
            lookup_keys=_keys(bytes(row.lookup_keys)),
            member=MemberId(row.member_id),
            order=row.order_reference,
            expires_at=row.expires_at,
        )
        for row in transaction.execute(select)
    }


def spend(transaction: Transaction, lookups: Mapping[bytes, UUID]) -> None:
    """Notes for which lookup each of these, which are locked, was spent; one statement."""
    columns = one_use_authorisations.c
    used = sa.case(
        {mark: sa.literal(each.bytes, sa.LargeBinary) for mark, each in lookups.items()},
        value=columns.code_mark,
    )
    transaction.execute(
        sa.update(one_use_authorisations)
        .where(columns.code_mark.in_(sorted(lookups)))
        .values(lookup_id=used)
    )


def sweep(transaction: Transaction, expired_at: datetime, rows_max: int) -> int:
    """Deletes up to `rows_max` that are over, spent or not; how many."""
    columns = one_use_authorisations.c
    marks = sa.select(columns.code_mark).where(columns.expires_at <= expired_at)
    marks = marks.order_by(columns.expires_at).limit(rows_max)
    delete = sa.delete(one_use_authorisations).where(columns.code_mark.in_(marks))
    return transaction.execute(delete).rowcount


def forget_subject(transaction: Transaction, lookup_key: bytes) -> int:
    """Deletes every authorisation of a person, spent or not; how many.

    Reads them all: a quarter of an hour's worth, and what is not swept yet.
    """
    columns = one_use_authorisations.c
    find = sa.func.instr if transaction.is_sqlite else sa.func.pg_catalog.position
    is_among = find(columns.lookup_keys, sa.literal(lookup_key, sa.LargeBinary)) > 0
    return transaction.execute(sa.delete(one_use_authorisations).where(is_among)).rowcount


def _keys(data: bytes) -> frozenset[bytes]:
    return frozenset(data[at : at + _KEY_BYTES] for at in range(0, len(data), _KEY_BYTES))
