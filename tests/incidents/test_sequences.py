"""Long sequences of calls: after each one the standings are what the incidents say."""

import random
from datetime import timedelta

import pytest

from registry.incidents.model import Amendment, Incident, State, etag_of
from registry.incidents.service import Filed
from tests.incidents.world import WEEK, World, report, with_notice
from tests.rulebook.filings import proved

PEOPLE = ("ming", "hong", "lan")
MEMBERS = ("alpha", "beta")
STEPS = 60


class Sequence:
    """Random calls, and beside them what everyone's standing ought to be."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.filed: dict[str, tuple[str, tuple[str, ...], Incident]] = {}

    def step(self) -> None:
        acts = [self.report, self.report, self.report_again, self.amend, self.withdraw, self.wait]
        self.random.choice(acts)()

    def report(self) -> None:
        member = self.random.choice(MEMBERS)
        names = tuple(self.random.sample(PEOPLE, self.random.randint(1, 3)))
        code = self.random.choice(["B114", "B110", "B101", "V402"])
        told_at = self.world.clock.now() - timedelta(hours=self.random.randint(0, 300))
        reference = f"case-{len(self.filed)}"
        # Each is an act of its own: what was withdrawn would not come back like this.
        day = proved().occurred_on - timedelta(days=len(self.filed))
        filed = report(
            reference,
            *names,
            code=code,
            occurred_on=day,
            order=reference,
            notice=with_notice(told_at),
        )
        incident = self.world.file(filed, by=member).incident
        self.filed[incident.id] = (member, names, incident)

    def report_again(self) -> None:
        for member, names, incident in self.some():
            again = report(
                incident.reference,
                *names,
                code=incident.filing.code,
                occurred_on=incident.filing.occurred_on,
                order=incident.filing.order,
                notice=incident.filing.notice,
            )
            if incident.version == 1:
                assert Filed.BEFORE is self.world.file(again, by=member).filed

    def amend(self) -> None:
        for member, names, incident in self.some():
            if self.world.state(incident) is State.WITHDRAWN:
                continue
            code = self.random.choice(["B114", "B110", "B101"])
            sample = proved(code)
            change = Amendment(
                code=code,
                role=sample.role,
                evidence=sample.evidence,
                notice=with_notice(self.world.clock.now()),
            )
            tag = etag_of(incident, self.world.state(incident))
            with self.world.call(member) as call:
                amended = self.world.incidents.amend(call, incident.id, change, tag)
            self.filed[incident.id] = (member, names, amended)
            self.world.move(timedelta(seconds=1))

    def withdraw(self) -> None:
        for member, names, incident in self.some():
            with self.world.call(member) as call:
                withdrawn = self.world.incidents.withdraw(call, incident.id, None, None)
            self.filed[incident.id] = (member, names, withdrawn)

    def wait(self) -> None:
        self.world.move(timedelta(days=self.random.randint(0, 3)))

    def some(self) -> list[tuple[str, tuple[str, ...], Incident]]:
        if not self.filed:
            return []
        return [self.filed[self.random.choice(list(self.filed))]]

    def check(self) -> None:
        for person in PEOPLE:
            standing = self.world.standing(person)
            known = {
                each.incident_id: (each.code, each.effective_at, each.expires_on)
                for each in (*standing.contributions, *standing.protective)
            }
            expected = {
                incident.id: (incident.filing.code, incident.effective_at, incident.expires_on)
                for _, names, incident in self.filed.values()
                if person in names and self.world.state(incident) is not State.WITHDRAWN
            }
            assert expected == known


@pytest.mark.parametrize("seed", range(3))
def test_standings_are_always_what_the_incidents_say(world: World, seed: int):
    """Whatever is reported, amended and withdrawn, in whatever order, for whomever."""
    world.move(2 * WEEK)
    sequence = Sequence(world, seed)
    for _ in range(STEPS):
        sequence.step()
        sequence.check()
    assert len(sequence.filed) == world.count("incidents")
