"""What is kept no longer goes by itself, and cases are raised, in small steps of jobs."""

import pytest
import sqlalchemy as sa

from registry.oversight import upkeep
from registry.oversight.upkeep import RETAIN_EVERY
from tests.oversight.test_retention import opened_ids
from tests.oversight.world import World


def test_time_limits_are_applied_by_jobs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing before its time; then, batch by batch, everything, what is held left behind."""
    monkeypatch.setattr(upkeep, "ENTRIES_MAX", 3)
    monkeypatch.setattr(upkeep, "INCIDENTS_MAX", 2)
    lookups = {world.look_up(f"person {number}") for number in range(7)}
    incidents = [world.file(f"person {number}", reference=str(number)) for number in range(7)]
    world.settle()
    world.node.worker.run_due()
    assert lookups <= opened_ids(world)
    for held in incidents[:4]:
        world.ask("legal-holds", {"target": {"incident": held}, "ground": "docket 1"}, 201)
    world.move(days=6 * 366)
    world.settle()
    assert 0 < world.node.worker.run_due()
    assert set() == lookups & opened_ids(world)
    left = {row[0] for row in world.rows("SELECT id FROM incidents")}
    assert set(incidents[:4]) == left
    assert [] == [each for each in world.retain() if each.entries or each.incidents]


def test_what_is_taken_back_goes_by_jobs_too(world: World) -> None:
    """After three working days; the walk over what expires and what was withdrawn ends."""
    incidents = [world.file("ming", reference=str(number)) for number in range(3)]
    for each in incidents[:2]:
        caller = world.platform()
        assert (
            200
            == caller.call("POST", f"/v1/incidents/{each}/withdrawal", {"reason": "r"}).status_code
        )
    world.settle()
    world.node.worker.run_due()
    assert 3 == len(world.rows("SELECT id FROM incidents"))
    world.move(days=6)
    world.node.worker.run_due()
    assert [(incidents[2],)] == world.rows("SELECT id FROM incidents")


def test_a_confirmed_order_is_carried_out_within_the_hour(world: World) -> None:
    """Nobody needs to run a command; one that is held does not keep the next one waiting."""
    kept, gone = world.look_up("ming"), world.look_up("hua")
    world.settle()
    world.node.worker.run_due()
    world.ask("legal-holds", {"target": {"entry": kept}, "ground": "docket 1"}, 201)
    for entry in (kept, gone):
        body = {"target": {"entry": entry}, "ground": "judgment"}
        order = world.ask("erasure-orders", body, 201)["order"]["id"]
        world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    world.clock.move(RETAIN_EVERY)
    world.node.worker.run_due()
    assert kept in opened_ids(world)
    assert gone not in opened_ids(world)


def test_the_rules_raise_cases_by_themselves(world: World) -> None:
    """Over an index that is brought up first; the same find twice is one case."""
    for _ in range(12):
        world.look_up("ming")
    world.settle()
    world.move(days=1)
    world.node.worker.run_due()
    raised = world.rows("SELECT rule FROM oversight_cases ORDER BY rule")
    assert ("same_subject_again",) in raised
    world.clock.move(upkeep.FLAGS_EVERY)
    world.node.worker.run_due()
    assert raised == world.rows("SELECT rule FROM oversight_cases ORDER BY rule")


def test_what_doors_remember_is_swept(world: World) -> None:
    """Requests that have expired by the machine's clock, and answers kept long enough."""
    world.look_up("ming")
    with world.node.database.transaction() as transaction:
        transaction.execute(sa.text("UPDATE seen_requests SET expires_at_seconds = 1"))
    world.look_up("ming")
    world.node.worker.run_due()
    assert 1 == len(world.rows("SELECT issuer FROM seen_requests"))
