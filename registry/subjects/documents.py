"""A person's record and history as JSON values, for answers and for exports alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.incidents.flags import Flags
from registry.kernel import base64url, strict_json
from registry.kernel.clock import format_instant
from registry.kernel.money import Money
from registry.kernel.problems import Text
from registry.ledger.contents import header_of, subject_of
from registry.ledger.model import LogProof, decode_entry
from registry.rulebook.model import Edition
from registry.score.explain import assessment_document, document_of
from registry.score.model import ProtectiveMarker
from registry.subjects.contests import OpenAppeal
from registry.subjects.histories import HistoryEntry
from registry.subjects.model import Assurance, Subject
from registry.subjects.records import OwnIncident, OwnScore

# Members of an entry's header that say what was done, beside who, when and why.
_SAID = ("order", "agent", "authorisation", "band", "match", "problem", "act", "human_reviewed")


def incident_document(own: OwnIncident, edition: Edition) -> dict[str, Any]:
    """An incident as the person it is about sees it; Any: it is on its way to JSON."""
    incident, filing = own.incident, own.incident.filing
    document: dict[str, Any] = {
        "id": incident.id,
        "state": own.state.value,
        "code": filing.code,
        "text": _text(edition.codes[filing.code].name) if filing.code in edition.codes else None,
        "severity": incident.severity and incident.severity.value,
        "occurred_on": filing.occurred_on.isoformat(),
        "effective_at": format_instant(incident.effective_at),
        "expires_on": incident.expires_on.isoformat(),
        "edition": incident.edition,
        "whole": own.is_shown_whole,
    }
    if not own.is_shown_whole:
        return document
    return document | {
        "furnisher": {"id": incident.furnisher, "name": own.furnisher_name},
        "role": filing.role.value,
        "confirmed_on": filing.confirmed_on and filing.confirmed_on.isoformat(),
        "amount": _amount(filing.amount),
        "order": filing.order,
        "evidence": [
            {
                "class": each.evidence_class.value,
                "text": _text(edition.evidence_classes[each.evidence_class]),
                "digest": each.digest,
                "media_type": each.media_type,
                "adjudicator": each.adjudicator and each.adjudicator.value,
            }
            for each in filing.evidence
        ],
        "intent": filing.intent,
        "decision": filing.decision
        and {
            "kind": filing.decision.kind.value,
            "decided_on": filing.decision.decided_on.isoformat(),
        },
        "notice": filing.notice
        and {
            "delivered_at": format_instant(filing.notice.delivered_at),
            "channel": filing.notice.channel.value,
            "reply": filing.notice.reply.value,
        },
        "block": incident.block and incident.block.value,
        "withdrawal_reason": incident.withdrawal_reason,
        "filed_at": format_instant(incident.filed_at),
        "changed_at": format_instant(incident.changed_at),
        "identities": sorted({each.type.value for each in own.identities}),
        "receipt": incident.receipt,
        "appeal": own.appeal and _appeal(own.appeal),
    }


def score_document(score: OwnScore, subject: Subject, edition: Edition) -> dict[str, Any]:
    """The score with its reasons and, for whoever was proven, what it is made of and what if."""
    assessed = dict(assessment_document(score.assessment))
    if subject.assurance is not Assurance.PROVEN:
        shown = ("edition", "at", "band", "score", "reasons", "incidents", "protective")
        return {name: assessed[name] for name in shown} | {"what_if": None, "inputs": None}
    return assessed | {
        "what_if": {
            "without": [
                {
                    "incident": each.incident,
                    "band": each.assessment.band.value,
                    "score": each.assessment.score,
                }
                for each in score.without
            ],
            "next_band": score.next_band
            and {"band": score.next_band.band.value, "date": score.next_band.on.isoformat()},
        },
        "inputs": dict(document_of(score.standing, edition, score.assessment.at)),
    }


def sayings_document(flags: Mapping[bytes, Flags]) -> dict[str, Any]:
    """What the person says of themselves, over all identities of the session."""
    frozen = [each.frozen_at for each in flags.values() if each.frozen_at is not None]
    alerted = [each.alerted_at for each in flags.values() if each.alerted_at is not None]
    stated = [
        (each.stated_at, each.statement)
        for each in flags.values()
        if each.stated_at is not None and each.statement is not None
    ]
    markers = {each.incident_id: each for one in flags.values() for each in one.markers}
    last = max(stated) if stated else None
    return {
        "frozen_at": format_instant(min(frozen)) if frozen else None,
        "alerted_at": format_instant(min(alerted)) if alerted else None,
        "statement": last and {"text": last[1], "stated_at": format_instant(last[0])},
        "markers": [marker_document(markers[each]) for each in sorted(markers)],
    }


def marker_document(marker: ProtectiveMarker) -> dict[str, Any]:
    """A protective marker the person filed."""
    return {
        "id": marker.incident_id,
        "code": marker.code,
        "effective_at": format_instant(marker.effective_at),
        "expires_on": marker.expires_on.isoformat(),
    }


def history_document(entry: HistoryEntry, proof: LogProof | None) -> dict[str, Any]:
    """An entry: who, when, why, what became of it; opened and, once it has one, with its proof."""
    settled, opening = entry.settled, entry.opening
    header = header_of(opening)
    by = header.get("by") or ("operator" if opening.member is None else "member")
    whole = entry.is_opened_whole
    subject = subject_of(opening) if whole else {}
    return {
        "entry": settled.entry_id,
        "log": settled.place.shard.name,
        "type": decode_entry(settled.place.entry).record_type.name.lower(),
        "at": header["at"],
        "by": by,
        "member": opening.member and {"id": opening.member, "name": entry.member_name},
        "purpose": header["purpose"],
        "outcome": header["outcome"],
        "said": {name: header[name] for name in _SAID if name in header},
        "incident": subject.get("incident"),
        "bytes": base64url.encode(settled.place.entry),
        "opening": {
            "header": strict_json.parse(opening.header),
            "k_h": base64url.encode(opening.header_salt),
            "subject": strict_json.parse(opening.subject) if whole else None,
            "k_s": base64url.encode(opening.subject_salt) if whole else None,
        },
        "inclusion": proof
        and {
            "index": proof.index,
            "size": proof.size,
            "proof": [base64url.encode(each) for each in proof.hashes],
        },
        "checkpoint": proof and proof.checkpoint,
        "signed_request": opening.signed_request,
    }


def identities_document(subject: Subject) -> Sequence[Mapping[str, Any]]:
    """The identities a record is of."""
    return [
        {
            "type": each.type.value,
            "key_id": each.key_id,
            "assurance": each.assurance.name.lower(),
            "held_since": each.held_since_on.isoformat(),
        }
        for each in subject.identities
    ]


def _appeal(appeal: OpenAppeal) -> dict[str, Any]:
    limit = appeal.next_limit
    return {
        "id": appeal.id,
        "state": appeal.state,
        "next": limit
        and {
            "milestone": limit.milestone,
            "due_at": format_instant(limit.due_at),
            "then": limit.then,
        },
    }


def _text(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}


def _amount(amount: Money | None) -> dict[str, Any] | None:
    if amount is None:
        return None
    return {"minor_units": amount.minor_units, "currency": amount.currency}
