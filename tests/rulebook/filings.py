"""A filing that meets the whole standard of proof, to take things away from."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from registry.kernel.money import Money
from registry.rulebook.editions import load_editions
from registry.rulebook.filing import (
    DecisionKind,
    EvidenceItem,
    Filing,
    LinkedDecision,
    Notice,
    NoticeChannel,
    Reply,
)
from registry.rulebook.model import Code, Edition, EvidenceClass, Role

EDITION = load_editions()["cn-2026.1"]
NOW = datetime(2026, 10, 6, 4, 0, tzinfo=UTC)
OCCURRED_ON = date(2026, 10, 1)
CONFIRMED_ON = date(2026, 10, 5)
DECIDED_ON = date(2026, 10, 5)
DELIVERED_AT = datetime(2026, 10, 6, 3, 0, tzinfo=UTC)


def item(evidence_class: str, number: int = 0, **members: Any) -> EvidenceItem:
    """An item of this class with a digest of its own."""
    kind = EvidenceClass(evidence_class)
    return EvidenceItem(
        evidence_class=kind,
        digest=f"sha256:{list(EvidenceClass).index(kind):032x}{number:032x}",
        media_type="image/jpeg",
        **{"adjudicator": None, **members},
    )


def proved(code: str = "B101", edition: Edition = EDITION, **changes: Any) -> Filing:
    """A filing of `code` that lacks nothing, but for `changes`; an unknown code as B101."""
    entry = edition.codes.get(code, edition.codes["B101"])
    filing = Filing(
        code=code,
        role=Role.BUYER if entry.role is Role.EITHER else entry.role,
        occurred_on=OCCURRED_ON,
        confirmed_on=CONFIRMED_ON,
        amount=Money(minor_units=12_900, currency="CNY"),
        order="order-1",
        evidence=evidence_for(entry),
        intent="The photo was made by a generator; the buyer admitted it.",
        reviewers=("staff-0017", "staff-0093"),
        decision=LinkedDecision(kind=DecisionKind.REFUND_REFUSED, decided_on=DECIDED_ON),
        notice=Notice(delivered_at=DELIVERED_AT, channel=NoticeChannel.IN_APP, reply=Reply.NONE),
        adult_attested=True,
    )
    return replace(filing, **changes)


def evidence_for(code: Code) -> tuple[EvidenceItem, ...]:
    """The least evidence that code asks for."""
    needed = {min(group).value: 1 for group in code.evidence}
    for condition in code.conditions:
        kind = condition.evidence_class.value
        needed[kind] = max(condition.items_min, needed.get(kind, 0))
    return tuple(item(kind, number) for kind, count in needed.items() for number in range(count))
