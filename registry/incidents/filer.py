"""Writes proved reports down: incident, identities, standing and log entry together.

One report or thousands take the same way; only the statements differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from registry.database.bulk import attempt
from registry.database.transaction import Transaction
from registry.incidents import standings, store
from registry.incidents.changes import Change, Listeners
from registry.incidents.digests import content_digest_of
from registry.incidents.intake import Intake, Named, Taken
from registry.incidents.model import Course, Incident, KeptIdentity, Recertification
from registry.incidents.recording import Actor, verified_on
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, MemberId, new_incident_ids
from registry.ledger.model import Appended, Draft, Header, Log, RecordType
from registry.ledger.service import Ledger, MadeEntries
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Rulebook


class Receipts(Enum):
    """Whether a receipt is signed now, or whenever it is read."""

    SIGNED = "signed"
    PROMISED = "promised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A report that may be filed; `not_before`: it was removed before, and counts then."""

    taken: Taken
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """An incident about to be written, with its identities and its entry."""

    incident: Incident
    identities: Sequence[KeptIdentity]
    entry: Appended


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Incidents about to be written, and their entries, ready to be."""

    news: Sequence[New]
    entries: MadeEntries


class Filer:
    """Makes incidents of proved reports."""

    def __init__(
        self, *, rulebook: Rulebook, intake: Intake, ledger: Ledger, listeners: Listeners
    ) -> None:
        self._rulebook = rulebook
        self._intake = intake
        self._ledger = ledger
        self._listeners = listeners

    def make(
        self, accepted: Sequence[tuple[Actor, Accepted]], receipts: Receipts, now: datetime
    ) -> Batch:
        """The incidents of accepted reports, and their entries; nothing is written yet.

        Who files many has one header for all of them.
        """
        ids = new_incident_ids(now, len(accepted))
        actors = {id(actor): actor for actor, _ in accepted}
        plain = {name: self._header(actor, None) for name, actor in actors.items()}
        drafts = [
            self._draft(each.taken, incident, plain[id(actor)], actor)
            for (actor, each), incident in zip(accepted, ids, strict=True)
        ]
        entries = self._ledger.make(drafts, now)
        is_signed = receipts is Receipts.SIGNED
        receipt_of = self._ledger.receipt if is_signed else self._ledger.promise
        kept = self._intake.kept([each.taken for _, each in accepted])
        news = [
            New(
                incident=self._intake.incident(
                    each.taken,
                    Named(id=incident, furnisher=member_of(actor), receipt=receipt_of(entry)),
                    each.not_before,
                    now,
                ),
                identities=identities,
                entry=entry,
            )
            for (actor, each), incident, entry, identities in zip(
                accepted, ids, entries.appended, kept, strict=True
            )
        ]
        return Batch(news=news, entries=entries)

    def file_one(self, transaction: Transaction, batch: Batch, now: datetime) -> Incident | None:
        """Files the one incident of a batch; None when its reference was taken a moment ago."""
        (filed,) = batch.news
        if not store.add(transaction, filed.incident):
            return None
        store.add_identities(transaction, filed.incident.id, filed.identities)
        self._follow(transaction, [filed], batch.entries, now)
        return filed.incident

    def file_all(self, transaction: Transaction, batch: Batch, now: datetime) -> None:
        """Files incidents under references of their own, a few statements for all.

        Raises: RowTaken, when a reference was taken a moment ago; nothing is filed then.
        """
        filed = batch.news
        with attempt(transaction):
            store.add_all(transaction, [(each.incident, each.identities) for each in filed])
        self._follow(transaction, filed, batch.entries, now)

    def _follow(
        self, transaction: Transaction, filed: Sequence[New], entries: MadeEntries, now: datetime
    ) -> None:
        """What every filing brings with it, once its rows are in: standing, entry, listeners."""
        today = local_date(now, self._rulebook.current)
        standings.add(transaction, [(each.incident, each.identities) for each in filed], today)
        self._ledger.write(transaction, entries)
        if not self._listeners.is_empty:
            self._listeners.tell_of_all(transaction, [_change(each, now) for each in filed])

    def _header(self, actor: Actor, certified: Recertification | None) -> Header:
        more: dict[str, JsonValue] = {}
        if certified is not None:
            on = certified.certified_on.isoformat()
            more["recertification"] = {"reviewer": certified.reviewer, "certified_on": on}
        return Header(
            member=actor.member,
            purpose=None,
            at=actor.now,
            request_id=actor.request_id,
            outcome=Course.FILED.value,
            edition=self._rulebook.current.name,
            signed_request=actor.request_digest,
            more=more,
        )

    def _draft(self, taken: Taken, incident: IncidentId, plain: Header, actor: Actor) -> Draft:
        certified = taken.report.recertification
        return Draft(
            log=Log.INCIDENTS,
            record_type=RecordType.REPORT,
            header=plain if certified is None else self._header(actor, certified),
            subject=_subject(taken, incident),
            signed_request=actor.signed_request,
            lookup_keys=taken.lookup_keys,
        )


def member_of(actor: Actor) -> MemberId:
    """The member that reports."""
    assert actor.member is not None, "members report, the registry never does"
    return actor.member


def in_order(batch: Batch) -> Batch:
    """The batch as it is written: in one order everywhere, so that two never wait in turn."""
    news = sorted(batch.news, key=lambda each: (each.incident.furnisher, each.incident.reference))
    return Batch(news=news, entries=batch.entries)


def _subject(taken: Taken, incident: IncidentId) -> bytes:
    """Whom a report touches, as canonical JSON: base64url and ids, which need no escape."""
    content = base64url.encode(content_digest_of(taken.filing))
    seeds = '","'.join(sorted(map(base64url.encode, taken.seeds)))
    return f'{{"content":"{content}","incident":"{incident}","seeds":["{seeds}"]}}'.encode("ascii")


def _change(new: New, now: datetime) -> Change:
    return Change(
        record_type=RecordType.REPORT,
        before=None,
        after=new.incident,
        lookup_keys=sorted({each.lookup_key for each in new.identities}),
        verified_on=verified_on(new.identities),
        entry=new.entry,
        at=now,
    )
