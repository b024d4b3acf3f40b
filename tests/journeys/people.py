"""Made-up identifiers, and the two calls every journey makes."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tests.journeys.filings import ZONE_OFFSET, question
from tests.journeys.independent import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """Members with nothing in common, and one that belongs to the first's group."""

    first: Member
    second: Member
    third: Member
    inquirer: Member
    affiliate: Member


def phone() -> tuple[str, str]:
    """A number nobody else in this run has."""
    return "phone/1", f"+86138{secrets.randbelow(10**8):08d}"


def email() -> tuple[str, str]:
    """An address nobody else in this run has."""
    return "email/1", f"person-{secrets.token_hex(6)}@example.com"


def file(member: Member, document: dict[str, Any]) -> dict[str, Any]:
    """Reports, and gives the answer to the accepted filing."""
    answer = member.call("POST", "/v1/incidents", document)
    assert (201, "application/json") == (answer.status, answer.headers["content-type"])
    filed: dict[str, Any] = answer.json
    return filed


def ask(member: Member, tokens: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    """Looks one person up."""
    answer = member.call("POST", "/v1/lookups", question(tokens, **changes))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def day_of(lookup: dict[str, Any]) -> date:
    """The day of the edition's zone a lookup was answered on."""
    at = datetime.fromisoformat(lookup["lookup"]["at"])
    return (at + ZONE_OFFSET).date()


def about(found: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of the person, without what belongs to this one lookup."""
    return {name: value for name, value in found.items() if name not in {"lookup", "receipt"}}


def told_at(filing: dict[str, Any]) -> datetime:
    """When the notice of a filing was delivered."""
    return datetime.fromisoformat(filing["notice"]["delivered_at"])


CLEAN: dict[str, Any] = {
    "match": "none",
    "band": "N",
    "score": None,
    "reasons": [],
    "incidents": {"active": 0, "under_appeal": 0, "furnishers": 0, "latest_on": None},
    "protective": [],
    "advice": "proceed",
    "adverse_action_notice": None,
    "statement": None,
}
