"""The tables of sessions, and the only queries on them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata

subject_sessions = sa.Table(
    "subject_sessions",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("bearer_hash", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

subject_session_identities = sa.Table(
    "subject_session_identities",
    metadata,
    sa.Column("session_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("key_id", sa.String(32), nullable=False),
    # Whoever proves an identifier may end every session of it.
    sa.Column("lookup_key", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("seed_sealed", sa.LargeBinary, nullable=False),
    sa.Column("assurance", sa.SmallInteger, nullable=False),
    sa.Column("vouched_by", sa.String(40)),
    sa.Column("held_since_on", sa.Date, nullable=False),
    sa.Column("proof", sa.LargeBinary(16), nullable=False),
    sa.Column("proven_at", Instant, nullable=False),
)


def add(
    transaction: Transaction,
    session: UUID,
    *,
    bearer_hash: bytes,
    seen_at: datetime,
    expires_at: datetime,
) -> None:
    """Adds a session without identities."""
    values = {
        "id": session.bytes,
        "bearer_hash": bearer_hash,
        "seen_at": seen_at,
        "expires_at": expires_at,
    }
    transaction.execute(sa.insert(subject_sessions).values(values))


def find_and_lock(transaction: Transaction, bearer_hash: bytes) -> sa.Row[Any] | None:
    """The session of this bearer; its other calls wait from now on."""
    columns = subject_sessions.c
    select = sa.select(subject_sessions).where(columns.bearer_hash == bearer_hash)
    return transaction.execute(select.with_for_update()).one_or_none()


def identities_of(transaction: Transaction, session: UUID) -> Sequence[sa.Row[Any]]:
    """The identities of a session, in their order."""
    columns = subject_session_identities.c
    select = (
        sa.select(subject_session_identities)
        .where(columns.session_id == session.bytes)
        .order_by(columns.position)
    )
    return transaction.execute(select).all()


def replace_identities(
    transaction: Transaction, session: UUID, rows: Sequence[dict[str, Any]]
) -> None:
    """Makes these the identities of a session, in this order."""
    columns = subject_session_identities.c
    transaction.execute(
        sa.delete(subject_session_identities).where(columns.session_id == session.bytes)
    )
    numbered = [
        {"session_id": session.bytes, "position": position, **row}
        for position, row in enumerate(rows)
    ]
    transaction.execute(sa.insert(subject_session_identities), numbered)


def touch(transaction: Transaction, session: UUID, seen_at: datetime) -> None:
    """Notes that the session was used."""
    columns = subject_sessions.c
    transaction.execute(
        sa.update(subject_sessions).where(columns.id == session.bytes).values(seen_at=seen_at)
    )


def change_bearer(transaction: Transaction, session: UUID, bearer_hash: bytes) -> None:
    """Gives the session another bearer; the one before opens nothing any more."""
    columns = subject_sessions.c
    transaction.execute(
        sa.update(subject_sessions)
        .where(columns.id == session.bytes)
        .values(bearer_hash=bearer_hash)
    )


def end(transaction: Transaction, sessions: Collection[UUID]) -> int:
    """Deletes these sessions; how many there were. Calls they are making end first."""
    keys = sorted(each.bytes for each in sessions)
    ids = sa.select(subject_sessions.c.id).where(subject_sessions.c.id.in_(keys))
    # The session before its identities, as every call of it takes them.
    transaction.execute(ids.order_by(subject_sessions.c.id).with_for_update()).all()
    identities = subject_session_identities.c
    transaction.execute(
        sa.delete(subject_session_identities).where(identities.session_id.in_(keys))
    )
    delete = sa.delete(subject_sessions).where(subject_sessions.c.id.in_(keys))
    return transaction.execute(delete).rowcount


def sessions_of(
    transaction: Transaction, lookup_keys: Collection[bytes], sessions_max: int
) -> list[UUID]:
    """The sessions in which any of these identities was proven or vouched for."""
    columns = subject_session_identities.c
    select = (
        sa.select(columns.session_id)
        .where(columns.lookup_key.in_(sorted(lookup_keys)))
        .distinct()
        .order_by(columns.session_id)
        .limit(sessions_max)
    )
    return [UUID(bytes=bytes(each)) for each in transaction.execute(select).scalars()]


def expired(transaction: Transaction, wall_now: datetime, sessions_max: int) -> list[UUID]:
    """Sessions that are over by age, oldest first."""
    columns = subject_sessions.c
    select = (
        sa.select(columns.id)
        .where(columns.expires_at <= wall_now)
        .order_by(columns.expires_at)
        .limit(sessions_max)
    )
    return [UUID(bytes=bytes(each)) for each in transaction.execute(select).scalars()]
