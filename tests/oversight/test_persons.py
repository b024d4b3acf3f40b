"""An erasure by order takes two persons, of two supervisors or of one."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from registry.crypto.signature import PrivateKey
from registry.kernel.ids import MemberId, Prefix, parse_id
from registry.ledger.erasure_model import Person
from registry.members.key_proof import JTI_BYTES, make_key_proof
from tests.nodes import ORIGIN, Caller
from tests.oversight.test_api import entry_of, opened
from tests.oversight.test_retention import opened_ids
from tests.oversight.world import World, ok

BUREAU, COURT = MemberId("mem_bureau"), MemberId("mem_court")


def second_key(world: World, caller: Caller) -> Caller:
    """The same member, signing with another key of its own."""
    key, now = PrivateKey.generate(), datetime.now(UTC)
    proof = make_key_proof(key, audience=ORIGIN, now=now, jti=secrets.token_bytes(JTI_BYTES))
    with world.node.database.transaction() as transaction:
        world.node.members.add_key(transaction, caller.member.id, proof, now)
    return replace(caller, key=key)


def test_one_supervisor_confirms_by_another_person_with_another_key(world: World) -> None:
    """Neither another name nor another key will do alone; both stand in the log and the order."""
    entry = world.look_up("ming")
    world.settle()
    first = world.supervisor()
    second = second_key(world, first)
    body = {"target": {"entry": entry}, "ground": "judgment", "agent": "officer 4"}
    order = world.ask("erasure-orders", body, 201)["order"]
    assert ("officer 4", None) == (order["ordered_agent"], order["decided_agent"])
    target = f"/v1/oversight/erasure-orders/{order['id']}/confirmation"
    for caller, said in (
        (first, {"agent": "officer 9"}),
        (second, {"agent": "Officer4 "}),
        (second, {"agent": "  "}),
        (second, {}),
    ):
        assert 403 == caller.call("POST", target, said).status_code, said
    world.retain()
    assert entry in opened_ids(world)
    answer = ok(second.call("POST", target, {"agent": "officer 9"}))
    assert ("confirmed", "officer 9") == (
        answer["order"]["state"],
        answer["order"]["decided_agent"],
    )
    _, header, _ = opened(world, entry_of(answer["receipt"]))
    assert ("confirmed", "officer 9") == (header["outcome"], header["agent"])
    world.retain()
    assert entry not in opened_ids(world)


def test_of_two_supervisors_nobody_needs_a_name(world: World) -> None:
    """Each signs for itself; whoever ordered without a name cannot be told from a colleague."""
    entry = world.look_up("ming")
    world.settle()
    body = {"target": {"entry": entry}, "ground": "judgment"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    second = second_key(world, world.supervisor())
    target = f"/v1/oversight/erasure-orders/{order}/confirmation"
    assert 403 == second.call("POST", target, {"agent": "officer 9"}).status_code
    answer = world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    assert "confirmed" == answer["order"]["state"]
    assert parse_id(Prefix.ENTRY, order)


def of_bureau(kid: str | None, agent: str | None = None) -> Person:
    return Person(member=BUREAU, kid=kid, agent=agent)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (of_bureau("k1"), Person(member=COURT, kid="k2"), True),
        (of_bureau("k1", "a"), Person(member=COURT, kid="k2"), True),
        (of_bureau("k1", "a"), of_bureau("k2", "b"), True),
        (of_bureau("k1", "a"), of_bureau("k1", "b"), False),
        (of_bureau("k1", "a"), of_bureau("k2", "A"), False),
        (of_bureau("k1", "李"), of_bureau("k2", " 李 "), False),
        (of_bureau("k1", "a"), of_bureau("k2"), False),
        (of_bureau(None), of_bureau("k2", "b"), False),
    ],
)
def test_who_is_another_person(first: Person, second: Person, expected: bool) -> None:
    """Whichever of the two is asked."""
    assert expected is second.is_another_than(first)
    assert expected is first.is_another_than(second)
