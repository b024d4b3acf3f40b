"""The table of what this node has cosigned of other logs, and the only queries on it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from registry.crypto.checkpoint import ORIGIN_BYTES_MAX
from registry.crypto.merkle import EMPTY_ROOT, HASH_BYTES
from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata

witnessed_logs = sa.Table(
    "witnessed_logs",
    metadata,
    sa.Column("origin", sa.String(ORIGIN_BYTES_MAX), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary(HASH_BYTES), nullable=False),
    sa.Column("cosigned_at", Instant),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """The largest tree of a log that was cosigned; the empty one when none was."""

    size: int
    root: bytes


def hold(transaction: Transaction, origin: str) -> Cosigned:
    """What was cosigned last of the log `origin`, locked until the transaction ends."""
    columns = witnessed_logs.c
    fresh = {"origin": origin, "size": 0, "root": EMPTY_ROOT, "cosigned_at": None}
    transaction.execute(insert_if_absent(transaction, witnessed_logs, fresh))
    select = sa.select(witnessed_logs).where(columns.origin == origin).with_for_update()
    row = transaction.execute(select).one()
    return Cosigned(size=row.size, root=bytes(row.root))


def put(transaction: Transaction, origin: str, cosigned: Cosigned, now: datetime) -> None:
    """Notes what is being cosigned; the row is held."""
    transaction.execute(
        sa.update(witnessed_logs)
        .where(witnessed_logs.c.origin == origin)
        .values(size=cosigned.size, root=cosigned.root, cosigned_at=now)
    )
