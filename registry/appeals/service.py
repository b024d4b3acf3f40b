"""The person's side: lodge, add to and give up an appeal; go to the second tier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from registry.appeals import course, store
from registry.appeals.case_file import (
    FILES_BYTES_MAX,
    FILES_MAX,
    CaseFiles,
    EvidenceFile,
    Said,
    TextKind,
)
from registry.appeals.correspondence import Correspondence
from registry.appeals.docket import Case, Docket
from registry.appeals.drafts import Contest, Drafts
from registry.appeals.files import Examined
from registry.appeals.model import (
    FACTS_MAX,
    Appeal,
    AppealId,
    Appellant,
    Basis,
    Event,
    Outcome,
    State,
)
from registry.appeals.ports import Jury, Summons
from registry.appeals.problems import (
    AppealNotFound,
    AppealOpen,
    AppealRepeated,
    AppealStateRefuses,
    EvidenceTooMuch,
)
from registry.appeals.triage import Action, Fact, Playbook, triage
from registry.database.transaction import Transaction
from registry.incidents.changes import Change
from registry.incidents.model import Course, Incident
from registry.incidents.model import State as IncidentState
from registry.incidents.recording import registry_itself
from registry.incidents.rulings import Rulings
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import new_uuid
from registry.kernel.paging import Page
from registry.ledger.model import RecordType
from registry.members.service import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An appeal as a party or a reviewer sees it."""

    appeal: Appeal
    said: Sequence[Said]
    files: Sequence[EvidenceFile]
    events: Sequence[Event]
    playbook: Playbook | None


class Appeals:
    """Appeals of people who proved an identity an incident is filed under."""

    def __init__(
        self,
        *,
        docket: Docket,
        rulings: Rulings,
        files: CaseFiles,
        playbooks: Mapping[str, Playbook],
        correspondence: Correspondence,
        directory: Directory,
        jury: Jury,
        drafts: Drafts,
    ) -> None:
        self._drafts = drafts
        self._docket = docket
        self._rulings = rulings
        self._files = files
        self._playbooks = playbooks
        self._correspondence = correspondence
        self._directory = directory
        self._jury = jury

    def lodge(
        self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId, now: datetime
    ) -> Appeal:
        """Lodges a draft: flag, score and log at once, and what a playbook settles is settled.

        Lodged already: as it is. Raises: AppealNotFound, DraftIncomplete, AppealOpen,
        AppealRepeated.
        """
        case = self._docket.open_own(transaction, appellant, appeal_id)
        if case.appeal.state is not State.DRAFT:
            return case.appeal
        self._drafts.require_complete(transaction, case.appeal)
        if store.open_of(transaction, case.incident.id) is not None:
            raise AppealOpen
        self._require_new(transaction, case.appeal)
        on_file = self._facts_on_file(transaction, case.incident, now)
        playbook = triage(self._playbooks, frozenset(case.appeal.grounds), on_file)
        lodged = replace(
            course.lodge(case.appeal, case.edition, now),
            playbook=playbook.name,
            course_before=_course_before(case.incident),
        )
        case = self._docket.save(transaction, case, lodged)
        if playbook.action is Action.CLOSE:
            outcome = _outcome_of(case.incident)
            return self._settle(transaction, case, outcome, now)
        actor = registry_itself(now, self._contents(transaction, lodged))
        disputed = self._rulings.dispute(transaction, actor, case.incident)
        case = replace(case, incident=disputed)
        if playbook.action is Action.OVERTURN:
            return self._settle(transaction, case, Outcome.OVERTURNED, now)
        # What is settled at once has the result as its only letter.
        self._correspondence.lodged(transaction, lodged, case.edition, now)
        if playbook.action is Action.RELAY:
            case = self._docket.relay(transaction, case, now)
        return case.appeal

    def add_facts(
        self,
        transaction: Transaction,
        appellant: Appellant,
        appeal_id: AppealId,
        facts: Sequence[str],
        now: datetime,
    ) -> Appeal:
        """Adds facts to a lodged appeal; once that gives more time.

        Raises: AppealNotFound, AppealStateRefuses.
        """
        case = self._docket.open_own(transaction, appellant, appeal_id)
        after = course.add_facts(case.appeal, case.edition, now)
        said = self._files.said(transaction, appeal_id)
        if sum(each.kind is TextKind.FACT for each in said) + len(facts) > FACTS_MAX:
            raise AppealStateRefuses(f"An appeal has at most {FACTS_MAX} facts.")
        self._drafts.say(transaction, appeal_id, Contest(facts=tuple(facts)), now)
        if after.state is not State.LODGED:
            self._correspondence.facts_added(transaction, after, now)
        return self._docket.save(transaction, case, after).appeal

    def attach(
        self,
        transaction: Transaction,
        appellant: Appellant,
        appeal_id: AppealId,
        examined: Examined,
        now: datetime,
    ) -> EvidenceFile:
        """Adds a file; the same bytes again are the file that is there.

        A jury's votes are all on the same: none once its evidence window is over.
        Raises: AppealNotFound, AppealStateRefuses, EvidenceTooMuch.
        """
        case = self._docket.open_own(transaction, appellant, appeal_id)
        kept = self._files.files(transaction, appeal_id)
        for each in kept:
            if each.digest == examined.digest:
                return each
        after = course.note_evidence(case.appeal, now)
        if case.appeal.state is State.JURY and not self._jury.takes_evidence(
            transaction, appeal_id, now
        ):
            raise AppealStateRefuses("The evidence window of the jury is over.")
        octets = sum(each.octets for each in kept) + len(examined.content)
        if len(kept) >= FILES_MAX or octets > FILES_BYTES_MAX:
            raise EvidenceTooMuch
        file = self._files.attach(transaction, appeal_id, new_uuid(now), examined, now)
        self._docket.save(transaction, case, after)
        if case.incident.course is Course.DISPUTED:
            more = self._contents(transaction, case.appeal)
            self._rulings.supplement(transaction, registry_itself(now, more), case.incident)
        return file

    def withdraw(
        self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId, now: datetime
    ) -> Appeal:
        """Gives an appeal up: the incident is what it was; a draft is dropped.

        Raises: AppealNotFound, AppealStateRefuses.
        """
        case = self._docket.open_own(transaction, appellant, appeal_id)
        if case.appeal.state is State.DRAFT:
            self._drafts.drop(transaction, appeal_id)
            return replace(case.appeal, state=State.CLOSED, outcome=Outcome.WITHDRAWN_BY_SUBJECT)
        if case.appeal.outcome is Outcome.WITHDRAWN_BY_SUBJECT:
            return case.appeal
        if not case.appeal.is_undecided:
            raise AppealStateRefuses
        outcome = Outcome.WITHDRAWN_BY_SUBJECT
        actor = registry_itself(now)
        return self._docket.close(
            transaction, case, actor, outcome, Basis.SUBJECT, by=course.SUBJECT
        ).appeal

    def ask_second_tier(
        self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId, now: datetime
    ) -> Appeal:
        """Others decide again: a jury if one can sit, else a panel of other staff.

        Raises: AppealNotFound, AppealStateRefuses.
        """
        case = self._docket.open_own(transaction, appellant, appeal_id)
        if case.appeal.state in course.SECOND_TIER:
            return case.appeal
        if self._docket.is_over(case.incident, now) is not None:
            raise AppealStateRefuses
        after = self._second_tier(transaction, case, appellant, now)
        return self._docket.contest_again(transaction, case, after, now).appeal

    def show(self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId) -> Shown:
        """One of the person's own appeals. Raises: AppealNotFound."""
        appeal = store.find(transaction, appeal_id)
        if appeal is None or not self._docket.is_own(appeal, appellant):
            raise AppealNotFound
        return self.shown(transaction, appeal)

    def shown(self, transaction: Transaction, appeal: Appeal) -> Shown:
        """An appeal with all that was said and shown in it; who may see it is decided before."""
        return Shown(
            appeal=appeal,
            said=self._files.said(transaction, appeal.id),
            files=self._files.files(transaction, appeal.id),
            events=store.events_of(transaction, appeal.id),
            playbook=self._playbooks.get(appeal.playbook or ""),
        )

    def page(
        self, transaction: Transaction, appellant: Appellant, *, after: str, items_max: int
    ) -> Page[Appeal]:
        """The person's own appeals, oldest first."""
        found = store.of_subject(
            transaction, appellant.lookup_keys, after=after, items_max=items_max
        )
        own = [each for each in found.items if self._docket.is_own(each, appellant)]
        return Page(own, found.next_after)

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """The furnisher withdrew: whoever contests the incident has what they asked for."""
        if change.record_type is not RecordType.WITHDRAWAL:
            return
        appeal = store.open_of(transaction, change.after.id)
        if appeal is None:
            return
        edition = self._docket.edition_of(appeal)
        case = Case(appeal=appeal, incident=change.after, edition=edition)
        outcome, basis = Outcome.WITHDRAWN_BY_FURNISHER, Basis.FURNISHER
        actor = registry_itself(change.at)
        self._docket.close(transaction, case, actor, outcome, basis, by=appeal.furnisher)

    def _require_new(self, transaction: Transaction, appeal: Appeal) -> None:
        """The same grounds on the same evidence were heard: a dispute has an end."""
        earlier = [
            each
            for each in store.of_incident(transaction, appeal.incident)
            if each.state is State.CLOSED
        ]
        heard = {ground for each in earlier for ground in each.grounds}
        if not set(appeal.grounds) <= heard:
            return
        seen = {file.digest for each in earlier for file in self._files.files(transaction, each.id)}
        if {each.digest for each in self._files.files(transaction, appeal.id)} <= seen:
            raise AppealRepeated

    def _facts_on_file(
        self, transaction: Transaction, incident: Incident, now: datetime
    ) -> frozenset[Fact]:
        over = self._docket.is_over(incident, now)
        if over is not None:
            expired = over is IncidentState.EXPIRED
            return frozenset({Fact.EXPIRED if expired else Fact.TAKEN_BACK})
        facts: set[Fact] = set()
        if incident.severity is not None and incident.filing.notice is None:
            facts.add(Fact.NO_NOTICE_ON_FILE)
        group = self._directory.members_of(self._directory.group_of(incident.furnisher))
        if self._rulings.repeats(transaction, incident, group, now):
            facts.add(Fact.DUPLICATE)
        return frozenset(facts)

    def _settle(
        self, transaction: Transaction, case: Case, outcome: Outcome, now: datetime
    ) -> Appeal:
        actor = registry_itself(now, self._contents(transaction, case.appeal))
        contested = case.incident.course is Course.DISPUTED
        settled = self._docket.close(transaction, case, actor, outcome, Basis.PLAYBOOK).appeal
        # What was in no answer any more says nothing of its furnisher a second time.
        self._docket.conclude(transaction, [settled] if contested else [], now)
        return settled

    def _second_tier(
        self, transaction: Transaction, case: Case, appellant: Appellant, now: datetime
    ) -> Appeal:
        edition, severity = case.edition, case.incident.severity
        if severity is not None and severity in edition.jury.severities:
            summons = Summons(
                appeal=case.appeal.id,
                incident=case.incident.id,
                furnisher=case.incident.furnisher,
                severity=severity,
                edition=edition,
                appellant=appellant.lookup_keys,
            )
            asked = course.ask_jury(case.appeal, edition, now)
            if self._jury.convene(transaction, summons, now):
                return asked
        return course.ask_panel(case.appeal, edition, now)

    def _contents(self, transaction: Transaction, appeal: Appeal) -> dict[str, JsonValue]:
        digests: list[JsonValue] = [
            each.digest for each in self._files.files(transaction, appeal.id)
        ]
        grounds: list[JsonValue] = [each.value for each in appeal.grounds]
        return {"appeal": appeal.id, "grounds": grounds, "files": digests}


def _course_before(incident: Incident) -> Course:
    return Course.UPHELD if incident.course is Course.UPHELD else Course.FILED


def _outcome_of(incident: Incident) -> Outcome:
    if incident.course is Course.WITHDRAWN:
        return Outcome.WITHDRAWN_BY_FURNISHER
    return Outcome.OVERTURNED if incident.course is Course.OVERTURNED else Outcome.EXPIRED
