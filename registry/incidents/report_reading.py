"""Reads reports as fast as many thousands ask for, and never more kindly than the schema.

What does not fit is read again by the schema, which says where: this reader only
ever accepts. The tests hold the two to each other.
"""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

import orjson

from registry.http.fields import DAY_FIRST, DAY_FORM
from registry.identity.keyring import KEY_ID_CHARACTERS_MAX
from registry.identity.model import IdentityToken
from registry.identity.normalise import IdentifierType
from registry.identity.schemas import IDENTITIES_MAX, TOKEN_BYTES
from registry.incidents.model import Recertification, Report, ReportedIdentity
from registry.incidents.schemas import (
    CURRENCY_FORM,
    DIGEST_FORM,
    EVIDENCE_ITEMS_MAX,
    MEDIA_TYPE_FORM,
    REVIEWERS_MAX,
)
from registry.kernel import base64url
from registry.kernel.clock import parse_instant
from registry.kernel.money import MINOR_UNITS_MAX, Money
from registry.kernel.plain_text import is_plain_line
from registry.rulebook.filing import (
    Adjudicator,
    DecisionKind,
    EvidenceItem,
    Filing,
    LinkedDecision,
    Notice,
    NoticeChannel,
    Reply,
)
from registry.rulebook.model import EvidenceClass, Role

Choice = TypeVar("Choice", bound=StrEnum)
Read = TypeVar("Read")

_REPORT = frozenset(
    {
        "reference",
        "identities",
        "code",
        "role",
        "occurred_on",
        "confirmed_on",
        "amount",
        "order",
        "evidence",
        "intent",
        "reviewers",
        "decision",
        "notice",
        "adult_attested",
        "recertification",
    }
)
_IDENTITY = {"type", "key_id", "token", "last_verified_on"}
_AMOUNT = {"minor_units", "currency"}
_ITEM = frozenset({"class", "digest", "media_type", "adjudicator"})
_DECISION = {"kind", "decided_on"}
_NOTICE = {"delivered_at", "channel", "reply"}
_CERTIFIED = {"reviewer", "certified_on", "ground"}


class _DoesNotFit(Exception):
    """The schema would refuse this, or must be asked."""


def read_report_text(data: bytes) -> Report | None:
    """The report in a JSON text; None: ask the strict parser and the schema.

    The parser in C takes the last of two members of one name. Where nothing is escaped,
    quotes count the texts: a member that was dropped leaves fewer when it is written again.
    Integers beyond its range become floats, which the reader does not take.
    """
    if b"\\" in data:
        return None
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    report = read_report(document)
    if report is not None and data.count(b'"') != orjson.dumps(document).count(b'"'):
        return None
    return report


def read_report(document: Any) -> Report | None:
    """The report in a parsed document; None: ask the schema, which says what is wrong."""
    try:
        return _report(document)
    except (_DoesNotFit, KeyError, TypeError, ValueError):
        return None


def _report(document: dict[str, Any]) -> Report:
    if type(document) is not dict or not _REPORT.issuperset(document):
        raise _DoesNotFit
    identities = document["identities"]
    if type(identities) is not list or not 1 <= len(identities) <= IDENTITIES_MAX:
        raise _DoesNotFit
    filing = Filing(
        code=_text(document["code"], 1, 64),
        role=_ROLES[document["role"]],
        occurred_on=_day(document["occurred_on"]),
        confirmed_on=_given(document, "confirmed_on", _day),
        amount=_given(document, "amount", _amount),
        order=_given(document, "order", _word64),
        evidence=_given(document, "evidence", _evidence) or (),
        intent=_given(document, "intent", _intent),
        reviewers=_given(document, "reviewers", _reviewers) or (),
        decision=_given(document, "decision", _decision),
        notice=_given(document, "notice", _notice),
        adult_attested=_given(document, "adult_attested", _boolean) or False,
    )
    certified = document.get("recertification")
    return Report(
        reference=_text(document["reference"], 1, 64),
        identities=tuple([_identity(each) for each in identities]),
        filing=filing,
        recertification=None if certified is None else _recertification(certified),
    )


def _given(document: Mapping[str, Any], name: str, read: Callable[[Any], Read]) -> Read | None:
    """A member that may be left out, but may not be null."""
    return read(document[name]) if name in document else None


def _members(document: Any, names: set[str]) -> None:
    if type(document) is not dict or document.keys() != names:
        raise _DoesNotFit


def _text(value: Any, shortest: int, longest: int) -> str:
    if type(value) is not str or not shortest <= len(value) <= longest:
        raise _DoesNotFit
    if not is_plain_line(value):
        raise _DoesNotFit
    return value


def _word64(value: Any) -> str:
    return _text(value, 1, 64)


def _intent(value: Any) -> str:
    return _text(value, 0, 500)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _DoesNotFit
    return value


def _day(value: Any) -> date:
    if type(value) is not str:
        raise _DoesNotFit
    return _day_of(value)


# The days of one import are few.
@lru_cache(maxsize=4096)
def _day_of(text: str) -> date:
    if not DAY_FORM.fullmatch(text):
        raise _DoesNotFit
    day = date.fromisoformat(text)
    if day < DAY_FIRST:
        raise _DoesNotFit
    return day


def _identity(document: Any) -> ReportedIdentity:
    _members(document, _IDENTITY)
    token = base64url.decode(document["token"])
    if len(token) != TOKEN_BYTES:
        raise _DoesNotFit
    return ReportedIdentity(
        identity=IdentityToken(
            type=_TYPES[document["type"]],
            key_id=_text(document["key_id"], 1, KEY_ID_CHARACTERS_MAX),
            token=token,
        ),
        last_verified_on=_day(document["last_verified_on"]),
    )


def _amount(document: Any) -> Money:
    _members(document, _AMOUNT)
    minor_units, currency = document["minor_units"], document["currency"]
    if type(minor_units) is not int or not 0 <= minor_units <= MINOR_UNITS_MAX:
        raise _DoesNotFit
    if not CURRENCY_FORM.fullmatch(currency):
        raise _DoesNotFit
    return Money(minor_units=minor_units, currency=currency)


def _evidence(items: Any) -> tuple[EvidenceItem, ...]:
    if type(items) is not list or len(items) > EVIDENCE_ITEMS_MAX:
        raise _DoesNotFit
    return tuple([_item(each) for each in items])


def _item(document: Any) -> EvidenceItem:
    if type(document) is not dict or not _ITEM.issuperset(document):
        raise _DoesNotFit
    digest, media_type = document["digest"], document["media_type"]
    if not DIGEST_FORM.fullmatch(digest):
        raise _DoesNotFit
    if not _is_media_type(media_type):
        raise _DoesNotFit
    adjudicator = document.get("adjudicator")
    return EvidenceItem(
        evidence_class=_CLASSES[document["class"]],
        digest=digest,
        media_type=media_type,
        adjudicator=None if adjudicator is None else _ADJUDICATORS[adjudicator],
    )


@lru_cache(maxsize=256)
def _is_media_type(text: str) -> bool:
    return len(text) <= 100 and MEDIA_TYPE_FORM.fullmatch(text) is not None


def _reviewers(names: Any) -> tuple[str, ...]:
    if type(names) is not list or len(names) > REVIEWERS_MAX:
        raise _DoesNotFit
    return tuple([_text(each, 1, 64) for each in names])


def _decision(document: Any) -> LinkedDecision:
    _members(document, _DECISION)
    return LinkedDecision(
        kind=_DECISIONS[document["kind"]], decided_on=_day(document["decided_on"])
    )


def _notice(document: Any) -> Notice:
    _members(document, _NOTICE)
    delivered_at = parse_instant(document["delivered_at"])
    if delivered_at.date() < DAY_FIRST:
        raise _DoesNotFit
    return Notice(
        delivered_at=delivered_at,
        channel=_CHANNELS[document["channel"]],
        reply=_REPLIES[document["reply"]],
    )


def _recertification(document: Any) -> Recertification:
    _members(document, _CERTIFIED)
    return Recertification(
        reviewer=_text(document["reviewer"], 1, 64),
        certified_on=_day(document["certified_on"]),
        ground=_text(document["ground"], 20, 500),
    )


def _by_value(kind: type[Choice]) -> Mapping[str, Choice]:
    return {each.value: each for each in kind}


_ROLES = _by_value(Role)
_TYPES = _by_value(IdentifierType)
_CLASSES = _by_value(EvidenceClass)
_ADJUDICATORS = _by_value(Adjudicator)
_DECISIONS = _by_value(DecisionKind)
_CHANNELS = _by_value(NoticeChannel)
_REPLIES = _by_value(Reply)
