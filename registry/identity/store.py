"""The quota of evaluations: what each member has leased in each hour."""

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.kernel.ids import MemberId

evaluation_quotas = sa.Table(
    "evaluation_quotas",
    metadata,
    sa.Column("member_id", sa.String(40), primary_key=True),
    # Hours since 1970-01-01T00:00Z.
    sa.Column("hour", sa.Integer, primary_key=True),
    sa.Column("leased", sa.Integer, nullable=False),
)

_HOURS_KEPT = 24 * 35


def lease(
    transaction: Transaction, member: MemberId, *, hour: int, quota: int, wanted: int
) -> tuple[int, int]:
    """Leases up to `wanted` of a member's evaluations: how many, and how many are left.

    The row is locked until the transaction ends, so the transaction is a short
    one of its own. Old hours of the member are swept along.
    """
    columns = evaluation_quotas.c
    here = (columns.member_id == member) & (columns.hour == hour)
    row = {"member_id": member, "hour": hour, "leased": 0}
    if transaction.execute(insert_if_absent(transaction, evaluation_quotas, row)).rowcount:
        _forget_before(transaction, member, hour - _HOURS_KEPT)
    leased = transaction.execute(
        sa.select(columns.leased).where(here).with_for_update()
    ).scalar_one()
    granted = max(0, min(wanted, quota - leased))
    if granted:
        transaction.execute(
            sa.update(evaluation_quotas).where(here).values(leased=leased + granted)
        )
    return granted, max(0, quota - leased - granted)


def _forget_before(transaction: Transaction, member: MemberId, hour: int) -> None:
    columns = evaluation_quotas.c
    transaction.execute(
        sa.delete(evaluation_quotas).where(columns.member_id == member, columns.hour < hour)
    )
