"""Tells members: one row in the outbox and a delivery for each webhook that wants it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from registry.database.transaction import Transaction
from registry.jobs.kinds import Periodic, Share
from registry.jobs.model import Again, Job, JobDraft
from registry.jobs.service import Jobs
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.ids import MemberId, new_uuid
from registry.kernel.paging import PAGE_ITEMS_MAX, Page
from registry.members.model import Role
from registry.members.service import Members
from registry.notices import store
from registry.notices.model import (
    DATA_BYTES_MAX,
    NOTICES_KEPT,
    Delivery,
    DeliveryState,
    Notice,
    NoticeId,
    Webhook,
    WebhookState,
    is_event_type,
)

DELIVER = "notices.deliver"
SWEEP = "notices.sweep"
_SWEPT_MAX = 500


class Notices:
    """What members are told, in the transaction that causes it."""

    def __init__(self, *, jobs: Jobs, members: Members) -> None:
        self._jobs = jobs
        self._members = members

    @property
    def periodic(self) -> Periodic:
        """Forgets old notices."""
        return Periodic(kind=SWEEP, every=timedelta(hours=1), run=self._sweep, share=Share.BULK)

    def tell_member(
        self,
        transaction: Transaction,
        *,
        member: MemberId,
        event_type: str,
        data: Mapping[str, JsonValue],
        now: datetime,
    ) -> NoticeId:
        """Puts a notice into the member's outbox; `data` are ids and small facts only.

        It is readable at once, and goes to each webhook that wants it. Whoever tells
        several members in one transaction does so in the order of their ids: each is
        locked until the end.
        """
        assert is_event_type(event_type), event_type
        assert len(canonical_json(data)) <= DATA_BYTES_MAX, "a payload is thin"
        notice = Notice(
            uuid=new_uuid(now),
            member=member,
            number=store.next_number(transaction, member),
            event_type=event_type,
            data=data,
            at=now,
        )
        store.add_notice(transaction, notice)
        for webhook in store.webhooks_of(transaction, member):
            if webhook.state is WebhookState.ACTIVE and webhook.wants(event_type):
                self.send(transaction, notice, webhook, now)
        return notice.id

    def tell_with_roles(
        self,
        transaction: Transaction,
        *,
        roles: frozenset[Role],
        beside: MemberId,
        event_type: str,
        data: Mapping[str, JsonValue],
        now: datetime,
    ) -> None:
        """Tells a member, and every other that has one of these roles, in one order."""
        watching = {
            each.id
            for each in self._members.list(transaction)
            if each.roles & roles and not each.is_suspended
        }
        for member in sorted({beside, *watching}):
            self.tell_member(transaction, member=member, event_type=event_type, data=data, now=now)

    def send(
        self, transaction: Transaction, notice: Notice, webhook: Webhook, now: datetime
    ) -> Delivery:
        """Promises to deliver a notice to one webhook."""
        delivery = Delivery(
            uuid=new_uuid(now),
            webhook=webhook.uuid,
            notice=notice.uuid,
            event_type=notice.event_type,
            state=DeliveryState.PENDING,
            run=1,
            failures=0,
            attempts=0,
            created_at=now,
            next_at=now,
        )
        store.add_delivery(transaction, delivery)
        self.promise(transaction, delivery, now)
        return delivery

    def promise(self, transaction: Transaction, delivery: Delivery, now: datetime) -> None:
        """Enqueues the attempts of a delivery's run."""
        payload: dict[str, JsonValue] = {"delivery": str(delivery.uuid), "run": delivery.run}
        self._jobs.enqueue(transaction, JobDraft(kind=DELIVER, payload=payload, run_at=now))

    def page(
        self, transaction: Transaction, member: MemberId, *, after: int, items_max: int
    ) -> Page[Notice]:
        """A member's notices after a number, oldest first; the cursor never skips one."""
        assert 1 <= items_max <= PAGE_ITEMS_MAX
        found = store.page_of_notices(transaction, member, after=after, notices_max=items_max)
        # Where the member has read to, at the end of all too: it polls from there.
        return Page(items=found, next_after=str(found[-1].number) if found else None)

    def _sweep(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        swept = store.forget_notices(transaction, now - NOTICES_KEPT, _SWEPT_MAX)
        return Again(run_at=now) if swept == _SWEPT_MAX else None
