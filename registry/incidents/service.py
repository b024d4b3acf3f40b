"""Files, amends and withdraws incidents; says what is known of a subject."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum

from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents import standings, store
from registry.incidents.bulk_filing import FilingParts
from registry.incidents.changes import Listeners
from registry.incidents.filer import Accepted, Filer, Receipts
from registry.incidents.flags import Flags
from registry.incidents.intake import Intake, Taken, expiry_on
from registry.incidents.model import (
    Amendment,
    Course,
    Incident,
    IncidentClosed,
    IncidentNotFound,
    KeptIdentity,
    KnownIncident,
    KnownSubject,
    ReferenceTaken,
    Report,
    State,
    VersionMissing,
    VersionOutOfDate,
    effective_after,
    is_closed,
    is_matched_by,
    state_of,
)
from registry.incidents.own import OwnIncidents
from registry.incidents.proving import require_proof, require_proof_again
from registry.incidents.recording import Recorder, caller_of
from registry.incidents.reinsertion import Reinsertion
from registry.incidents.removal import REFERENCE_ERASED, Removal
from registry.incidents.rulings import Rulings
from registry.incidents.standing_lines import StandingLine
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.paging import PAGE_ITEMS_MAX, Page
from registry.ledger.model import RecordType
from registry.ledger.service import Ledger
from registry.members.service import Directory
from registry.rulebook.filing import Filing
from registry.rulebook.model import Edition, Rulebook
from registry.score.model import Contribution, ProtectiveMarker


class Filed(Enum):
    """Whether a report made an incident or named one that stood already."""

    NOW = "now"
    BEFORE = "before"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledIncident:
    """An incident and how this call found it."""

    incident: Incident
    filed: Filed


class Incidents:
    """The furnisher's side of the registry, and the standing of every subject."""

    def __init__(
        self,
        *,
        rulebook: Rulebook,
        keyring: Keyring,
        protector: Protector,
        directory: Directory,
        ledger: Ledger,
        listeners: Listeners,
    ) -> None:
        self._rulebook = rulebook
        self._keyring = keyring
        self._directory = directory
        self._ledger = ledger
        self._intake = Intake(rulebook=rulebook, protector=protector)
        self._filer = Filer(
            rulebook=rulebook, intake=self._intake, ledger=ledger, listeners=listeners
        )
        self._recorder = Recorder(
            rulebook=rulebook, protector=protector, ledger=ledger, listeners=listeners
        )
        self._reinsertion = Reinsertion(protector=protector, directory=directory)
        self._removal = Removal(
            rulebook=rulebook,
            protector=protector,
            reinsertion=self._reinsertion,
            listeners=listeners,
        )
        self._own_incidents = OwnIncidents(recorder=self._recorder)
        self._rulings = Rulings(
            rulebook=rulebook, recorder=self._recorder, reinsertion=self._reinsertion
        )

    @property
    def parts(self) -> FilingParts:
        """What files reports here, for whoever files many of them."""
        return FilingParts(
            intake=self._intake,
            filer=self._filer,
            removal=self._removal,
            reinsertion=self._reinsertion,
        )

    @property
    def removal(self) -> Removal:
        """Takes incidents out of the database when their time has come."""
        return self._removal

    @property
    def own(self) -> OwnIncidents:
        """Incidents by the person they are about."""
        return self._own_incidents

    @property
    def rulings(self) -> Rulings:
        """Disputes incidents and decides on them."""
        return self._rulings

    def state_of(self, incident: Incident, now: datetime) -> State:
        """What an incident is at `now`."""
        return state_of(incident, self._edition_of(incident), now)

    def report(self, call: Call, report: Report) -> FiledIncident:
        """Files an incident; the same report again finds the one it made.

        Raises: FilingIncomplete with everything that is missing; ReferenceTaken, also
        where the incident of this reference has been erased.
        """
        transaction, furnisher = call.transaction, call.caller.member
        taken = self._intake.take(report)
        if self._removal.is_any_reference_known(transaction, [(furnisher, report.reference)]):
            return self._same_report(transaction, furnisher, taken)
        require_proof(report, self._rulebook.current, self._keyring, call.now)
        accepted = Accepted(taken=taken, not_before=self._not_before(transaction, furnisher, taken))
        batch = self._filer.make([(caller_of(call), accepted)], Receipts.SIGNED, call.now)
        incident = self._filer.file_one(transaction, batch, call.now)
        if incident is None:
            # Another call with this reference committed between our look and our write.
            return self._same_report(transaction, furnisher, taken)
        return FiledIncident(incident=incident, filed=Filed.NOW)

    def amend(
        self, call: Call, incident_id: IncidentId, amendment: Amendment, if_match: str | None
    ) -> Incident:
        """Replaces members of a filing, which must meet the whole proof again.

        An amendment that weighs more needs a newer notice and takes effect only
        when that one has run. None makes of it what was removed before. Raises:
        IncidentNotFound, VersionMissing, VersionOutOfDate, IncidentClosed,
        FilingIncomplete, ReinsertionRefused.
        """
        before = self._get_to_change(call, incident_id)
        if if_match is None:
            raise VersionMissing
        if not is_matched_by(if_match, before):
            raise VersionOutOfDate
        if is_closed(self.state_of(before, call.now)):
            raise IncidentClosed
        edition = self._edition_of(before)
        filing = _amended(before.filing, amendment)
        require_proof_again(before, filing, edition, call.now)
        keys = {each.lookup_key for each in store.identities_of(call.transaction, before.id)}
        self._reinsertion.require_not_brought_back(call.transaction, before, filing, keys)
        code = edition.codes[filing.code]
        after = replace(
            before,
            filing=filing,
            severity=code.severity,
            expires_on=expiry_on(filing, edition, before.filed_at),
            effective_at=effective_after(before, filing, edition, call.now),
            changed_at=call.now,
            version=before.version + 1,
        )
        return self._change(call, RecordType.AMENDMENT, before, after)

    def withdraw(
        self, call: Call, incident_id: IncidentId, reason: str | None, if_match: str | None
    ) -> Incident:
        """Takes an incident out of every answer, at once and for ever.

        Withdrawn already: the incident as it was then. Raises: IncidentNotFound,
        VersionOutOfDate, IncidentClosed.
        """
        before = self._get_to_change(call, incident_id)
        if before.course is Course.WITHDRAWN:
            return self._with_receipts(before)
        if if_match is not None and not is_matched_by(if_match, before):
            raise VersionOutOfDate
        if is_closed(self.state_of(before, call.now)):
            raise IncidentClosed
        after = replace(
            before,
            course=Course.WITHDRAWN,
            block=None,
            withdrawal_reason=reason,
            changed_at=call.now,
            version=before.version + 1,
        )
        withdrawn = self._change(call, RecordType.WITHDRAWAL, before, after)
        keys = {each.lookup_key for each in store.identities_of(call.transaction, after.id)}
        self._reinsertion.remember(call.transaction, withdrawn, keys, call.now)
        return withdrawn

    def get(self, call: Call, incident_id: IncidentId) -> Incident:
        """An incident this caller filed.

        Raises: IncidentErased; IncidentNotFound, also where another member filed it.
        """
        found = store.find(call.transaction, incident_id)
        return self._with_receipts(self._own(call, incident_id, found))

    def identities_of(self, call: Call, incident: Incident) -> list[KeptIdentity]:
        """The identities an incident was filed under."""
        return list(store.identities_of(call.transaction, incident.id))

    def page(self, call: Call, *, after: str, items_max: int) -> Page[Incident]:
        """The caller's incidents, oldest first, after the incident id `after`."""
        assert 1 <= items_max <= PAGE_ITEMS_MAX
        page = store.page_of(call.transaction, call.caller.member, after=after, items_max=items_max)
        return Page([self._with_receipts(each) for each in page.items], page.next_after)

    def standings_of(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> Mapping[bytes, KnownSubject]:
        """What is filed under these keys, by key, with one SELECT.

        Filings of suspended members are quarantined: they are not in it. Whether
        an incident is in effect yet, or still, is for the score to say.
        """
        return self.standings_later(transaction, lookup_keys)()

    def standings_later(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> Callable[[], Mapping[bytes, KnownSubject]]:
        """As `standings_of`, told when asked: the SELECT may travel with the next statement."""
        read = standings.read_rows_later(transaction, lookup_keys)

        def tell() -> Mapping[bytes, KnownSubject]:
            found = read()
            furnishers = {line.furnisher for row in found.values() for line in row.lines}
            if any(self._directory.member(each) is None for each in furnishers):
                # Admitted, and its filing committed, since this call was let in.
                self._directory.refresh(transaction)
            return {key: self._known(row) for key, row in found.items()}

        return tell

    def flags_of(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> Mapping[bytes, Flags]:
        """What people said of these identities at their own door, by key."""
        return standings.flags_among(transaction, lookup_keys)

    def _known(self, row: standings.StandingRow) -> KnownSubject:
        heard = [line for line in row.lines if not self._directory.is_suspended(line.furnisher)]
        return KnownSubject(
            incidents=tuple(self._known_incidents(heard)),
            protective=tuple(
                ProtectiveMarker(
                    incident_id=line.incident_id,
                    code=line.code,
                    effective_at=line.effective_at,
                    expires_on=line.expires_on,
                )
                for line in heard
                if line.severity is None
            ),
            flags=row.flags,
        )

    def _known_incidents(self, lines: list[StandingLine]) -> Iterator[KnownIncident]:
        for line in lines:
            if line.severity is None:
                continue
            contribution = Contribution(
                incident_id=line.incident_id,
                code=line.code,
                severity=line.severity,
                occurred_on=line.occurred_on,
                effective_at=line.effective_at,
                expires_on=line.expires_on,
                furnisher=line.furnisher,
                reporter_group=self._directory.group_of(line.furnisher),
                reliability_ppm=self._directory.reliability_ppm_of(line.furnisher),
                doubt=line.doubt,
                is_adjudicated=line.is_adjudicated,
            )
            yield KnownIncident(contribution=contribution, last_verified_on=line.last_verified_on)

    def _get_to_change(self, call: Call, incident_id: IncidentId) -> Incident:
        """The caller's incident, which nobody else can change until this call is over."""
        return self._own(call, incident_id, store.find_and_lock(call.transaction, incident_id))

    def _own(self, call: Call, incident_id: IncidentId, found: Incident | None) -> Incident:
        if found is None:
            self._removal.refuse_removed(call.transaction, call.caller.member, incident_id)
        if found is None or found.furnisher != call.caller.member:
            raise IncidentNotFound
        return found

    def _edition_of(self, incident: Incident) -> Edition:
        return self._rulebook.editions[incident.edition]

    def _change(
        self, call: Call, record_type: RecordType, before: Incident, after: Incident
    ) -> Incident:
        return self._recorder.change(
            call.transaction, caller_of(call), record_type, before=before, after=after
        )

    def _not_before(
        self, transaction: Transaction, furnisher: MemberId, taken: Taken
    ) -> datetime | None:
        """When a report counts at the earliest, where what it reports was removed before."""
        marks = self._reinsertion.marks_asked(furnisher, taken.report.filing, taken.lookup_keys)
        removed = self._reinsertion.removed_among(transaction, marks)
        if not removed:
            return None
        return self._reinsertion.effective_not_before(
            taken.report, max(removed.values()), self._rulebook.current
        )

    def _same_report(
        self, transaction: Transaction, furnisher: MemberId, taken: Taken
    ) -> FiledIncident:
        """The incident this report made, when it is the same.

        Raises: ReferenceTaken.
        """
        standing = store.find_by_reference(transaction, furnisher, taken.report.reference)
        if standing is None:
            raise ReferenceTaken(REFERENCE_ERASED)
        if standing.digest != taken.digest:
            raise ReferenceTaken
        return FiledIncident(incident=self._with_receipts(standing), filed=Filed.BEFORE)

    def _with_receipts(self, incident: Incident) -> Incident:
        """The incident with its receipts signed, where they were kept as promises."""
        first = self._ledger.signed_receipt(incident.report_receipt)
        newest = first
        if incident.receipt != incident.report_receipt:
            newest = self._ledger.signed_receipt(incident.receipt)
        return replace(incident, report_receipt=first, receipt=newest)


def _amended(filing: Filing, amendment: Amendment) -> Filing:
    changes = {field.name: getattr(amendment, field.name) for field in fields(amendment)}
    return replace(filing, **{name: value for name, value in changes.items() if value is not None})
