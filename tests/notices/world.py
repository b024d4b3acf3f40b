"""A node whose members are told things, with a clock in the hand and a worker at the call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import MovableClock
from registry.members.model import Role
from tests.lookups.samples import Market, new_market, question
from tests.nodes import Caller, new_caller


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A market whose promises are kept when a test says so."""

    node: Node
    app: Flask
    clock: MovableClock
    market: Market
    operator: Caller
    supervisor: Caller

    def work(self) -> None:
        """Does all jobs that are due."""
        self.node.worker.run_due()

    def move(self, **by: float) -> None:
        """Moves the clock and does what fell due at its end."""
        self.clock.move(timedelta(**by))
        self.work()

    def tell(self, member: Caller, event_type: str, **data: JsonValue) -> str:
        """Tells a member something; the id of the message."""
        with self.node.database.transaction() as transaction:
            return self.node.noticing.notices.tell_member(
                transaction,
                member=member.member.id,
                event_type=event_type,
                data=data,
                now=self.clock.now(),
            )

    def inquirer(self, name: str) -> Caller:
        return new_caller(self.node, self.app, name, frozenset({Role.INQUIRER}))

    def told(self, member: Caller) -> list[tuple[str, Mapping[str, Any]]]:
        """Type and data of all that a member was told."""
        notices = ok(member.call("GET", "/v1/notices"))["notices"]
        return [(each["type"], each["data"]) for each in notices]


def new_world(node: Node, app: Flask, clock: MovableClock) -> World:
    """The world on `node`."""
    return World(
        node=node,
        app=app,
        clock=clock,
        market=new_market(node, app, clock),
        operator=new_caller(node, app, "Operator", frozenset({Role.OPERATOR})),
        supervisor=new_caller(node, app, "Bureau", frozenset({Role.SUPERVISOR})),
    )


def look_up(member: Caller, *people: str) -> str:
    """The id of a lookup that was answered."""
    return str(ok(member.call("POST", "/v1/lookups", question(*people)))["lookup"]["id"])


def ok(answer: TestResponse, status: int = 200) -> Any:
    assert status == answer.status_code, answer.text
    return answer.json
