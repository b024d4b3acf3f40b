"""Recalls what was answered: everyone who saw a corrected incident is told, and must answer.

change of an incident --> correction + job, in its transaction
trace --> lookups whose entry names the incident --> recall + notice for each member
   '--> once more, when whatever overlapped with the change is committed --> traced
chase --> not acknowledged: reminded --> escalated, lookups withheld --> acknowledged, restored
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from registry.database.transaction import Transaction
from registry.http.caller import Call, Scope
from registry.incidents.changes import Change
from registry.jobs.kinds import Periodic, Share, Step
from registry.jobs.model import Again, Job, JobDraft
from registry.jobs.service import Jobs
from registry.kernel.ids import IncidentId, LookupId, MemberId, Prefix, new_uuid, with_prefix
from registry.kernel.paging import Page
from registry.ledger.contents import Contents
from registry.ledger.holding import begin
from registry.ledger.model import Opening, RecordType
from registry.members.model import Role, ScopeNotWithheld
from registry.members.service import Members
from registry.notices import correction_store as store
from registry.notices.contacts import given_while_trusted
from registry.notices.correction_model import (
    CORRECTION_ESCALATED,
    CORRECTION_OVERDUE,
    CORRECTION_TOLD,
    LOOKUPS_RESTORED,
    LOOKUPS_SHOWN_MAX,
    REASON_IGNORED,
    SETTLED_AFTER,
    Acknowledgement,
    Correction,
    CorrectionAcknowledged,
    CorrectionNotFound,
    Recall,
    RecallRecord,
    kind_of,
)
from registry.notices.letter_model import LetterTemplate
from registry.notices.letters import Letters
from registry.notices.service import Notices
from registry.notices.tracing import answered_with, just_before
from registry.rulebook.calendar import day_begins_at, exact_duration, last_day_run_out, local_date
from registry.rulebook.model import Edition

TRACE = "corrections.trace"
CHASE = "corrections.chase"
SWEEP = "corrections.sweep"
ENTRIES_AT_ONCE_MAX = 500
OVERDUE_SHOWN_MAX = 1000
_SWEPT_MAX = 100
_TO_WATCH = frozenset({Role.OPERATOR, Role.SUPERVISOR})


class Corrections:
    """Listens to the incidents' room, finds who had looked, and holds them to answering."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        notices: Notices,
        letters: Letters,
        members: Members,
        contents: Contents,
        edition: Edition,
    ) -> None:
        self._jobs = jobs
        self._notices = notices
        self._letters = letters
        self._members = members
        self._contents = contents
        self._edition = edition

    @property
    def kinds(self) -> tuple[Step, Step, Periodic]:
        """The work corrections make."""
        return (
            Step(kind=TRACE, run=self._trace, share=Share.URGENT),
            Step(kind=CHASE, run=self._chase),
            Periodic(kind=SWEEP, every=timedelta(hours=1), run=self._sweep, share=Share.BULK),
        )

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """Begins a recall in the transaction of the change.

        All that it needs later is kept here, ids only: by then retention may have taken
        the incident away.
        """
        kind = kind_of(change)
        if kind is None:
            return
        correction = Correction(
            uuid=new_uuid(change.at),
            incident=change.after.id,
            kind=kind,
            furnisher=change.after.furnisher,
            entry=change.entry.entry_id,
            filed_at=change.after.filed_at,
            at=change.at,
            began_at=None,
            cursor_key=0,
            cursor_after=None,
            traced_at=None,
        )
        store.add(transaction, correction, change.verified_on)
        payload = {"correction": str(correction.uuid)}
        self._jobs.enqueue(transaction, JobDraft(kind=TRACE, payload=payload, run_at=change.at))

    def page(
        self, transaction: Transaction, member: MemberId, *, after: UUID | None, items_max: int
    ) -> Page[RecallRecord]:
        """What a member was told, oldest first."""
        found = store.page_of_member(transaction, member, after=after, recalls_max=items_max + 1)
        shown = self._records(transaction, found[:items_max])
        return Page(
            items=shown,
            next_after=shown[-1].correction.id if len(found) > items_max else None,
        )

    def acknowledge(self, call: Call, uuid: UUID, said: Acknowledgement) -> RecallRecord:
        """Takes a member's answer; with the last that was escalated it gets lookups back.

        The same again is the one that stands. Raises: CorrectionNotFound,
        CorrectionAcknowledged.
        """
        transaction, member, now = call.transaction, call.caller.member, call.now
        if (recall := store.find_and_lock_recall(transaction, uuid, member)) is None:
            raise CorrectionNotFound
        if not recall.is_open:
            if recall.acknowledgement != said:
                raise CorrectionAcknowledged
            return self._records(transaction, [recall])[0]
        answered = replace(
            recall,
            acknowledged_at=now,
            acknowledgement=said,
            # Kept: what was said is in a certificate, and cannot be denied later.
            signed_request=call.signed_request,
        )
        store.put_recall(transaction, answered)
        if recall.escalated_at is not None and not store.owes_escalated(transaction, member):
            self._give_back(transaction, member, now)
        return self._records(transaction, [answered])[0]

    def of_incident(
        self, transaction: Transaction, corrections: Iterable[Correction]
    ) -> Mapping[UUID, list[RecallRecord]]:
        """Who was told of these corrections, by correction."""
        known = list(corrections)
        found: dict[UUID, list[RecallRecord]] = {each.uuid: [] for each in known}
        for record in self._records(transaction, store.recalls_of(transaction, found)):
            found[record.correction.uuid].append(record)
        return found

    def overdue(self, transaction: Transaction, now: datetime) -> list[RecallRecord]:
        """What members owe an answer to since longer than they may, oldest first."""
        return self._records(transaction, store.overdue(transaction, now, OVERDUE_SHOWN_MAX))

    def about(
        self,
        transaction: Transaction,
        lookup_key: bytes,
        corrections_max: int,
        *,
        incident: IncidentId | None = None,
    ) -> list[tuple[Correction, date | None]]:
        """The corrections of what is, or was, filed about a person, newest first.

        Each with when the key was verified last to be theirs; None: not known any more. Of
        one incident only, where it is named.
        """
        return store.about(transaction, lookup_key, corrections_max, incident)

    def forget_subject(self, transaction: Transaction, lookup_key: bytes) -> None:
        """Forgets that corrections were about a subject who is erased by order."""
        store.forget_subject(transaction, lookup_key)

    def _trace(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        """Looks through some more of the entries about the person, and tells who had looked."""
        correction = store.find_and_lock(transaction, UUID(job.payload["correction"]))
        if correction is None or correction.traced_at is not None:
            return None
        keys = store.lookup_keys_of(transaction, correction.uuid)
        if correction.began_at is None:
            # A step of its own: members are locked in one order, once in a transaction.
            store.put(transaction, self._begin_pass(transaction, correction, keys, now))
            return Again(run_at=now)
        if correction.cursor_key < len(keys):
            correction = self._search(transaction, correction, keys[correction.cursor_key], now)
            store.put(transaction, correction)
            return Again(run_at=now)
        settled_at = correction.at + SETTLED_AFTER
        assert correction.began_at is not None
        if correction.began_at < settled_at:
            # What overlapped with the change may have been committed since this pass began.
            store.put(transaction, replace(correction, began_at=None))
            return Again(run_at=max(now, settled_at))
        store.put(transaction, replace(correction, traced_at=now))
        self._write(transaction, correction, now)
        return None

    def _begin_pass(
        self,
        transaction: Transaction,
        correction: Correction,
        keys: list[bytes],
        now: datetime,
    ) -> Correction:
        # Waiting entries first: one that gets its place meanwhile is then found there.
        if keys:
            self._tell(
                transaction, correction, self._contents.waiting_about(transaction, keys), now
            )
        return replace(
            correction, began_at=now, cursor_key=0, cursor_after=just_before(correction.filed_at)
        )

    def _search(
        self, transaction: Transaction, correction: Correction, key: bytes, now: datetime
    ) -> Correction:
        uuids = self._contents.about(
            transaction, key, after=correction.cursor_after, entries_max=ENTRIES_AT_ONCE_MAX
        )
        settled = self._contents.of(transaction, uuids, {RecordType.LOOKUP})
        openings = {
            each.uuid: each.opening for each in settled.values() if each.opening is not None
        }
        self._tell(transaction, correction, openings, now)
        if len(uuids) == ENTRIES_AT_ONCE_MAX:
            return replace(correction, cursor_after=uuids[-1])
        return replace(
            correction,
            cursor_key=correction.cursor_key + 1,
            cursor_after=just_before(correction.filed_at),
        )

    def _tell(
        self,
        transaction: Transaction,
        correction: Correction,
        openings: Mapping[UUID, Opening],
        now: datetime,
    ) -> None:
        """Tells each member one of whose lookups, not known yet, was answered with the incident."""
        members = {
            member
            for uuid, member in answered_with(openings, correction)
            if store.add_lookup(transaction, correction.uuid, uuid, member)
        }
        # Every recall before the first notice: who answers, or is chased, holds its recall
        # when it waits for a notice's number.
        ordered = sorted(members)
        for member in [each for each in ordered if self._open(transaction, correction, each, now)]:
            self._tell_recalled(transaction, correction, member, now)

    def _open(
        self, transaction: Transaction, correction: Correction, member: MemberId, now: datetime
    ) -> bool:
        """Opens a member's recall; False: it is open already."""
        standing = store.find_and_lock_recall(transaction, correction.uuid, member)
        if standing is not None and standing.is_open:
            return False
        limits = self._edition.deadlines
        recall = Recall(
            correction=correction.uuid,
            member=member,
            told_at=now,
            acknowledge_by=now + exact_duration(limits.correction_acknowledged),
            escalate_at=now + exact_duration(limits.correction_escalated),
            reminded_at=None,
            escalated_at=None,
            acknowledged_at=None,
            acknowledgement=None,
            signed_request=None,
        )
        if standing is None:
            store.add_recall(transaction, recall)
        else:
            # It answered before all of its lookups had been found: it is asked again.
            store.put_recall(transaction, recall)
        return True

    def _tell_recalled(
        self, transaction: Transaction, correction: Correction, member: MemberId, now: datetime
    ) -> None:
        self._notices.tell_member(
            transaction,
            member=member,
            event_type=CORRECTION_TOLD,
            data={"correction": correction.id, "incident": correction.incident},
            now=now,
        )
        draft = JobDraft(
            kind=CHASE,
            payload={"correction": str(correction.uuid), "member": member},
            run_at=now + exact_duration(self._edition.deadlines.correction_acknowledged),
            deduplication_key=f"{correction.uuid}/{member}",
        )
        self._jobs.enqueue(transaction, draft)

    def _chase(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        """Reminds, then escalates; an answer ends it."""
        member = MemberId(job.payload["member"])
        recall = store.find_and_lock_recall(transaction, UUID(job.payload["correction"]), member)
        if recall is None or not recall.is_open or recall.escalated_at is not None:
            return None
        if now < recall.acknowledge_by:
            return Again(run_at=recall.acknowledge_by)
        data = {"correction": with_prefix(Prefix.CORRECTION, recall.correction), "member": member}
        if now < recall.escalate_at:
            if recall.reminded_at is None:
                store.put_recall(transaction, replace(recall, reminded_at=now))
                self._notices.tell_member(
                    transaction, member=member, event_type=CORRECTION_OVERDUE, data=data, now=now
                )
            return Again(run_at=recall.escalate_at)
        store.put_recall(transaction, replace(recall, escalated_at=now))
        self._notices.tell_with_roles(
            transaction,
            roles=_TO_WATCH,
            beside=member,
            event_type=CORRECTION_ESCALATED,
            data=data,
            now=now,
        )
        # Last: it holds the directory's row, which whoever counts appeals takes last too.
        self._members.withhold(transaction, member, Scope.LOOK_UP, REASON_IGNORED, now)
        return None

    def _give_back(self, transaction: Transaction, member: MemberId, now: datetime) -> None:
        withheld = self._members.withheld_from(transaction, member)
        if not any(
            (each.scope, each.reason) == (Scope.LOOK_UP, REASON_IGNORED) for each in withheld
        ):
            # The operator was faster.
            return
        self._notices.tell_member(
            transaction,
            member=member,
            event_type=LOOKUPS_RESTORED,
            data={"scope": Scope.LOOK_UP.value},
            now=now,
        )
        # Last: it holds the directory's row. Restored a moment ago, what was told is true.
        with suppress(ScopeNotWithheld):
            self._members.restore(transaction, member, Scope.LOOK_UP, REASON_IGNORED, now)

    def _write(self, transaction: Transaction, correction: Correction, now: datetime) -> None:
        told = len(store.recalls_of(transaction, [correction.uuid]))
        verified_on = store.verified_on_of(transaction, correction.uuid)
        self._letters.write(
            transaction,
            lookup_keys=store.lookup_keys_of(transaction, correction.uuid),
            given_by=given_while_trusted(verified_on, self._edition),
            template=LetterTemplate.CORRECTION_MADE,
            facts={
                "incident": correction.incident,
                "corrected_on": local_date(correction.at, self._edition).isoformat(),
                "told": str(told),
            },
            incident=correction.incident,
            furnisher=correction.furnisher,
            now=now,
        )

    def _records(self, transaction: Transaction, recalls: Collection[Recall]) -> list[RecallRecord]:
        uuids = {each.correction for each in recalls}
        if not uuids:
            return []
        known = store.find_all(transaction, uuids)
        counts = store.count_lookups(transaction, uuids)
        return [
            RecallRecord(
                correction=known[each.correction],
                recall=each,
                lookups=tuple(
                    LookupId(with_prefix(Prefix.LOOKUP, lookup))
                    for lookup in store.lookups_of(
                        transaction, each.correction, each.member, LOOKUPS_SHOWN_MAX
                    )
                ),
                lookups_count=counts.get((each.correction, each.member), 0),
            )
            for each in recalls
        ]

    def _sweep(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        """Forgets corrections when the accesses they are about are forgotten."""
        last = last_day_run_out(self._edition.deadlines.access_log_kept, self._edition, now)
        before, held = day_begins_at(last, self._edition), begin(transaction)
        is_full = store.forget(transaction, before, _SWEPT_MAX, held) == _SWEPT_MAX
        return Again(run_at=now) if is_full else None
