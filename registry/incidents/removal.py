"""Removes incidents when their time has come: row, identities and standing, nothing left.

What stays is a mark by which the furnisher is told that it was removed, so that a
report sent again does not bring back what was taken away. Source: RULEBOOK 3.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from registry.database.transaction import Transaction
from registry.identity.protection import Protector
from registry.incidents import import_store, removal_store, standings, store
from registry.incidents.changes import Listeners
from registry.incidents.flags import Flags
from registry.incidents.model import (
    Course,
    Incident,
    IncidentErased,
    IncidentNotFound,
    State,
    state_of,
)
from registry.incidents.reinsertion import Reinsertion
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.erasure_model import Cause
from registry.rulebook.calendar import due_at, local_date
from registry.rulebook.model import Edition, Rulebook

REFERENCE_ERASED = "The incident of this reference has been erased."


@dataclass(frozen=True, slots=True, kw_only=True)
class Removable:
    """An incident with what it is found by; `cause` says why it goes."""

    incident: Incident
    lookup_keys: tuple[bytes, ...]
    cause: Cause


def purge_due_at(taken_back_at: datetime, edition: Edition) -> datetime:
    """When the content of an incident that was taken back goes.

    Everyone who looked is told meanwhile and has the time to say that it was
    heard; the limit itself is what no purge may come after, so that a run that is
    late by a day still keeps it.
    """
    deadlines = edition.deadlines
    return min(
        due_at(taken_back_at, deadlines.correction_acknowledged, edition),
        due_at(taken_back_at, deadlines.removed_content_purged, edition),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """How far a walk over what is due has come: where it goes on, whatever was left behind."""

    expired: tuple[date, IncidentId] | None = None
    taken_back: tuple[datetime, IncidentId] | None = None


class Removal:
    """What retention asks of the incidents' room; the caller erases the log entries too."""

    def __init__(
        self,
        *,
        rulebook: Rulebook,
        protector: Protector,
        reinsertion: Reinsertion,
        listeners: Listeners,
    ) -> None:
        self._rulebook = rulebook
        self._protector = protector
        self._reinsertion = reinsertion
        self._listeners = listeners

    def due(
        self,
        transaction: Transaction,
        now: datetime,
        *,
        passed: Passed,
        incidents_max: int,
    ) -> tuple[list[Removable], Passed | None]:
        """The next incidents whose time has come, and where to go on; None: that was all."""
        latest = max(local_date(now, each) for each in self._rulebook.editions.values())
        expired = removal_store.expired(
            transaction, today=latest, after=passed.expired, incidents_max=incidents_max
        )
        taken_back = removal_store.taken_back(
            transaction,
            before=now,
            kept_beyond=latest,
            after=passed.taken_back,
            incidents_max=incidents_max,
        )
        causes = [(each, self._cause_of(each, now)) for each in expired + taken_back]
        due = [
            self._removable(transaction, incident, cause)
            for incident, cause in causes
            if cause is not None
        ]
        if not expired and not taken_back:
            return due, None
        if expired:
            passed = replace(passed, expired=(expired[-1].expires_on, expired[-1].id))
        if taken_back:
            passed = replace(passed, taken_back=(taken_back[-1].changed_at, taken_back[-1].id))
        return due, passed

    def find(self, transaction: Transaction, incident_id: IncidentId) -> Removable | None:
        """An incident that is to go by order, and is held."""
        incident = store.find(transaction, incident_id)
        return None if incident is None else self._removable(transaction, incident, Cause.ORDER)

    def hold(
        self,
        transaction: Transaction,
        incidents: Collection[IncidentId],
        lookup_keys: Collection[bytes] = (),
    ) -> None:
        """Locks all of these incidents and their standings, for whoever removes several.

        And the standings of `lookup_keys`, whatever is filed under them.
        """
        store.lock_all(transaction, incidents)
        standings.hold(transaction, store.keys_of_all(transaction, incidents) | set(lookup_keys))

    def still_due(
        self, transaction: Transaction, due: Sequence[Removable], now: datetime
    ) -> list[Removable]:
        """Those of these that are due still, now that they are held: as they are by now."""
        self.hold(transaction, [each.incident.id for each in due])
        found = [store.find(transaction, each.incident.id) for each in due]
        causes = [(each, self._cause_of(each, now)) for each in found if each is not None]
        return [
            self._removable(transaction, incident, cause)
            for incident, cause in causes
            if cause is not None
        ]

    def under(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> Sequence[IncidentId]:
        """The incidents filed under any of these lookup keys."""
        return removal_store.under(transaction, lookup_keys)

    def remove(
        self, transaction: Transaction, removable: Removable, *, by: UUID, now: datetime
    ) -> None:
        """Deletes an incident, its identities and what it adds to standings."""
        incident = removable.incident
        identities = store.identities_of(transaction, incident.id)
        removal_store.remove(
            transaction,
            incident,
            reference_mark=self.mark_of(incident.furnisher, incident.reference),
            by=by,
            now=now,
        )
        import_store.forget_problems(transaction, incident.furnisher, incident.reference)
        today = local_date(now, self._rulebook.current)
        if removable.cause is Cause.ORDER:
            self._reinsertion.remember(transaction, incident, removable.lookup_keys, now)
        if removable.lookup_keys:
            standings.recompute(transaction, set(removable.lookup_keys), today)
        self._listeners.tell_of_removal(transaction, identities, now)

    def forget_flags(self, transaction: Transaction, lookup_keys: Collection[bytes]) -> None:
        """Deletes what the person of these keys has said at their own door."""
        standings.change_flags(transaction, lookup_keys, lambda _flags: None)

    def forget_markers(
        self,
        transaction: Transaction,
        now: datetime,
        *,
        after: bytes,
        held: Set[bytes],
        rows_max: int,
    ) -> bytes | None:
        """Deletes the protective markers that have run out, of the next people who say anything.

        `held`: whose are left. Gives where to go on; None: that was all.
        """
        found = standings.flagged(transaction, after=after, rows_max=rows_max)
        today = local_date(now, self._rulebook.current)

        def running(flags: Flags | None) -> Flags | None:
            if flags is None:
                return None
            markers = tuple(each for each in flags.markers if each.expires_on > today)
            return replace(flags, markers=markers)

        over = [key for key, flags in found if key not in held and running(flags) != flags]
        if over:
            standings.change_flags(transaction, over, running)
        return found[-1][0] if len(found) == rows_max else None

    def sweep(self, transaction: Transaction, now: datetime, rows_max: int) -> int:
        """Deletes up to `rows_max` marks of acts that are too old to be filed again; how many."""
        today = local_date(now, self._rulebook.current)
        return self._reinsertion.forget_expired(transaction, today, rows_max)

    def is_any_reference_known(
        self, transaction: Transaction, references: Sequence[tuple[MemberId, str]]
    ) -> bool:
        """Whether one of the furnishers filed something under its reference, removed or not."""
        marked = [
            (furnisher, name, self.mark_of(furnisher, name)) for furnisher, name in references
        ]
        return removal_store.is_any_reference_known(transaction, marked)

    def refuse_removed(
        self, transaction: Transaction, furnisher: MemberId, incident: IncidentId
    ) -> None:
        """Raises: IncidentErased, where this furnisher's incident was removed."""
        if removal_store.was_removed(transaction, incident, furnisher=furnisher):
            raise IncidentErased

    def require_kept(self, transaction: Transaction, incident: IncidentId) -> None:
        """For who may name any furnisher's incident.

        Raises: IncidentNotFound, IncidentErased.
        """
        if store.find(transaction, incident) is None:
            if removal_store.was_removed(transaction, incident):
                raise IncidentErased
            raise IncidentNotFound

    def _cause_of(self, incident: Incident, now: datetime) -> Cause | None:
        edition = self._rulebook.editions[incident.edition]
        if incident.course in (Course.WITHDRAWN, Course.OVERTURNED):
            if purge_due_at(incident.changed_at, edition) <= now:
                return Cause.REMOVED_CONTENT_PURGED
            # Taken back, and its time is up besides: the earlier of the two.
            is_expired = local_date(now, edition) >= incident.expires_on
            return Cause.INCIDENT_KEPT if is_expired else None
        if state_of(incident, edition, now) is State.EXPIRED:
            return Cause.INCIDENT_KEPT
        return None

    def _removable(self, transaction: Transaction, incident: Incident, cause: Cause) -> Removable:
        identities = store.every_identity_of(transaction, incident.id)
        keys = tuple(sorted({bytes(each.lookup_key) for each in identities}))
        return Removable(incident=incident, lookup_keys=keys, cause=cause)

    def mark_of(self, furnisher: MemberId, reference: str) -> bytes:
        """What stays of a reference when its incident is removed."""
        return self._protector.mark(f"{furnisher}\x00{reference}".encode())
