"""Every event of appeals in any order, the clock moved in between: nothing is left hanging."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from registry.appeals import course
from registry.appeals.jury_verdicts import JuryVerdicts
from registry.appeals.model import Appeal, Ending, Ground, Milestone, Outcome, Stance, State
from registry.appeals.review import BlockWord
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.incidents.model import Amendment, Course, Incident
from registry.incidents.model import State as IncidentState
from registry.incidents.rulings import Ruling
from registry.kernel.problems import Problem
from tests.appeals.world import AppealsWorld

CODES = ("B110", "B101", "B121")
EDITIONS = ("cn-2026.1", "us-2026.1")
VERDICTS = (None, Ruling.UPHELD, Ruling.OVERTURNED)
# Longer than any way through both tiers, extensions included.
LONG_ENOUGH = timedelta(days=200)
STRIDES = 20
REMOVES = (Milestone.ANSWER, Milestone.ABSOLUTE_LIMIT, Milestone.PANEL_DECISION)


class Jury:
    """A jury that sits, or not, and says something only when it is told to."""

    def __init__(self) -> None:
        self.sits = True

    def convene(self, *_: object) -> bool:
        return self.sits

    def takes_evidence(self, *_: object) -> bool:
        return True


class Contests(RuleBasedStateMachine):
    """One person, three incidents, a furnisher, five reviewers, and a clock."""

    url = ""
    reached: ClassVar[set[State]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.database = Database(self.url)
        _empty(self.database)
        self.world = AppealsWorld(self.database)
        self.world.furnisher()
        self.world.staff()
        self.jury = Jury()
        self._seat_jury()
        self.incidents: list[Incident] = []
        self.appeals: dict[str, Appeal] = {}
        self.seen: dict[str, State] = {}

    def teardown(self) -> None:
        """No path leaves an incident contested for ever."""
        # In strides: a limit that follows another begins when that one was noticed.
        for _ in range(STRIDES):
            self.world.move_to(self.world.clock.now() + LONG_ENOUGH / STRIDES)
        for incident in self.incidents:
            state = self.world.state(self.world.incident(incident))
            assert state is not IncidentState.DISPUTED
        for appeal in list(self.appeals.values()):
            if self._exists(appeal):
                assert State.CLOSED is self.world.stored(appeal).state
        self.database.close()

    @initialize(code=st.sampled_from(CODES), ground=st.sampled_from(Ground), sits=st.booleans())
    def begins(self, code: str, ground: Ground, sits: bool) -> None:
        self.jury.sits = sits
        self.file(code)
        self.lodge(0, {ground}, True)

    @rule(edition=st.sampled_from(EDITIONS))
    def other_edition(self, edition: str) -> None:
        self.world.use(edition)
        self._seat_jury()

    @rule(which=st.integers(0, 5), seconds=st.booleans(), asks=st.booleans())
    def is_upheld_and_asked_again(self, which: int, seconds: bool, asks: bool) -> None:
        """The long way to a second tier, which single steps seldom find."""
        self._on(which, lambda appeal: self.world.own("lodge", appeal))
        self._on(which, self.world.acknowledge)
        self._on(which, lambda appeal: self.world.answer(appeal, Stance.STANDS, evidence=1))
        for reviewer in ("staff-r1", "staff-r2") if seconds else ("staff-r1",):
            self._on(which, lambda a, by=reviewer: self.world.decide(a, Ruling.UPHELD, by))
        if asks:
            self._on(which, lambda appeal: self.world.own("ask_second_tier", appeal))

    @rule(which=st.integers(0, 5), verdict=st.sampled_from(VERDICTS))
    def jury_finds(self, which: int, verdict: Ruling | None) -> None:
        self._on(which, lambda appeal: self._find(appeal, verdict))

    @rule(which=st.integers(0, 5), days=st.integers(1, 30))
    def jury_takes_its_time(self, which: int, days: int) -> None:
        self._on(which, lambda appeal: self._expect(appeal, timedelta(days=days)))

    @rule(code=st.sampled_from(CODES))
    def file(self, code: str) -> None:
        if len(self.incidents) < 3:
            self._try(lambda: self.incidents.append(self.world.filed(code)))

    @rule(
        which=st.integers(0, 2),
        grounds=st.sets(st.sampled_from(Ground), min_size=1, max_size=2),
        at_once=st.booleans(),
    )
    def lodge(self, which: int, grounds: set[Ground], at_once: bool) -> None:
        for incident in self.incidents[which : which + 1]:
            drafted = self._try(lambda i=incident: self.world.draft(i, *sorted(grounds)))
            if drafted is not None:
                self.appeals[drafted.id] = drafted
                if at_once:
                    self._try(lambda d=drafted: self.world.own("lodge", d))

    @rule(which=st.integers(0, 5), act=st.sampled_from(["withdraw", "lodge", "ask_second_tier"]))
    def person_acts(self, which: int, act: str) -> None:
        self._on(which, lambda appeal: self.world.own(act, appeal))

    @rule(which=st.integers(0, 5))
    def person_adds(self, which: int) -> None:
        self._on(which, lambda appeal: self.world.own("add_facts", appeal, ["A fact."]))
        self._on(which, lambda appeal: self.world.attach(appeal, b"A letter.", "text/plain"))

    @rule(which=st.integers(0, 5), stance=st.sampled_from(Stance), evidence=st.integers(0, 1))
    def furnisher_answers(self, which: int, stance: Stance, evidence: int) -> None:
        amendment = Amendment(order="amended") if stance is Stance.AMEND else None
        self._on(
            which,
            lambda appeal: self.world.answer(
                appeal, stance, evidence=evidence, amendment=amendment
            ),
        )

    @rule(which=st.integers(0, 2))
    def furnisher_withdraws(self, which: int) -> None:
        for incident in self.incidents[which : which + 1]:
            self._try(lambda i=incident: self._withdraw(i))

    @rule(
        which=st.integers(0, 5),
        ruling=st.sampled_from([Ruling.UPHELD, Ruling.OVERTURNED]),
        reviewer=st.integers(1, 5),
    )
    def reviewer_decides(self, which: int, ruling: Ruling, reviewer: int) -> None:
        self._on(which, lambda appeal: self.world.decide(appeal, ruling, f"staff-r{reviewer}"))

    @rule(which=st.integers(0, 5), word=st.sampled_from([None, *BlockWord]))
    def reviewer_reads(self, which: int, word: BlockWord | None) -> None:
        if word is None:
            self._on(which, self.world.acknowledge)
        else:
            self._on(which, lambda appeal: self._block(appeal, word))

    @rule(hours=st.integers(1, 24 * 12))
    def time_passes(self, hours: int) -> None:
        self.world.move_to(self.world.clock.now() + timedelta(hours=hours))

    @rule(which=st.integers(0, 5), hours=st.integers(1, 24 * 30), act=st.integers(0, 5))
    def someone_acts_while_no_job_runs(self, which: int, hours: int, act: int) -> None:
        """What had run out removes all the same, whatever anybody did before it was enforced."""
        self.world.clock.move(timedelta(hours=hours))
        over = [each for each in list(self.appeals.values()) if self._is_to_go(each)]
        acts = (
            lambda appeal: self.world.answer(appeal, Stance.STANDS, evidence=1),
            lambda appeal: self.world.decide(appeal, Ruling.UPHELD, "staff-r4"),
            lambda appeal: self.world.own("ask_second_tier", appeal),
            lambda appeal: self.world.own("add_facts", appeal, ["A fact."]),
            lambda appeal: self._block(appeal, BlockWord.REFUSE),
            self.world.acknowledge,
        )
        self._on(which, acts[act])
        self.world.enforce()
        for each in over:
            stored = self.world.stored(each)
            assert State.CLOSED is stored.state
            assert stored.outcome not in (Outcome.UPHELD, Outcome.AMENDED)

    @invariant()
    def each_state_follows_the_last(self) -> None:
        """No state that the rulebook does not list, reached by no way it does not."""
        for appeal in list(self.appeals.values()):
            if not self._exists(appeal):
                continue
            now = self.world.stored(appeal)
            before = self.seen.get(appeal.id, State.DRAFT)
            assert now.state is before or now.state in _reachable(before)
            self.seen[appeal.id] = now.state
            self.reached.add(now.state)
            assert (now.outcome is None) <= (now.state is not State.CLOSED)

    @invariant()
    def no_limit_passes_silently(self) -> None:
        """The job has run: whatever is over has an ending, and what was missed says so."""
        now = self.world.clock.now()
        for appeal in list(self.appeals.values()):
            if not self._exists(appeal):
                continue
            stored = self.world.stored(appeal)
            for milestone in course.CAN_BE_MISSED & stored.deadlines.keys():
                limit = stored.deadlines[milestone]
                is_missed = limit.ended_at is not None and limit.ended_at >= limit.due_at
                assert is_missed == (limit.ending is Ending.MISSED)
            if stored.state is State.CLOSED:
                assert stored.next_due_at is None
            assert stored.next_due_at is None or stored.next_due_at > now
            if stored.is_undecided:
                assert stored.next_due_at is not None

    @invariant()
    def contested_is_what_has_an_open_appeal(self) -> None:
        """The incident's course and its appeal say the same, and so does its standing."""
        contested = {
            self.world.stored(each).incident
            for each in list(self.appeals.values())
            if self._exists(each) and self.world.stored(each).is_undecided
        }
        for incident in self.incidents:
            stored = self.world.incident(incident)
            assert (stored.id in contested) == (stored.course is Course.DISPUTED)
            assert stored.block is None or stored.course is Course.DISPUTED

    def _on(self, which: int, act: Any) -> None:
        appeals = [each for each in list(self.appeals.values()) if self._exists(each)]
        if appeals:
            # The newest most often: what has ended takes no event any more.
            appeal = appeals[-1 - which % len(appeals)]
            self._try(lambda: act(appeal))

    def _try(self, act: Any) -> Any:
        """What cannot be done is a problem by name, and nothing else."""
        try:
            return act()
        except Problem:
            return None

    def _exists(self, appeal: Appeal) -> bool:
        # A draft that nobody went on with is forgotten in the end.
        lodged = self.seen.get(appeal.id, State.DRAFT) is not State.DRAFT
        return lodged or self._is_stored(appeal)

    def _is_stored(self, appeal: Appeal) -> bool:
        try:
            self.world.stored(appeal)
        except AssertionError:
            self.appeals.pop(appeal.id, None)
            return False
        return True

    def _is_to_go(self, appeal: Appeal) -> bool:
        if not self._exists(appeal):
            return False
        now, limits = self.world.clock.now(), self.world.stored(appeal).deadlines
        running = [limits[each] for each in REMOVES if each in limits and limits[each].is_running]
        return any(each.due_at <= now for each in running)

    def _seat_jury(self) -> None:
        appeals = self.world.contesting.appeals
        appeals._jury = self.jury  # type: ignore[assignment] # as much of the port as is used
        self.verdicts = JuryVerdicts(docket=appeals._docket)

    def _find(self, appeal: Appeal, verdict: Ruling | None) -> None:
        now = self.world.clock.now()

        def find(transaction: Transaction) -> None:
            if self.verdicts.awaits_jury(transaction, appeal.id):
                self.verdicts.receive_verdict(transaction, appeal.id, verdict, now)

        self.world.do(find)

    def _expect(self, appeal: Appeal, longer: timedelta) -> None:
        now = self.world.clock.now()

        def expect(transaction: Transaction) -> None:
            if self.verdicts.awaits_jury(transaction, appeal.id):
                self.verdicts.expect_verdict(transaction, appeal.id, now + longer, now)

        self.world.do(expect)

    def _withdraw(self, incident: Incident) -> None:
        with self.world.call() as call:
            self.world.incidents.withdraw(call, incident.id, None, None)

    def _block(self, appeal: Appeal, word: BlockWord) -> None:
        with self.world.staff_call() as call:
            self.world.contesting.reviews.rule_on_block(
                call, appeal.id, "staff-r1", word, "The police report was shown to us."
            )


def _reachable(state: State) -> set[State]:
    found: set[State] = set()
    ahead = [state]
    while ahead:
        for each in course.FOLLOWS[ahead.pop()]:
            if each not in found:
                found.add(each)
                ahead.append(each)
    return found


def _empty(database: Database) -> None:
    tables = (
        "appeal_files appeal_reviews appeal_texts appeal_events appeal_deadlines appeals"
        " precedents reinsertion_marks incident_identities incidents standings"
        " withheld_scopes member_keys members"
    )
    with database.transaction() as transaction:
        cursor = transaction.raw_cursor()
        for table in tables.split():
            cursor.execute(f"DELETE FROM {table}")


@pytest.fixture(params=["sqlite", "postgresql"])
def machine(request: pytest.FixtureRequest) -> type[Contests]:
    """The machine on one database of each kind, emptied before each run."""
    url = request.getfixturevalue(f"{request.param}_url")
    return type("Contests", (Contests,), {"url": url, "reached": set()})


def test_any_order_of_events_ends(machine: type[Contests]):
    """Whatever everyone does, whenever: decided in the end, every limit accounted for."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            # The same walks each time: those that reach every state.
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert set(State) == machine.reached


def test_every_state_ends_in_closed():
    """From each state of the table there is a way to the end, and none from there."""
    for state in State:
        ways = _reachable(state)
        assert (State.CLOSED in ways) or state is State.CLOSED
    assert set() == course.FOLLOWS[State.CLOSED]
    assert set(State) == course.FOLLOWS.keys()
    assert set(Milestone) == course.DUE.keys()
    assert Outcome.OVERTURNED
