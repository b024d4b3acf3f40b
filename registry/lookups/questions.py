"""An inquiry on its way to its answer, and what the person of it has a say in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from registry.incidents.model import KnownSubject
from registry.kernel.ids import LookupId, Prefix, with_prefix
from registry.kernel.problems import Problem
from registry.ledger.service import MadeEntries
from registry.lookups.consent import LookedAt, PresentedCode
from registry.lookups.finding import NOTHING_FOUND, Finding
from registry.lookups.model import Basis, Inquiry, LookupAnswer, LookupRequest, SubjectFrozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """The seeds and lookup keys the tokens of one request lead to, in their order."""

    seeds: Sequence[bytes]
    lookup_keys: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Whom some requests seek, and what is known of all of them, told when asked."""

    sought: Mapping[int, Sought]
    known: Callable[[], Mapping[bytes, KnownSubject]]

    def sought_by(self, request: LookupRequest) -> Sought:
        """Whom `request` seeks: that very object, which its caller keeps until then."""
        return self.sought[id(request)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An inquiry with the seeds and lookup keys its tokens lead to."""

    uuid: UUID
    inquiry: Inquiry
    seeds: Sequence[bytes]
    lookup_keys: Sequence[bytes]
    refusal: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Inquiries, judged as far as that needs no database."""

    now: datetime
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What each inquiry gets, in their order, as soon as `entries` are on disk.

    `alerts` are of the people who want to be told.
    """

    results: list[LookupAnswer | Problem]
    entries: MadeEntries
    alerts: Sequence[LookedAt]


def presents_code(question: Question) -> bool:
    """Whether it presents a one-use authorisation, and was not refused for anything else."""
    basis = question.inquiry.request.authorisation.basis
    return question.refusal is None and basis is Basis.ONE_USE


def presented(question: Question) -> PresentedCode:
    """The authorisation it presents."""
    request = question.inquiry.request
    return PresentedCode(
        reference=request.authorisation.reference,
        member=question.inquiry.call.caller.member,
        order=request.order,
        lookup_keys=question.lookup_keys,
        lookup=question.uuid,
    )


def frozen_out(question: Question, finding: Finding) -> tuple[Question, Finding]:
    """The question refused, and nothing found, where the person has frozen what is known.

    Their own authorisation, spent on this lookup, opens it.
    """
    if not finding.is_frozen or presents_code(question):
        return question, finding
    return replace(question, refusal=SubjectFrozen()), NOTHING_FOUND


def looked_at(question: Question, finding: Finding, now: datetime) -> LookedAt:
    """What a person who wants to be told is told."""
    return LookedAt(
        lookup=LookupId(with_prefix(Prefix.LOOKUP, question.uuid)),
        lookup_keys=question.lookup_keys,
        member=question.inquiry.call.caller.member,
        purpose=question.inquiry.request.purpose,
        was_refused=frozen_out(question, finding)[0].refusal is not None,
        at=now,
    )
