"""A platform, an operator and people with phones, for tests of appeals over the wire."""

from datetime import date, timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.kernel.clock import MovableClock
from registry.members.model import Role
from tests.incidents.door import document
from tests.nodes import new_caller
from tests.subjects.person import PHONE, Person, token_of

NUMBER, OTHER = "+8613800138000", "+8613900139000"
STATEMENT = "It was not me.\nI was in hospital that week."
REASONS = "The parcel was weighed at the counter, and the photo had been published before."


def ok(answer: TestResponse, status: int = 200) -> Any:
    assert status == answer.status_code, answer.text
    return answer.json


def slug(answer: TestResponse, status: int) -> str:
    return str(ok(answer, status)["type"]).rpartition("/")[2]


class Town:
    """A platform, an operator, and people with phones."""

    def __init__(self, node: Node, app: Flask, clock: MovableClock) -> None:
        self.node, self.app, self.clock = node, app, clock
        self.platform = new_caller(node, app, "alpha")
        self.operator = new_caller(node, app, "operator", frozenset({Role.OPERATOR}))

    def person(self, number: str = NUMBER, held_since: date = date(2020, 1, 1)) -> Person:
        person = Person(app=self.app, node=self.node)
        person.sign_in(number, held_since=held_since)
        return person

    def file(self, reference: str = "case-1", **changes: Any) -> str:
        identity = {**token_of(self.node, PHONE, NUMBER), "last_verified_on": "2026-10-01"}
        body = document(reference=reference, identities=[identity], **changes)
        return str(ok(self.platform.call("POST", "/v1/incidents", body), 201)["incident"]["id"])

    def look_up(self) -> Any:
        body = {
            "identities": [token_of(self.node, PHONE, NUMBER)],
            "purpose": "refund_only_review",
            "order": "order-7",
            "authorisation": {"basis": "separate_consent", "reference": "consent-7"},
            "agent": "staff-7",
        }
        return ok(self.platform.call("POST", "/v1/lookups", body))

    def move(self, **by: float) -> None:
        self.clock.move(timedelta(**by))
        self.node.worker.run_due()

    def review(self, appeal: str, act: str, status: int = 200, **said: Any) -> Any:
        body = {"reviewer": "staff-r1", **said}
        target = f"/v1/review/appeals/{appeal}/{act}"
        return ok(self.operator.call("POST", target, body), status)

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.node.database.reading() as transaction:
            cursor = transaction.raw_cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())


def lodge(person: Person, incident: str, *grounds: str) -> Any:
    body = {
        "incident": incident,
        "grounds": list(grounds or ["not_me"]),
        "statement": STATEMENT,
        "then": "lodge",
    }
    return ok(person.call("POST", "/v1/subject/appeals", body), 201)["appeal"]


def evidence_item() -> dict[str, str]:
    return {"class": "E1", "digest": "sha256:" + "ab" * 32, "media_type": "image/jpeg"}


def upload(person: Person, appeal: str, content: bytes, media_type: str) -> TestResponse:
    return person.app.test_client().post(
        f"/v1/subject/appeals/{appeal}/evidence",
        data=content,
        content_type=media_type,
        headers={"Authorization": f"Bearer {person.bearer}"},
    )
