"""The furnisher's side: its queue, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.appeals import course, store
from registry.appeals.case_file import CaseFiles, Said, TextKind
from registry.appeals.docket import UNPROVED, Case, Docket
from registry.appeals.model import ANSWERS_MAX, Appeal, AppealId, Basis, Outcome, Stance, State
from registry.appeals.problems import AppealNotFound, AppealStateRefuses
from registry.appeals.triage import Playbook
from registry.http.caller import Call
from registry.incidents.model import Amendment, etag_of
from registry.incidents.recording import caller_of
from registry.incidents.service import Incidents
from registry.kernel.canonical import JsonValue
from registry.kernel.paging import Page
from registry.rulebook.filing import EvidenceItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a furnisher answers; `amendment` exactly where it amends."""

    stance: Stance
    reasons: str
    evidence: tuple[EvidenceItem, ...] = ()
    amendment: Amendment | None = None


class Answering:
    """Appeals against a furnisher's own incidents."""

    def __init__(
        self,
        *,
        docket: Docket,
        files: CaseFiles,
        playbooks: Mapping[str, Playbook],
        incidents: Incidents,
    ) -> None:
        self._docket = docket
        self._files = files
        self._playbooks = playbooks
        self._incidents = incidents

    def page(self, call: Call, *, after: str, items_max: int) -> Page[Appeal]:
        """The open appeals the caller was told of, oldest first."""
        return store.of_furnisher(
            call.transaction, call.caller.member, after=after, items_max=items_max
        )

    def find(self, call: Call, appeal_id: AppealId) -> Appeal:
        """An appeal the caller was told of. Raises: AppealNotFound."""
        appeal = store.find(call.transaction, appeal_id)
        if appeal is None or not _was_told(appeal, call):
            raise AppealNotFound
        return appeal

    def answer(self, call: Call, appeal_id: AppealId, answer: Answer) -> Appeal:
        """Answers; a withdrawal or an amendment of the incident is made with it.

        Answers that together name less evidence than the playbook asks for are none
        that the incident could stand on: it is removed. Raises: AppealNotFound,
        AppealStateRefuses, and what the incident's own change raises.
        """
        case = self._docket.open(call.transaction, appeal_id)
        if case is None or not _was_told(case.appeal, call):
            raise AppealNotFound
        if case.appeal.state not in (State.RELAYED, State.ANSWERED):
            raise AppealStateRefuses
        if answer.stance is not Stance.WITHDRAW:
            self._require_room(call, appeal_id)
        self._say(call, appeal_id, answer)
        if answer.stance is Stance.WITHDRAW:
            # Its change tells us, and closes the appeal.
            self._incidents.withdraw(call, case.incident.id, answer.reasons, None)
            return self.find(call, appeal_id)
        if answer.amendment is not None:
            tag = etag_of(case.incident, self._incidents.state_of(case.incident, call.now))
            amended = self._incidents.amend(call, case.incident.id, answer.amendment, tag)
            case = replace(case, incident=amended)
        by = call.caller.member
        after = course.answer(case.appeal, answer.stance, by, call.now)
        case = self._docket.save(call.transaction, case, after)
        if self._is_proof_missing(call, case):
            return self._overturn(call, case)
        return case.appeal

    def _overturn(self, call: Call, case: Case) -> Appeal:
        actor = caller_of(call, {"appeal": case.appeal.id})
        closed = self._docket.close(
            call.transaction, case, actor, Outcome.OVERTURNED, Basis.PLAYBOOK, reasons=UNPROVED
        ).appeal
        self._docket.conclude(call.transaction, [closed], call.now)
        return closed

    def _require_room(self, call: Call, appeal: AppealId) -> None:
        said = self._files.said(call.transaction, appeal)
        if sum(each.kind is TextKind.ANSWER for each in said) >= ANSWERS_MAX:
            raise AppealStateRefuses(f"An appeal has at most {ANSWERS_MAX} answers.")

    def _is_proof_missing(self, call: Call, case: Case) -> bool:
        playbook = self._playbooks.get(case.appeal.playbook or "")
        if playbook is None or playbook.answer_evidence == 0:
            return False
        never = {each.value for each in case.edition.proof.classes_that_never_count}
        named = {
            item["digest"]
            for said in self._files.said(call.transaction, case.appeal.id)
            if said.kind is TextKind.ANSWER
            for item in said.more["evidence"]
            if item["class"] not in never
        }
        return len(named) < playbook.answer_evidence

    def _say(self, call: Call, appeal: AppealId, answer: Answer) -> None:
        manifest: list[JsonValue] = [
            {
                "class": each.evidence_class.value,
                "digest": each.digest,
                "media_type": each.media_type,
            }
            for each in answer.evidence
        ]
        said = Said(
            kind=TextKind.ANSWER,
            author=call.caller.member,
            at=call.now,
            text=answer.reasons,
            more={"stance": answer.stance.value, "evidence": manifest},
        )
        self._files.say(call.transaction, appeal, said)


def _was_told(appeal: Appeal, call: Call) -> bool:
    told = appeal.state not in (State.DRAFT, State.LODGED)
    return told and appeal.furnisher == call.caller.member
