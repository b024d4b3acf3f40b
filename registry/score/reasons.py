"""Whole points that add up, and the reasons shown for them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from registry.kernel.problems import Text
from registry.rulebook.model import Edition
from registry.score.corroboration import Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a score is below the clean start: a code, and the points it costs today."""

    code: str
    points: int
    text: Text


def whole_points(shares: Shares) -> list[int]:
    """Whole points by event whose sum is the total, rounded half up.

    Each is its share rounded down or up, those with the largest remainder up
    (the first of equals): what is shown explains exactly what is missing.
    """
    divided = [divmod(share, shares.point_grains) for share in shares.by_event]
    points = [whole for whole, _ in divided]
    total = (2 * shares.total + shares.point_grains) // (2 * shares.point_grains)
    by_remainder = sorted(range(len(points)), key=lambda index: (-divided[index][1], index))
    for index in by_remainder[: total - sum(points)]:
        points[index] += 1
    return points


def reasons_of(event_points: Sequence[tuple[str, int]], edition: Edition) -> tuple[Reason, ...]:
    """The codes that cost most, at most as many as the edition shows, dearest first."""
    by_code: Counter[str] = Counter()
    for code, points in event_points:
        by_code[code] += points
    dearest = sorted(by_code.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Reason(code=code, points=points, text=_text(code, edition))
        for code, points in dearest[: edition.scorecard.reasons_max]
        if points > 0
    )


def _text(code: str, edition: Edition) -> Text:
    # An incident outlives the edition it was filed under; its code may have been dropped since.
    if code in edition.codes:
        return edition.codes[code].name
    return Text(en=code, zh=code)
