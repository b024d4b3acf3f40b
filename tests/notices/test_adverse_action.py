"""Who was refused something is told who decided, what was supplied by whom, and how to contest."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.nodes import Caller
from tests.notices.world import World, look_up, ok


def notice(member: Caller, lookup: str) -> Any:
    return member.call("POST", f"/v1/lookups/{lookup}/adverse-action-notice")


def test_the_notice_names_who_decided_and_who_supplied_what(world: World) -> None:
    """In members and as a text, in both languages, with the entry of the lookup."""
    world.market.report("ann")
    member = world.market.inquirer
    lookup = look_up(member, "ann")
    made = ok(notice(member, lookup))
    entry = lookup.replace("lkp_", "ent_")
    assert ("Inquirer", "match", entry) == (made["inquirer"], made["match"], made["entry"])
    assert [("B110", "Furnisher")] == [
        (each["code"], each["furnisher"]) for each in made["supplied"]
    ]
    english, chinese = made["text"]["en"], made["text"]["zh"]
    for text in (english, chinese):
        for fact in ("Inquirer", "Furnisher", "B110", lookup, entry, "https://registry.example"):
            assert fact in text
        assert "{" not in text
    assert "The registry did not take the decision" in english
    assert "登记系统并未作出该决定" in chinese
    assert "inc_" not in str(made), "incidents are for the person's own eyes"


def test_what_was_corrected_since_is_only_counted(world: World) -> None:
    """Its furnisher and its code are not told any more."""
    incident = world.market.report("ann")["incident"]["id"]
    lookup = look_up(world.market.inquirer, "ann")
    ok(world.market.furnisher.call("POST", f"/v1/incidents/{incident}/withdrawal"))
    made = ok(notice(world.market.inquirer, lookup))
    assert ([], 1) == (made["supplied"], made["corrected_since"])


def test_an_outcome_stands_in_the_notice(world: World) -> None:
    """And after an approval there is none to give."""
    world.market.report("ann")
    member = world.market.inquirer
    refused, approved = look_up(member, "ann"), look_up(member, "ann")
    for lookup, decision in ((refused, "refused"), (approved, "approved")):
        outcome = {"decision": decision, "human_reviewed": True}
        ok(member.call("POST", f"/v1/lookups/{lookup}/outcome", outcome), 201)
    assert "refused" == ok(notice(member, refused))["decision"]
    assert 409 == notice(member, approved).status_code


def test_there_is_none_where_nothing_was_known_or_for_another(world: World) -> None:
    """Not for a clean answer, not of another member's lookup, not of no lookup."""
    world.market.report("ann")
    member = world.market.inquirer
    assert 409 == notice(member, look_up(member, "bob")).status_code
    lookup = look_up(member, "ann")
    assert 404 == notice(world.market.other_furnisher, lookup).status_code
    assert 404 == notice(member, lookup.replace("lkp_", "ent_")).status_code


def test_the_day_is_that_of_the_person(world: World) -> None:
    """Seven in the morning in Shanghai is still the evening before in Greenwich."""
    world.market.report("ann")
    before_dawn = (world.clock.now() + timedelta(days=1)).astimezone(UTC).replace(hour=23)
    world.clock.move(before_dawn - world.clock.now())
    made = ok(notice(world.market.inquirer, look_up(world.market.inquirer, "ann")))
    looked_up_at = datetime.fromisoformat(made["looked_up_at"])
    assert 23 == looked_up_at.hour
    day = (looked_up_at.date() + timedelta(days=1)).isoformat()
    assert f"on {day}," in made["text"]["en"]
