"""The tables of sign-ins under way: marks, codes and messages; no identifier is in them.

sign_in_identifiers   one row an identifier that was asked for lately, found by a mark; it
                      is what all attempts of that identifier wait for
sign_in_codes         the codes under way to it, as marks
sign_ins              one row a sign-in, with what it asked for, sealed by what was asked
sign_in_messages      what is to be sent, sealed, until it is sent
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.subjects.codes import IdentifierTries

sign_in_identifiers = sa.Table(
    "sign_in_identifiers",
    metadata,
    sa.Column("mark", sa.LargeBinary(32), primary_key=True),
    sa.Column("sent", sa.Integer, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("wrong", sa.Integer, nullable=False),
    sa.Column("wrong_from_at", Instant),
    sa.Column("seen_at", Instant, nullable=False, index=True),
)

sign_in_codes = sa.Table(
    "sign_in_codes",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("mark", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("short_mark", sa.LargeBinary(32), nullable=False),
    sa.Column("long_mark", sa.LargeBinary(32), nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

sign_ins = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("mark", sa.LargeBinary(32), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("blinded", sa.LargeBinary(32), nullable=False),
    sa.Column("canonical_sealed", sa.LargeBinary, nullable=False),
    sa.Column("tries", sa.SmallInteger, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

sign_in_messages = sa.Table(
    "sign_in_messages",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("is_due", sa.Boolean, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

_TABLES_THAT_EXPIRE = (sign_in_codes, sign_ins, sign_in_messages)


def lock_identifier(transaction: Transaction, mark: bytes, wall_now: datetime) -> IdentifierTries:
    """The row of an identifier, which all its other attempts wait for from now on."""
    columns = sign_in_identifiers.c
    fresh = {"mark": mark, "sent": 0, "wrong": 0, "seen_at": wall_now}
    transaction.execute(insert_if_absent(transaction, sign_in_identifiers, fresh))
    row = transaction.execute(
        sa.select(sign_in_identifiers).where(columns.mark == mark).with_for_update()
    ).one()
    return IdentifierTries(
        sent=row.sent, sent_at=row.sent_at, wrong=row.wrong, wrong_from_at=row.wrong_from_at
    )


def keep_identifier(
    transaction: Transaction, mark: bytes, tries: IdentifierTries, wall_now: datetime
) -> None:
    """Keeps the counts of an identifier whose row is locked."""
    transaction.execute(
        sa.update(sign_in_identifiers)
        .where(sign_in_identifiers.c.mark == mark)
        .values(
            sent=tries.sent,
            sent_at=tries.sent_at,
            wrong=tries.wrong,
            wrong_from_at=tries.wrong_from_at,
            seen_at=wall_now,
        )
    )


def add_code(
    transaction: Transaction,
    code: UUID,
    *,
    mark: bytes,
    short_mark: bytes,
    long_mark: bytes,
    expires_at: datetime,
) -> None:
    """Adds a code that is under way."""
    values = {
        "id": code.bytes,
        "mark": mark,
        "short_mark": short_mark,
        "long_mark": long_mark,
        "expires_at": expires_at,
    }
    transaction.execute(sa.insert(sign_in_codes).values(values))


def live_codes(
    transaction: Transaction, mark: bytes, wall_now: datetime
) -> Sequence[tuple[bytes, bytes]]:
    """The marks (short, long) of the codes that are good for an identifier now."""
    columns = sign_in_codes.c
    select = sa.select(columns.short_mark, columns.long_mark).where(
        columns.mark == mark, columns.expires_at > wall_now
    )
    return [(bytes(row.short_mark), bytes(row.long_mark)) for row in transaction.execute(select)]


def forget_codes(transaction: Transaction, mark: bytes) -> None:
    """Deletes every code of an identifier: one has been used."""
    transaction.execute(sa.delete(sign_in_codes).where(sign_in_codes.c.mark == mark))


def add_sign_in(transaction: Transaction, sign_in: UUID, values: dict[str, Any]) -> None:
    """Adds a sign-in that is under way."""
    transaction.execute(sa.insert(sign_ins).values({"id": sign_in.bytes, "tries": 0, **values}))


def find_sign_in(transaction: Transaction, sign_in: UUID) -> sa.Row[Any] | None:
    """The sign-in of this id."""
    select = sa.select(sign_ins).where(sign_ins.c.id == sign_in.bytes)
    return transaction.execute(select).one_or_none()


def count_try(transaction: Transaction, sign_in: UUID) -> None:
    """Notes an attempt; the row of the identifier is locked."""
    columns = sign_ins.c
    transaction.execute(
        sa.update(sign_ins).where(columns.id == sign_in.bytes).values(tries=columns.tries + 1)
    )


def forget_sign_in(transaction: Transaction, sign_in: UUID) -> None:
    """Deletes a sign-in that is done."""
    transaction.execute(sa.delete(sign_ins).where(sign_ins.c.id == sign_in.bytes))


def add_message(
    transaction: Transaction, message: UUID, *, sealed: bytes, is_due: bool, expires_at: datetime
) -> None:
    """Adds a message; one that is not due is there only so that every sign-in looks alike."""
    values = {"id": message.bytes, "sealed": sealed, "is_due": is_due, "expires_at": expires_at}
    transaction.execute(sa.insert(sign_in_messages).values(values))


def find_message(transaction: Transaction, message: UUID) -> sa.Row[Any] | None:
    """The message of this id."""
    columns = sign_in_messages.c
    return transaction.execute(
        sa.select(sign_in_messages).where(columns.id == message.bytes)
    ).one_or_none()


def forget_message(transaction: Transaction, message: UUID) -> None:
    """Deletes a message that was sent, or need not be."""
    transaction.execute(sa.delete(sign_in_messages).where(sign_in_messages.c.id == message.bytes))


def sweep(
    transaction: Transaction, *, expired_at: datetime, unseen_since: datetime, rows_max: int
) -> int:
    """Deletes up to `rows_max` rows of each table that are of no use any more; how many."""
    deleted = 0
    for table in _TABLES_THAT_EXPIRE:
        expires_at = table.c.expires_at
        ids = sa.select(table.c.id).where(expires_at <= expired_at)
        ids = ids.order_by(expires_at).limit(rows_max)
        deleted += transaction.execute(sa.delete(table).where(table.c.id.in_(ids))).rowcount
    columns = sign_in_identifiers.c
    marks = sa.select(columns.mark).where(columns.seen_at <= unseen_since)
    marks = marks.order_by(columns.seen_at).limit(rows_max)
    delete = sa.delete(sign_in_identifiers).where(columns.mark.in_(marks))
    return deleted + transaction.execute(delete).rowcount
