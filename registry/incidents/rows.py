"""Filings and incidents as columns, and back."""

from collections.abc import Mapping, Sequence
from datetime import date
from json.encoder import encode_basestring
from typing import Any

from registry.database.bulk import Row, instant_text
from registry.incidents.model import Incident, KeptIdentity, Recertification
from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import IncidentId
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


def incident_values(incident: Incident) -> Row:
    """An incident in the order of its table's columns, for `registry.database.bulk`."""
    filing, amount = incident.filing, incident.filing.amount
    return (
        incident.id,
        incident.furnisher,
        incident.reference,
        incident.digest,
        filing.code,
        filing.role.value,
        None if incident.severity is None else incident.severity.value,
        incident.edition,
        filing.occurred_on.isoformat(),
        None if filing.confirmed_on is None else filing.confirmed_on.isoformat(),
        None if amount is None else amount.minor_units,
        None if amount is None else amount.currency,
        filing.order,
        evidence_json(filing.evidence),
        filing.intent,
        reviewers_json(filing.reviewers),
        decision_json(filing.decision),
        notice_json(filing.notice),
        incident.course.value,
        instant_text(incident.effective_at),
        incident.expires_on.isoformat(),
        instant_text(incident.filed_at),
        instant_text(incident.changed_at),
        incident.version,
        incident.report_receipt,
        incident.receipt,
        incident.withdrawal_reason,
        None if incident.block is None else incident.block.value,
        recertification_json(incident.recertification),
    )


def identity_values(incident: IncidentId, identities: Sequence[KeptIdentity]) -> list[Row]:
    """The identities of an incident in the order of their table's columns."""
    return [
        (
            incident,
            position,
            identity.type_name,
            identity.key_id,
            identity.lookup_key,
            identity.seed_sealed,
            identity.last_verified_on.isoformat(),
            None,
        )
        for position, identity in enumerate(identities)
    ]


def evidence_json(evidence: Sequence[EvidenceItem]) -> str:
    """The manifest as canonical JSON."""
    # Put together with `+`: asking a member of an enum for its value costs a call each.
    items = [
        '{"adjudicator":'
        + ("null" if item.adjudicator is None else _quoted(item.adjudicator))
        + ',"class":"'
        + item.evidence_class
        + f'","digest":"{item.digest}","media_type":"{item.media_type}"}}'
        for item in evidence
    ]
    return f"[{','.join(items)}]"


def reviewers_json(reviewers: Sequence[str]) -> str:
    """The reviewers' names as canonical JSON."""
    return f"[{','.join(map(encode_basestring, reviewers))}]"


def decision_json(decision: LinkedDecision | None) -> str:
    """The linked decision as canonical JSON."""
    if decision is None:
        return "null"
    return f'{{"decided_on":"{decision.decided_on.isoformat()}","kind":"{decision.kind.value}"}}'


def notice_json(notice: Notice | None) -> str:
    """The notice as canonical JSON."""
    if notice is None:
        return "null"
    return (
        f'{{"channel":"{notice.channel.value}",'
        f'"delivered_at":"{format_instant(notice.delivered_at)}","reply":"{notice.reply.value}"}}'
    )


def recertification_json(recertification: Recertification | None) -> str:
    """A certification of something that was removed, as canonical JSON."""
    if recertification is None:
        return "null"
    return (
        f'{{"certified_on":"{recertification.certified_on.isoformat()}",'
        f'"ground":{encode_basestring(recertification.ground)},'
        f'"reviewer":{encode_basestring(recertification.reviewer)}}}'
    )


def _quoted(adjudicator: Adjudicator) -> str:
    return f'"{adjudicator.value}"'


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
