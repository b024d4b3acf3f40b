"""Requests seen before: a signed request does its work once, in any process, after any restart.

Source: docs/protocol.md, section 1 ((iss, jti) never seen before).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

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

_REMEMBER_POSTGRESQL = (
    "INSERT INTO seen_requests (issuer, jti, expires_at_seconds)"
    " SELECT * FROM unnest(%s::text[], %s::bytea[], %s::bigint[])"
    " ON CONFLICT (issuer, jti) DO NOTHING RETURNING issuer, jti"
)


def remember(transaction: Transaction, issuer: MemberId, jti: bytes, expires_at: datetime) -> bool:
    """Whether (issuer, jti) was never seen before; from now on it was."""
    (is_fresh,) = remember_all(transaction, [(issuer, jti, expires_at)])()
    return is_fresh


def remember_all(
    transaction: Transaction, calls: Sequence[tuple[MemberId, bytes, datetime]]
) -> Callable[[], list[bool]]:
    """Remembers each (issuer, jti, expires_at); tells, when asked, which were never seen before.

    With one statement, which PostgreSQL is sent with the one after it. A request in
    another transaction that brings the same pair at this moment waits for this one, and
    is told False once this one is committed.
    `expires_at` is when the request is refused as expired anyway, leeway
    included: until then the pair must be kept.
    """
    # In one order everywhere, so that two lists that share pairs wait for each
    # other and never both.
    rows = sorted(
        (issuer, jti, int(expires_at.timestamp()) + 1) for issuer, jti, expires_at in calls
    )
    if transaction.is_sqlite:
        values: list[Any] = [value for row in rows for value in row]
        inserted = transaction.execute_later(_remember_sqlite(len(rows)), values)
    else:
        values = list(map(list, zip(*rows, strict=True)))
        inserted = transaction.execute_later(_REMEMBER_POSTGRESQL, values)

    def tell() -> list[bool]:
        fresh = {(issuer, bytes(jti)) for issuer, jti in inserted}
        inserted.close()
        told = []
        for issuer, jti, _ in calls:
            assert len(jti) == JTI_BYTES
            # Of two in one list the first is the one that was not seen before.
            told.append((issuer, jti) in fresh)
            fresh.discard((issuer, jti))
        return told

    return tell


@cache
def _remember_sqlite(rows: int) -> str:
    places = ", ".join(["(?, ?, ?)"] * rows)
    return (
        f"INSERT INTO seen_requests (issuer, jti, expires_at_seconds) VALUES {places}"  # noqa: S608 # places are question marks
        " ON CONFLICT (issuer, jti) DO NOTHING RETURNING issuer, jti"
    )


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
