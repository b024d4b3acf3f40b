"""The score computed a second time, from the rulebook's words and by trying everything.

Fractions and every set of groups: slow, short, and shares no code with the
program but the calendar's zone.
"""

import math
from datetime import date, datetime
from fractions import Fraction
from itertools import combinations

from registry.rulebook.model import Edition
from registry.score.model import Doubt, Standing

CAP = 120


def score_of(standing: Standing, edition: Edition, now: datetime) -> int | None:
    """The score, or None for no record."""
    today = now.astimezone(edition.calendar.zone).date()
    counted = [
        each
        for each in standing.contributions
        if each.effective_at <= now and today < each.expires_on and each.doubt is not Doubt.BLOCKED
    ]
    if not counted:
        return None
    groups = sorted({each.reporter_group for each in counted})
    points = min(
        uncapped_points(counted, set(groups) - set(capped), today) + CAP * len(capped)
        for size in range(len(groups) + 1)
        for capped in combinations(groups, size)
    )
    return max(350, 830 - math.floor(points + Fraction(1, 2)))


def uncapped_points(counted: list, groups: set[str], today: date) -> Fraction:
    """What the events would cost had only these groups reported them."""
    events = {}
    for each in counted:
        events.setdefault((each.code, each.occurred_on), []).append(each)
    total = Fraction(0)
    for event in events.values():
        best = {}
        for each in event:
            if each.reporter_group in groups:
                chance = Fraction(each.reliability_ppm, 10**6) * doubt_of(each)
                best[each.reporter_group] = max(chance, best.get(each.reporter_group, 0))
        certainty = 1 - math.prod((1 - chance for chance in best.values()), start=Fraction(1))
        weight = max(WEIGHTS[each.severity.value] for each in event)
        decay = max(
            1
            - Fraction(
                max(0, (today - each.occurred_on).days), (each.expires_on - each.occurred_on).days
            )
            for each in event
        )
        total += Fraction("57.707802") * weight * decay * certainty
    return total


WEIGHTS = {"S1": Fraction("0.35"), "S2": Fraction("0.9"), "S3": Fraction("1.8"), "S4": Fraction(3)}


def decay_of(contribution, today: date) -> Fraction:
    """1 − age / lifetime."""
    age = max(0, (today - contribution.occurred_on).days)
    return 1 - Fraction(age, (contribution.expires_on - contribution.occurred_on).days)


def doubt_of(contribution) -> Fraction:
    """How much of a contribution counts."""
    if contribution.doubt is not Doubt.DISPUTED:
        return Fraction(1)
    return Fraction(0) if contribution.severity.value in ("S1", "S2") else Fraction(1, 2)
