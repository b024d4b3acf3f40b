"""The person's side: begin, lodge, add to and give up an appeal; go to the second tier."""

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
from registry.appeals.files import Examined
from registry.appeals.model import (
    FACTS_MAX,
    Appeal,
    AppealId,
    Appellant,
    Basis,
    Event,
    Ground,
    Link,
    Outcome,
    State,
    new_appeal_id,
)
from registry.appeals.ports import Jury, Summons
from registry.appeals.problems import (
    AppealNotFound,
    AppealOpen,
    AppealRepeated,
    AppealStateRefuses,
    DraftIncomplete,
    EvidenceTooMuch,
    NothingToContest,
)
from registry.appeals.triage import Action, Fact, Playbook, triage
from registry.database.transaction import Transaction
from registry.incidents.changes import Change
from registry.incidents.model import Block, Course, Incident
from registry.incidents.model import State as IncidentState
from registry.incidents.recording import Actor, registry_itself
from registry.incidents.rulings import Rulings
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, new_uuid
from registry.kernel.paging import PAGE_ITEMS_MAX, Page
from registry.kernel.problems import FieldError
from registry.ledger.model import RecordType
from registry.lookups.model import may_have_changed_hands
from registry.members.service import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a person says against an incident; None leaves a draft's as it is."""

    grounds: tuple[Ground, ...] | None = None
    statement: str | None = None
    facts: tuple[str, ...] | None = None


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
    ) -> None:
        self._docket = docket
        self._rulings = rulings
        self._files = files
        self._playbooks = playbooks
        self._correspondence = correspondence
        self._directory = directory
        self._jury = jury

    def draft(
        self,
        transaction: Transaction,
        appellant: Appellant,
        incident_id: IncidentId,
        contest: Contest,
        now: datetime,
    ) -> Appeal:
        """Begins an appeal, which has no effect yet; begun before: that draft, written anew.

        Raises: NothingToContest, AppealOpen.
        """
        incident = self._rulings.find_and_lock(transaction, incident_id)
        if incident is None:
            raise NothingToContest
        found = self._key_under(transaction, incident, appellant)
        if found is None:
            raise NothingToContest
        key, link = found
        if store.open_of(transaction, incident_id) is not None:
            raise AppealOpen
        earlier = store.of_incident(transaction, incident_id)
        begun = [each for each in earlier if each.state is State.DRAFT and each.lookup_key == key]
        if begun:
            case = self._case(transaction, begun[0], incident)
            return self._write(transaction, case, contest, now)
        appeal = Appeal(
            id=new_appeal_id(now),
            incident=incident.id,
            furnisher=incident.furnisher,
            severity=incident.severity,
            code=incident.filing.code,
            edition=incident.edition,
            lookup_key=key,
            link=link,
            grounds=(),
            state=State.DRAFT,
            created_at=now,
            deadlines={},
        )
        drafted = replace(appeal, grounds=contest.grounds or (), happened=course.drafted(now))
        assert store.add(transaction, drafted), "the incident is locked"
        self._say(transaction, appeal.id, contest, now)
        return replace(drafted, happened=())

    def rewrite(
        self,
        transaction: Transaction,
        appellant: Appellant,
        appeal_id: AppealId,
        contest: Contest,
        now: datetime,
    ) -> Appeal:
        """Changes a draft. Raises: AppealNotFound, AppealStateRefuses."""
        case = self._own(transaction, appellant, appeal_id)
        if case.appeal.state is not State.DRAFT:
            raise AppealStateRefuses
        return self._write(transaction, case, contest, now)

    def lodge(
        self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId, now: datetime
    ) -> Appeal:
        """Lodges a draft: flag, score and log at once, and what a playbook settles is settled.

        Lodged already: as it is. Raises: AppealNotFound, DraftIncomplete, AppealOpen,
        AppealRepeated.
        """
        case = self._own(transaction, appellant, appeal_id)
        if case.appeal.state is not State.DRAFT:
            return case.appeal
        self._require_complete(transaction, case.appeal)
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
        self._correspondence.lodged(transaction, lodged, case.edition, now)
        if playbook.action is Action.CLOSE:
            outcome = _outcome_of(case.incident)
            return self._settle(transaction, case, outcome, now)
        actor = registry_itself(now, self._contents(transaction, lodged))
        disputed = self._rulings.dispute(transaction, actor, case.incident)
        case = replace(case, incident=disputed)
        if playbook.action is Action.OVERTURN:
            return self._settle(transaction, case, Outcome.OVERTURNED, now)
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
        case = self._own(transaction, appellant, appeal_id)
        after = course.add_facts(case.appeal, case.edition, now)
        said = self._files.said(transaction, appeal_id)
        if sum(each.kind is TextKind.FACT for each in said) + len(facts) > FACTS_MAX:
            raise AppealStateRefuses(f"An appeal has at most {FACTS_MAX} facts.")
        self._say(transaction, appeal_id, Contest(facts=tuple(facts)), now)
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

        Raises: AppealNotFound, AppealStateRefuses, EvidenceTooMuch.
        """
        case = self._own(transaction, appellant, appeal_id)
        kept = self._files.files(transaction, appeal_id)
        for each in kept:
            if each.digest == examined.digest:
                return each
        after = course.note_evidence(case.appeal, now)
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
        case = self._own(transaction, appellant, appeal_id)
        if case.appeal.state is State.DRAFT:
            self.drop(transaction, appeal_id)
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
        case = self._own(transaction, appellant, appeal_id)
        if case.appeal.state in course.SECOND_TIER:
            return case.appeal
        if self._docket.is_over(case.incident, now) is not None:
            raise AppealStateRefuses
        after = self._second_tier(transaction, case, now)
        return self._docket.contest_again(transaction, case, after, now).appeal

    def show(self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId) -> Shown:
        """One of the person's own appeals. Raises: AppealNotFound."""
        appeal = store.find(transaction, appeal_id)
        if appeal is None or not _is_own(appeal, appellant, self._docket):
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
        own = [each for each in found.items if _is_own(each, appellant, self._docket)]
        return Page(own, found.next_after)

    def block(self, transaction: Transaction, case: Case, actor: Actor, by: str) -> Case:
        """The incident counts for nothing until it is clear whose act it was."""
        after = course.block(case.appeal, by, actor.now)
        incident = self._rulings.block(transaction, actor, case.incident, Block.PROVISIONAL)
        self._correspondence.blocked(transaction, after, case.edition, actor.now)
        return self._docket.save(transaction, replace(case, incident=incident), after)

    def confirm_block(self, transaction: Transaction, case: Case, actor: Actor, by: str) -> Case:
        """The block stays until the decision."""
        after = course.confirm_block(case.appeal, by, actor.now)
        incident = self._rulings.block(transaction, actor, case.incident, Block.CONFIRMED)
        return self._docket.save(transaction, replace(case, incident=incident), after)

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """The furnisher withdrew: whoever contests the incident has what they asked for."""
        if change.record_type is not RecordType.WITHDRAWAL:
            return
        appeal = store.open_of(transaction, change.after.id)
        if appeal is None:
            return
        case = self._case(transaction, appeal, change.after)
        outcome, basis = Outcome.WITHDRAWN_BY_FURNISHER, Basis.FURNISHER
        actor = registry_itself(change.at)
        self._docket.close(transaction, case, actor, outcome, basis, by=appeal.furnisher)

    def erase(self, transaction: Transaction, incident: IncidentId, now: datetime) -> int:
        """Erases all that was said and shown in appeals against an incident that goes.

        What stays is how each went, without whom it was about. Gives how many there were.
        """
        found = store.of_incident(transaction, incident)
        for appeal in found:
            if appeal.state is State.DRAFT:
                self.drop(transaction, appeal.id)
                continue
            self._files.erase(transaction, appeal.id)
            if appeal.is_open:
                ended = course.expire(appeal, now)
                store.change(transaction, appeal, ended)
            store.forget_subject(transaction, appeal.id)
        return len(found)

    def forget_subject(self, transaction: Transaction, lookup_key: bytes) -> int:
        """Erases all that a person said and showed, whose erasure was ordered.

        For appeals against what goes with them `erase` has done it; here are those against
        incidents that stay, since they are another's. Gives how many are open: each is
        decided first, or removed by silence, within days.
        """
        still_open = 0
        for appeal in self._every_of(transaction, lookup_key):
            if appeal.state is State.DRAFT:
                self.drop(transaction, appeal.id)
            elif appeal.is_open:
                still_open += 1
            else:
                self._files.erase(transaction, appeal.id)
                store.forget_subject(transaction, appeal.id)
        return still_open

    def _every_of(self, transaction: Transaction, lookup_key: bytes) -> list[Appeal]:
        found: list[Appeal] = []
        after: str | None = ""
        while after is not None:
            page = store.of_subject(
                transaction, [lookup_key], after=after, items_max=PAGE_ITEMS_MAX
            )
            found += page.items
            after = page.next_after
        return found

    def drop(self, transaction: Transaction, appeal: AppealId) -> None:
        """Deletes a draft, and all that is in it."""
        self._files.erase(transaction, appeal)
        store.remove(transaction, appeal)

    def _own(self, transaction: Transaction, appellant: Appellant, appeal_id: AppealId) -> Case:
        case = self._docket.open(transaction, appeal_id)
        if case is None or not _is_own(case.appeal, appellant, self._docket):
            raise AppealNotFound
        return case

    def _case(self, transaction: Transaction, appeal: Appeal, incident: Incident) -> Case:
        return Case(appeal=appeal, incident=incident, edition=self._docket.edition_of(appeal))

    def _key_under(
        self, transaction: Transaction, incident: Incident, appellant: Appellant
    ) -> tuple[bytes, Link] | None:
        """Under which of the person's identities the incident is filed; a sure one first."""
        edition = self._docket.edition_named(incident.edition)
        found: list[tuple[Link, bytes]] = []
        for each in self._rulings.identities_of(transaction, incident.id):
            held_since_on = appellant.held_since_on.get(each.lookup_key)
            if held_since_on is None:
                continue
            is_weak = may_have_changed_hands(
                held_since_on=held_since_on,
                last_verified_on=each.last_verified_on,
                edition=edition,
            )
            found.append((Link.WEAK if is_weak else Link.SURE, each.lookup_key))
        if not found:
            return None
        link, key = min(found)
        return key, link

    def _write(
        self, transaction: Transaction, case: Case, contest: Contest, now: datetime
    ) -> Appeal:
        said = self._files.said(transaction, case.appeal.id)
        statement = [each.text for each in said if each.kind is TextKind.STATEMENT]
        facts = tuple(each.text for each in said if each.kind is TextKind.FACT)
        whole = Contest(
            statement=contest.statement if contest.statement is not None else "".join(statement),
            facts=contest.facts if contest.facts is not None else facts,
        )
        self._files.unsay(transaction, case.appeal.id)
        self._say(transaction, case.appeal.id, whole, now)
        grounds = case.appeal.grounds if contest.grounds is None else contest.grounds
        after = replace(case.appeal, grounds=grounds)
        return self._docket.save(transaction, case, after).appeal

    def _say(
        self, transaction: Transaction, appeal: AppealId, contest: Contest, now: datetime
    ) -> None:
        words = [(TextKind.STATEMENT, contest.statement)] if contest.statement else []
        words += [(TextKind.FACT, each) for each in contest.facts or ()]
        for kind, text in words:
            said = Said(kind=kind, author=course.SUBJECT, at=now, text=text or "")
            self._files.say(transaction, appeal, said)

    def _require_complete(self, transaction: Transaction, appeal: Appeal) -> None:
        errors = []
        if not appeal.grounds:
            errors.append(_missing("/grounds", "ground_missing", "Why do you contest it?"))
        said = self._files.said(transaction, appeal.id)
        if not any(each.kind is TextKind.STATEMENT for each in said):
            errors.append(_missing("/statement", "statement_missing", "What do you say to it?"))
        if errors:
            raise DraftIncomplete(errors=errors)

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

    def _second_tier(self, transaction: Transaction, case: Case, now: datetime) -> Appeal:
        edition, severity = case.edition, case.incident.severity
        if severity is not None and severity in edition.jury.severities:
            summons = Summons(
                appeal=case.appeal.id,
                incident=case.incident.id,
                furnisher=case.incident.furnisher,
                severity=severity,
                edition=edition,
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


def _is_own(appeal: Appeal, appellant: Appellant, docket: Docket) -> bool:
    """Whether the person lodged it: whoever held the identifier before them is another."""
    held = appellant.held_since_on.get(appeal.lookup_key or b"")
    return held is not None and held <= docket.day_of(appeal, appeal.created_at)


def _course_before(incident: Incident) -> Course:
    return Course.UPHELD if incident.course is Course.UPHELD else Course.FILED


def _outcome_of(incident: Incident) -> Outcome:
    if incident.course is Course.WITHDRAWN:
        return Outcome.WITHDRAWN_BY_FURNISHER
    return Outcome.OVERTURNED if incident.course is Course.OVERTURNED else Outcome.EXPIRED


def _missing(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)
