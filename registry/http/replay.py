"""Requests seen before: a signed request does its work once, in any process, after any restart.

Source: docs/protocol.md, section 1 ((iss, jti) never seen before).
"""

from datetime import datetime

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.kernel.ids import MemberId

JTI_BYTES = 16

seen_requests = sa.Table(
    "seen_requests",
    metadata,
    sa.Column("issuer", sa.String(40), primary_key=True),
    sa.Column("jti", sa.LargeBinary(JTI_BYTES), primary_key=True),
    sa.Column("expires_at_seconds", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

_REMEMBER = (
    "INSERT INTO seen_requests (issuer, jti, expires_at_seconds) VALUES (?, ?, ?)"
    " ON CONFLICT (issuer, jti) DO NOTHING"
)
_REMEMBER_POSTGRESQL = _REMEMBER.replace("?", "%s")


def remember(transaction: Transaction, issuer: MemberId, jti: bytes, expires_at: datetime) -> bool:
    """Whether (issuer, jti) was never seen before; from now on it was.

    A request in another transaction that brings the same pair at this moment
    waits for this one, and is told False once this one is committed.
    `expires_at` is when the request is refused as expired anyway, leeway
    included: until then the pair must be kept.
    """
    assert len(jti) == JTI_BYTES
    cursor = transaction.hot_cursor()
    try:
        cursor.execute(
            _REMEMBER if transaction.is_sqlite else _REMEMBER_POSTGRESQL,
            (issuer, jti, int(expires_at.timestamp()) + 1),
        )
        return bool(cursor.rowcount == 1)
    finally:
        cursor.close()


def forget_expired(transaction: Transaction, now: datetime, rows_max: int) -> int:
    """Deletes up to `rows_max` pairs whose requests have expired; how many it deleted."""
    keys = (seen_requests.c.issuer, seen_requests.c.jti)
    expired = (
        sa.select(*keys)
        .where(seen_requests.c.expires_at_seconds <= int(now.timestamp()))
        .order_by(seen_requests.c.expires_at_seconds)
        .limit(rows_max)
    )
    statement = sa.delete(seen_requests).where(sa.tuple_(*keys).in_(expired))
    return transaction.execute(statement).rowcount
