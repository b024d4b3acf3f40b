"""Delivers notices to webhooks: attempt by attempt, each on the record, until one is taken.

tell --> delivery + job --> perform: POST, signed --> settle: attempt noted, next one promised
                                ^                          |
                                '-- 5 s, 5 min, … 24 h ----'   put off: a few seconds, no attempt
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import SystemRandom
from uuid import UUID

from registry import __version__
from registry.crypto.standard_webhooks import signed_headers
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.jobs.kinds import Errand, Share
from registry.jobs.model import Again, Job
from registry.kernel.clock import Clock
from registry.kernel.ids import MemberId
from registry.kernel.paging import Page
from registry.notices import store
from registry.notices.letter_model import LetterTemplate
from registry.notices.letters import Letters
from registry.notices.model import (
    DISABLED_AFTER,
    WEBHOOK_DISABLED,
    Attempt,
    Delivery,
    DeliveryNotFound,
    DeliveryState,
    DisabledReason,
    Notice,
    Webhook,
    WebhookIsDisabled,
    WebhookState,
    retry_at,
)
from registry.notices.outside import Outside
from registry.notices.service import DELIVER, Notices
from registry.notices.turns import Turns
from registry.notices.webhooks import Webhooks

# How soon what is put off comes again: soon, and not in step with what it waits for.
PUT_OFF_SECONDS = (2.0, 10.0)
_random = SystemRandom()


class PutOff:
    """The member's receivers are slow, and one of them is being waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery and its attempts, first to last."""

    delivery: Delivery
    attempts: Sequence[Attempt]


class Deliveries:
    """Sends what the outbox holds, and shows what came of it."""

    def __init__(
        self,
        *,
        database: Database,
        notices: Notices,
        webhooks: Webhooks,
        letters: Letters,
        outside: Outside,
        clock: Clock,
    ) -> None:
        self._database = database
        self._notices = notices
        self._webhooks = webhooks
        self._letters = letters
        self._outside = outside
        self._clock = clock
        self._turns = Turns()

    @property
    def errand(self) -> Errand[Attempt | PutOff | None]:
        """The work that waits for receivers."""
        return Errand(kind=DELIVER, perform=self._perform, settle=self._settle, share=Share.URGENT)

    def page(
        self,
        transaction: Transaction,
        member: MemberId,
        webhook: UUID,
        *,
        before: UUID | None,
        items_max: int,
    ) -> Page[DeliveryRecord]:
        """What was sent to a webhook, newest first. Raises: WebhookNotFound."""
        self._webhooks.get(transaction, member, webhook)
        found = store.page_of_deliveries(
            transaction, webhook, before=before, deliveries_max=items_max + 1
        )
        shown = found[:items_max]
        attempts = store.attempts_of(transaction, [each.uuid for each in shown])
        return Page(
            items=[DeliveryRecord(delivery=each, attempts=attempts[each.uuid]) for each in shown],
            next_after=shown[-1].id if len(found) > items_max else None,
        )

    def replay(
        self,
        transaction: Transaction,
        member: MemberId,
        webhook_uuid: UUID,
        delivery_uuid: UUID,
        now: datetime,
    ) -> DeliveryRecord:
        """Sends a message again from now on, under the same id, however it ended.

        Raises: WebhookNotFound, WebhookIsDisabled, DeliveryNotFound.
        """
        webhook = self._webhooks.get(transaction, member, webhook_uuid)
        if webhook.state is not WebhookState.ACTIVE:
            raise WebhookIsDisabled
        delivery = store.find_and_lock_delivery(transaction, delivery_uuid)
        if delivery is None or delivery.webhook != webhook.uuid:
            raise DeliveryNotFound
        begun = replace(
            delivery, state=DeliveryState.PENDING, run=delivery.run + 1, failures=0, next_at=now
        )
        store.put_delivery(transaction, begun)
        self._notices.promise(transaction, begun, now)
        attempts = store.attempts_of(transaction, [begun.uuid])
        return DeliveryRecord(delivery=begun, attempts=attempts[begun.uuid])

    def _perform(self, job: Job) -> Attempt | PutOff | None:
        """One POST; None where there is nothing (any more) to send."""
        with self._database.reading() as transaction:
            delivery = store.find_delivery(transaction, UUID(job.payload["delivery"]))
            if delivery is None or not _is_due(delivery, job):
                return None
            webhook = store.find_webhook(transaction, delivery.webhook)
            notice = store.find_notice(transaction, delivery.notice)
        if webhook is None or notice is None or webhook.state is not WebhookState.ACTIVE:
            return None
        if not self._turns.take(webhook.member, delivery.uuid, webhook.uuid):
            return PutOff()
        began = time.monotonic()
        try:
            return self._post(webhook, notice)
        finally:
            seconds = time.monotonic() - began
            self._turns.give_back(webhook.member, delivery.uuid, webhook.uuid, seconds)

    def _post(self, webhook: Webhook, notice: Notice) -> Attempt:
        body = notice.body()
        # The machine's time: receivers refuse what is not of these minutes.
        timestamp = int(self._outside.wall.now().timestamp())
        keys = self._webhooks.keys_of(webhook, self._clock.now())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"consumer-credit-registry/{__version__}",
            **signed_headers(notice.id, timestamp, body, keys),
        }
        # Crash point: sent and not settled is sent again, under the same webhook-id.
        return self._outside.post(webhook.url, headers, body)

    def _settle(
        self, transaction: Transaction, job: Job, attempt: Attempt | PutOff | None, now: datetime
    ) -> Again | None:
        known = store.find_delivery(transaction, UUID(job.payload["delivery"]))
        if known is None:
            return None
        # The webhook first: whoever drops it takes its deliveries with it.
        webhook = store.find_and_lock_webhook(transaction, known.webhook)
        delivery = store.find_and_lock_delivery(transaction, known.uuid)
        if webhook is None or delivery is None or not _is_due(delivery, job):
            return None
        if attempt is None:
            # The webhook was disabled since; deleted, it took its deliveries with it.
            self._put(transaction, delivery, DeliveryState.CANCELLED)
            return None
        if isinstance(attempt, PutOff):
            at = now + timedelta(seconds=_random.uniform(*PUT_OFF_SECONDS))
            store.put_delivery(transaction, replace(delivery, next_at=at))
            return Again(run_at=at)
        store.add_attempt(transaction, delivery.uuid, delivery.attempts + 1, attempt)
        tried = replace(delivery, attempts=delivery.attempts + 1)
        if attempt.is_success:
            if webhook.failing_since is not None:
                store.put_webhook(transaction, replace(webhook, failing_since=None))
            self._put(transaction, tried, DeliveryState.DELIVERED)
            return None
        return self._failed(transaction, webhook, tried, attempt, now)

    def _failed(
        self,
        transaction: Transaction,
        webhook: Webhook,
        tried: Delivery,
        attempt: Attempt,
        now: datetime,
    ) -> Again | None:
        since = webhook.failing_since or now
        failures = tried.failures + 1
        at = retry_at(now, failures, _random.random(), attempt.retry_after_seconds)
        if attempt.is_gone or now - since >= DISABLED_AFTER:
            reason = DisabledReason.GONE if attempt.is_gone else DisabledReason.FAILING
            self._disable(transaction, replace(webhook, failing_since=since), reason, now)
            at = None
        elif webhook.failing_since is None:
            store.put_webhook(transaction, replace(webhook, failing_since=since))
        state = DeliveryState.GIVEN_UP if at is None else DeliveryState.PENDING
        store.put_delivery(transaction, replace(tried, state=state, failures=failures, next_at=at))
        return None if at is None else Again(run_at=at)

    def _disable(
        self, transaction: Transaction, webhook: Webhook, reason: DisabledReason, now: datetime
    ) -> None:
        if webhook.state is WebhookState.DISABLED:
            return
        disabled = replace(webhook, state=WebhookState.DISABLED, disabled_reason=reason)
        store.put_webhook(transaction, disabled)
        # By every channel that is left: its other webhooks, GET /v1/notices, mail.
        self._notices.tell_member(
            transaction,
            member=webhook.member,
            event_type=WEBHOOK_DISABLED,
            data={"webhook": webhook.id, "reason": reason.value},
            now=now,
        )
        contact = self._webhooks.contact_of(webhook)
        if contact is not None:
            self._letters.write_to(
                transaction,
                address=contact,
                template=LetterTemplate.WEBHOOK_DISABLED,
                facts={"webhook": webhook.id},
                now=now,
            )

    @staticmethod
    def _put(transaction: Transaction, delivery: Delivery, state: DeliveryState) -> None:
        store.put_delivery(transaction, replace(delivery, state=state, next_at=None))


def _is_due(delivery: Delivery, job: Job) -> bool:
    return delivery.state is DeliveryState.PENDING and delivery.run == job.payload["run"]
