"""Writes the log entries of members and keys; every change of either is one."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import new_uuid
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.members.model import Member, MemberKey, Withheld


class MemberLog:
    """The operator's acts over who takes part, as entries of the log of incidents."""

    def __init__(self, *, ledger: Ledger, edition: str) -> None:
        self._ledger = ledger
        self._edition = edition

    def member_changed(
        self,
        transaction: Transaction,
        outcome: str,
        subject: Mapping[str, JsonValue],
        now: datetime,
    ) -> None:
        """Appends what happened to a member."""
        self._append(transaction, RecordType.MEMBER, outcome, subject, now, None)

    def key_changed(
        self,
        transaction: Transaction,
        outcome: str,
        key: MemberKey,
        now: datetime,
        proof: str | None = None,
    ) -> None:
        """Appends what happened to a key, with the proof it was registered by."""
        revoked_at = None if key.revoked_at is None else format_instant(key.revoked_at)
        subject = {"kid": key.kid, "member": key.member, "revoked_at": revoked_at}
        self._append(transaction, RecordType.KEY, outcome, subject, now, proof)

    def _append(
        self,
        transaction: Transaction,
        record_type: RecordType,
        outcome: str,
        subject: Mapping[str, JsonValue],
        now: datetime,
        proof: str | None,
    ) -> None:
        header = Header(
            member=None,
            purpose=None,
            at=now,
            request_id=new_uuid(now),
            outcome=outcome,
            edition=self._edition,
            signed_request=None if proof is None else sha256(proof.encode("ascii")).digest(),
        )
        draft = Draft(
            log=Log.INCIDENTS,
            record_type=record_type,
            header=header,
            subject=subject,
            signed_request=proof,
        )
        self._ledger.append(transaction, [draft], now)


def grant_subject(member: Member) -> dict[str, JsonValue]:
    """What an admission's entry says was granted."""
    return {
        "member": member.id,
        "name": member.name,
        "roles": sorted(member.roles),
        "scopes": sorted(member.scopes),
        "purposes": sorted(member.purposes),
        "reporter_group": member.reporter_group,
        "evaluations_per_hour": member.evaluations_per_hour,
        "requests_per_minute": member.requests_per_minute,
    }


def withheld_subject(withheld: Withheld) -> dict[str, JsonValue]:
    """What the entries of withholding and restoring say."""
    return {
        "member": withheld.member,
        "scope": withheld.scope.value,
        "reason": withheld.reason,
        "withheld_at": format_instant(withheld.withheld_at),
    }
