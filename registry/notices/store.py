"""The outbox: notices, webhooks, deliveries and their attempts."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.kernel.ids import MemberId
from registry.notices.model import (
    Attempt,
    AttemptResult,
    Delivery,
    DeliveryState,
    DisabledReason,
    Notice,
    Webhook,
    WebhookState,
)

notice_numbers = sa.Table(
    "notice_numbers",
    metadata,
    sa.Column("member_id", sa.String(40), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("member_id", sa.String(40), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("event_type", sa.String(132), nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("member_id", "number"),
    sa.Index("ix_notices_at", "at"),
)
webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("member_id", sa.String(40), nullable=False, index=True),
    sa.Column("url", sa.String(1024), nullable=False),
    sa.Column("types", Json, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("disabled_reason", sa.String(16)),
    sa.Column("failing_since", Instant),
    sa.Column("keys_sealed", sa.LargeBinary, nullable=False),
    sa.Column("previous_sealed", sa.LargeBinary),
    sa.Column("previous_until", Instant),
    sa.Column("contact_sealed", sa.LargeBinary),
    sa.Column("created_at", Instant, nullable=False),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("webhook_id", sa.LargeBinary(16), nullable=False),
    sa.Column("notice_id", sa.LargeBinary(16), nullable=False, index=True),
    sa.Column("event_type", sa.String(132), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("next_at", Instant),
    sa.Index("ix_deliveries_webhook_id_id", "webhook_id", "id"),
)
delivery_attempts = sa.Table(
    "delivery_attempts",
    metadata,
    sa.Column("delivery_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("result", sa.String(20), nullable=False),
    sa.Column("status", sa.SmallInteger),
    sa.Column("latency_milliseconds", sa.Integer, nullable=False),
)


def next_number(transaction: Transaction, member: MemberId) -> int:
    """The member's next number; others that tell this member wait until this one ends.

    So numbers are committed in their order, and who has read up to one has missed nothing.
    """
    insert = sqlite.insert if transaction.is_sqlite else postgresql.insert
    statement = insert(notice_numbers).values(member_id=member, number=1)
    counted = statement.on_conflict_do_update(
        index_elements=[notice_numbers.c.member_id],
        set_={"number": notice_numbers.c.number + 1},
    ).returning(notice_numbers.c.number)
    return int(transaction.execute(counted).scalar_one())


def lock_numbers(transaction: Transaction, member: MemberId) -> None:
    """Makes others that tell this member, or add a webhook of it, wait until this one ends."""
    values = {"member_id": member, "number": 0}
    transaction.execute(insert_if_absent(transaction, notice_numbers, values))
    transaction.execute(
        sa.update(notice_numbers)
        .where(notice_numbers.c.member_id == member)
        .values(number=notice_numbers.c.number)
    )


def add_notice(transaction: Transaction, notice: Notice) -> None:
    """Inserts a notice."""
    values = {
        "id": notice.uuid.bytes,
        "member_id": notice.member,
        "number": notice.number,
        "event_type": notice.event_type,
        "data": dict(notice.data),
        "at": notice.at,
    }
    transaction.execute(sa.insert(notices).values(values))


def find_notice(transaction: Transaction, uuid: UUID) -> Notice | None:
    """The notice of this id."""
    row = transaction.execute(sa.select(notices).where(notices.c.id == uuid.bytes)).one_or_none()
    return None if row is None else _notice_of(row)


def page_of_notices(
    transaction: Transaction, member: MemberId, *, after: int, notices_max: int
) -> list[Notice]:
    """The member's notices after a number, in their order."""
    columns = notices.c
    rows = transaction.execute(
        sa.select(notices)
        .where(columns.member_id == member, columns.number > after)
        .order_by(columns.number)
        .limit(notices_max)
    )
    return [_notice_of(row) for row in rows]


def forget_notices(transaction: Transaction, before: datetime, notices_max: int) -> int:
    """Deletes some notices from before an instant, with their deliveries; how many."""
    select = sa.select(notices.c.id).where(notices.c.at < before).limit(notices_max)
    old = [bytes(each) for each in transaction.execute(select).scalars()]
    if not old:
        return 0
    gone = sa.select(deliveries.c.id).where(deliveries.c.notice_id.in_(old))
    transaction.execute(
        sa.delete(delivery_attempts).where(delivery_attempts.c.delivery_id.in_(gone))
    )
    transaction.execute(sa.delete(deliveries).where(deliveries.c.notice_id.in_(old)))
    transaction.execute(sa.delete(notices).where(notices.c.id.in_(old)))
    return len(old)


def add_webhook(transaction: Transaction, webhook: Webhook) -> None:
    """Inserts a webhook."""
    transaction.execute(sa.insert(webhooks).values(_webhook_values(webhook)))


def put_webhook(transaction: Transaction, webhook: Webhook) -> None:
    """Writes a webhook over what it was."""
    statement = sa.update(webhooks).where(webhooks.c.id == webhook.uuid.bytes)
    assert transaction.execute(statement.values(_webhook_values(webhook))).rowcount == 1


def drop_webhook(transaction: Transaction, webhook: UUID) -> None:
    """Deletes a webhook and what was sent to it."""
    sent = sa.select(deliveries.c.id).where(deliveries.c.webhook_id == webhook.bytes)
    transaction.execute(
        sa.delete(delivery_attempts).where(delivery_attempts.c.delivery_id.in_(sent))
    )
    transaction.execute(sa.delete(deliveries).where(deliveries.c.webhook_id == webhook.bytes))
    transaction.execute(sa.delete(webhooks).where(webhooks.c.id == webhook.bytes))


def find_webhook(transaction: Transaction, uuid: UUID) -> Webhook | None:
    """The webhook of this id."""
    row = transaction.execute(sa.select(webhooks).where(webhooks.c.id == uuid.bytes)).one_or_none()
    return None if row is None else _webhook_of(row)


def find_and_lock_webhook(transaction: Transaction, uuid: UUID) -> Webhook | None:
    """The webhook of this id, which nobody else changes until this transaction ends."""
    statement = sa.select(webhooks).where(webhooks.c.id == uuid.bytes).with_for_update()
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _webhook_of(row)


def webhooks_of(transaction: Transaction, member: MemberId) -> list[Webhook]:
    """Every webhook of a member, oldest first."""
    statement = sa.select(webhooks).where(webhooks.c.member_id == member).order_by(webhooks.c.id)
    return [_webhook_of(row) for row in transaction.execute(statement)]


def add_delivery(transaction: Transaction, delivery: Delivery) -> None:
    """Inserts a delivery."""
    transaction.execute(sa.insert(deliveries).values(_delivery_values(delivery)))


def put_delivery(transaction: Transaction, delivery: Delivery) -> None:
    """Writes a delivery over what it was."""
    statement = sa.update(deliveries).where(deliveries.c.id == delivery.uuid.bytes)
    assert transaction.execute(statement.values(_delivery_values(delivery))).rowcount == 1


def find_delivery(transaction: Transaction, uuid: UUID) -> Delivery | None:
    """The delivery of this id."""
    statement = sa.select(deliveries).where(deliveries.c.id == uuid.bytes)
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _delivery_of(row)


def find_and_lock_delivery(transaction: Transaction, uuid: UUID) -> Delivery | None:
    """The delivery of this id, which nobody else changes until this transaction ends."""
    statement = sa.select(deliveries).where(deliveries.c.id == uuid.bytes).with_for_update()
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _delivery_of(row)


def page_of_deliveries(
    transaction: Transaction, webhook: UUID, *, before: UUID | None, deliveries_max: int
) -> list[Delivery]:
    """What was sent to a webhook, newest first, before the delivery `before`."""
    columns = deliveries.c
    statement = sa.select(deliveries).where(columns.webhook_id == webhook.bytes)
    if before is not None:
        statement = statement.where(columns.id < before.bytes)
    rows = transaction.execute(statement.order_by(columns.id.desc()).limit(deliveries_max))
    return [_delivery_of(row) for row in rows]


def add_attempt(transaction: Transaction, delivery: UUID, number: int, attempt: Attempt) -> None:
    """Inserts what came of an attempt."""
    values = {
        "delivery_id": delivery.bytes,
        "number": number,
        "at": attempt.at,
        "result": attempt.result.value,
        "status": attempt.status,
        "latency_milliseconds": attempt.latency_milliseconds,
    }
    transaction.execute(sa.insert(delivery_attempts).values(values))


def attempts_of(transaction: Transaction, these: Collection[UUID]) -> dict[UUID, list[Attempt]]:
    """The attempts of these deliveries, first to last."""
    columns = delivery_attempts.c
    keys = [each.bytes for each in these]
    rows = transaction.execute(
        sa.select(delivery_attempts)
        .where(columns.delivery_id.in_(keys))
        .order_by(columns.delivery_id, columns.number)
    )
    found: dict[UUID, list[Attempt]] = {each: [] for each in these}
    for row in rows:
        attempt = Attempt(
            at=row.at,
            result=AttemptResult(row.result),
            status=row.status,
            latency_milliseconds=row.latency_milliseconds,
        )
        found[UUID(bytes=bytes(row.delivery_id))].append(attempt)
    return found


def _notice_of(row: sa.Row[Any]) -> Notice:
    return Notice(
        uuid=UUID(bytes=bytes(row.id)),
        member=MemberId(row.member_id),
        number=row.number,
        event_type=row.event_type,
        data=row.data,
        at=row.at,
    )


def _webhook_values(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.uuid.bytes,
        "member_id": webhook.member,
        "url": webhook.url,
        "types": list(webhook.types),
        "state": webhook.state.value,
        "disabled_reason": webhook.disabled_reason and webhook.disabled_reason.value,
        "failing_since": webhook.failing_since,
        "keys_sealed": webhook.keys_sealed,
        "previous_sealed": webhook.previous_sealed,
        "previous_until": webhook.previous_until,
        "contact_sealed": webhook.contact_sealed,
        "created_at": webhook.created_at,
    }


def _webhook_of(row: sa.Row[Any]) -> Webhook:
    reason = row.disabled_reason
    return Webhook(
        uuid=UUID(bytes=bytes(row.id)),
        member=MemberId(row.member_id),
        url=row.url,
        types=tuple(row.types),
        state=WebhookState(row.state),
        disabled_reason=None if reason is None else DisabledReason(reason),
        failing_since=row.failing_since,
        keys_sealed=bytes(row.keys_sealed),
        previous_sealed=_bytes(row.previous_sealed),
        previous_until=row.previous_until,
        contact_sealed=_bytes(row.contact_sealed),
        created_at=row.created_at,
    )


def _delivery_values(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.uuid.bytes,
        "webhook_id": delivery.webhook.bytes,
        "notice_id": delivery.notice.bytes,
        "event_type": delivery.event_type,
        "state": delivery.state.value,
        "run": delivery.run,
        "failures": delivery.failures,
        "attempts": delivery.attempts,
        "created_at": delivery.created_at,
        "next_at": delivery.next_at,
    }


def _delivery_of(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        uuid=UUID(bytes=bytes(row.id)),
        webhook=UUID(bytes=bytes(row.webhook_id)),
        notice=UUID(bytes=bytes(row.notice_id)),
        event_type=row.event_type,
        state=DeliveryState(row.state),
        run=row.run,
        failures=row.failures,
        attempts=row.attempts,
        created_at=row.created_at,
        next_at=row.next_at,
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
