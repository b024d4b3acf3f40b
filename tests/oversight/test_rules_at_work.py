"""Each rule finds, in entries made through the doors, what it is for, and nothing of the rest.

The limits are a few each; what lies exactly on them is tested by counts.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from registry.incidents.rulings import Actor
from registry.kernel.ids import IncidentId, new_uuid
from registry.members.model import Role
from registry.oversight.flagging import Flagging, Progress
from registry.oversight.flags import Flagger
from registry.oversight.rules_reading import Rules, load_rules
from tests.nodes import new_caller
from tests.oversight.world import World, ok, question

FEW: Mapping[str, Mapping[str, int]] = {
    "volume": {"lookups_min": 20},
    "distinct_subjects": {"subjects_max": 15},
    "same_subject_again": {"lookups_max": 4},
    "same_subject_by_many": {"members_max": 2},
    "miss_rate": {"lookups_min": 10},
    "off_hours": {"lookups_min": 10},
    "after_dispute": {"lookups_max": 2},
    "supervisor_views": {"views_max": 5},
}


def few_of_each() -> Rules:
    published = load_rules()
    numbers = {name: {**each, **FEW[name]} for name, each in published.numbers.items()}
    return Rules(version="few", numbers=numbers)


def people(of: str, count: int) -> list[str]:
    return [f"{of} {number}" for number in range(count)]


def ask(world: World, by: str, names: Sequence[str], *, agent: str = "staff-7") -> None:
    """One call for all of them."""
    asked = [question(name, order=f"o-{n}", agent=agent) for n, name in enumerate(names)]
    answer = ok(world.platform(by).call("POST", "/v1/lookups/batch", {"lookups": asked}))
    assert len(names) == len(answer["results"])
    assert {200} == {each["status"] for each in answer["results"]}


def dispute(world: World, incident: str) -> None:
    """What appeals do when a person contests."""
    rulings, now = world.node.incidents.rulings, world.clock.now()
    actor = Actor(member=None, now=now, request_id=new_uuid(now))
    with world.node.database.transaction() as transaction:
        standing = rulings.find_and_lock(transaction, IncidentId(incident))
        assert standing is not None
        rulings.dispute(transaction, actor, standing)


def cases_of(world: World) -> list[Any]:
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = world.ask("cases/search", {**cursor, "limit": 100}, by="reader")
        found += page["cases"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def judge(world: World) -> None:
    """As the job does, with few of each."""
    auditing, edition = world.node.auditing, world.node.rulebook.current
    flagging = Flagging(
        flagger=Flagger(rules=few_of_each(), edition=edition),
        indexer=auditing.indexer,
        recorder=auditing.recorder,
        edition=edition,
    )
    progress = Progress.CAME_FORWARD
    while progress is Progress.CAME_FORWARD:
        with world.node.database.transaction() as transaction:
            progress = flagging.step(transaction, world.clock.now(), 50)
    assert Progress.IS_COMPLETE is progress


def test_each_rule_finds_its_own_and_nobody_else(world: World) -> None:
    """Who asks every day as they always did is in no case; eight who do not are, each in one."""
    for name in ("bureau", "peeper", "reader"):
        roles = frozenset({Role.SUPERVISOR})
        world.members[name] = new_caller(world.node, world.app, name, roles)
    known = {"steady": 12, "surge": 12, "fisher": 16, "nosy": 1, "owl": 10, "hunter": 1, "all": 1}
    filed = {
        name: world.file(name, by="reporter", reference=name.replace(" ", "-"))
        for of, count in known.items()
        for name in people(of, count)
    }
    # Until all of it is in effect.
    world.move(days=20)
    for day in range(4):
        of_the_day = [f"steady {(3 * day + n) % 12}" for n in range(3)]
        ask(world, "steady", of_the_day)
        ask(world, "surge", [f"surge {2 * day + n}" for n in range(2)])
        world.ask("searches", {})
        world.settle()
        world.move(days=1)
    judge(world)
    assert [] == cases_of(world)

    ask(world, "steady", people("steady", 3))
    for part in (0, 12):
        ask(world, "surge", people("surge", 12), agent=f"staff-{part}")
    ask(world, "fisher", people("fisher", 16))
    ask(world, "nosy", people("nosy", 1) * 5)
    for member in ("one", "two", "three"):
        ask(world, member, people("all", 1))
    ask(world, "stranger", people("nobody", 10))
    dispute(world, filed["hunter 0"])
    ask(world, "hunter", people("hunter", 1) * 3)
    for _ in range(6):
        world.ask("searches", {}, by="peeper")
    world.settle()
    # Two at night in Shanghai.
    world.move(hours=14)
    ask(world, "owl", people("owl", 10))
    world.settle()
    world.clock.move(timedelta(hours=34))
    judge(world)
    names = {caller.member.id: name for name, caller in world.members.items()}
    expected = {
        ("volume", "surge"),
        ("distinct_subjects", "fisher"),
        ("same_subject_again", "nosy"),
        ("same_subject_by_many", None),
        ("miss_rate", "stranger"),
        ("off_hours", "owl"),
        ("after_dispute", "hunter"),
        ("supervisor_views", "peeper"),
    }
    assert expected == {(each["rule"], names.get(each["member"])) for each in cases_of(world)}
