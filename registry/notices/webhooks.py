"""A member's webhooks: where it wants to be told, and by which keys it knows us."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from registry.crypto.sealing import Sealer
from registry.crypto.standard_webhooks import WebhookKeys
from registry.database.transaction import Transaction
from registry.kernel.ids import MemberId, new_uuid
from registry.kernel.problems import FieldError
from registry.notices import store
from registry.notices.model import (
    TYPES_MAX,
    WEBHOOK_TEST,
    WEBHOOKS_MAX,
    Delivery,
    DisabledReason,
    Notice,
    TooManyWebhooks,
    Webhook,
    WebhookIsDisabled,
    WebhookNotFound,
    WebhookRefused,
    WebhookState,
    is_event_type,
    is_mail_address,
    read_url,
)
from registry.notices.service import Notices
from registry.settings import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDraft:
    """What a member wants of a webhook; None leaves it as it is, "" of `contact` takes it away."""

    url: str | None = None
    types: tuple[str, ...] | None = None
    contact: str | None = None
    state: WebhookState | None = None


class Webhooks:
    """Adds, changes and removes webhooks; their keys are shown once."""

    def __init__(self, *, notices: Notices, sealer: Sealer, mode: Mode) -> None:
        self._notices = notices
        self._sealer = sealer
        self._mode = mode

    def add(
        self, transaction: Transaction, member: MemberId, draft: WebhookDraft, now: datetime
    ) -> tuple[Webhook, WebhookKeys]:
        """A webhook with fresh keys. Raises: WebhookRefused, TooManyWebhooks."""
        assert draft.url is not None, "the schema requires it"
        self._require_fit(draft)
        # The member's number is locked first: of two calls at once the second counts both.
        store.lock_numbers(transaction, member)
        if len(store.webhooks_of(transaction, member)) >= WEBHOOKS_MAX:
            raise TooManyWebhooks
        uuid, keys = new_uuid(now), WebhookKeys.generate()
        webhook = Webhook(
            uuid=uuid,
            member=member,
            url=draft.url,
            types=draft.types or (),
            state=WebhookState.ACTIVE,
            disabled_reason=None,
            failing_since=None,
            keys_sealed=self._seal(uuid, keys),
            previous_sealed=None,
            previous_until=None,
            contact_sealed=self._seal_contact(uuid, draft.contact),
            created_at=now,
        )
        store.add_webhook(transaction, webhook)
        return webhook, keys

    def of_member(self, transaction: Transaction, member: MemberId) -> Sequence[Webhook]:
        """Every webhook of a member, oldest first."""
        return store.webhooks_of(transaction, member)

    def get(self, transaction: Transaction, member: MemberId, uuid: UUID) -> Webhook:
        """A webhook of this member. Raises: WebhookNotFound."""
        return _own(member, store.find_webhook(transaction, uuid))

    def change(
        self, transaction: Transaction, member: MemberId, uuid: UUID, draft: WebhookDraft
    ) -> Webhook:
        """Replaces what the draft names; enabled again, or with another address, it is not failing.

        Raises: WebhookNotFound, WebhookRefused.
        """
        webhook = _own(member, store.find_and_lock_webhook(transaction, uuid))
        self._require_fit(draft)
        state = draft.state or webhook.state
        reason = webhook.disabled_reason
        if draft.state is WebhookState.DISABLED and webhook.state is WebhookState.ACTIVE:
            reason = DisabledReason.BY_MEMBER
        is_new = draft.state is WebhookState.ACTIVE or draft.url not in (None, webhook.url)
        changed = replace(
            webhook,
            url=webhook.url if draft.url is None else draft.url,
            types=webhook.types if draft.types is None else draft.types,
            state=state,
            disabled_reason=None if state is WebhookState.ACTIVE else reason,
            failing_since=None if is_new else webhook.failing_since,
            contact_sealed=(
                webhook.contact_sealed
                if draft.contact is None
                else self._seal_contact(uuid, draft.contact)
            ),
        )
        store.put_webhook(transaction, changed)
        return changed

    def drop(self, transaction: Transaction, member: MemberId, uuid: UUID) -> None:
        """Removes a webhook with its delivery log. Raises: WebhookNotFound."""
        _own(member, store.find_and_lock_webhook(transaction, uuid))
        store.drop_webhook(transaction, uuid)

    def rotate(
        self,
        transaction: Transaction,
        member: MemberId,
        uuid: UUID,
        overlap: timedelta,
        now: datetime,
    ) -> tuple[Webhook, WebhookKeys]:
        """Fresh keys; those before sign too for `overlap`, those before them no more.

        Raises: WebhookNotFound.
        """
        webhook = _own(member, store.find_and_lock_webhook(transaction, uuid))
        keys = WebhookKeys.generate()
        keeps_previous = overlap > timedelta(0)
        rotated = replace(
            webhook,
            keys_sealed=self._seal(uuid, keys),
            previous_sealed=webhook.keys_sealed if keeps_previous else None,
            previous_until=now + overlap if keeps_previous else None,
        )
        store.put_webhook(transaction, rotated)
        return rotated, keys

    def test(
        self, transaction: Transaction, member: MemberId, uuid: UUID, now: datetime
    ) -> Delivery:
        """Sends a message that says nothing but that it is a test, to this webhook alone.

        Raises: WebhookNotFound, WebhookIsDisabled.
        """
        webhook = self.get(transaction, member, uuid)
        if webhook.state is not WebhookState.ACTIVE:
            raise WebhookIsDisabled
        notice = Notice(
            uuid=new_uuid(now),
            member=member,
            number=store.next_number(transaction, member),
            event_type=WEBHOOK_TEST,
            data={"webhook": webhook.id},
            at=now,
        )
        store.add_notice(transaction, notice)
        return self._notices.send(transaction, notice, webhook, now)

    def keys_of(self, webhook: Webhook, now: datetime) -> list[WebhookKeys]:
        """The keys that sign now: the newest first, during a rotation those before too."""
        sealed = [webhook.keys_sealed]
        if (
            webhook.previous_sealed is not None
            and webhook.previous_until is not None
            and now < webhook.previous_until
        ):
            sealed.append(webhook.previous_sealed)
        context = _keys_context(webhook.uuid)
        return [WebhookKeys.from_octets(self._sealer.open(each, context)) for each in sealed]

    def contact_of(self, webhook: Webhook) -> str | None:
        """Whom to write to when the webhook fails."""
        if webhook.contact_sealed is None:
            return None
        return self._sealer.open(webhook.contact_sealed, _contact_context(webhook.uuid)).decode()

    def _seal(self, uuid: UUID, keys: WebhookKeys) -> bytes:
        return self._sealer.seal(keys.to_octets(), _keys_context(uuid))

    def _seal_contact(self, uuid: UUID, contact: str | None) -> bytes | None:
        return self._sealer.seal(contact.encode(), _contact_context(uuid)) if contact else None

    def _require_fit(self, draft: WebhookDraft) -> None:
        if draft.url is not None:
            read_url(draft.url, self._mode)
        types = draft.types or ()
        if len(types) > TYPES_MAX or not all(map(is_event_type, types)):
            raise WebhookRefused(
                errors=[FieldError(pointer="/types", code="unusable", detail="Not types.")]
            )
        if draft.contact and not is_mail_address(draft.contact):
            raise WebhookRefused(
                errors=[FieldError(pointer="/contact", code="unusable", detail="No mail address.")]
            )


def _own(member: MemberId, found: Webhook | None) -> Webhook:
    if found is None or found.member != member:
        raise WebhookNotFound
    return found


def _keys_context(uuid: UUID) -> bytes:
    return b"ccr-webhook-keys\x00" + uuid.bytes


def _contact_context(uuid: UUID) -> bytes:
    return b"ccr-webhook-contact\x00" + uuid.bytes
