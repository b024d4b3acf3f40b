"""Every rule judges every day once, in order, and none before all of it is indexed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from registry.oversight import flagging, indexing, upkeep
from registry.oversight.flagging import LOOK_BACK_DAYS_MAX, Progress
from registry.oversight.rules_reading import load_rules
from tests.oversight.test_api import SHARD
from tests.oversight.world import World


def ask_often(world: World, name: str = "ming", times: int = 11) -> None:
    for number in range(times):
        world.look_up(name, order=f"o-{number}")
    world.settle()


def windows(world: World) -> list[tuple[str, str]]:
    """Rule and last day of every case, in the order of the days."""
    cases = world.ask("cases/search", {})["cases"]
    return sorted((each["window"]["until"], each["rule"]) for each in cases)


def judged_before(world: World) -> set[Any]:
    return {str(day) for (day,) in world.rows("SELECT next_day FROM oversight_days")}


def test_days_the_worker_was_away_are_judged_when_it_is_back(world: World) -> None:
    """Each of three days is judged; what was judged is not judged again."""
    world.node.worker.run_due()
    for _ in range(3):
        ask_often(world)
        world.move(days=1)
    world.node.worker.run_due()
    found = Counter(rule for _, rule in windows(world))
    assert {"same_subject_again": 1} == found
    [case] = world.ask("cases/search", {})["cases"]
    assert ({"lookups": 33}, "2026-10-08T16:00:00Z") == (case["facts"], case["window"]["until"])
    assert {"2026-10-09"} == judged_before(world)
    world.clock.move(upkeep.FLAGS_EVERY)
    world.node.worker.run_due()
    assert found == Counter(rule for _, rule in windows(world))


def test_a_missed_day_is_found_though_its_window_is_over(world: World) -> None:
    """What was asked on the first of twenty days that nobody judged."""
    ask_often(world)
    world.move(days=20)
    world.node.worker.run_due()
    week = load_rules().numbers["same_subject_again"]["window_days"]
    # As long as the day is in a window; midnight in Shanghai is 16 o'clock of the day before.
    last = date(2026, 10, 6) + timedelta(days=week - 1)
    assert [(f"{last}T16:00:00Z", "same_subject_again")] == windows(world)
    [case] = world.ask("cases/search", {})["cases"]
    assert f"{date(2026, 10, 6) - timedelta(days=week)}T16:00:00Z" == case["window"]["from"]
    world.settle()
    assert [] == world.ask("flags", {})["cases"]


def test_a_log_that_grows_all_the_time_keeps_no_rule_from_its_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made after the window's end need not be indexed."""
    monkeypatch.setattr(upkeep, "ENTRIES_MAX", 4)
    ask_often(world)
    world.move(days=1)
    ask_often(world, "hua", 40)
    world.node.worker.run_due()
    assert ["same_subject_again"] == [rule for _, rule in windows(world)]
    [(indexed,)] = world.rows("SELECT count(*) FROM oversight_index WHERE record_type = 16")
    assert 11 <= indexed < 51


def test_no_rule_judges_a_day_that_is_not_whole(world: World) -> None:
    """While an entry of it waits for its place nothing is judged, and nothing is skipped."""
    for number in range(10):
        world.look_up("ming", order=f"o-{number}")
    world.settle()
    world.look_up("ming", order="o-10")
    world.move(days=1)
    world.node.worker.run_due()
    waiting = world.ask("flags", {})
    assert (False, [], "2026-10-05T16:00:00Z") == (
        waiting["complete"],
        waiting["cases"],
        waiting["until"],
    )
    world.settle()
    world.clock.move(upkeep.FLAGS_WAIT)
    world.node.worker.run_due()
    [case] = world.ask("cases/search", {})["cases"]
    assert {"lookups": 11} == case["facts"]


def test_a_call_judges_what_it_can_and_says_what_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that is behind is brought forward step by step; no day is judged before."""
    monkeypatch.setattr(indexing, "STEP_ENTRIES_MAX", 4)
    monkeypatch.setattr(indexing, "CATCH_UP_STEPS_MAX", 2)
    monkeypatch.setattr(flagging, "WINDOWS_AT_ONCE_MAX", 5)
    ask_often(world)
    world.move(days=1)
    first = world.ask("flags", {})
    assert (False, []) == (first["complete"], first["cases"])
    assert first["covered_until"] < "2026-10-06T16:00:00Z"
    [access] = [each for each in first["coverage"] if each["log"] == SHARD]
    assert (8, 11) == (access["indexed"], access["size"])
    answers = [world.ask("flags", {}) for _ in range(3)]
    assert [False, True, True] == [each["complete"] for each in answers]
    assert [1, 0, 0] == [len(each["cases"]) for each in answers]
    assert "2026-10-06T16:00:00Z" == answers[-1]["until"]


def test_new_rules_look_back_a_month_and_no_further(world: World) -> None:
    """And a node where nothing ever happened has judged all of it."""
    world.node.worker.run_due()
    assert {"2026-10-06"} == judged_before(world)
    with world.node.database.transaction() as transaction:
        transaction.raw_cursor().execute("DELETE FROM oversight_days")
    ask_often(world)
    world.move(days=LOOK_BACK_DAYS_MAX + 10)
    ask_often(world, "hua")
    world.move(days=1)
    world.node.worker.run_due()
    assert ["same_subject_again"] == [rule for _, rule in windows(world)]


def test_several_at_once_judge_each_day_once(world: World) -> None:
    """Threads that step over the same days wait for each other and leave one case of each."""
    for _ in range(3):
        ask_often(world)
        world.move(days=1)
    flagging, now = world.node.auditing.flagging, world.clock.now()

    def step_to_the_end() -> Progress:
        progress = Progress.CAME_FORWARD
        while progress is Progress.CAME_FORWARD:
            with world.node.database.transaction() as transaction:
                progress = flagging.step(transaction, now, 7)
        return progress

    with ThreadPoolExecutor(3) as pool:
        ended = [pool.submit(step_to_the_end) for _ in range(3)]
    assert {Progress.IS_COMPLETE} == {each.result() for each in ended}
    assert [("2026-10-08T16:00:00Z", "same_subject_again")] == windows(world)
    assert {"2026-10-09"} == judged_before(world)


def test_two_at_once_judge_a_day_once(world: World) -> None:
    """A supervisor's call beside the job: one case, one row for each rule."""
    ask_often(world)
    world.move(days=1)
    assert 1 == len(world.ask("flags", {})["cases"])
    world.node.worker.run_due()
    assert 1 == len(windows(world))
    rules = len(load_rules().numbers)
    assert [(rules,)] == world.rows("SELECT count(*) FROM oversight_days")


def dispose(world: World, case: str) -> None:
    body = {"disposition": "explained", "why": "A test of ours."}
    world.ask(f"cases/{case}/dispositions", body, 201)


def test_overlapping_windows_are_one_case_while_it_is_open(world: World) -> None:
    """It grows and keeps the facts of the window with most; disposed of, new facts are another."""
    ask_often(world, times=20)
    world.move(days=1)
    world.node.worker.run_due()
    [first] = world.ask("cases/search", {})["cases"]
    world.move(days=6)
    ask_often(world, times=12)
    world.move(days=1)
    world.node.worker.run_due()
    [longer] = world.ask("cases/search", {})["cases"]
    # The window of the last day lost the first day's: 12 against 20.
    assert (first["id"], {"lookups": 20}) == (longer["id"], longer["facts"])
    assert first["window"]["from"] == longer["window"]["from"]
    assert first["window"]["until"] < longer["window"]["until"]
    dispose(world, longer["id"])
    # A window on, with nothing new: still those 12, which differ from what was explained.
    world.move(days=1)
    world.node.worker.run_due()
    [_, again] = world.ask("cases/search", {})["cases"]
    assert ({"lookups": 12}, "open") == (again["facts"], again["disposition"])
    dispose(world, again["id"])
    world.move(days=2)
    world.node.worker.run_due()
    assert 2 == len(windows(world))
    ask_often(world, times=1)
    world.move(days=1)
    world.node.worker.run_due()
    assert ["explained", "explained", "open"] == [
        each["disposition"] for each in world.ask("cases/search", {})["cases"]
    ]


def asked_again(world: World) -> int:
    return [rule for _, rule in windows(world)].count("same_subject_again")


def test_a_day_of_very_many_finds_is_judged_in_bounded_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step a few, killed between any two it goes on behind them, and each is one case."""
    monkeypatch.setattr(flagging, "FINDS_A_STEP_MAX", 3)
    monkeypatch.setattr(flagging, "FINDS_AT_ONCE_MAX", 2)
    for number in range(11):
        ask_often(world, f"person-{number}")
    world.move(days=1)
    assert 2 == len(world.ask("flags", {})["cases"])
    flags, now = world.node.auditing.flagging, world.clock.now()
    opened = []
    for _ in range(9):
        with world.node.database.transaction() as transaction:
            flags.step(transaction, now, 1000)
        opened.append(asked_again(world))
    # The other rules' days take steps of their own.
    assert [2, 5, 8, 11] == sorted({2, *opened})
    world.node.worker.run_due()
    assert 11 == asked_again(world)
    assert [(0,)] == world.rows("SELECT max(seen) FROM oversight_days")
