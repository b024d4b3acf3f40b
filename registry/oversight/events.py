"""Entries as OCSF API Activity events (class 6003) in CloudEvents envelopes.

Who called, what for and what came of it; never whom it was about. What OCSF has
no word for stands under `unmapped`. Source: schema.ocsf.io 1.3.0, class 6003;
CloudEvents 1.0.2, JSON format.
"""

from collections.abc import Mapping
from typing import Any

from registry.crypto.merkle import leaf_hash
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.ledger.contents import Settled, header_of
from registry.ledger.model import RecordType
from registry.oversight.model import IndexedEntry

OCSF_VERSION = "1.3.0"
CLASS_UID = 6003
CATEGORY_UID = 6
_CREATE, _READ, _UPDATE, _DELETE = (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")
_INFORMATIONAL, _MEDIUM = (1, "Informational"), (3, "Medium")
# What an entry says was done; whoever looked, or tried to, read.
_ACTIVITIES: Mapping[RecordType, tuple[int, str]] = {
    RecordType.REPORT: _CREATE,
    RecordType.AMENDMENT: _UPDATE,
    RecordType.DISPUTE: _UPDATE,
    RecordType.DECISION: _UPDATE,
    RecordType.WITHDRAWAL: _UPDATE,
    RecordType.EXPIRY: _UPDATE,
    RecordType.MEMBER: _UPDATE,
    RecordType.KEY: _UPDATE,
    RecordType.SNAPSHOT: _CREATE,
    RecordType.JURY: _CREATE,
    RecordType.OUTCOME: _CREATE,
    RecordType.ERASURE: _DELETE,
    RecordType.LEGAL_HOLD: _UPDATE,
    RecordType.PEER_CHECKPOINT: _CREATE,
}
_SERVICE = "consumer-credit-registry"
COLUMNS = (
    "entry",
    "at",
    "type",
    "member",
    "agent",
    "purpose",
    "order",
    "basis",
    "reference",
    "outcome",
    "match",
    "band",
    "edition",
    "request",
    "log",
    "index",
    "leaf",
)


def type_name(record_type: RecordType) -> str:
    """A record type's name on the wire, such as `refused_lookup`."""
    return record_type.name.lower()


def cloud_event(entry: IndexedEntry, settled: Settled, *, origin: str) -> dict[str, JsonValue]:
    """The envelope with the event in it, of an entry of the registry at `origin`."""
    facts = facts_of(entry, settled)
    return {
        "specversion": "1.0",
        "id": entry.entry_id,
        "source": f"{origin}/log/{entry.shard.name}",
        "type": f"{_SERVICE}.{type_name(entry.record_type)}.v1",
        "time": facts["at"],
        "datacontenttype": "application/json",
        "dataschema": f"https://schema.ocsf.io/{OCSF_VERSION}/classes/api_activity",
        "data": _event(entry, facts, origin),
    }


def facts_of(entry: IndexedEntry, settled: Settled) -> dict[str, JsonValue]:
    """The columns of an entry; None where it has no such thing."""
    # Any: members of a header differ by record type.
    header: dict[str, Any] = header_of(settled.opening) if settled.opening else {}
    authorisation = header.get("authorisation") or {}
    return {
        "entry": entry.entry_id,
        "at": format_instant(entry.at),
        "type": type_name(entry.record_type),
        "member": entry.member,
        "agent": entry.agent,
        "purpose": entry.purpose and entry.purpose.value,
        "order": header.get("order"),
        "basis": authorisation.get("basis"),
        "reference": authorisation.get("reference"),
        "outcome": entry.outcome,
        "match": entry.match,
        "band": header.get("band"),
        "edition": header.get("edition"),
        "request": header.get("request_id"),
        "log": entry.shard.name,
        "index": entry.position,
        "leaf": base64url.encode(leaf_hash(settled.place.entry)),
    }


def _event(
    entry: IndexedEntry, facts: Mapping[str, JsonValue], origin: str
) -> dict[str, JsonValue]:
    activity_id, activity = _ACTIVITIES.get(entry.record_type, _READ)
    is_refused = entry.record_type is RecordType.REFUSED_LOOKUP
    severity_id, severity = _MEDIUM if is_refused else _INFORMATIONAL
    member: JsonValue = entry.member or "operator"
    unmapped = ("order", "basis", "reference", "match", "band", "edition", "index", "leaf")
    return {
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": CLASS_UID * 100 + activity_id,
        "type_name": f"API Activity: {activity}",
        "time": int(entry.at.timestamp() * 1000),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 2 if is_refused else 1,
        "status": "Failure" if is_refused else "Success",
        "status_detail": entry.outcome,
        "metadata": {
            "version": OCSF_VERSION,
            "uid": entry.entry_id,
            "log_name": entry.shard.name,
            "product": {"name": _SERVICE, "vendor_name": _SERVICE, "url_string": origin},
        },
        "actor": {
            "app_uid": member,
            "user": {"uid": entry.agent or member, "org": {"uid": member}},
        },
        # No address is kept of anyone: the member is the endpoint.
        "src_endpoint": {"uid": member},
        "api": {
            "operation": type_name(entry.record_type),
            "version": "v1",
            "service": {"name": _SERVICE},
            "request": {"uid": facts["request"]},
        },
        "unmapped": {
            "purpose": facts["purpose"],
            **{name: facts[name] for name in unmapped},
        },
    }
