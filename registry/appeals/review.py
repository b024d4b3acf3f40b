"""The reviewers' side: staff of an operator, named in each signed call.

Four eyes where two had to confirm the filing; nobody decides on what they reported or
decided before; nothing is upheld unheard. Every look into a case is an entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.appeals import course, store
from registry.appeals.case_file import CaseFiles, Review, Said, TextKind
from registry.appeals.docket import Case, Docket, words_of
from registry.appeals.model import (
    Appeal,
    AppealId,
    Basis,
    Blocking,
    Outcome,
    Stance,
    State,
    Tier,
)
from registry.appeals.problems import (
    AppealNotFound,
    AppealStateRefuses,
    FurnisherUnheard,
    ReviewedBefore,
    ReviewerConflicted,
)
from registry.appeals.service import Appeals, Shown
from registry.http.caller import Call
from registry.incidents.model import Incident
from registry.incidents.recording import Actor, caller_of
from registry.incidents.rulings import Ruling, Rulings
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.names import plain_name
from registry.kernel.paging import Page
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.members.service import Directory
from registry.rulebook.model import Purpose

PANEL_AGREEING = 2
_FURNISHER_HEARD = frozenset({State.ANSWERED, State.PANEL})


class BlockWord(StrEnum):
    """What a reviewer does about a block for identity theft."""

    PLACE = "place"
    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseForReviewers:
    """A case as staff reads it; `receipt` is of the entry that says who looked.

    `filed` is None once nobody has to judge it: what was removed is in no answer any more.
    """

    shown: Shown
    filed: Incident | None
    receipt: str


class Reviews:
    """Decides appeals, at the first tier and as the panel of the second."""

    def __init__(
        self,
        *,
        appeals: Appeals,
        docket: Docket,
        files: CaseFiles,
        rulings: Rulings,
        directory: Directory,
        ledger: Ledger,
    ) -> None:
        self._appeals = appeals
        self._docket = docket
        self._files = files
        self._rulings = rulings
        self._directory = directory
        self._ledger = ledger

    def page(self, call: Call, *, after: str, items_max: int) -> Page[Appeal]:
        """The open appeals, oldest first; without what anybody wrote."""
        return store.open_page(call.transaction, after=after, items_max=items_max)

    def view(self, call: Call, appeal_id: AppealId, reviewer: str) -> CaseForReviewers:
        """Everything in a case, and what was filed that it is about; the look is an entry.

        Raises: AppealNotFound.
        """
        case = self._open(call, appeal_id)
        is_over = self._docket.is_over(case.incident, call.now) is not None
        return CaseForReviewers(
            shown=self._appeals.shown(call.transaction, case.appeal),
            filed=case.incident if case.appeal.is_open and not is_over else None,
            receipt=self._log_view(call, case, reviewer, {}),
        )

    def view_file(self, call: Call, appeal_id: AppealId, file: UUID, reviewer: str) -> bytes:
        """The bytes of an evidence file, while the appeal is open; the look is an entry.

        Raises: AppealNotFound, AppealStateRefuses.
        """
        case = self._open(call, appeal_id)
        if not case.appeal.is_open:
            raise AppealStateRefuses("The appeal is closed; its files are opened for nobody.")
        content = self._files.open_file(call.transaction, appeal_id, file)
        if content is None:
            raise AppealNotFound
        self._log_view(call, case, reviewer, {"file": str(file)})
        return content

    def acknowledge(self, call: Call, appeal_id: AppealId, reviewer: str) -> Appeal:
        """A person has read the appeal; what waited for that goes to the furnisher.

        Raises: AppealNotFound, AppealStateRefuses.
        """
        case = self._open(call, appeal_id)
        after = course.acknowledge(case.appeal, call.caller.member, call.now)
        case = self._docket.save(call.transaction, case, after)
        if case.appeal.state is State.LODGED:
            case = self._docket.relay(call.transaction, case, call.now)
        return case.appeal

    def rule_on_block(
        self, call: Call, appeal_id: AppealId, reviewer: str, word: BlockWord, reasons: str
    ) -> Appeal:
        """Places, confirms or refuses the block for identity theft; said before: as it is.

        Raises: AppealNotFound, AppealStateRefuses, ReviewerConflicted.
        """
        case = self._open(call, appeal_id)
        self._require_unconflicted(case, call, reviewer)
        if case.appeal.blocking is None:
            raise AppealStateRefuses
        if case.appeal.blocking in _SAID[word]:
            return case.appeal
        said = Said(kind=TextKind.BLOCK, author=reviewer, at=call.now, text=reasons)
        self._files.say(call.transaction, appeal_id, said)
        by, actor = call.caller.member, _actor(call, appeal_id, reviewer)
        if word is BlockWord.PLACE:
            return self._docket.block(call.transaction, case, actor, by).appeal
        if word is BlockWord.CONFIRM:
            return self._docket.confirm_block(call.transaction, case, actor, by).appeal
        refused = self._docket.refuse_block(call.transaction, case, actor, by=by, reasons=reasons)
        return refused.appeal

    def decide(
        self, call: Call, appeal_id: AppealId, reviewer: str, ruling: Ruling, reasons: str
    ) -> Appeal:
        """One reviewer's word; with enough that agree it is the decision. Said before: as it is.

        Raises: AppealNotFound, AppealStateRefuses, ReviewerConflicted, ReviewedBefore,
        FurnisherUnheard.
        """
        assert ruling in (Ruling.UPHELD, Ruling.OVERTURNED)
        case = self._open(call, appeal_id)
        self._require_unconflicted(case, call, reviewer)
        reviews = self._files.reviews(call.transaction, appeal_id)
        tier = Tier.PANEL if case.appeal.state is State.PANEL else Tier.FIRST
        own = [each for each in reviews if plain_name(each.reviewer) == plain_name(reviewer)]
        before = [each for each in own if each.tier is tier]
        if before and before[0].ruling is ruling:
            return case.appeal
        if case.appeal.state not in (*course.FIRST_TIER, State.PANEL):
            raise AppealStateRefuses
        if before:
            raise ReviewedBefore
        if own:
            raise ReviewerConflicted
        if ruling is Ruling.UPHELD and case.appeal.state not in _FURNISHER_HEARD:
            raise FurnisherUnheard
        review = Review(tier=tier, reviewer=reviewer, ruling=ruling, at=call.now)
        self._files.review(call.transaction, appeal_id, review)
        said = Said(
            kind=TextKind.REVIEW,
            author=reviewer,
            at=call.now,
            text=reasons,
            more={"ruling": ruling.value, "tier": tier.value},
        )
        self._files.say(call.transaction, appeal_id, said)
        agreeing = [
            each for each in (*reviews, review) if (each.tier, each.ruling) == (tier, ruling)
        ]
        if len(agreeing) < self._reviewers_needed(case, tier):
            noted = course.note_review(case.appeal, call.caller.member, call.now)
            return self._docket.save(call.transaction, case, noted).appeal
        return self._decided(call, case, ruling, [each.reviewer for each in agreeing], tier)

    def _decided(
        self, call: Call, case: Case, ruling: Ruling, reviewers: list[str], tier: Tier
    ) -> Appeal:
        named: list[JsonValue] = [each for each in sorted(reviewers)]  # noqa: C416 # a wider list
        actor = caller_of(call, {"reviewers": named})
        reasons = self._docket.reasons_of(call.transaction, case.appeal.id, ruling, tier)
        by = call.caller.member
        if ruling is Ruling.UPHELD and tier is Tier.FIRST:
            return self._docket.uphold(call.transaction, case, actor, by=by, reasons=reasons).appeal
        basis = Basis.REVIEW if tier is Tier.FIRST else Basis.PANEL
        outcome = _outcome(case.appeal, ruling)
        closed = self._docket.close(
            call.transaction, case, actor, outcome, basis, by=by, reasons=words_of(reasons)
        ).appeal
        self._docket.conclude(call.transaction, [closed], call.now)
        return closed

    def _reviewers_needed(self, case: Case, tier: Tier) -> int:
        if tier is Tier.PANEL:
            return PANEL_AGREEING
        severity = case.incident.severity
        proof = case.edition.proof
        return proof.protective_reviewers_min if severity is None else proof.reviewers_min[severity]

    def _require_unconflicted(self, case: Case, call: Call, reviewer: str) -> None:
        reported = plain_name(reviewer) in map(plain_name, case.incident.filing.reviewers)
        own_group = self._directory.group_of(call.caller.member)
        if reported or own_group == self._directory.group_of(case.incident.furnisher):
            raise ReviewerConflicted

    def _open(self, call: Call, appeal_id: AppealId) -> Case:
        case = self._docket.open(call.transaction, appeal_id)
        if case is None or case.appeal.state is State.DRAFT:
            raise AppealNotFound
        return case

    def _log_view(
        self, call: Call, case: Case, reviewer: str, more: Mapping[str, JsonValue]
    ) -> str:
        identities = self._rulings.seeds_of(call.transaction, case.incident.id)
        draft = Draft(
            log=Log.ACCESS,
            record_type=RecordType.SUPERVISOR_VIEW,
            header=Header(
                member=call.caller.member,
                purpose=Purpose.APPEAL_HANDLING,
                at=call.now,
                request_id=call.request_id,
                outcome="appeal_viewed",
                edition=case.edition.name,
                signed_request=call.request_digest,
                more={"agent": reviewer, "appeal": case.appeal.id, **more},
            ),
            subject={
                "incident": case.incident.id,
                "seeds": sorted(base64url.encode(seed) for _, seed in identities),
            },
            signed_request=call.signed_request,
            lookup_keys=tuple(key for key, _ in identities),
        )
        (entry,) = self._ledger.append(call.transaction, [draft], call.now)
        return self._ledger.receipt(entry)


_SAID = {
    BlockWord.PLACE: frozenset({Blocking.PROVISIONAL, Blocking.CONFIRMED}),
    BlockWord.CONFIRM: frozenset({Blocking.CONFIRMED}),
    BlockWord.REFUSE: frozenset({Blocking.DECLINED, Blocking.LIFTED}),
}


def _outcome(appeal: Appeal, ruling: Ruling) -> Outcome:
    if ruling is Ruling.OVERTURNED:
        return Outcome.OVERTURNED
    return Outcome.AMENDED if appeal.stance is Stance.AMEND else Outcome.UPHELD


def _actor(call: Call, appeal: AppealId, reviewer: str) -> Actor:
    return caller_of(call, {"appeal": appeal, "reviewers": [reviewer]})
