"""The standard of proof: what a filing still lacks, all of it at once.

Five proofs: named reviewers; independent evidence and dishonest intent; a
recognised code; a decision taken or a benefit obtained; prior notice. And the
order of the steps: occurred ≤ confirmed ≤ decided ≤ told ≤ filed.
Source: RULEBOOK 2; Cifas four pillars; Credit Reporting Regulation art. 15;
PIPL 24 and 69.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime

from registry.kernel.names import plain_name
from registry.kernel.problems import FieldError
from registry.rulebook.calendar import add_months, add_span, local_date
from registry.rulebook.filing import Adjudicator, DecisionKind, Filing
from registry.rulebook.model import Code, Edition, EvidenceClass, Filer, Role, Severity

_INDEPENDENT = frozenset({Adjudicator.JURY, Adjudicator.COURT, Adjudicator.POLICE})


def missing_points(
    filing: Filing, edition: Edition, now: datetime, *, first_filed_at: datetime | None = None
) -> list[FieldError]:
    """Everything the filing lacks under this edition; empty when it is proved.

    Pointers are into the body of a report; the codes are stable.
    `first_filed_at` is when an incident that is amended was first filed: the time
    limit for filing ran until then.
    """
    code = edition.codes.get(filing.code)
    points = [
        *_code_points(filing, code, edition),
        *_evidence_points(filing, code, edition),
        *_reviewer_points(filing, code, edition),
        *_occurrence_points(filing, code, edition, now),
        *_confirmation_points(filing, code, edition, now, first_filed_at or now),
    ]
    if code is None or not code.is_protective:
        points += _intent_points(filing, edition)
        points += _decision_points(filing, edition, now)
        points += _notice_points(filing, edition, now)
    if not filing.adult_attested:
        points.append(
            FieldError(
                pointer="/adult_attested",
                code="adult_not_attested",
                detail="The furnisher must attest that the subject is an adult.",
            )
        )
    return points


def expiry_of(code: Code, occurred_on: date, filed_on: date, edition: Edition) -> date:
    """The day an incident leaves the registry.

    Counted from the end of the event; for a protective marker from the filing.
    """
    if code.severity is None:
        return add_months(filed_on, edition.deadlines.protective_kept.amount)
    return add_months(occurred_on, edition.deadlines.kept[code.severity].amount)


def _code_points(filing: Filing, code: Code | None, edition: Edition) -> Iterator[FieldError]:
    if code is None:
        yield _unknown_code(filing.code, edition)
        return
    if code.filed_by is Filer.SUBJECT:
        yield FieldError(
            pointer="/code",
            code="filed_by_subject_only",
            detail=f"{code.code} is requested by the subject; no member may file it.",
        )
    allowed = {code.role}
    if code.role is Role.EITHER:
        allowed = {Role.BUYER, Role.SELLER, Role.EITHER}
    if filing.role not in allowed:
        yield FieldError(
            pointer="/role",
            code="role_mismatch",
            detail=f"{code.code} is for the role {' or '.join(sorted(allowed))}.",
        )


def _unknown_code(name: str, edition: Edition) -> FieldError:
    if name in edition.not_filable:
        detail = f"Not filable: {edition.not_filable[name].text.en}"
        return FieldError(pointer="/code", code="not_filable", detail=detail)
    if name in edition.member_misconduct:
        detail = f"{name} is recorded against a member, never against a person."
        return FieldError(pointer="/code", code="member_misconduct", detail=detail)
    detail = f"Not a code of edition {edition.name}."
    return FieldError(pointer="/code", code="unknown_code", detail=detail)


def _evidence_points(filing: Filing, code: Code | None, edition: Edition) -> Iterator[FieldError]:
    yield from _manifest_points(filing)
    never = edition.proof.classes_that_never_count
    items = Counter(
        item.evidence_class for item in filing.evidence if item.evidence_class not in never
    )
    if code is not None:
        for group in code.evidence:
            if not group & items.keys():
                wanted = " or ".join(sorted(group))
                yield _lacking("evidence_class_missing", f"{code.code} needs evidence of {wanted}.")
        for condition in code.conditions:
            if items[condition.evidence_class] < condition.items_min:
                yield _lacking(
                    "evidence_condition_unmet",
                    f"{code.code} needs {condition.text.en}: "
                    f"{condition.items_min} × {condition.evidence_class}.",
                )
    classes_min = edition.proof.evidence_classes_min
    if (code is None or not code.is_protective) and len(items) < classes_min:
        yield _lacking(
            "evidence_classes_too_few",
            f"{classes_min} independent classes of evidence are needed; "
            f"{' and '.join(sorted(never))} never counts.",
        )


def _manifest_points(filing: Filing) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, item in enumerate(filing.evidence):
        if item.digest in seen:
            yield FieldError(
                pointer=f"/evidence/{index}/digest",
                code="duplicate_digest",
                detail="The same bytes are no second item of evidence.",
            )
        seen.add(item.digest)
        if item.adjudicator is not None and item.evidence_class is not EvidenceClass.E6:
            yield FieldError(
                pointer=f"/evidence/{index}/adjudicator",
                code="adjudicator_without_adjudication",
                detail="Only an item of class E6 has an adjudicator.",
            )


def _lacking(code: str, detail: str) -> FieldError:
    return FieldError(pointer="/evidence", code=code, detail=detail)


def _reviewer_points(filing: Filing, code: Code | None, edition: Edition) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, name in enumerate(filing.reviewers):
        reviewer = plain_name(name)
        if not reviewer:
            yield FieldError(
                pointer=f"/reviewers/{index}",
                code="reviewer_not_named",
                detail="A reviewer has a name.",
            )
            continue
        if reviewer in seen:
            yield FieldError(
                pointer=f"/reviewers/{index}",
                code="duplicate_reviewer",
                detail="The same reviewer counts once.",
            )
        seen.add(reviewer)
    if code is None:
        needed = min(edition.proof.reviewers_min.values())
    elif code.severity is None:
        needed = edition.proof.protective_reviewers_min
    else:
        needed = edition.proof.reviewers_min[code.severity]
    if len(seen) < needed:
        yield FieldError(
            pointer="/reviewers",
            code="reviewers_too_few",
            detail=f"{needed} named human reviewer(s) must have confirmed it.",
        )


def _occurrence_points(
    filing: Filing, code: Code | None, edition: Edition, now: datetime
) -> Iterator[FieldError]:
    today = local_date(now, edition)
    if filing.occurred_on > today:
        yield _future("/occurred_on")
    elif code is not None and expiry_of(code, filing.occurred_on, today, edition) <= today:
        yield FieldError(
            pointer="/occurred_on",
            code="already_expired",
            detail="So long ago that the incident may not be kept any more.",
        )


def _confirmation_points(
    filing: Filing, code: Code | None, edition: Edition, now: datetime, filed_at: datetime
) -> Iterator[FieldError]:
    confirmed_on = filing.confirmed_on
    if confirmed_on is None:
        if code is None or not code.is_protective:
            yield FieldError(
                pointer="/confirmed_on",
                code="confirmation_missing",
                detail="The day the incident was confirmed is needed.",
            )
        return
    if confirmed_on > local_date(now, edition):
        yield _future("/confirmed_on")
        return
    if confirmed_on < filing.occurred_on:
        yield _out_of_order("/confirmed_on", "before_occurrence", "confirmed", "it occurred")
    last_on = add_span(confirmed_on, edition.deadlines.event_to_filing, edition)
    if local_date(filed_at, edition) > last_on:
        yield FieldError(
            pointer="/confirmed_on",
            code="filed_too_late",
            detail=f"It had to be filed by {last_on.isoformat()}.",
        )


def _intent_points(filing: Filing, edition: Edition) -> Iterator[FieldError]:
    shortest = edition.proof.intent_characters_min
    if filing.intent is None:
        yield FieldError(
            pointer="/intent",
            code="intent_missing",
            detail="What shows dishonest intent must be stated.",
        )
    elif len(filing.intent.strip()) < shortest:
        yield FieldError(
            pointer="/intent",
            code="intent_too_short",
            detail=f"What shows dishonest intent must be stated in {shortest} characters or more.",
        )


def _decision_points(filing: Filing, edition: Edition, now: datetime) -> Iterator[FieldError]:
    decision = filing.decision
    if decision is None:
        yield FieldError(
            pointer="/decision",
            code="decision_missing",
            detail="A decision already taken, or the benefit already obtained, is needed.",
        )
        return
    pointer = "/decision/decided_on"
    if decision.decided_on > local_date(now, edition):
        yield _future(pointer)
    elif decision.decided_on < filing.occurred_on:
        yield _out_of_order(pointer, "before_occurrence", "decided", "it occurred")
    elif (
        # A benefit may have been obtained before anyone noticed.
        decision.kind is not DecisionKind.BENEFIT_OBTAINED
        and filing.confirmed_on is not None
        and decision.decided_on < filing.confirmed_on
    ):
        yield _out_of_order(pointer, "before_confirmation", "decided", "it was confirmed")


def _notice_points(filing: Filing, edition: Edition, now: datetime) -> Iterator[FieldError]:
    if filing.notice is None:
        yield FieldError(
            pointer="/notice",
            code="notice_missing",
            detail="A notice must have been delivered to the subject.",
        )
        return
    pointer = "/notice/delivered_at"
    if filing.notice.delivered_at > now:
        yield _future(pointer)
        return
    delivered_on = local_date(filing.notice.delivered_at, edition)
    if filing.decision is not None and delivered_on < filing.decision.decided_on:
        yield _out_of_order(pointer, "before_decision", "told", "it was decided")
    elif filing.confirmed_on is not None and delivered_on < filing.confirmed_on:
        yield _out_of_order(pointer, "before_confirmation", "told", "it was confirmed")
    elif delivered_on < filing.occurred_on:
        yield _out_of_order(pointer, "before_occurrence", "told", "it occurred")


def _future(pointer: str) -> FieldError:
    return FieldError(pointer=pointer, code="in_the_future", detail="This has not happened yet.")


def _out_of_order(pointer: str, code: str, step: str, earlier: str) -> FieldError:
    detail = f"It cannot have been {step} before {earlier}."
    return FieldError(pointer=pointer, code=code, detail=detail)


def requires_new_notice(before: Filing, after: Filing, edition: Edition) -> bool:
    """Whether an amendment weighs more than what the subject was told of.

    So it does with a graver or another code of the same gravity, an end of the
    event that is later, or the word of a jury, a court or the police. Both filings
    are proved. Source: RULEBOOK 3 (notice before effect).
    """
    gravity_before = _gravity(edition.codes[before.code])
    gravity_after = _gravity(edition.codes[after.code])
    if gravity_after == 0:
        # A protective marker takes nothing from anyone.
        return False
    return (
        gravity_after > gravity_before
        or (gravity_after == gravity_before and after.code != before.code)
        or after.occurred_on > before.occurred_on
        or (is_adjudicated(after) and not is_adjudicated(before))
    )


def is_adjudicated(filing: Filing) -> bool:
    """Whether a jury, a court or the police found so, not the platform alone."""
    return any(item.adjudicator in _INDEPENDENT for item in filing.evidence)


def _gravity(code: Code) -> int:
    return 0 if code.severity is None else 1 + list(Severity).index(code.severity)
