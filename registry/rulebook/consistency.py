"""What the numbers of an edition must have to do with each other."""

import re
from collections.abc import Iterator
from itertools import pairwise

from registry.rulebook.model import Band, Code, Edition, Filer, Role, Severity, Span, Unit
from registry.rulebook.reading import EditionRefused

_DAYS = {Unit.MINUTES: 1 / 1440, Unit.HOURS: 1 / 24, Unit.DAYS: 1, Unit.MONTHS: 30}
_CODE = re.compile(r"[BSOV]\d{3}")
_NAME = re.compile(r"[a-z]{2}-\d{4}\.\d+")


def require_consistent(edition: Edition) -> None:
    """Promises that the edition does not contradict itself.

    Raises: EditionRefused with everything that is wrong.
    """
    checks = (_named, _calendar, _codes, _proof, _deadlines, _scorecard, _bands, _jury)
    faults = [fault for check in checks for fault in check(edition)]
    if faults:
        raise EditionRefused(f"{edition.name}: " + "; ".join(faults))


def _named(edition: Edition) -> Iterator[str]:
    if not _NAME.fullmatch(edition.name):
        yield "name must look like cn-2026.1"
    if edition.name[:2].upper() != edition.region:
        yield "the name does not begin with the region"
    if not re.fullmatch(r"[A-Z]{3}", edition.currency):
        yield "currency must be an ISO 4217 code"
    if edition.ages.filed_from > edition.ages.scored_from:
        yield "ages: scored before they may be filed"
    prior = edition.reliability
    if min(prior.upheld, prior.overturned) < 1:
        yield "reliability: both numbers of the prior must be positive"
    if not 0 < prior.monthly_forgetting_ppm <= 1_000_000:
        yield "reliability: monthly_forgetting must be above 0 and at most 1"
    if prior.reporting_min_ppm * (prior.upheld + prior.overturned) >= prior.upheld * 1_000_000:
        yield "reliability: reporting_min must be below what is believed at the beginning"
    if edition.appeals.precedent_cases_min < 2:
        yield "appeals: one case alone is nobody's precedent"


def _calendar(edition: Edition) -> Iterator[str]:
    calendar = edition.calendar
    if calendar.covers_from_on > calendar.covers_until_on:
        yield "calendar: covers_from_on is after covers_until_on"
    if len(calendar.weekend) == 7:
        yield "calendar: a week has no working day"
    for day in sorted(set(calendar.holidays) | set(calendar.working_weekend_days)):
        if not calendar.covers_from_on <= day <= calendar.covers_until_on:
            yield f"calendar: {day} lies outside of what it covers"
    for day in sorted(calendar.working_weekend_days):
        if day.weekday() not in calendar.weekend:
            yield f"calendar: {day} is no weekend day"
        if day in calendar.holidays:
            yield f"calendar: {day} is both a holiday and worked"


def _codes(edition: Edition) -> Iterator[str]:
    if not edition.codes:
        yield "codes: there are none"
    for code in edition.codes.values():
        yield from _one_code(code, edition)


def _one_code(code: Code, edition: Edition) -> Iterator[str]:
    if not _CODE.fullmatch(code.code):
        yield f"{code.code}: not a code"
    if (code.role is Role.PROTECTIVE) != code.is_protective:
        yield f"{code.code}: protective codes, and only they, have no severity"
    if (code.filed_by is Filer.SUBJECT) == bool(code.evidence):
        yield f"{code.code}: evidence is what furnishers must have, and subjects need not"
    classes = [evidence_class for group in code.evidence for evidence_class in group]
    if len(set(classes)) != len(classes) or frozenset() in code.evidence:
        yield f"{code.code}: evidence groups must be different and not empty"
    if set(classes) & edition.proof.classes_that_never_count:
        yield f"{code.code}: asks for evidence that never counts"
    if not code.is_protective and len(code.evidence) < edition.proof.evidence_classes_min:
        yield f"{code.code}: asks for fewer classes than any filing must have"
    for condition in code.conditions:
        if condition.items_min < 1:
            yield f"{code.code}: a condition asks for nothing"
        if condition.evidence_class in edition.proof.classes_that_never_count:
            yield f"{code.code}: a condition asks for evidence that never counts"


def _proof(edition: Edition) -> Iterator[str]:
    reviewers = [edition.proof.reviewers_min[severity] for severity in Severity]
    if min(*reviewers, edition.proof.protective_reviewers_min) < 1:
        yield "proof: every filing needs a reviewer"
    if any(graver < lighter for lighter, graver in pairwise(reviewers)):
        yield "proof: a graver code needs fewer reviewers"


def _days(span: Span) -> float:
    # Working days at their shortest: a week without holidays.
    if span.unit is Unit.WORKING_DAYS:
        return span.amount * 7 / 5
    return span.amount * _DAYS[span.unit]


def _deadlines(edition: Edition) -> Iterator[str]:
    limits = edition.deadlines
    for name in ("notice_before_effect", "notice_before_effect_min", "event_to_filing"):
        if getattr(limits, name).unit in (Unit.WORKING_DAYS, Unit.MONTHS):
            yield f"deadlines: {name} must be of exact length"
    if _days(limits.notice_before_effect) < _days(limits.notice_before_effect_min):
        yield "deadlines: notice_before_effect is under its minimum"
    kept = [limits.kept[severity] for severity in Severity]
    if any(span.unit is not Unit.MONTHS for span in (*kept, limits.kept_max)):
        yield "deadlines: kept must be in months"
    if any(span.amount < 1 for span in (*kept, limits.protective_kept)):
        yield "deadlines: kept for no time at all"
    if limits.protective_kept.unit is not Unit.MONTHS:
        yield "deadlines: protective_kept must be in months"
    if any(graver.amount < lighter.amount for lighter, graver in pairwise(kept)):
        yield "deadlines: a graver incident is kept for a shorter time"
    if any(span.amount > limits.kept_max.amount for span in kept):
        yield "deadlines: kept longer than kept_max"
    answer = _days(limits.furnisher_answer) + _days(limits.appeal_relayed)
    if not answer <= _days(limits.absolute_limit):
        yield "deadlines: the furnisher may answer after the absolute limit"
    if _days(limits.first_decision) > _days(limits.absolute_limit):
        yield "deadlines: the first decision may come after the absolute limit"
    if _days(limits.correction_acknowledged) > _days(limits.correction_escalated):
        yield "deadlines: a correction is escalated before it must be acknowledged"
    if _days(limits.correction_acknowledged) >= _days(limits.removed_content_purged):
        yield "deadlines: removed content goes before a correction must be acknowledged"


def _scorecard(edition: Edition) -> Iterator[str]:
    card = edition.scorecard
    if not card.score_min < card.score_clean <= card.score_max:
        yield "scorecard: the clean score lies outside of the range"
    if card.points_to_double_odds < 1:
        yield "scorecard: points_to_double_odds must be positive"
    weights = [card.weights_milli[severity] for severity in Severity]
    if weights[0] <= 0 or any(graver <= lighter for lighter, graver in pairwise(weights)):
        yield "scorecard: a graver severity must weigh more"
    if max(*card.disputed_percent.values(), card.blocked_percent) > 100:
        yield "scorecard: doubt above 100 per cent"
    if not 0 < card.group_points_max <= card.score_clean - card.score_min:
        yield "scorecard: group_points_max must be positive and within the range"
    if card.reasons_max < 1:
        yield "scorecard: reasons_max must be positive"


def _bands(edition: Edition) -> Iterator[str]:
    card = edition.scorecard
    expected = [band for band in Band if band is not Band.N]
    if [entry.band for entry in card.bands] != expected:
        yield "scorecard: bands must be A to E, best first"
        return
    if any(better.score_min <= worse.score_min for better, worse in pairwise(card.bands)):
        yield "scorecard: a better band must begin higher"
    if card.bands[-1].score_min != card.score_min:
        yield "scorecard: the last band must begin at the lowest score"
    if card.bands[0].score_min > card.score_clean:
        yield "scorecard: a clean start must be in the best band"
    if card.lone_group_band_min is Band.N:
        yield "scorecard: lone_group_band_min must be a band with numbers"


def _jury(edition: Edition) -> Iterator[str]:
    jury = edition.jury
    if not jury.jurors / 2 < jury.votes_to_decide <= jury.jurors:
        yield "jury: votes_to_decide must be a majority"
    if jury.buyer_side_min + jury.seller_side_min > jury.jurors:
        yield "jury: the two sides ask for more jurors than there are"
    if jury.panel_jurors <= jury.jurors or jury.panel_jurors % 2 == 0:
        yield "jury: the panel must be odd and larger than the jury"
    if jury.experienced_percent_min > 100:
        yield "jury: experienced_percent_min above 100"
