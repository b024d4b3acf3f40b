"""Whoever proves one number reads the same, whatever is known of another."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.kernel.ids import new_incident_id
from tests.lookups.samples import Market
from tests.subjects.person import Person
from tests.subjects.test_own_record import NUMBER, OTHER, asked, filed

ACTS = ("file", "look up", "freeze", "state", "contest", "withdraw", "correct")
# Of each answer, what says when it was given and that it was recorded.
_ACTS_SO_FAR = count()
PASSING = {"receipt", "instance", "at", "proven_at", "inputs"}


def steady(value: Any) -> Any:
    """An answer without what differs each time."""
    if isinstance(value, dict):
        return {name: steady(each) for name, each in value.items() if name not in PASSING}
    return [steady(each) for each in value] if isinstance(value, list) else value


class Neighbour:
    """Somebody with the other number, of whom more and more is known."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.person = Person(app=market.app, node=market.node)
        self.person.sign_in(OTHER)
        self.incidents: list[str] = []
        self._file()

    def do(self, act: str) -> None:
        ways: dict[str, Callable[[], Any]] = {
            "file": self._file,
            "look up": lambda: asked(self.market, OTHER),
            "freeze": lambda: self.person.call("PUT", "/v1/subject/freeze"),
            "state": lambda: self.person.call("PUT", "/v1/subject/statement", {"text": "No."}),
            "contest": self._contest,
            "withdraw": lambda: self.market.furnisher.call(
                "POST", f"/v1/incidents/{self.incidents[-1]}/withdrawal"
            ),
            "correct": self.market.node.worker.run_due,
        }
        ways[act]()

    def _file(self) -> None:
        # An act of its own each time: what was taken back would not come in again.
        number = next(_ACTS_SO_FAR)
        occurred_on = (self.market.today - timedelta(days=20 + number)).isoformat()
        more = {"order": f"order-{number}", "occurred_on": occurred_on}
        self.incidents.append(filed(self.market, OTHER, **more)["id"])

    def _contest(self) -> None:
        contest = {
            "incident": self.incidents[-1],
            "grounds": ["not_me"],
            "statement": "It was not me.",
            "then": "lodge",
        }
        self.person.call("POST", "/v1/subject/appeals", contest)


def read(stranger: Person, incident: str) -> list[Any]:
    """All a stranger can read, and what they are told of an incident that is another's."""
    contest = {"incident": incident, "grounds": ["not_me"], "statement": "Who?", "then": "lodge"}
    answers = [
        stranger.call("GET", "/v1/subject/record"),
        stranger.call("GET", "/v1/subject/incidents"),
        stranger.call("GET", "/v1/subject/corrections"),
        stranger.call("GET", "/v1/subject/appeals"),
        stranger.call("GET", "/v1/subject/jury"),
        stranger.call("GET", f"/v1/subject/corrections/{incident}/certificate"),
        stranger.call("POST", "/v1/subject/appeals", contest),
        Person(app=stranger.app, node=stranger.node).start(OTHER)[0],
    ]
    shown = [(each.status_code, steady(each.json)) for each in answers[:-1]]
    history = stranger.call("GET", "/v1/subject/history?limit=100").json["entries"]
    return [*shown, answers[-1].status_code, {each["type"] for each in history}]


def test_what_becomes_of_another_is_in_no_answer(market: Market) -> None:
    """The same answers for a number nothing is known of and for one with a history."""

    @settings(max_examples=8, deadline=None, derandomize=True, database=None)
    @given(acts=st.lists(st.sampled_from(ACTS), min_size=1, max_size=5))
    def hold(acts: list[str]) -> None:
        stranger = Person(app=market.app, node=market.node)
        stranger.sign_in(NUMBER)
        unknown = str(new_incident_id(market.clock.now()))
        market.node.sequencer.step()
        before = read(stranger, unknown)
        neighbour = Neighbour(market)
        for act in acts:
            neighbour.do(act)
            market.node.sequencer.step()
        assert before == read(stranger, unknown)
        for incident in neighbour.incidents:
            assert before == read(stranger, incident)

    hold()
