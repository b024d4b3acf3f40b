"""The doors of notices and webhooks. Source: docs/protocol.md, section 10."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import url_for

from registry.http.blueprint import Blueprint
from registry.http.caller import Call
from registry.http.openapi import describe_problems
from registry.http.signed import signed
from registry.http.wiring import the
from registry.incidents.schemas import PageQuerySchema
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor
from registry.kernel.problems import Problem
from registry.notices.delivering import Deliveries, DeliveryRecord
from registry.notices.model import (
    DeliveryNotFound,
    TooManyWebhooks,
    WebhookIsDisabled,
    WebhookNotFound,
    WebhookRefused,
)
from registry.notices.schemas import (
    DeliveryPageSchema,
    DeliverySchema,
    NoticePageSchema,
    RotationSchema,
    WebhookChangeSchema,
    WebhookDraftSchema,
    WebhookListSchema,
    WebhookSchema,
    WebhookWithKeysSchema,
    delivery_document,
    notice_document,
    webhook_document,
    with_keys,
)
from registry.notices.service import Notices
from registry.notices.webhooks import WebhookDraft, Webhooks

blueprint = Blueprint("notices", __name__, description="Be told: webhooks, and the same to poll")


@blueprint.route("/v1/notices", methods=["GET"])
@signed(scope=None)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, NoticePageSchema)
def list_notices(call: Call, query: dict[str, Any]) -> Any:
    """Read what you were told, after a cursor."""
    after = _number_after(query)
    page = the(Notices).page(
        call.transaction, call.caller.member, after=after, items_max=query["limit"]
    )
    cursor = None if page.next_after is None else encode_cursor(page.next_after)
    headers = {}
    if len(page.items) == query["limit"]:
        target = url_for("notices.list_notices", cursor=cursor, limit=query["limit"])
        headers["Link"] = f'<{target}>; rel="next"'
    return (
        {"notices": [notice_document(each) for each in page.items], "cursor": cursor},
        200,
        headers,
    )


@blueprint.route("/v1/webhooks", methods=["POST"])
@signed(scope=None)
@describe_problems(WebhookRefused, TooManyWebhooks)
@blueprint.arguments(WebhookDraftSchema)
@blueprint.response(201, WebhookWithKeysSchema)
def add_webhook(call: Call, draft: WebhookDraft) -> Any:
    """Add a webhook; the answer is the only one that shows its secret."""
    webhook, keys = the(Webhooks).add(call.transaction, call.caller.member, draft, call.now)
    location = url_for("notices.show_webhook", webhook_id=webhook.id)
    headers = {"Location": location, "Cache-Control": "no-store"}
    return with_keys(webhook, keys), 201, headers


@blueprint.route("/v1/webhooks", methods=["GET"])
@signed(scope=None)
@blueprint.response(200, WebhookListSchema)
def list_webhooks(call: Call) -> Any:
    """List your webhooks."""
    found = the(Webhooks).of_member(call.transaction, call.caller.member)
    return {"webhooks": [webhook_document(each) for each in found]}


@blueprint.route("/v1/webhooks/<webhook_id>", methods=["GET"])
@signed(scope=None)
@describe_problems(WebhookNotFound)
@blueprint.response(200, WebhookSchema)
def show_webhook(call: Call, webhook_id: str) -> Any:
    """Read a webhook."""
    webhooks = the(Webhooks)
    return webhook_document(
        webhooks.get(call.transaction, call.caller.member, _webhook_id(webhook_id))
    )


@blueprint.route("/v1/webhooks/<webhook_id>", methods=["PATCH"])
@signed(scope=None)
@describe_problems(WebhookNotFound, WebhookRefused)
@blueprint.arguments(WebhookChangeSchema)
@blueprint.response(200, WebhookSchema)
def change_webhook(call: Call, draft: WebhookDraft, webhook_id: str) -> Any:
    """Change a webhook, disable it or enable it again."""
    return webhook_document(
        the(Webhooks).change(call.transaction, call.caller.member, _webhook_id(webhook_id), draft)
    )


@blueprint.route("/v1/webhooks/<webhook_id>", methods=["DELETE"])
@signed(scope=None)
@describe_problems(WebhookNotFound)
@blueprint.response(204)
def remove_webhook(call: Call, webhook_id: str) -> Any:
    """Remove a webhook with its delivery log."""
    the(Webhooks).drop(call.transaction, call.caller.member, _webhook_id(webhook_id))
    return ""


@blueprint.route("/v1/webhooks/<webhook_id>/rotations", methods=["POST"])
@signed(scope=None)
@describe_problems(WebhookNotFound)
@blueprint.arguments(RotationSchema)
@blueprint.response(201, WebhookWithKeysSchema)
def rotate_keys(call: Call, rotation: dict[str, Any], webhook_id: str) -> Any:
    """Give a webhook fresh keys; those before sign too for a while."""
    webhook, keys = the(Webhooks).rotate(
        call.transaction,
        call.caller.member,
        _webhook_id(webhook_id),
        timedelta(hours=rotation["overlap_hours"]),
        call.now,
    )
    return with_keys(webhook, keys), 201, {"Cache-Control": "no-store"}


@blueprint.route("/v1/webhooks/<webhook_id>/deliveries", methods=["GET"])
@signed(scope=None)
@describe_problems(WebhookNotFound)
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, DeliveryPageSchema)
def list_deliveries(call: Call, query: dict[str, Any], webhook_id: str) -> Any:
    """Read what was sent to a webhook and what came of it, newest first."""
    page = the(Deliveries).page(
        call.transaction,
        call.caller.member,
        _webhook_id(webhook_id),
        before=_delivery_before(query),
        items_max=query["limit"],
    )
    headers = {}
    if page.next_after is not None:
        target = url_for(
            "notices.list_deliveries",
            webhook_id=webhook_id,
            cursor=encode_cursor(page.next_after),
            limit=query["limit"],
        )
        headers["Link"] = f'<{target}>; rel="next"'
    return {"deliveries": [delivery_document(each) for each in page.items]}, 200, headers


@blueprint.route("/v1/webhooks/<webhook_id>/deliveries/<delivery_id>/replay", methods=["POST"])
@signed(scope=None)
@describe_problems(WebhookNotFound, DeliveryNotFound, WebhookIsDisabled)
@blueprint.response(202, DeliverySchema)
def replay_delivery(call: Call, webhook_id: str, delivery_id: str) -> Any:
    """Send a message again, under the id it had."""
    record = the(Deliveries).replay(
        call.transaction,
        call.caller.member,
        _webhook_id(webhook_id),
        _uuid(Prefix.DELIVERY, delivery_id, DeliveryNotFound),
        call.now,
    )
    return delivery_document(record)


@blueprint.route("/v1/webhooks/<webhook_id>/test", methods=["POST"])
@signed(scope=None)
@describe_problems(WebhookNotFound, WebhookIsDisabled)
@blueprint.response(202, DeliverySchema)
def test_webhook(call: Call, webhook_id: str) -> Any:
    """Send a test message to a webhook."""
    delivery = the(Webhooks).test(
        call.transaction, call.caller.member, _webhook_id(webhook_id), call.now
    )
    return delivery_document(DeliveryRecord(delivery=delivery, attempts=()))


def _number_after(query: dict[str, Any]) -> int:
    if "cursor" not in query:
        return 0
    after = decode_cursor(query["cursor"])
    if not after.isdigit() or len(after) > 18:
        raise CursorUnreadable
    return int(after)


def _delivery_before(query: dict[str, Any]) -> UUID | None:
    if "cursor" not in query:
        return None
    return _uuid(Prefix.DELIVERY, decode_cursor(query["cursor"]), CursorUnreadable)


def _webhook_id(text: str) -> UUID:
    return _uuid(Prefix.WEBHOOK, text, WebhookNotFound)


def _uuid(prefix: Prefix, text: str, otherwise: type[Problem]) -> UUID:
    try:
        return parse_id(prefix, text)
    except ValueError:
        raise otherwise from None
