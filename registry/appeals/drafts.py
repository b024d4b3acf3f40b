"""Drafts: what a person writes against an incident before it has any effect.

One draft a person and an incident; it is written anew as often as they like, lodged, or
dropped. Nobody but the person sees it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from registry.appeals import course, store
from registry.appeals.case_file import CaseFiles, Said, TextKind
from registry.appeals.docket import Case, Docket
from registry.appeals.model import (
    Appeal,
    AppealId,
    Appellant,
    Ground,
    Link,
    State,
    new_appeal_id,
)
from registry.appeals.problems import (
    AppealOpen,
    AppealStateRefuses,
    DraftIncomplete,
    NothingToContest,
)
from registry.database.transaction import Transaction
from registry.incidents.model import Incident
from registry.incidents.rulings import Rulings
from registry.kernel.ids import IncidentId
from registry.kernel.problems import FieldError
from registry.lookups.model import may_have_changed_hands


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a person says against an incident; None leaves a draft's as it is."""

    grounds: tuple[Ground, ...] | None = None
    statement: str | None = None
    facts: tuple[str, ...] | None = None


class Drafts:
    """Keeps what people begin to say."""

    def __init__(self, *, docket: Docket, rulings: Rulings, files: CaseFiles) -> None:
        self._docket = docket
        self._rulings = rulings
        self._files = files

    def begin(
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
            edition = self._docket.edition_of(begun[0])
            case = Case(appeal=begun[0], incident=incident, edition=edition)
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
        self.say(transaction, appeal.id, contest, now)
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
        case = self._docket.open_own(transaction, appellant, appeal_id)
        if case.appeal.state is not State.DRAFT:
            raise AppealStateRefuses
        return self._write(transaction, case, contest, now)

    def drop(self, transaction: Transaction, appeal: AppealId) -> None:
        """Deletes a draft, and all that is in it."""
        self._files.erase(transaction, appeal)
        store.remove(transaction, appeal)

    def require_complete(self, transaction: Transaction, appeal: Appeal) -> None:
        """Raises: DraftIncomplete, with everything that is missing."""
        errors = []
        if not appeal.grounds:
            errors.append(_missing("/grounds", "ground_missing", "Why do you contest it?"))
        said = self._files.said(transaction, appeal.id)
        if not any(each.kind is TextKind.STATEMENT for each in said):
            errors.append(_missing("/statement", "statement_missing", "What do you say to it?"))
        if errors:
            raise DraftIncomplete(errors=errors)

    def say(
        self, transaction: Transaction, appeal: AppealId, contest: Contest, now: datetime
    ) -> None:
        """Adds what a person says to what was said."""
        words = [(TextKind.STATEMENT, contest.statement)] if contest.statement else []
        words += [(TextKind.FACT, each) for each in contest.facts or ()]
        for kind, text in words:
            said = Said(kind=kind, author=course.SUBJECT, at=now, text=text or "")
            self._files.say(transaction, appeal, said)

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
        self.say(transaction, case.appeal.id, whole, now)
        grounds = case.appeal.grounds if contest.grounds is None else contest.grounds
        after = replace(case.appeal, grounds=grounds)
        return self._docket.save(transaction, case, after).appeal


def _missing(pointer: str, code: str, detail: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, detail=detail)
