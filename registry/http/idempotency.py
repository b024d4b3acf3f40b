"""Answers kept for a day, so that a call repeated with its key is answered and not redone.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

import re
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from flask import Response

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.kernel.ids import MemberId
from registry.kernel.problems import Kind, Problem, Text

KEPT_HOURS = 24
KEY_CHARACTERS_MAX = 64

_KEY = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
# What belongs to one transmission, not to the answer.
_NOT_KEPT = frozenset({"content-length", "date"})

idempotent_answers = sa.Table(
    "idempotent_answers",
    metadata,
    sa.Column("member_id", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(KEY_CHARACTERS_MAX), primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("headers", Json, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)


class IdempotencyKeyMalformed(Problem):
    """The Idempotency-Key header is not a key."""

    kind = Kind.MALFORMED
    title = Text(en="The idempotency key is malformed", zh="幂等键格式错误")
    advice = Text(
        en="Send 1 to 64 visible ASCII characters, for instance a UUID.",
        zh="请发送 1 至 64 个可见 ASCII 字符，例如一个 UUID。",
    )


class IdempotencyKeyReused(Problem):
    """The key was used for another call within the last day."""

    kind = Kind.INVALID
    title = Text(en="The idempotency key belongs to another call", zh="该幂等键已用于另一请求")
    advice = Text(
        en="Repeat the first call byte for byte, or draw a fresh key for a new one.",
        zh="请逐字节重复首次请求，或为新请求使用新的幂等键。",
    )


def key_of(header: str | None) -> str | None:
    """The key in an Idempotency-Key header, as opaque text; None without a header.

    Raises: IdempotencyKeyMalformed.
    """
    if header is not None and not _KEY.fullmatch(header):
        raise IdempotencyKeyMalformed
    return header


def find(
    transaction: Transaction, member: MemberId, key: str, fingerprint: bytes
) -> Response | None:
    """The answer this `member` got for `key`, for at least a day after.

    `fingerprint` is 32 bytes over method, target and body of the call.

    Raises: IdempotencyKeyReused when the call that was answered had another one.
    """
    table = idempotent_answers.c
    statement = sa.select(table.fingerprint, table.status, table.headers, table.body).where(
        table.member_id == member, table.key == key
    )
    row = transaction.execute(statement).one_or_none()
    if row is None:
        return None
    if bytes(row.fingerprint) != fingerprint:
        raise IdempotencyKeyReused
    headers = [(name, value) for name, value in row.headers]
    return Response(bytes(row.body), status=row.status, headers=headers)


def keep(
    transaction: Transaction,
    member: MemberId,
    key: str,
    fingerprint: bytes,
    response: Response,
    expires_at: datetime,
) -> bool:
    """Keeps `response` until it is swept away after `expires_at`.

    False when the key already holds an answer: the same call was made twice at
    once and the other one was first, so undo this transaction and give that one.
    """
    values = {
        "member_id": member,
        "key": key,
        "fingerprint": fingerprint,
        "status": response.status_code,
        "headers": [
            [name, value] for name, value in response.headers if name.lower() not in _NOT_KEPT
        ],
        "body": response.get_data(),
        "expires_at": expires_at,
    }
    statement = insert_if_absent(transaction, idempotent_answers, values)
    return transaction.execute(statement).rowcount == 1


def forget_expired(transaction: Transaction, now: datetime, rows_max: int) -> int:
    """Deletes up to `rows_max` answers that have expired; how many it deleted."""
    keys = (idempotent_answers.c.member_id, idempotent_answers.c.key)
    expired = (
        sa.select(*keys)
        .where(idempotent_answers.c.expires_at <= now)
        .order_by(idempotent_answers.c.expires_at)
        .limit(rows_max)
    )
    statement = sa.delete(idempotent_answers).where(sa.tuple_(*keys).in_(expired))
    return transaction.execute(statement).rowcount


def forget_of(transaction: Transaction, members: Collection[MemberId]) -> int:
    """Deletes every answer kept for these members; a call they repeat is then made anew."""
    delete = sa.delete(idempotent_answers).where(
        idempotent_answers.c.member_id.in_(sorted(members))
    )
    return transaction.execute(delete).rowcount
