"""Standing + edition + now → score, band and reasons.

An event is one subject, one code, one day: reported by several groups it counts
once. The score is `clean − round-half-up(points)`, exact: everything before that
one rounding is exact. Source: RULEBOOK 4.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from math import lcm

from registry.kernel.ids import IncidentId, MemberId
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Band, Edition, Scorecard, Severity
from registry.score.corroboration import CERTAIN, ReportedEvent, Shares, share_out
from registry.score.reasons import Reason, reasons_of, whole_points

RELIABILITY_PPM_MAX = 1_000_000


class Doubt(Enum):
    """Why an incident may count for less, or not at all."""

    NONE = "none"
    DISPUTED = "disputed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One incident, as far as it bears on a score.

    It counts from `effective_at` to the beginning of `expires_on`. `reporter_group`
    is the furnisher's group of affiliated members; `reliability_ppm` how far the
    furnisher is believed, in millionths; `is_adjudicated` says that a jury, a court
    or the police found so.
    """

    incident_id: IncidentId
    code: str
    severity: Severity
    occurred_on: date
    effective_at: datetime
    expires_on: date
    furnisher: MemberId
    reporter_group: str
    reliability_ppm: int
    doubt: Doubt
    is_adjudicated: bool

    def __post_init__(self) -> None:
        assert 0 <= self.reliability_ppm <= RELIABILITY_PPM_MAX
        assert self.occurred_on < self.expires_on


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectiveMarker:
    """Something that protects the subject; it never costs a point."""

    incident_id: IncidentId
    code: str
    effective_at: datetime
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All the registry knows of one subject; order means nothing."""

    contributions: tuple[Contribution, ...] = ()
    protective: tuple[ProtectiveMarker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many incidents are in effect, and from how many furnishers.

    `active` and `under_appeal` do not overlap.
    """

    active: int
    under_appeal: int
    furnishers: int
    latest_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPoints:
    """One event and the whole points it costs today; all together make the total."""

    code: str
    severity: Severity
    occurred_on: date
    incidents: tuple[IncidentId, ...]
    groups: int
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a standing means at one instant. `score` is None exactly in band N."""

    edition: str
    at: datetime
    band: Band
    score: int | None
    points_total: int
    reasons: tuple[Reason, ...]
    events: tuple[EventPoints, ...]
    counts: Counts
    protective: tuple[str, ...]


def assess(standing: Standing, edition: Edition, now: datetime) -> Assessment:
    """The score, band and reasons of a standing at `now`."""
    today = local_date(now, edition)
    counted = in_effect(standing.contributions, now, today)
    protective = tuple(
        sorted(
            {
                marker.code
                for marker in standing.protective
                if marker.effective_at <= now and today < marker.expires_on
            }
        )
    )
    if not counted:
        return Assessment(
            edition=edition.name,
            at=now,
            band=Band.N,
            score=None,
            points_total=0,
            reasons=(),
            events=(),
            counts=count(counted),
            protective=protective,
        )
    events = _events(counted)
    reported, point_units = _reported(events, edition.scorecard, today)
    shares = share_out(
        reported,
        point_units=point_units,
        group_points_max=edition.scorecard.group_points_max,
        points_max=_points_max(counted, reported, edition.scorecard),
    )
    points = _event_points(events, shares)
    points_total = sum(event.points for event in points)
    score = edition.scorecard.score_clean - points_total
    return Assessment(
        edition=edition.name,
        at=now,
        band=band_of(score, edition.scorecard),
        score=score,
        points_total=points_total,
        reasons=reasons_of([(event.code, event.points) for event in points], edition),
        events=points,
        counts=count(counted),
        protective=protective,
    )


def in_effect(
    contributions: Iterable[Contribution], now: datetime, today: date
) -> tuple[Contribution, ...]:
    """What counts at `now`: effective, not expired, not blocked for identity theft."""
    return tuple(
        contribution
        for contribution in contributions
        if contribution.effective_at <= now
        and today < contribution.expires_on
        and contribution.doubt is not Doubt.BLOCKED
    )


def count(contributions: Sequence[Contribution]) -> Counts:
    """How many incidents these are."""
    under_appeal = sum(contribution.doubt is Doubt.DISPUTED for contribution in contributions)
    return Counts(
        active=len(contributions) - under_appeal,
        under_appeal=under_appeal,
        furnishers=len({contribution.furnisher for contribution in contributions}),
        latest_on=max((contribution.occurred_on for contribution in contributions), default=None),
    )


def band_of(score: int, scorecard: Scorecard) -> Band:
    """The band a score falls in."""
    return next(entry.band for entry in scorecard.bands if score >= entry.score_min)


def _events(counted: Sequence[Contribution]) -> list[list[Contribution]]:
    """Contributions about the same act together, in one order whatever theirs was."""
    events: dict[tuple[str, date], list[Contribution]] = {}
    for contribution in sorted(counted, key=lambda each: each.incident_id):
        events.setdefault((contribution.code, contribution.occurred_on), []).append(contribution)
    return [events[key] for key in sorted(events)]


def _reported(
    events: Sequence[Sequence[Contribution]], scorecard: Scorecard, today: date
) -> tuple[list[ReportedEvent], int]:
    """The events' costs in whole units of a common denominator, and the units of a point."""
    lifetimes = lcm(*(_lifetime_days(each) for event in events for each in event))
    reported = []
    for event in events:
        weight_milli = max(scorecard.weights_milli[each.severity] for each in event)
        decay = max(_days_left(each, today) * (lifetimes // _lifetime_days(each)) for each in event)
        chances: dict[str, int] = {}
        for each in event:
            chance = _chance(each, scorecard)
            if chance > chances.get(each.reporter_group, 0):
                chances[each.reporter_group] = chance
        cost = scorecard.factor_micropoints * weight_milli * decay
        reported.append(ReportedEvent(cost=cost, chances=chances))
    return reported, 1_000_000 * 1000 * lifetimes


def _lifetime_days(contribution: Contribution) -> int:
    return (contribution.expires_on - contribution.occurred_on).days


def _days_left(contribution: Contribution, today: date) -> int:
    """All of its lifetime on the day of the event, 0 on the day it expires."""
    return min((contribution.expires_on - today).days, _lifetime_days(contribution))


def _chance(contribution: Contribution, scorecard: Scorecard) -> int:
    percent = 100
    if contribution.doubt is Doubt.DISPUTED:
        percent = scorecard.disputed_percent[contribution.severity]
    return contribution.reliability_ppm * percent * (CERTAIN // (RELIABILITY_PPM_MAX * 100))


def _points_max(
    counted: Sequence[Contribution], reported: Sequence[ReportedEvent], scorecard: Scorecard
) -> int:
    """How low a standing can go: a lone group, unless adjudicated, stops at its band."""
    groups = {group for event in reported for group in event.chances}
    if len(groups) > 1 or any(each.is_adjudicated for each in counted):
        return scorecard.score_clean - scorecard.score_min
    floor = next(
        entry.score_min for entry in scorecard.bands if entry.band is scorecard.lone_group_band_min
    )
    return max(0, scorecard.score_clean - floor)


def _event_points(
    events: Sequence[Sequence[Contribution]], shares: Shares
) -> tuple[EventPoints, ...]:
    points = whole_points(shares)
    return tuple(
        EventPoints(
            code=event[0].code,
            severity=max(contribution.severity for contribution in event),
            occurred_on=event[0].occurred_on,
            incidents=tuple(contribution.incident_id for contribution in event),
            groups=len({contribution.reporter_group for contribution in event}),
            points=cost,
        )
        for event, cost in zip(events, points, strict=True)
    )
