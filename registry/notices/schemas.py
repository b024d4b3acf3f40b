"""The wire of notices and webhooks."""

from datetime import timedelta
from typing import Any

from marshmallow import fields, post_load, validate

from registry.crypto.standard_webhooks import WebhookKeys
from registry.http.fields import (
    AnswerSchema,
    Moment,
    OneOf,
    StrictInteger,
    StrictSchema,
    Text,
    Word,
)
from registry.notices.delivering import DeliveryRecord
from registry.notices.model import (
    ADDRESS_CHARACTERS_MAX,
    EVENT_TYPE_FORM,
    OVERLAP_DEFAULT,
    OVERLAP_MAX,
    TYPES_MAX,
    URL_CHARACTERS_MAX,
    AttemptResult,
    DeliveryState,
    DisabledReason,
    Notice,
    Webhook,
    WebhookState,
)
from registry.notices.webhooks import WebhookDraft

_OVERLAP_HOURS_MAX = int(OVERLAP_MAX / timedelta(hours=1))


def _types() -> fields.List[str]:
    form = Word(EVENT_TYPE_FORM, longest=131)
    return fields.List(
        form,
        validate=validate.Length(max=TYPES_MAX),
        metadata={"description": "Types, or groups such as `correction`; none: everything"},
    )


def _contact() -> Text:
    return Text(
        shortest=0,
        longest=ADDRESS_CHARACTERS_MAX,
        metadata={"description": "A mail address that is written to when the webhook is disabled"},
    )


class WebhookDraftSchema(StrictSchema):
    """A webhook to be added."""

    url = Text(longest=URL_CHARACTERS_MAX, required=True)
    types = _types()
    contact = _contact()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> WebhookDraft:
        return _draft(data)


class WebhookChangeSchema(StrictSchema):
    """What to replace of a webhook; an empty `contact` takes it away."""

    url = Text(longest=URL_CHARACTERS_MAX)
    types = _types()
    contact = _contact()
    state = OneOf(WebhookState)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> WebhookDraft:
        return _draft(data)


class RotationSchema(StrictSchema):
    """For how long the keys before sign too."""

    overlap_hours = StrictInteger(
        least=0,
        most=_OVERLAP_HOURS_MAX,
        load_default=int(OVERLAP_DEFAULT / timedelta(hours=1)),
    )


class WebhookSchema(AnswerSchema):
    """A webhook; its keys are shown when they are made, and never again."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    types = fields.List(fields.String(), required=True)
    state = OneOf(WebhookState, required=True)
    disabled_reason = OneOf(DisabledReason, required=True, allow_none=True)
    failing_since = Moment(required=True, allow_none=True)
    has_contact = fields.Boolean(required=True)
    previous_keys_until = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)


class WebhookKeysSchema(AnswerSchema):
    """How to know us by: keep the secret like a password."""

    secret = fields.String(required=True, metadata={"description": "whsec_…, for v1"})
    public_key = fields.String(required=True, metadata={"description": "whpk_…, for v1a"})


class WebhookWithKeysSchema(AnswerSchema):
    """A webhook with the keys it has from now on."""

    webhook = fields.Nested(WebhookSchema, required=True)
    keys = fields.Nested(WebhookKeysSchema, required=True)


class WebhookListSchema(AnswerSchema):
    """Every webhook of a member."""

    webhooks = fields.List(fields.Nested(WebhookSchema), required=True)


class AttemptSchema(AnswerSchema):
    """One try, by the machine's clock; only an answered one has a status."""

    at = Moment(required=True)
    result = OneOf(AttemptResult, required=True)
    status = fields.Integer(required=True, allow_none=True)
    latency_milliseconds = fields.Integer(required=True)


class DeliverySchema(AnswerSchema):
    """One message to one webhook. `message` is what webhook-id said."""

    id = fields.String(required=True)
    message = fields.String(required=True)
    type = fields.String(required=True)
    state = OneOf(DeliveryState, required=True)
    created_at = Moment(required=True)
    next_attempt_at = Moment(required=True, allow_none=True)
    attempts = fields.List(fields.Nested(AttemptSchema), required=True)


class DeliveryPageSchema(AnswerSchema):
    """What was sent to a webhook, newest first."""

    deliveries = fields.List(fields.Nested(DeliverySchema), required=True)


class MemberNoticeSchema(AnswerSchema):
    """One message: what a webhook gets as body, with its id and number."""

    id = fields.String(required=True)
    number = fields.Integer(required=True, metadata={"description": "From 1, without a gap"})
    type = fields.String(required=True)
    timestamp = Moment(required=True)
    data = fields.Dict(required=True)


class NoticePageSchema(AnswerSchema):
    """Notices after a cursor, oldest first."""

    notices = fields.List(fields.Nested(MemberNoticeSchema), required=True)
    cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Where to go on, now or later; null: nothing new"},
    )


def webhook_document(webhook: Webhook) -> dict[str, Any]:
    """What `WebhookSchema` dumps. Any: it is on its way to JSON."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": webhook.types,
        "state": webhook.state,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "has_contact": webhook.contact_sealed is not None,
        "previous_keys_until": webhook.previous_until,
        "created_at": webhook.created_at,
    }


def with_keys(webhook: Webhook, keys: WebhookKeys) -> dict[str, Any]:
    """What `WebhookWithKeysSchema` dumps."""
    return {
        "webhook": webhook_document(webhook),
        "keys": {"secret": keys.secret_text, "public_key": keys.public_text},
    }


def delivery_document(record: DeliveryRecord) -> dict[str, Any]:
    """What `DeliverySchema` dumps."""
    delivery = record.delivery
    return {
        "id": delivery.id,
        "message": delivery.message,
        "type": delivery.event_type,
        "state": delivery.state,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.next_at,
        "attempts": record.attempts,
    }


def notice_document(notice: Notice) -> dict[str, Any]:
    """What `MemberNoticeSchema` dumps."""
    return {
        "id": notice.id,
        "number": notice.number,
        "type": notice.event_type,
        "timestamp": notice.at,
        "data": notice.data,
    }


def _draft(data: dict[str, Any]) -> WebhookDraft:
    types = data.get("types")
    return WebhookDraft(
        url=data.get("url"),
        types=None if types is None else tuple(dict.fromkeys(types)),
        contact=data.get("contact"),
        state=data.get("state"),
    )
