"""Platforms that report and ask on one node, whose rules' clock is in the hand."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.kernel import base64url, strict_json
from registry.kernel.clock import MovableClock, format_instant
from registry.ledger.model import RecordType, decode_entry
from registry.members.model import Role
from registry.rulebook.model import Edition
from tests.nodes import Caller, new_caller

ZONE_OFFSET = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A node with a platform that reports, another that does, and one that asks."""

    node: Node
    app: Flask
    clock: MovableClock
    furnisher: Caller
    other_furnisher: Caller
    inquirer: Caller

    @property
    def edition(self) -> Edition:
        return self.node.rulebook.current

    @property
    def today(self) -> date:
        """The day of the edition's zone, by the rules' clock."""
        return (self.clock.now() + ZONE_OFFSET).date()

    def report(self, *people: str, **changes: Any) -> dict[str, Any]:
        """The answer to an accepted filing about someone known under these names."""
        answer = self.furnisher.call("POST", "/v1/incidents", self.filing(*people, **changes))
        assert answer.status_code == 201, answer.text
        filed: dict[str, Any] = answer.json
        return filed

    def filing(self, *people: str, **changes: Any) -> dict[str, Any]:
        """A filing that is in effect at once: its notice has run for a week."""
        now = self.clock.now()
        told_at = now - timedelta(days=7, minutes=1)
        decided_on = ((told_at + ZONE_OFFSET).date() - timedelta(days=1)).isoformat()
        verified_on = changes.pop("verified_on", self.today).isoformat()
        document = {
            "reference": secrets.token_hex(8),
            "identities": [{**identity(each), "last_verified_on": verified_on} for each in people],
            "code": "B110",
            "role": "buyer",
            "occurred_on": (self.today - timedelta(days=20)).isoformat(),
            "confirmed_on": decided_on,
            "evidence": [
                {
                    "class": each,
                    "digest": f"sha256:{sha256(each.encode()).hexdigest()}",
                    "media_type": "image/jpeg",
                }
                for each in ("E1", "E2")
            ],
            "intent": "The parcel was signed for and its weight was as sent.",
            "reviewers": ["one", "two"],
            "decision": {"kind": "refund_refused", "decided_on": decided_on},
            "notice": {
                "delivered_at": format_instant(told_at),
                "channel": "in_app",
                "reply": "none",
            },
            "adult_attested": True,
        }
        return document | changes

    def ask(self, *people: str, **changes: Any) -> dict[str, Any]:
        """The answer to a permitted lookup."""
        answer = self.look_up(*people, **changes)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def look_up(self, *people: str, **changes: Any) -> TestResponse:
        return self.inquirer.call("POST", "/v1/lookups", question(*people, **changes))

    def entries(self, record_type: RecordType) -> list[Mapping[str, Any]]:
        """Header and subject of every log entry of this type, in the order they were made."""
        with self.node.database.reading() as transaction:
            cursor = transaction.raw_cursor()
            cursor.execute("SELECT entry_id FROM pending_entries ORDER BY entry_id")
            ids = [UUID(bytes=bytes(row[0])) for row in cursor]
            openings = [self.node.ledger.opening(transaction, each) for each in ids]
        return [
            {
                "header": strict_json.parse(opening.header),
                "subject": strict_json.parse(opening.subject),
            }
            for opening in openings
            if opening and decode_entry(opening.entry).record_type is record_type
        ]


def new_market(node: Node, app: Flask, clock: MovableClock) -> Market:
    """The market on `node`, with members admitted."""
    both = frozenset({Role.FURNISHER, Role.INQUIRER})
    return Market(
        node=node,
        app=app,
        clock=clock,
        furnisher=new_caller(node, app, "Furnisher", both),
        other_furnisher=new_caller(node, app, "Other furnisher", both),
        inquirer=new_caller(node, app, "Inquirer", frozenset({Role.INQUIRER})),
    )


def token(person: str) -> str:
    """The identity token of a made-up person, in base64url."""
    return base64url.encode(sha256(person.encode()).digest())


def identity(person: str) -> dict[str, str]:
    """A person's identity under the node's one key."""
    return {"type": "phone/1", "key_id": "k1", "token": token(person)}


def question(*people: str, held_since: date | None = None, **changes: Any) -> dict[str, Any]:
    """A lookup of someone known under these names."""
    since = {} if held_since is None else {"held_since": held_since.isoformat()}
    document: dict[str, Any] = {
        "identities": [identity(each) | since for each in people],
        "purpose": "refund_only_review",
        "order": "O-1",
        "authorisation": {"basis": "separate_consent", "reference": "C-1"},
        "agent": "staff-1",
    }
    return document | changes


def batch(questions: Sequence[object]) -> dict[str, object]:
    """Several lookups at once."""
    return {"lookups": list(questions)}


def at_midnight(day: date) -> datetime:
    """The instant a day of the edition's zone begins."""
    return datetime.combine(day, datetime.min.time(), UTC) - ZONE_OFFSET
