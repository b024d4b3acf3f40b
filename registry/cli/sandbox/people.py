"""People who do not exist, and what they did: drawn once, the same at every run."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from registry.client import (
    Authorisation,
    Decision,
    Evidence,
    Identifier,
    IdentifierType,
    LookupRequest,
    Money,
    Notice,
    Outcome,
    Report,
)

HISTORY_DAYS = 540
# 555-0100 to 555-0199 are kept for fiction in every area; the first two hundred of
# these for the published identifiers and for trying things out.
_AREAS = (202, 212, 213, 305, 312, 404, 415, 503, 617, 702)
_PHONE_FIRST, _PHONE_LAST = 200, 100 * len(_AREAS) - 1
PEOPLE_MAX = _PHONE_LAST - _PHONE_FIRST + 1
_SEED = 20_260_101


class Platform(StrEnum):
    """The three made-up platforms."""

    HARBOUR = "Harbour Market"
    LANTERN = "Lantern Mall"
    KITE = "Kite Resale"


FURNISHERS = (Platform.HARBOUR, Platform.LANTERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A kind of fraud, and the evidence a platform would have of it."""

    code: str
    intent: str
    evidence: Sequence[str]
    decision: str = "refund_refused"
    role: str = "buyer"
    reviewers: int = 2


ACTS = (
    Act(
        code="B101",
        intent="The crack in the photo carries a generator's label and differs in each picture.",
        evidence=("E1", "E3", "E7"),
    ),
    Act(
        code="B102",
        intent="The photo of the damage was published by another shop two years earlier.",
        evidence=("E1", "E3", "E9"),
        reviewers=1,
    ),
    Act(
        code="B110",
        intent="The courier's picture shows the buyer receiving the parcel said to be missing.",
        evidence=("E1", "E2"),
        decision="refund_reversed",
        reviewers=1,
    ),
    Act(
        code="B111",
        intent="The returned parcel weighed 40 g; the camera sent weighs 610 g.",
        evidence=("E1", "E2"),
        reviewers=1,
    ),
    Act(
        code="B112",
        intent="The serial number of the returned phone is of another phone, reported stolen.",
        evidence=("E1", "E2", "E9"),
        decision="account_sanctioned",
    ),
    Act(
        code="B116",
        intent="The buyer took the refund and then the chargeback for the same order.",
        evidence=("E1", "E8"),
        decision="benefit_obtained",
        reviewers=1,
    ),
    Act(
        code="B121",
        intent="The cardholder and the bank confirmed that the card had been stolen.",
        evidence=("E6", "E8"),
        decision="account_sanctioned",
    ),
)
ACTS_BY_CODE = {act.code: act for act in ACTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A report at an instant; withdrawn later where `withdrawn_at` says so."""

    at: datetime
    platform: Platform
    report: Report
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A lookup at an instant, and what was decided after it."""

    at: datetime
    platform: Platform
    request: LookupRequest
    outcome: Outcome


Happening = Filing | Inquiry


def phone(number: int) -> Identifier:
    """The phone number of the made-up person of this number, from 0 to 999."""
    area, line = divmod(number, 100)
    return Identifier(type=IdentifierType.PHONE, value=f"+1 {_AREAS[area]} 555 01{line:02d}")


def happenings(*, people: int, now: datetime) -> list[Happening]:
    """What `people` people did in the 18 months before `now`, in order of time."""
    assert 0 <= people <= PEOPLE_MAX
    # Not for secrets: the same history each time is the point.
    dice = random.Random(_SEED)  # noqa: S311
    found: list[Happening] = []
    for person in range(_PHONE_FIRST, _PHONE_FIRST + people):
        identifier = phone(person)
        for _ in range(dice.choice((0, 1, 1, 2, 3, 5))):
            at = now - timedelta(days=dice.uniform(0.2, HISTORY_DAYS))
            found.append(_inquiry(dice, identifier, at))
        if dice.random() < 0.3:
            found.append(_filing(dice, identifier, now))
            if dice.random() < 0.3:
                found.append(_filing(dice, identifier, now))
    return sorted(found, key=lambda each: each.at)


def report_of(
    act: Act, identifiers: Sequence[Identifier], *, filed_at: datetime, reference: str
) -> Report:
    """A complete report of `act`, confirmed nine days before it is filed and notified eight."""
    occurred_on = (filed_at - timedelta(days=19)).date()
    confirmed_on = (filed_at - timedelta(days=10)).date()
    evidence = [
        Evidence(
            evidence_class=kind,
            digest=f"sha256:{hashlib.sha256(f'{reference} {kind}'.encode()).hexdigest()}",
            media_type="video/mp4" if kind == "E2" else "image/jpeg",
        )
        for kind in act.evidence
    ]
    verified = [
        Identifier(type=each.type, value=each.value, last_verified_on=occurred_on)
        for each in identifiers
    ]
    return Report(
        reference=reference,
        identities=verified,
        code=act.code,
        role=act.role,
        occurred_on=occurred_on,
        adult_attested=True,
        confirmed_on=confirmed_on,
        amount=Money(minor_units=12_900, currency="CNY"),
        order=f"order-{reference}",
        evidence=evidence,
        intent=act.intent,
        reviewers=[f"staff-{number:04d}" for number in range(17, 17 + act.reviewers)],
        decision=Decision(kind=act.decision, decided_on=confirmed_on),
        notice=Notice(
            delivered_at=(filed_at - timedelta(days=8)).replace(microsecond=0), channel="in_app"
        ),
    )


def question_about(
    identifiers: Sequence[Identifier], *, order: str, purpose: str = "refund_only_review"
) -> LookupRequest:
    """A platform's question before it decides about an order."""
    return LookupRequest(
        identities=identifiers,
        purpose=purpose,
        order=order,
        authorisation=Authorisation(basis="separate_consent", reference=f"consent-{order}"),
        agent="refund-desk",
    )


def _filing(dice: random.Random, identifier: Identifier, now: datetime) -> Filing:
    at = now - timedelta(days=dice.uniform(1, HISTORY_DAYS - 30))
    withdrawn_at = None
    if dice.random() < 0.12:
        withdrawn_at = min(at + timedelta(days=dice.uniform(2, 30)), now - timedelta(hours=1))
    reference = f"case-{dice.randrange(16**8):08x}"
    act = dice.choice(ACTS)
    return Filing(
        at=at,
        platform=dice.choice(FURNISHERS),
        report=report_of(act, [identifier], filed_at=at, reference=reference),
        withdrawn_at=withdrawn_at,
    )


def _inquiry(dice: random.Random, identifier: Identifier, at: datetime) -> Inquiry:
    purpose = dice.choice(
        ("refund_only_review", "refund_only_review", "return_review", "high_value_order_review")
    )
    order = f"order-{dice.randrange(16**8):08x}"
    decision = dice.choice(("approved", "approved", "returned", "escalated"))
    return Inquiry(
        at=at,
        platform=dice.choice(tuple(Platform)),
        request=question_about([identifier], order=order, purpose=purpose),
        outcome=Outcome(decision=decision, human_reviewed=dice.random() < 0.6),
    )
