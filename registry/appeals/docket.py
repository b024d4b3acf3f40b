"""The one hand that moves appeals: incident, appeal, log, letters and counts together.

Whoever moves an appeal locks its incident first, then the appeal; what is counted of
furnishers comes last. So two who meet wait for each other and never in a ring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from registry.appeals import course, precedents, store
from registry.appeals.case_file import CaseFiles, TextKind
from registry.appeals.correspondence import Correspondence
from registry.appeals.model import Appeal, AppealId, Appellant, Basis, Outcome, Tier
from registry.appeals.problems import AppealNotFound
from registry.appeals.triage import Playbook
from registry.database.transaction import Transaction
from registry.incidents.model import Block, Course, Incident, State, is_closed
from registry.incidents.recording import Actor, registry_itself
from registry.incidents.rulings import Ruling, Rulings
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import MemberId
from registry.kernel.problems import Text
from registry.members.reliability import Counted, Reliability
from registry.members.service import Directory
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Edition, Rulebook

_UPHELD = frozenset({Outcome.UPHELD})
_REASONS: Mapping[Basis, Text] = {
    Basis.SILENCE: Text(
        en="The furnisher did not answer in time. Silence removes the incident.",
        zh="信息提供者逾期未答复。逾期不答复的，事件予以移除。",
    ),
    Basis.ABSOLUTE_LIMIT: Text(
        en="It was not decided in time. What is not decided in time is removed.",
        zh="异议未在期限内作出决定。逾期未决定的，事件予以移除。",
    ),
    Basis.FURNISHER: Text(en="The furnisher withdrew the incident.", zh="信息提供者已撤回该事件。"),
    Basis.JURY: Text(en="A jury decided.", zh="由评审团作出裁决。"),
    Basis.TIME: Text(
        en="The time the incident may be kept has run out; it is in no answer any more.",
        zh="该事件的保存期限已届满，不再出现在任何答复中。",
    ),
    Basis.SUBJECT: Text(
        en="You withdrew it. The incident is what it was before.",
        zh="您已撤回异议，该事件恢复此前状态。",
    ),
}
# Why an answer that names less than the playbook asks for is none to stand on.
UNPROVED = Text(
    en="The furnisher did not name the evidence it was asked for. What is not proved is removed.",
    zh="信息提供者未列明被要求提供的证据。未能证明的事件予以移除。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An appeal with its incident, both held locked, and the edition it is judged by."""

    appeal: Appeal
    incident: Incident
    edition: Edition


class Docket:
    """Opens cases and writes what becomes of them; a use case calls `conclude` last."""

    def __init__(
        self,
        *,
        rulebook: Rulebook,
        rulings: Rulings,
        files: CaseFiles,
        playbooks: Mapping[str, Playbook],
        correspondence: Correspondence,
        reliability: Reliability,
        directory: Directory,
    ) -> None:
        self._rulebook = rulebook
        self._rulings = rulings
        self._files = files
        self._playbooks = playbooks
        self._correspondence = correspondence
        self._reliability = reliability
        self._directory = directory

    def edition_of(self, appeal: Appeal) -> Edition:
        """The edition an appeal is judged by: that of its incident."""
        return self._rulebook.editions[appeal.edition]

    def edition_named(self, name: str) -> Edition:
        """An edition incidents are filed under."""
        return self._rulebook.editions[name]

    def day_of(self, appeal: Appeal, at: datetime) -> date:
        """The day an instant falls on where the appeal is judged."""
        return local_date(at, self.edition_of(appeal))

    def open(self, transaction: Transaction, appeal: AppealId) -> Case | None:
        """The case, locked; None where there is no such appeal, or its incident is gone."""
        seen = store.find(transaction, appeal)
        if seen is None:
            return None
        incident = self._rulings.find_and_lock(transaction, seen.incident)
        return None if incident is None else self.open_under(transaction, appeal, incident)

    def open_under(
        self, transaction: Transaction, appeal: AppealId, incident: Incident
    ) -> Case | None:
        """The case whose incident this transaction holds already."""
        found = store.find_and_lock(transaction, appeal)
        if found is None:
            return None
        return Case(appeal=found, incident=incident, edition=self.edition_of(found))

    def save(self, transaction: Transaction, case: Case, after: Appeal) -> Case:
        """Writes the next state of a case; unchanged: nothing."""
        if after == case.appeal:
            return case
        return replace(case, appeal=store.change(transaction, case.appeal, after))

    def open_own(self, transaction: Transaction, appellant: Appellant, appeal: AppealId) -> Case:
        """The person's own case, locked. Raises: AppealNotFound."""
        case = self.open(transaction, appeal)
        if case is None or not self.is_own(case.appeal, appellant):
            raise AppealNotFound
        return case

    def is_own(self, appeal: Appeal, appellant: Appellant) -> bool:
        """Whether the person lodged it: whoever held the identifier before them is another."""
        held = appellant.held_since_on.get(appeal.lookup_key or b"")
        return held is not None and held <= self.day_of(appeal, appeal.created_at)

    def relay(self, transaction: Transaction, case: Case, now: datetime) -> Case:
        """Tells the furnisher, whose time begins."""
        after = course.relay(case.appeal, case.edition, now)
        furnisher = self._directory.member(after.furnisher)
        name = after.furnisher if furnisher is None else furnisher.name
        self._correspondence.relayed(transaction, after, name, case.edition, now)
        return self.save(transaction, case, after)

    def block(self, transaction: Transaction, case: Case, actor: Actor, by: str) -> Case:
        """The incident counts for nothing until it is clear whose act it was."""
        after = course.block(case.appeal, by, actor.now)
        incident = self._rulings.block(transaction, actor, case.incident, Block.PROVISIONAL)
        self._correspondence.blocked(transaction, after, case.edition, actor.now)
        return self.save(transaction, replace(case, incident=incident), after)

    def confirm_block(self, transaction: Transaction, case: Case, actor: Actor, by: str) -> Case:
        """The block stays until the decision."""
        after = course.confirm_block(case.appeal, by, actor.now)
        incident = self._rulings.block(transaction, actor, case.incident, Block.CONFIRMED)
        return self.save(transaction, replace(case, incident=incident), after)

    def refuse_block(
        self, transaction: Transaction, case: Case, actor: Actor, *, by: str, reasons: str
    ) -> Case:
        """No block, or no longer; the incident stays contested."""
        after = course.refuse_block(case.appeal, by, actor.now)
        incident = case.incident
        if incident.block is not None:
            incident = self._rulings.unblock(transaction, actor, incident)
        self._correspondence.not_blocked(transaction, after, words_of(reasons), actor.now)
        return self.save(transaction, replace(case, incident=incident), after)

    def uphold(
        self, transaction: Transaction, case: Case, actor: Actor, *, by: str, reasons: str
    ) -> Case:
        """The first decision: the incident counts again; the person may go on."""
        after = course.uphold(case.appeal, case.edition, by, actor.now)
        said = _said(actor, after)
        incident = self._rulings.uphold(transaction, said, case.incident)
        told = self._tell(transaction, after, words_of(reasons), case.edition, actor.now)
        return self.save(transaction, replace(case, incident=incident), told)

    def close(
        self,
        transaction: Transaction,
        case: Case,
        actor: Actor,
        outcome: Outcome,
        basis: Basis,
        *,
        by: str = course.REGISTRY,
        reasons: Text | None = None,
    ) -> Case:
        """The last word, and what it does to the incident; without `reasons` the usual ones."""
        after = course.close(case.appeal, outcome, basis, case.edition, by, actor.now)
        incident = self._rule(transaction, case, _said(actor, after), outcome)
        words = reasons or self._usual_words(after, basis)
        told = self._tell(transaction, after, words, case.edition, actor.now)
        if basis is not Basis.PLAYBOOK or case.incident.course is Course.DISPUTED:
            # Else it was in no answer any more, and was counted when it was decided.
            precedents.add(transaction, told, case.edition, actor.now)
        return self.save(transaction, replace(case, incident=incident), told)

    def close_upheld(self, transaction: Transaction, case: Case, now: datetime) -> Case:
        """Nobody asked for the second tier: the first decision is the last word."""
        after = course.close_upheld(case.appeal, now)
        precedents.add(transaction, after, case.edition, now)
        return self.save(transaction, case, after)

    def contest_again(
        self, transaction: Transaction, case: Case, after: Appeal, now: datetime
    ) -> Case:
        """The second tier is asked: the incident is flagged anew, and was upheld before."""
        after = replace(after, course_before=Course.UPHELD)
        said = _said(registry_itself(now), after)
        incident = self._rulings.dispute(transaction, said, case.incident)
        self._correspondence.second_tier(transaction, after, now)
        return self.save(transaction, replace(case, incident=incident), after)

    def offer_choice(
        self, transaction: Transaction, case: Case, due: datetime, now: datetime
    ) -> Case:
        """The jury was divided: the person is told that they choose who decides, and until when."""
        after = course.offer_choice(case.appeal, due, now)
        self._correspondence.verdict_close(transaction, after, case.edition, now)
        return self.save(transaction, case, after)

    def refer_to_panel(self, transaction: Transaction, case: Case, now: datetime) -> Case:
        """The jury came to no safe verdict: the person is told that staff decides, by when."""
        after = course.refer_to_panel(case.appeal, case.edition, now)
        self._correspondence.with_staff(transaction, after, case.edition, now)
        return self.save(transaction, case, after)

    def conclude(
        self, transaction: Transaction, concluded: Sequence[Appeal], now: datetime
    ) -> None:
        """Counts the appeals that came to their last word, for and against their furnishers."""
        counted: dict[MemberId, Counted] = {}
        for appeal in concluded:
            if not _is_counted(appeal):
                continue
            before = counted.get(appeal.furnisher, Counted())
            counted[appeal.furnisher] = Counted(
                upheld=before.upheld + (appeal.outcome in _UPHELD),
                overturned=before.overturned + (appeal.outcome is Outcome.OVERTURNED),
            )
        self._reliability.count(transaction, counted, now)

    def reasons_of(
        self, transaction: Transaction, appeal: AppealId, ruling: Ruling, tier: Tier
    ) -> str:
        """What the reviewers said who agreed, together."""
        agreed = {"ruling": ruling.value, "tier": tier.value}
        said = self._files.said(transaction, appeal)
        reviews = [each for each in said if each.kind is TextKind.REVIEW and each.more == agreed]
        return "\n".join(each.text for each in reviews)

    def is_over(self, incident: Incident, now: datetime) -> State | None:
        """In which closed state an incident is, if it is in any."""
        state = self._rulings.state_of(incident, now)
        return state if is_closed(state) else None

    def _rule(
        self, transaction: Transaction, case: Case, actor: Actor, outcome: Outcome
    ) -> Incident:
        """What the last word makes of an incident; one that is in no answer stays as it is."""
        incident = case.incident
        if incident.course is not Course.DISPUTED:
            return incident
        if outcome is Outcome.OVERTURNED:
            return self._rulings.overturn(transaction, actor, incident)
        if outcome in (Outcome.UPHELD, Outcome.AMENDED):
            return self._rulings.uphold(transaction, actor, incident)
        if outcome is Outcome.WITHDRAWN_BY_SUBJECT:
            return self._rulings.release(transaction, actor, incident, to=case.appeal.course_before)
        return incident

    def _tell(
        self,
        transaction: Transaction,
        after: Appeal,
        reasons: Text,
        edition: Edition,
        now: datetime,
    ) -> Appeal:
        # Crash point: letter, decision and incident are one transaction, or none of them is.
        self._correspondence.decided(transaction, after, reasons, edition, now)
        return course.letter_written(after, now)

    def _usual_words(self, appeal: Appeal, basis: Basis) -> Text:
        if basis is Basis.PLAYBOOK and appeal.playbook is not None:
            return self._playbooks[appeal.playbook].told
        return _REASONS.get(basis, _REASONS[Basis.ABSOLUTE_LIMIT])


def _said(actor: Actor, appeal: Appeal) -> Actor:
    more: dict[str, JsonValue] = {"appeal": appeal.id}
    if appeal.basis is not None:
        more["basis"] = appeal.basis.value
    return replace(actor, more={**actor.more, **more})


def words_of(reasons: str) -> Text:
    """What a person wrote, in the language it was written in."""
    return Text(en=reasons, zh="")


def _is_counted(appeal: Appeal) -> bool:
    """Whether an appeal says something of its furnisher: decided, not merely ended."""
    return appeal.outcome in _UPHELD or (
        appeal.outcome is Outcome.OVERTURNED and not appeal.is_open
    )
