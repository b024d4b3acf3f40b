"""Keeps the first checkpoint that holds an entry, for whoever may not choose among later ones.

    await_first, with the entry --> keep_first, with each publishing --> take_first

What is awaited is a row until it is taken; all of them together are a few.
"""

from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.ledger.log_store import log_entries
from registry.ledger.model import Shard

first_checkpoints = sa.Table(
    "first_checkpoints",
    metadata,
    sa.Column("entry_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("size", sa.BigInteger),
    sa.Column("checkpoint", sa.Text),
)


def await_first(transaction: Transaction, entry: UUID) -> None:
    """Has the first checkpoint kept that will hold an entry, of this transaction as a rule."""
    transaction.execute(sa.insert(first_checkpoints).values(entry_id=entry.bytes))


def keep_first(transaction: Transaction, shard: Shard, *, size: int, checkpoint: str) -> None:
    """Keeps a checkpoint, as it is published, for the entries that it is the first to hold."""
    columns = first_checkpoints.c
    is_held = sa.exists().where(
        log_entries.c.entry_id == columns.entry_id,
        log_entries.c.log == shard.log,
        log_entries.c.shard == shard.half_year,
        log_entries.c.position < size,
    )
    update = sa.update(first_checkpoints).where(columns.checkpoint.is_(None), is_held)
    transaction.execute(update.values(size=size, checkpoint=checkpoint))


def first_of(transaction: Transaction, entry: UUID) -> tuple[int, str] | None:
    """Size and text of the first checkpoint that holds an entry; None until one does."""
    columns = first_checkpoints.c
    select = sa.select(columns.size, columns.checkpoint).where(
        columns.entry_id == entry.bytes, columns.checkpoint.is_not(None)
    )
    row = transaction.execute(select).one_or_none()
    return None if row is None else (row.size, row.checkpoint)


def forget_first(transaction: Transaction, entry: UUID) -> None:
    """Nobody awaits the checkpoint of this entry any more."""
    columns = first_checkpoints.c
    transaction.execute(sa.delete(first_checkpoints).where(columns.entry_id == entry.bytes))
