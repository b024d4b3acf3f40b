"""A filing as columns, and back."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from registry.incidents.model import Recertification
from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.money import Money
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


def filing_to_row(filing: Filing) -> dict[str, Any]:
    """The columns a filing is kept in."""
    return {
        "code": filing.code,
        "role": filing.role.value,
        "occurred_on": filing.occurred_on,
        "confirmed_on": filing.confirmed_on,
        "amount_minor_units": filing.amount and filing.amount.minor_units,
        "amount_currency": filing.amount and filing.amount.currency,
        "order_reference": filing.order,
        "evidence": [_evidence_to_json(item) for item in filing.evidence],
        "intent": filing.intent,
        "reviewers": list(filing.reviewers),
        "decision": filing.decision and _decision_to_json(filing.decision),
        "notice": filing.notice and _notice_to_json(filing.notice),
    }


def filing_from_row(row: Mapping[Any, Any]) -> Filing:
    """The filing kept in these columns; only attested adults are ever kept."""
    return Filing(
        code=row["code"],
        role=Role(row["role"]),
        occurred_on=row["occurred_on"],
        confirmed_on=row["confirmed_on"],
        amount=_amount(row["amount_minor_units"], row["amount_currency"]),
        order=row["order_reference"],
        evidence=tuple(_evidence_from_json(item) for item in row["evidence"]),
        intent=row["intent"],
        reviewers=tuple(row["reviewers"]),
        decision=_decision_from_json(row["decision"]),
        notice=_notice_from_json(row["notice"]),
        adult_attested=True,
    )


def recertification_to_json(recertification: Recertification | None) -> dict[str, Any] | None:
    """What is kept of a certification of something that was removed."""
    if recertification is None:
        return None
    return {
        "reviewer": recertification.reviewer,
        "certified_on": recertification.certified_on.isoformat(),
        "ground": recertification.ground,
    }


def recertification_from_json(kept: Mapping[str, Any] | None) -> Recertification | None:
    """The certification that was kept like this."""
    if kept is None:
        return None
    return Recertification(
        reviewer=kept["reviewer"],
        certified_on=date.fromisoformat(kept["certified_on"]),
        ground=kept["ground"],
    )


def _amount(minor_units: int | None, currency: str | None) -> Money | None:
    if minor_units is None or currency is None:
        return None
    return Money(minor_units=minor_units, currency=currency)


def _evidence_to_json(item: EvidenceItem) -> dict[str, Any]:
    return {
        "class": item.evidence_class.value,
        "digest": item.digest,
        "media_type": item.media_type,
        "adjudicator": item.adjudicator and item.adjudicator.value,
    }


def _evidence_from_json(item: Mapping[str, Any]) -> EvidenceItem:
    return EvidenceItem(
        evidence_class=EvidenceClass(item["class"]),
        digest=item["digest"],
        media_type=item["media_type"],
        adjudicator=item["adjudicator"] and Adjudicator(item["adjudicator"]),
    )


def _decision_to_json(decision: LinkedDecision) -> dict[str, Any]:
    return {"kind": decision.kind.value, "decided_on": decision.decided_on.isoformat()}


def _decision_from_json(decision: Mapping[str, Any] | None) -> LinkedDecision | None:
    if decision is None:
        return None
    return LinkedDecision(
        kind=DecisionKind(decision["kind"]), decided_on=date.fromisoformat(decision["decided_on"])
    )


def _notice_to_json(notice: Notice) -> dict[str, Any]:
    return {
        "delivered_at": format_instant(notice.delivered_at),
        "channel": notice.channel.value,
        "reply": notice.reply.value,
    }


def _notice_from_json(notice: Mapping[str, Any] | None) -> Notice | None:
    if notice is None:
        return None
    return Notice(
        delivered_at=parse_instant(notice["delivered_at"]),
        channel=NoticeChannel(notice["channel"]),
        reply=Reply(notice["reply"]),
    )
