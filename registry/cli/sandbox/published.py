"""The published identifiers: each always leads to the same outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from registry.cli.sandbox.people import (
    ACTS_BY_CODE,
    Filing,
    Platform,
    phone,
    report_of,
)
from registry.client import Identifier, IdentifierType


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An identifier anyone may try, and what a lookup of it finds."""

    identifier: Identifier
    outcome: str
    meaning: str


CLEAN, ADVERSE, SERIOUS, RECYCLED, NOTICED, WITHDRAWN = (phone(number) for number in range(1, 7))
UNKNOWN = Identifier(type=IdentifierType.EMAIL, value="nobody@example.com")

PUBLISHED: Sequence[Published] = (
    Published(identifier=CLEAN, outcome="clean", meaning="nothing is known: band N, proceed"),
    Published(identifier=UNKNOWN, outcome="unknown", meaning="never seen at all: band N"),
    Published(
        identifier=ADVERSE,
        outcome="adverse",
        meaning="one incident by one platform: band B, ask for the return",
    ),
    Published(
        identifier=SERIOUS,
        outcome="adverse_by_two",
        meaning="grave incidents by two platforms: band D, human review",
    ),
    Published(
        identifier=RECYCLED,
        outcome="recycled_number",
        meaning="with held_since of last week the match is weak: human review, no score",
    ),
    Published(
        identifier=NOTICED,
        outcome="noticed",
        meaning="reported, but the notice is still running: band N until seven days after it",
    ),
    Published(
        identifier=WITHDRAWN, outcome="withdrawn", meaning="reported and withdrawn: band N again"
    ),
)


def published_filings(now: datetime) -> list[Filing]:
    """The reports behind the published identifiers, in order of time."""
    month = now - timedelta(days=30)
    filings = [
        _filing(Platform.HARBOUR, ADVERSE, "B101", at=month, reference="published-adverse"),
        _filing(Platform.HARBOUR, SERIOUS, "B121", at=month, reference="published-serious-1"),
        _filing(Platform.LANTERN, SERIOUS, "B101", at=month, reference="published-serious-2"),
        _filing(
            Platform.LANTERN,
            SERIOUS,
            "B112",
            at=month + timedelta(days=1),
            reference="published-serious-3",
        ),
        _filing(
            Platform.LANTERN,
            RECYCLED,
            "B110",
            at=now - timedelta(days=250),
            reference="published-recycled",
        ),
        _noticed(now),
        _filing(
            Platform.LANTERN,
            WITHDRAWN,
            "B102",
            at=month,
            reference="published-withdrawn",
            withdrawn_at=month + timedelta(days=5),
        ),
    ]
    return sorted(filings, key=lambda each: each.at)


def _filing(
    platform: Platform,
    identifier: Identifier,
    code: str,
    *,
    at: datetime,
    reference: str,
    withdrawn_at: datetime | None = None,
) -> Filing:
    report = report_of(ACTS_BY_CODE[code], [identifier], filed_at=at, reference=reference)
    return Filing(at=at, platform=platform, report=report, withdrawn_at=withdrawn_at)


def _noticed(now: datetime) -> Filing:
    """Filed on the day of the notice, so that the notice has its seven days to run."""
    filing = _filing(Platform.HARBOUR, NOTICED, "B111", at=now, reference="published-noticed")
    assert filing.report.notice is not None
    fresh = replace(filing.report.notice, delivered_at=now - timedelta(hours=1))
    return replace(filing, at=now, report=replace(filing.report, notice=fresh))
