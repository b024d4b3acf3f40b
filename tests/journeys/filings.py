"""Reports as furnishers send them, and the taxonomy as the rulebook's table has it.

Written from the rulebook's page, not from the program's edition file: where the
two differ, a test fails.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.journeys.independent import secrets_sent

# China has no summer time: days are those of UTC+8.
ZONE_OFFSET = timedelta(hours=8)
NOTICE_BEFORE_EFFECT = timedelta(days=7)
MONTHS_KEPT = {"S1": 12, "S2": 24, "S3": 36, "S4": 60}
PROTECTIVE_MONTHS_KEPT = 13

INTENT = "The same photo was sent for three different orders."
REVIEWERS = ("staff-0017", "staff-0093")
# Texts of filings and lookups: bodies, which no server may write down.
WRITTEN = frozenset({INTENT, *REVIEWERS, "C-77", "sha256:"})

_numbers = itertools.count(1)

# code, role, severity, minimum evidence: one of each group; then what more it asks for.
_TABLE = """
B101 buyer S3 E1+E3+E5/E6/E7
B102 buyer S2 E1+E3+E9
B103 buyer S3 E1+E3+E5/E7
B104 buyer S3 E1+E6/E7
B110 buyer S2 E1+E2
B111 buyer S2 E1+E2
B112 buyer S3 E1+E2+E9
B113 buyer S3 E1+E2
B114 buyer S1 E1+E3 3xE1
B115 buyer S2 E1+E8 1xE4
B116 buyer S2 E1+E8
B117 buyer S3 E4+E6
B118 buyer S1 E1+E4
B120 buyer S2 E1+E9
B121 buyer S4 E6+E8
B130 buyer S3 E1+E4
S201 seller S3 E1+E7
S202 seller S3 E1+E2
S203 seller S2 E1+E2
S204 either S3 E4+E1/E8
S205 seller S2 E1+E3+E4
S206 seller S3 E3+E6/E7
S207 seller S2 E1+E6
S208 seller S2 E1+E9
S209 either S3 E4+E6
S210 seller S3 E1+E4/E8
O301 either S4 E4+E6 1xE9
O302 either S3 E4+E9
O303 either S4 E6+E9
O304 either S4 E4+E6
V401 protective - E5
V402 protective - E1+E5
"""
NOT_FILABLE = (
    "honest_dissatisfaction",
    "statutory_return",
    "corrected_first_mistake",
    "criticism",
    "complaint_to_authority",
    "lost_dispute",
    "religion",
    "genes",
    "fingerprints",
    "blood_type",
    "illness",
    "income",
    "politics",
)
MEMBER_MISCONDUCT = ("R901", "R902", "R903", "R904")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One row of the taxonomy. `groups`: of each at least one class must be there."""

    code: str
    role: str
    severity: str | None
    groups: tuple[tuple[str, ...], ...]
    items_min: dict[str, int]

    @property
    def minimum(self) -> list[str]:
        """The fewest classes of evidence items that prove it."""
        least = [group[0] for group in self.groups]
        for wanted, count in self.items_min.items():
            least += [wanted] * (count - least.count(wanted))
        return least

    @property
    def one_short(self) -> list[list[str]]:
        """Every manifest that lacks one class or item the code asks for, E0 in its place."""
        short = []
        for group in self.groups:
            rest = [each for each in self.minimum if each not in group]
            short.append([*rest, "E0"])
        for wanted, count in self.items_min.items():
            rest = [each for each in self.minimum if each != wanted]
            short.append([*rest, *[wanted] * (count - 1), "E0"])
        return short


def _code(line: str) -> Code:
    code, role, severity, groups, *more = line.split()
    counted = [each.split("x") for each in more]
    return Code(
        code=code,
        role=role,
        severity=None if severity == "-" else severity,
        groups=tuple(tuple(group.split("/")) for group in groups.split("+")),
        items_min={wanted: int(count) for count, wanted in counted},
    )


TAXONOMY = tuple(map(_code, _TABLE.strip().splitlines()))


def today() -> date:
    """The present day in the edition's zone."""
    return (datetime.now(UTC) + ZONE_OFFSET).date()


def days_ago(days: int) -> date:
    """A day of the edition's zone."""
    return today() - timedelta(days=days)


def instant(value: datetime) -> str:
    """RFC 3339 in UTC, in whole seconds."""
    return value.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def unique(stem: str) -> str:
    """A text no other test of this process uses."""
    return f"{stem}-{next(_numbers)}"


def manifest(classes: Sequence[str], *, adjudicator: str | None = None) -> list[dict[str, str]]:
    """Evidence items of these classes, each of different bytes."""
    items = []
    for each in classes:
        digest = hashlib.sha256(unique("evidence").encode()).hexdigest()
        secrets_sent.add(digest)
        item = {"class": each, "digest": f"sha256:{digest}", "media_type": "image/jpeg"}
        if adjudicator is not None and each == "E6":
            item["adjudicator"] = adjudicator
        items.append(item)
    return items


def report(
    tokens: Sequence[dict[str, str]],
    *,
    code: str = "B101",
    evidence: Sequence[str] | None = None,
    occurred: int = 30,
    told: timedelta = timedelta(days=8),
    verified: int = 30,
    adjudicator: str | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A filing that meets the standard of proof, and takes effect when `told` ago is a week.

    `occurred` and `verified` are days ago; `changes` replace members.
    """
    (entry,) = [each for each in TAXONOMY if each.code == code]
    told_at = datetime.now(UTC) - told
    decided_on = min(days_ago(min(occurred, 9)), (told_at + ZONE_OFFSET).date()).isoformat()
    classes = entry.minimum if evidence is None else evidence
    document: dict[str, Any] = {
        "reference": unique("R"),
        "identities": [
            {**each, "last_verified_on": days_ago(verified).isoformat()} for each in tokens
        ],
        "code": code,
        "role": "buyer" if entry.role == "either" else entry.role,
        "occurred_on": days_ago(occurred).isoformat(),
        "confirmed_on": decided_on,
        "amount": {"minor_units": 12900, "currency": "CNY"},
        "order": unique("O"),
        "evidence": manifest(classes, adjudicator=adjudicator),
        "intent": INTENT,
        "reviewers": list(REVIEWERS),
        "decision": {"kind": "refund_refused", "decided_on": decided_on},
        "notice": {"delivered_at": instant(told_at), "channel": "in_app", "reply": "none"},
        "adult_attested": True,
    }
    return document | changes


def question(tokens: Sequence[dict[str, str]], **changes: Any) -> dict[str, Any]:
    """A lookup of one person."""
    document: dict[str, Any] = {
        "identities": [dict(each) for each in tokens],
        "purpose": "refund_only_review",
        "order": unique("O"),
        "authorisation": {"basis": "separate_consent", "reference": "C-77"},
        "agent": REVIEWERS[0],
    }
    return document | changes
