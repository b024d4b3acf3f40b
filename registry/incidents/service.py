"""Files, amends and withdraws incidents; says what is known of a subject."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import Enum

from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents import standings, store
from registry.incidents.changes import Change, Listeners
from registry.incidents.digests import content_digest, report_digest
from registry.incidents.model import (
    Amendment,
    Course,
    FilingIncomplete,
    Incident,
    IncidentClosed,
    IncidentNotFound,
    KeptIdentity,
    KnownIncident,
    KnownSubject,
    ReferenceTaken,
    Report,
    ReportedIdentity,
    State,
    VersionMissing,
    VersionOutOfDate,
    effective_after,
    effective_from,
    is_closed,
    is_matched_by,
    is_newer_notice,
    state_of,
)
from registry.incidents.removal import Removal
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, new_incident_id
from registry.kernel.paging import PAGE_ITEMS_MAX, Page
from registry.kernel.problems import FieldError
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.members.service import Directory
from registry.rulebook.calendar import local_date
from registry.rulebook.filing import Filing
from registry.rulebook.model import Edition, Rulebook
from registry.rulebook.proof import expiry_of, missing_points, requires_new_notice
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
        self._protector = protector
        self._directory = directory
        self._ledger = ledger
        self._listeners = listeners
        self._removal = Removal(rulebook=rulebook, protector=protector)

    @property
    def removal(self) -> Removal:
        """Takes incidents out of the database when their time has come."""
        return self._removal

    def state_of(self, incident: Incident, now: datetime) -> State:
        """What an incident is at `now`."""
        return state_of(incident, self._edition_of(incident), now)

    def report(self, call: Call, report: Report) -> FiledIncident:
        """Files an incident; the same report again finds the one it made.

        Raises: FilingIncomplete with everything that is missing; ReferenceTaken, also
        where the incident of this reference has been erased.
        """
        transaction, furnisher = call.transaction, call.caller.member
        identities = [self._keep(each) for each in report.identities]
        digest = report_digest(report, identities)
        standing = store.find_by_reference(transaction, furnisher, report.reference)
        if standing is not None:
            return _same_report(standing, digest)
        self._removal.refuse_again(transaction, furnisher, report.reference)
        self._require_proof(report, call)
        incident = self._incident(call, report, digest)
        if not store.add(transaction, incident):
            # Another call with this reference committed between our look and our write.
            standing = store.find_by_reference(transaction, furnisher, report.reference)
            assert standing is not None, "the reference was taken a moment ago"
            return _same_report(standing, digest)
        store.add_identities(transaction, incident.id, identities)
        filed = self._record(call, RecordType.REPORT, None, incident, identities)
        return FiledIncident(incident=filed, filed=Filed.NOW)

    def amend(
        self, call: Call, incident_id: IncidentId, amendment: Amendment, if_match: str | None
    ) -> Incident:
        """Replaces members of a filing, which must meet the whole proof again.

        An amendment that weighs more needs a newer notice and takes effect only
        when that one has run. Raises: IncidentNotFound, VersionMissing,
        VersionOutOfDate, IncidentClosed, FilingIncomplete.
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
        self._require_proof_again(before, filing, edition, call.now)
        code = edition.codes[filing.code]
        after = replace(
            before,
            filing=filing,
            severity=code.severity,
            expires_on=_expiry(filing, edition, before.filed_at),
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
            return before
        if if_match is not None and not is_matched_by(if_match, before):
            raise VersionOutOfDate
        if is_closed(self.state_of(before, call.now)):
            raise IncidentClosed
        after = replace(
            before,
            course=Course.WITHDRAWN,
            withdrawal_reason=reason,
            changed_at=call.now,
            version=before.version + 1,
        )
        return self._change(call, RecordType.WITHDRAWAL, before, after)

    def get(self, call: Call, incident_id: IncidentId) -> Incident:
        """An incident this caller filed.

        Raises: IncidentErased; IncidentNotFound, also where another member filed it.
        """
        return self._own(call, incident_id, store.find(call.transaction, incident_id))

    def identities_of(self, call: Call, incident: Incident) -> list[KeptIdentity]:
        """The identities an incident was filed under."""
        return list(store.identities_of(call.transaction, incident.id))

    def page(self, call: Call, *, after: str, items_max: int) -> Page[Incident]:
        """The caller's incidents, oldest first, after the incident id `after`."""
        assert 1 <= items_max <= PAGE_ITEMS_MAX
        return store.page_of(call.transaction, call.caller.member, after=after, items_max=items_max)

    def standings_of(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> Mapping[bytes, KnownSubject]:
        """What is filed under these keys, by key, with one SELECT.

        Filings of suspended members are quarantined: they are not in it. Whether
        an incident is in effect yet, or still, is for the score to say.
        """
        found = standings.read(transaction, lookup_keys)
        furnishers = {line.furnisher for lines in found.values() for line in lines}
        if any(self._directory.member(each) is None for each in furnishers):
            # Admitted, and its filing committed, since this call was let in.
            self._directory.refresh(transaction)
        return {key: self._known(lines) for key, lines in found.items()}

    def _known(self, lines: list[standings.StandingLine]) -> KnownSubject:
        heard = [line for line in lines if not self._directory.is_suspended(line.furnisher)]
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
        )

    def _known_incidents(self, lines: list[standings.StandingLine]) -> Iterator[KnownIncident]:
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

    def _require_proof(self, report: Report, call: Call) -> None:
        edition = self._rulebook.current
        errors = missing_points(report.filing, edition, call.now)
        for position, each in enumerate(report.identities):
            errors += self._identity_errors(position, each, report, call)
        if errors:
            raise FilingIncomplete(errors=errors)

    def _identity_errors(
        self, position: int, each: ReportedIdentity, report: Report, call: Call
    ) -> Iterator[FieldError]:
        pointer = f"/identities/{position}"
        if self._keyring.find(each.identity.key_id) is None:
            yield FieldError(
                pointer=f"{pointer}/key_id",
                code="key_unknown",
                detail="This registry has no key of this id; see the well-known document.",
            )
        earlier = report.identities[:position]
        if each.identity.token in [other.identity.token for other in earlier]:
            yield FieldError(
                pointer=pointer, code="repeated", detail="The identity is listed more than once."
            )
        if each.last_verified_on > local_date(call.now, self._rulebook.current):
            yield FieldError(
                pointer=f"{pointer}/last_verified_on",
                code="in_the_future",
                detail="last_verified_on lies in the future.",
            )

    def _keep(self, reported: ReportedIdentity) -> KeptIdentity:
        seed = self._protector.seed_of(reported.identity.token)
        lookup_key = self._protector.lookup_key(seed)
        return KeptIdentity(
            type_name=reported.identity.type.value,
            key_id=reported.identity.key_id,
            lookup_key=lookup_key,
            seed_sealed=self._protector.seal_seed(seed),
            last_verified_on=reported.last_verified_on,
        )

    def _require_proof_again(
        self, before: Incident, filing: Filing, edition: Edition, now: datetime
    ) -> None:
        errors = missing_points(filing, edition, now, first_filed_at=before.filed_at)
        if (
            not errors
            and requires_new_notice(before.filing, filing, edition)
            and not is_newer_notice(before.filing, filing)
        ):
            errors = [_NEW_NOTICE_MISSING]
        if errors:
            raise FilingIncomplete(errors=errors)

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

    def _incident(self, call: Call, report: Report, digest: bytes) -> Incident:
        edition = self._rulebook.current
        code = edition.codes[report.filing.code]
        return Incident(
            id=new_incident_id(call.now),
            furnisher=call.caller.member,
            reference=report.reference,
            digest=digest,
            filing=report.filing,
            severity=code.severity,
            edition=edition.name,
            course=Course.FILED,
            effective_at=effective_from(report.filing, code, edition, call.now),
            expires_on=_expiry(report.filing, edition, call.now),
            filed_at=call.now,
            changed_at=call.now,
            version=1,
            report_receipt="",
            receipt="",
        )

    def _change(
        self, call: Call, record_type: RecordType, before: Incident, after: Incident
    ) -> Incident:
        changed = store.change(call.transaction, after, from_version=before.version)
        assert changed, "the incident is locked"
        identities = store.identities_of(call.transaction, after.id)
        return self._record(call, record_type, before, after, identities)

    def _record(
        self,
        call: Call,
        record_type: RecordType,
        before: Incident | None,
        incident: Incident,
        identities: Sequence[KeptIdentity],
    ) -> Incident:
        """Brings the subject's standing up to date and the change into the incident log.

        Tells whoever listens. Gives the incident with the receipt of the change.
        """
        today = local_date(call.now, self._rulebook.current)
        standings.recompute(call.transaction, {each.lookup_key for each in identities}, today)
        seeds = sorted(
            base64url.encode(self._protector.open_seed(each.seed_sealed, each.lookup_key))
            for each in identities
        )
        subject: dict[str, JsonValue] = {
            "content": base64url.encode(content_digest(incident.filing)),
            "incident": incident.id,
            "seeds": seeds,
        }
        draft = Draft(
            log=Log.INCIDENTS,
            record_type=record_type,
            header=Header(
                member=call.caller.member,
                purpose=None,
                at=call.now,
                request_id=call.request_id,
                outcome=incident.course.value,
                edition=incident.edition,
                signed_request=call.request_digest,
            ),
            subject=subject,
            signed_request=call.signed_request,
            lookup_keys=tuple(each.lookup_key for each in identities),
        )
        (entry,) = self._ledger.append(call.transaction, [draft], call.now)
        kept = store.keep_receipt(call.transaction, incident, self._ledger.receipt(entry))
        change = Change(
            record_type=record_type,
            before=before,
            after=kept,
            lookup_keys=sorted({each.lookup_key for each in identities}),
            entry=entry,
            at=call.now,
        )
        self._listeners.tell(call.transaction, change)
        return kept


_NEW_NOTICE_MISSING = FieldError(
    pointer="/notice",
    code="new_notice_missing",
    detail="The amendment weighs more: notify the subject again, then amend with that notice.",
)


def _same_report(incident: Incident, digest: bytes) -> FiledIncident:
    if incident.digest != digest:
        raise ReferenceTaken
    return FiledIncident(incident=incident, filed=Filed.BEFORE)


def _expiry(filing: Filing, edition: Edition, filed_at: datetime) -> date:
    code = edition.codes[filing.code]
    return expiry_of(code, filing.occurred_on, local_date(filed_at, edition), edition)


def _amended(filing: Filing, amendment: Amendment) -> Filing:
    changes = {field.name: getattr(amendment, field.name) for field in fields(amendment)}
    return replace(filing, **{name: value for name, value in changes.items() if value is not None})
