"""A walk through pages ends, and shows each entry of its coverage once, while the log grows."""

from typing import Any
from uuid import UUID

import pytest

from registry.kernel.clock import parse_instant
from registry.kernel.ids import new_uuid
from registry.kernel.paging import CursorUnreadable, encode_cursor
from registry.ledger.model import Log, Shard
from registry.oversight.model import Coverage
from registry.oversight.walking import Walk, decode_walk, encode_walk
from tests.oversight.test_api import SHARD, export, listed
from tests.oversight.world import World, token

NOW = parse_instant("2026-10-06T04:00:00.000001Z")


@pytest.mark.parametrize("query", [{}, {"subject": token("ming")}], ids=["all", "about one"])
def test_pages_are_of_one_coverage(world: World, query: dict[str, Any]) -> None:
    """Each page is an entry itself; what comes between two pages is not in the walk."""
    entries = [world.look_up("ming", order=f"o-{number}") for number in range(5)]
    world.settle()
    page = world.ask("searches", {**query, "limit": 2})
    first, seen = page, listed(page)
    while page["next"] is not None:
        world.look_up("ming")
        world.settle()
        world.ask("searches", query)
        page = world.ask("searches", {**query, "limit": 2, "cursor": page["next"]})
        seen += listed(page)
        assert first["coverage"] == page["coverage"]
        assert first["covered_until"] == page["covered_until"]
        assert len(seen) <= len(entries)
    assert sorted(entries) == seen
    assert 5 < len(listed(world.ask("searches", query)))


def test_a_late_entry_shifts_no_page(world: World) -> None:
    """One that was made early and indexed late is in none of the pages, not in some."""
    for number in range(4):
        world.look_up("ming", order=f"o-{number}")
        world.move(minutes=1)
    world.settle()
    page = world.ask("searches", {"limit": 2})
    world.clock.move(-3 * (world.clock.now() - NOW) / 4)
    world.look_up("hua")
    world.settle()
    world.ask("searches", {})
    rest = world.ask("searches", {"limit": 10, "cursor": page["next"]})
    assert 4 == len(listed(page)) + len(listed(rest))


def test_an_export_says_how_much_it_has_seen(world: World) -> None:
    """In its headers; the next file is of the same coverage."""
    for number in range(3):
        world.look_up("ming", order=f"o-{number}")
    world.settle()
    _, _, headers = export(world, format="jsonl", limit=2)
    assert f"{SHARD}=3/3" in headers["Export-Coverage"]
    assert headers["Export-Covered-Until"] < "2026-10-06T04:00:00Z"
    world.settle()
    data, _, last = export(world, format="jsonl", limit=2, cursor=headers["Export-Next"])
    assert 1 == len(data.splitlines())
    assert headers["Export-Coverage"] == last["Export-Coverage"]
    assert "Export-Next" not in last


def test_a_cursor_comes_back_as_it_was() -> None:
    """And holds twenty years of both logs."""
    shards = [
        Shard(log=log, half_year=f"{2026 + number // 2}h{1 + number % 2}")
        for number in range(40)
        for log in Log
    ]
    coverage = tuple(Coverage(shard=each, indexed=12345678, size=98765432) for each in shards)
    walk = Walk(after=new_uuid(NOW), coverage=coverage, covered_until=NOW)
    assert walk == decode_walk(encode_walk(walk))
    assert len(encode_walk(walk)) <= 4096


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ent_x",
        f"ent_{UUID(int=7)}",
        "ent_01a10f5e-4a00-7251-956b-65b09214444c",
        "ent_01a10f5e-4a00-7251-956b-65b09214444c yesterday",
        "ent_01a10f5e-4a00-7251-956b-65b09214444c 2026-10-06T04:00:00Z access/2026h2:-1:0",
        "ent_01a10f5e-4a00-7251-956b-65b09214444c 2026-10-06T04:00:00Z others/2026h2:1:1",
        "ent_01a10f5e-4a00-7251-956b-65b09214444c 2026-10-06T04:00:00Z access:1",
    ],
)
def test_a_cursor_nobody_gave_out_is_refused(text: str) -> None:
    """Whatever stands in it."""
    with pytest.raises(CursorUnreadable):
        decode_walk(encode_cursor(text))
