"""What is counted says how far it was counted; what is missing says why."""

from datetime import timedelta
from typing import Any

import pytest

from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import new_uuid
from registry.oversight import indexing
from registry.oversight.indexing import COMMITTED_AFTER
from tests.oversight.test_api import SHARD
from tests.oversight.world import World, ok

OUTCOME = {"decision": "approved", "human_reviewed": True}
WINDOW = {"from": "2026-10-01T00:00:00Z", "until": "2026-10-20T00:00:00Z", "days": 1}


def outcome(world: World, lookup: str) -> None:
    target = f"/v1/lookups/{lookup.replace('ent_', 'lkp_')}/outcome"
    ok(world.platform().call("POST", target, OUTCOME), 201)


def counts(answer: Any) -> list[tuple[int, int]]:
    return [(each["lookups"], each["without_outcome"]) for each in answer["members"]]


def a_week(world: World) -> None:
    """A lookup a day, each with its outcome an hour later; nothing is indexed."""
    for number in range(7):
        lookup = world.look_up(f"person {number}")
        world.settle()
        world.move(hours=1)
        outcome(world, lookup)
        world.settle()
        world.move(hours=23)


def test_an_index_that_is_behind_makes_nobody_suspect(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup whose outcome is not indexed yet is not counted at all; each call goes further."""
    monkeypatch.setattr(indexing, "STEP_ENTRIES_MAX", 1)
    monkeypatch.setattr(indexing, "CATCH_UP_STEPS_MAX", 7)
    a_week(world)
    world.move(days=14)
    first = world.ask("reconciliations", WINDOW)
    [access] = [each for each in first["coverage"] if each["log"] == SHARD]
    assert (7, 14) == (access["indexed"], access["size"])
    # The seventh entry is the fourth lookup: its outcome is the first that is not indexed.
    covered = parse_instant(first["covered_until"])
    assert parse_instant(first["until"]) == covered - timedelta(days=1)
    assert (False, [(3, 0)]) == (first["complete"], counts(first))
    world.settle()
    second = world.ask("reconciliations", WINDOW)
    assert (True, WINDOW["until"], [(7, 0)]) == (
        second["complete"],
        second["until"],
        counts(second),
    )


def test_nothing_is_counted_where_nothing_is_covered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window ends where it begins, and is not called complete."""
    monkeypatch.setattr(indexing, "CATCH_UP_STEPS_MAX", 0)
    a_week(world)
    world.move(days=14)
    window = {**WINDOW, "from": "2026-10-06T00:00:00Z"}
    answer = world.ask("reconciliations", window)
    assert (False, window["from"], []) == (answer["complete"], answer["until"], answer["members"])


def test_what_waits_for_its_place_is_not_covered(world: World) -> None:
    """However far the index has got: the oldest that waits is where coverage ends."""
    lookup = world.look_up("ming")
    made_at = world.clock.now()
    world.settle()
    world.move(hours=1)
    outcome(world, lookup)
    waits_since = world.clock.now()
    world.move(days=14)
    answer = world.ask("reconciliations", WINDOW)
    assert format_instant(waits_since - COMMITTED_AFTER) == answer["covered_until"]
    assert (False, []) == (answer["complete"], answer["members"])
    world.settle()
    later = world.ask("reconciliations", {**WINDOW, "until": format_instant(made_at)})
    assert (True, []) == (later["complete"], later["members"])
    assert [(1, 0)] == counts(world.ask("reconciliations", WINDOW))


def test_a_search_says_until_when_it_has_seen_everything(world: World) -> None:
    """Shortly before now, where nothing waits."""
    world.look_up("ming")
    world.settle()
    found = world.ask("searches", {})
    assert format_instant(world.clock.now() - COMMITTED_AFTER) == found["covered_until"]


def test_the_oldest_is_indexed_first_of_whichever_log(world: World) -> None:
    """So that one log that grows keeps no other from being covered."""
    world.supervisor()
    world.look_up("ming")
    world.settle()
    world.ask("searches", {})
    world.settle()
    world.move(hours=1)
    world.file("hua")
    world.settle()
    world.move(hours=1)
    world.look_up("li")
    world.settle()
    indexer = world.node.auditing.indexer
    order: list[bytes] = []
    indexed = 1
    while indexed:
        rows = {bytes(row) for (row,) in world.rows("SELECT entry_id FROM oversight_index")}
        order += rows.difference(order)
        with world.node.database.transaction() as transaction:
            indexed = indexer.step(transaction, 1)
    made_at = [each[:6] for each in order[-3:]]
    assert 3 == len(set(made_at))
    assert sorted(made_at) == made_at


def test_a_sample_has_the_facts_of_all_that_is_not_erased(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the index has got there; what is erased says so and by which entry."""
    monkeypatch.setattr(indexing, "CATCH_UP_STEPS_MAX", 0)
    kept, gone = world.look_up("ming"), world.look_up("hua")
    world.settle()
    body = {"target": {"entry": gone}, "ground": "judgment"}
    order = world.ask("erasure-orders", body, 201)["order"]["id"]
    world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
    world.retain()
    asked = {"log": SHARD, "label": "audit", "count": 10, "types": ["lookup"]}
    drawn = {each["id"]: each for each in world.ask("samples", asked)["entries"]}
    assert {kept, gone} == drawn.keys()
    assert (None, None) == (drawn[kept]["missing"], drawn[kept]["erased_by"])
    assert ("staff-7", world.platform().member.id) == (
        drawn[kept]["facts"]["agent"],
        drawn[kept]["facts"]["member"],
    )
    assert ("erased", None) == (drawn[gone]["missing"], drawn[gone]["facts"])
    assert drawn[gone]["erased_by"].startswith("ent_")


def test_a_view_says_why_an_entry_is_not_shown(world: World) -> None:
    """It waits for its place, or there is none of this id."""
    shown = world.look_up("ming")
    world.settle()
    waiting = world.look_up("hua")
    unknown = f"ent_{new_uuid(world.clock.now())}"
    answer = world.ask("views", {"entries": [waiting, shown, unknown]})
    assert [shown] == [each["id"] for each in answer["entries"]]
    assert {waiting: "waiting", unknown: "unknown"} == answer["missing"]
