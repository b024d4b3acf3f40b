"""Brings one change of an incident everywhere it shows: standings, log, whoever listens.

All of it in the transaction of the change. A change is made by a member's signed
call, or by the registry itself when a time limit has run out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.identity.protection import Protector
from registry.incidents import standings, store
from registry.incidents.changes import Change, Listeners
from registry.incidents.digests import content_digest
from registry.incidents.model import Incident, KeptIdentity
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import MemberId, new_uuid
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who changes an incident, and by which request; `member` None: the registry itself.

    `more` are members the header of the change's entry gains.
    """

    member: MemberId | None
    now: datetime
    request_id: UUID
    signed_request: str | None = None
    request_digest: bytes | None = None
    more: Mapping[str, JsonValue] = field(default_factory=dict)


def caller_of(call: Call, more: Mapping[str, JsonValue] | None = None) -> Actor:
    """The member that makes this call."""
    return Actor(
        member=call.caller.member,
        now=call.now,
        request_id=call.request_id,
        signed_request=call.signed_request,
        request_digest=call.request_digest,
        more=more or {},
    )


def registry_itself(now: datetime, more: Mapping[str, JsonValue] | None = None) -> Actor:
    """The registry, when a time limit or a person's own call makes it act."""
    return Actor(member=None, now=now, request_id=new_uuid(now), more=more or {})


def verified_on(identities: Sequence[KeptIdentity]) -> Mapping[bytes, date]:
    """When each key was verified last to be the subject's."""
    days: dict[bytes, date] = {}
    for each in identities:
        days[each.lookup_key] = max(
            each.last_verified_on, days.get(each.lookup_key, each.last_verified_on)
        )
    return days


class Recorder:
    """The one hand that writes a changed incident."""

    def __init__(
        self, *, rulebook: Rulebook, protector: Protector, ledger: Ledger, listeners: Listeners
    ) -> None:
        self._rulebook = rulebook
        self._protector = protector
        self._ledger = ledger
        self._listeners = listeners

    def change(
        self,
        transaction: Transaction,
        actor: Actor,
        record_type: RecordType,
        *,
        before: Incident,
        after: Incident,
    ) -> Incident:
        """Replaces `before`, which this transaction holds locked, by `after`.

        Gives `after` with the receipt of the change.
        """
        changed = store.change(transaction, after, from_version=before.version)
        assert changed, "the incident is locked"
        identities = store.identities_of(transaction, after.id)
        return self.record(
            transaction, actor, record_type, before=before, after=after, identities=identities
        )

    def record(
        self,
        transaction: Transaction,
        actor: Actor,
        record_type: RecordType,
        *,
        before: Incident | None,
        after: Incident,
        identities: Sequence[KeptIdentity],
    ) -> Incident:
        """Brings standings and log up to date with an incident that was written.

        Tells whoever listens. Gives the incident with the receipt of the change.
        """
        change = self._write(transaction, actor, record_type, before, after, identities)
        self._listeners.tell(transaction, change)
        return change.after

    def sever(
        self,
        transaction: Transaction,
        actor: Actor,
        incident: Incident,
        identities: Sequence[KeptIdentity],
    ) -> Incident:
        """As `record`, of an incident that was cut off from these identities, and from no other."""
        change = self._write(
            transaction, actor, RecordType.AMENDMENT, incident, incident, identities
        )
        self._listeners.tell(transaction, replace(change, is_severance=True))
        return change.after

    def _write(
        self,
        transaction: Transaction,
        actor: Actor,
        record_type: RecordType,
        before: Incident | None,
        after: Incident,
        identities: Sequence[KeptIdentity],
    ) -> Change:
        today = local_date(actor.now, self._rulebook.current)
        lookup_keys = {each.lookup_key for each in identities}
        standings.recompute(transaction, lookup_keys, today)
        draft = self._draft(actor, record_type, after, identities)
        (entry,) = self._ledger.append(transaction, [draft], actor.now)
        return Change(
            record_type=record_type,
            before=before,
            after=store.keep_receipt(transaction, after, self._ledger.receipt(entry)),
            lookup_keys=sorted(lookup_keys),
            verified_on=verified_on(identities),
            entry=entry,
            at=actor.now,
        )

    def seed_of(self, identity: KeptIdentity) -> bytes:
        """The seed of an identity as it is kept."""
        return self._protector.open_seed(identity.seed_sealed, identity.lookup_key)

    def _draft(
        self,
        actor: Actor,
        record_type: RecordType,
        incident: Incident,
        identities: Sequence[KeptIdentity],
    ) -> Draft:
        seeds = sorted(base64url.encode(self.seed_of(each)) for each in identities)
        subject: dict[str, JsonValue] = {
            "content": base64url.encode(content_digest(incident.filing)),
            "incident": incident.id,
            "seeds": seeds,
        }
        return Draft(
            log=Log.INCIDENTS,
            record_type=record_type,
            header=Header(
                member=actor.member,
                purpose=None,
                at=actor.now,
                request_id=actor.request_id,
                outcome=incident.course.value,
                edition=incident.edition,
                signed_request=actor.request_digest,
                more=actor.more,
            ),
            subject=subject,
            signed_request=actor.signed_request,
            lookup_keys=tuple(each.lookup_key for each in identities),
        )
