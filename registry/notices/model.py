"""Notices to members, the webhooks they go to, and how often they are tried."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from urllib.parse import urlsplit
from uuid import UUID

from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.clock import format_instant
from registry.kernel.ids import MemberId, Prefix, with_prefix
from registry.kernel.problems import FieldError, Kind, Problem, Text
from registry.settings import Mode

WEBHOOKS_MAX = 10
TYPES_MAX = 32
URL_CHARACTERS_MAX = 1024
ADDRESS_CHARACTERS_MAX = 254
DATA_BYTES_MAX = 1024
EVENT_TYPE_FORM = r"[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){0,3}"
OVERLAP_DEFAULT = timedelta(hours=24)
OVERLAP_MAX = timedelta(days=30)
# After each failure so much later, then no more. Source: Standard Webhooks 1.0.0,
# "Deliverability and reliability".
RETRY_DELAYS: Sequence[timedelta] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ATTEMPTS_MAX = len(RETRY_DELAYS) + 1
# A tenth more at most, so that what failed together does not come back together.
JITTER_SHARE = 0.1
DISABLED_AFTER = timedelta(days=5)
NOTICES_KEPT = timedelta(days=90)
PORTS_LIVE = frozenset({443, 8443})

WebhookId = NewType("WebhookId", str)
NoticeId = NewType("NoticeId", str)
DeliveryId = NewType("DeliveryId", str)

WEBHOOK_DISABLED = "webhook.disabled"
WEBHOOK_TEST = "webhook.test"

_EVENT_TYPE = re.compile(EVENT_TYPE_FORM, re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
# A name, and no number that some resolver would take for an address.
_PUBLIC_NAME = re.compile(r"([a-z0-9-]+\.)+(?!0x)(?=[0-9-]*[a-z])[a-z0-9-]+", re.ASCII)
_TARGET = re.compile(r"/[!-~]*", re.ASCII)
# One mail address in the plain form, its local part in any script; nothing a header could
# be broken with.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]{1,64}@[A-Za-z0-9.-]{3,189}"
)


class WebhookNotFound(Problem):
    """This member has no webhook of this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such webhook", zh="没有该回调地址")
    advice = Text(
        en="GET /v1/webhooks lists yours.", zh="GET /v1/webhooks 可列出本机构的回调地址。"
    )


class DeliveryNotFound(Problem):
    """This webhook has no delivery of this id."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no such delivery", zh="没有该投递记录")
    advice = Text(
        en="GET /v1/webhooks/{id}/deliveries lists them, for 90 days.",
        zh="GET /v1/webhooks/{id}/deliveries 可列出投递记录，保留 90 天。",
    )


class WebhookRefused(Problem):
    """The webhook cannot be like this."""

    kind = Kind.INVALID
    title = Text(en="The webhook cannot be like this", zh="回调地址不符合要求")
    advice = Text(
        en="An address is https with a name and port 443 or 8443, without user or fragment.",
        zh="地址须为 https，使用域名及端口 443 或 8443，不含用户名与片段。",
    )


class TooManyWebhooks(Problem):
    """The member has as many webhooks as a member may have."""

    kind = Kind.CONFLICT
    title = Text(en="The member has ten webhooks", zh="成员机构已有十个回调地址")
    advice = Text(en="Delete one first.", zh="请先删除其中一个。")


class WebhookIsDisabled(Problem):
    """Nothing is sent to a webhook that is disabled."""

    kind = Kind.CONFLICT
    title = Text(en="The webhook is disabled", zh="回调地址已停用")
    advice = Text(
        en='Enable it first: PATCH /v1/webhooks/{id} with {"state": "active"}.',
        zh='请先启用：PATCH /v1/webhooks/{id}，正文 {"state": "active"}。',
    )


class WebhookState(StrEnum):
    """Whether messages are sent."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why nothing is sent any more."""

    BY_MEMBER = "by_member"
    GONE = "gone"
    FAILING = "failing"


class DeliveryState(StrEnum):
    """What became of one message to one webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"


class AttemptResult(StrEnum):
    """What came of one attempt; only `answered` has a status."""

    ANSWERED = "answered"
    ADDRESS_REFUSED = "address_refused"
    NAME_UNKNOWN = "name_unknown"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing a member is told: ids only. `number` counts its notices from 1, without a gap."""

    uuid: UUID
    member: MemberId
    number: int
    event_type: str
    data: Mapping[str, JsonValue]
    at: datetime

    @property
    def id(self) -> NoticeId:
        """The id of the message, the same at every attempt and in every channel."""
        return NoticeId(with_prefix(Prefix.NOTICE, self.uuid))

    def body(self) -> bytes:
        """What is sent and signed."""
        return canonical_json(self.document())

    def document(self) -> dict[str, JsonValue]:
        """The thin payload."""
        return {
            "type": self.event_type,
            "timestamp": format_instant(self.at),
            "data": dict(self.data),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a member wants to be told. `types` empty: of everything.

    `keys_sealed` are its signing keys, `previous_sealed` those before, which sign
    too until `previous_until`. `contact_sealed` is whom to write to when it fails.
    """

    uuid: UUID
    member: MemberId
    url: str
    types: tuple[str, ...]
    state: WebhookState
    disabled_reason: DisabledReason | None
    failing_since: datetime | None
    keys_sealed: bytes
    previous_sealed: bytes | None
    previous_until: datetime | None
    contact_sealed: bytes | None
    created_at: datetime

    @property
    def id(self) -> WebhookId:
        """Its id as text."""
        return WebhookId(with_prefix(Prefix.WEBHOOK, self.uuid))

    def wants(self, event_type: str) -> bool:
        """Whether it is told of this; `correction` stands for `correction.told` and its like."""
        return not self.types or any(
            event_type == each or event_type.startswith(f"{each}.") for each in self.types
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to deliver: what came of it, never what was said. `at` is the machine's time."""

    at: datetime
    result: AttemptResult
    status: int | None
    latency_milliseconds: int
    retry_after_seconds: int | None = None

    @property
    def is_success(self) -> bool:
        """2xx, and nothing else."""
        return self.status is not None and 200 <= self.status <= 299

    @property
    def is_gone(self) -> bool:
        """410: the receiver wants no more."""
        return self.status == 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one webhook.

    `run` counts how often it was begun (a replay begins it anew), `failures` those
    of this run, `attempts` all there were.
    """

    uuid: UUID
    webhook: UUID
    notice: UUID
    event_type: str
    state: DeliveryState
    run: int
    failures: int
    attempts: int
    created_at: datetime
    next_at: datetime | None

    @property
    def id(self) -> DeliveryId:
        """Its id as text."""
        return DeliveryId(with_prefix(Prefix.DELIVERY, self.uuid))

    @property
    def message(self) -> NoticeId:
        """What `webhook-id` says at every attempt."""
        return NoticeId(with_prefix(Prefix.NOTICE, self.notice))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A URL taken apart; `authority` is what the Host header says."""

    host: str
    port: int
    target: str
    authority: str
    is_tls: bool


def retry_at(now: datetime, failures: int, jitter: float, asked: int | None) -> datetime | None:
    """When a message that failed so often is tried again; None: no more.

    `jitter` is from 0 to 1; `asked` are the seconds of a Retry-After, which can only
    make it later.
    """
    assert failures >= 1
    if failures > len(RETRY_DELAYS):
        return None
    delay = RETRY_DELAYS[failures - 1] * (1 + JITTER_SHARE * jitter)
    return now + max(delay, timedelta(seconds=asked or 0))


def is_event_type(text: str) -> bool:
    """Whether a text names a type of event, or a group of them."""
    return _EVENT_TYPE.fullmatch(text) is not None


def is_mail_address(text: str) -> bool:
    """Whether a text is one plain mail address."""
    # Printable: no white space beyond ASCII either, nor what nobody sees.
    return (
        len(text) <= ADDRESS_CHARACTERS_MAX
        and text.isprintable()
        and _ADDRESS.fullmatch(text) is not None
    )


def read_url(url: str, mode: Mode) -> Place:
    """Where a URL leads.

    Outside a sandbox: https, by name, to a port that belongs to it. What the name
    resolves to is judged when it is called. Raises: WebhookRefused.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WebhookRefused(errors=[_url_error("unreadable", "Not a URL.")]) from None
    host = parts.hostname or ""
    is_tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if len(url) > URL_CHARACTERS_MAX or not _HOST.fullmatch(host) or not _TARGET.fullmatch(target):
        raise WebhookRefused(errors=[_url_error("unreadable", "Not an absolute ASCII URL.")])
    if parts.username is not None or parts.password is not None or "#" in url:
        raise WebhookRefused(errors=[_url_error("user_or_fragment", "No user, no fragment.")])
    if not is_tls and (mode is Mode.LIVE or parts.scheme != "http"):
        raise WebhookRefused(errors=[_url_error("not_https", "The address must be https.")])
    actual = port if port is not None else 443 if is_tls else 80
    if mode is Mode.LIVE and (actual not in PORTS_LIVE or not _PUBLIC_NAME.fullmatch(host)):
        raise WebhookRefused(errors=[_url_error("port_or_name", "A public name, 443 or 8443.")])
    authority = host if port is None else f"{host}:{port}"
    return Place(host=host, port=actual, target=target, authority=authority, is_tls=is_tls)


def _url_error(code: str, detail: str) -> FieldError:
    return FieldError(pointer="/url", code=code, detail=detail)
