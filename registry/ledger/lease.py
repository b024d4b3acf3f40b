"""Who sequences now: a row that is locked for a step and says until when it is held."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata

sequencer_lease = sa.Table(
    "sequencer_lease",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)
_ONLY = 1


def hold(transaction: Transaction, holder: str, now: datetime, duration: timedelta) -> int | None:
    """The fence under which `holder` may work in this transaction; None while another holds.

    The row stays locked until the transaction ends. The fence rises whenever the
    holder changes: who remembers an older one has missed another's work.
    """
    columns = sequencer_lease.c
    fresh = {"id": _ONLY, "holder": holder, "fence": 1, "expires_at": now + duration}
    transaction.execute(insert_if_absent(transaction, sequencer_lease, fresh))
    select = sa.select(sequencer_lease).where(columns.id == _ONLY).with_for_update()
    row = transaction.execute(select).one()
    if row.holder != holder and row.expires_at > now:
        return None
    fence: int = row.fence if row.holder == holder else row.fence + 1
    transaction.execute(
        sa.update(sequencer_lease)
        .where(columns.id == _ONLY)
        .values(holder=holder, fence=fence, expires_at=now + duration)
    )
    return fence


def release(transaction: Transaction, holder: str, now: datetime) -> None:
    """Lets another begin at once; does nothing where `holder` does not hold."""
    columns = sequencer_lease.c
    transaction.execute(
        sa.update(sequencer_lease)
        .where(columns.id == _ONLY, columns.holder == holder)
        .values(expires_at=now)
    )
