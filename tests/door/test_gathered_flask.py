"""Flask answers what its threads bring together as its views answer it alone."""

import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from registry.door import gathered_flask, gathering
from registry.door.arrivals import Arrival, Reply
from registry.door.gathered_flask import gather
from registry.door.gathering import Done, Gatherer
from registry.door.work import LookupWork
from registry.ledger.model import RecordType
from tests.door.alike import CALLS, EVALUATION, header_names, revoked, steady
from tests.door.asgi import signed
from tests.lookups.samples import Market, question
from tests.nodes import new_app, new_caller

LONG = 30
PLAIN = {
    "a hit",
    "nobody known",
    "a refused purpose",
    "an unknown key id",
    "a batch",
    "a batch of misfits",
    "an evaluation",
    "an element that is none",
    "an evaluation key unknown",
}


@pytest.fixture
def gathered(market: Market) -> Market:
    """The market, whose Flask gathers; everyone's calls go there, and keys are known."""
    app = gather(new_app(market.node))
    assert 200 == market.inquirer.call("GET", "/v1/members/me").status_code
    return replace(
        market,
        app=app,
        furnisher=replace(market.furnisher, app=app),
        other_furnisher=replace(market.other_furnisher, app=app),
        inquirer=replace(market.inquirer, app=app),
    )


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_answered_as_by_its_view(
    market: Market, gathered: Market, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, headers and document of every kind of answer; what is odd is the view's."""
    market.report("ming")
    alone = market.inquirer.call(*CALLS[name])
    arrivals: list[Arrival] = []
    answer = Gatherer.answer

    async def noted(gatherer: Gatherer, arrival: Arrival) -> Reply:
        arrivals.append(arrival)
        return await answer(gatherer, arrival)

    monkeypatch.setattr(Gatherer, "answer", noted)
    together = gathered.inquirer.call(*CALLS[name])
    assert (name in PLAIN) == (len(arrivals) == 1)
    assert alone.status_code == together.status_code
    assert alone.content_type == together.content_type
    assert steady(alone.json) == steady(together.json)
    assert alone.json.keys() == together.json.keys()
    assert header_names(alone) == header_names(together)


def test_a_report_is_answered_as_by_its_view(market: Market, gathered: Market) -> None:
    """Filed, filed again, and filed otherwise under the same reference."""
    filing = market.filing("ming")
    first = gathered.furnisher.call("POST", "/v1/incidents", filing)
    again = market.furnisher.call("POST", "/v1/incidents", filing)
    assert (201, 200) == (first.status_code, again.status_code)
    assert first.json == again.json
    assert first.headers["ETag"] == again.headers["ETag"]
    assert first.headers["Location"] == again.headers["Location"]
    other = {**filing, "code": "B120"}
    statuses = [
        each.furnisher.call("POST", "/v1/incidents", other).status_code
        for each in (market, gathered)
    ]
    assert 1 == len(set(statuses))
    assert statuses[0] >= 400


def test_what_threads_bring_meanwhile_is_one_batch(
    gathered: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is answered the others gather; each gets its own answer and entry."""
    sizes: list[int] = []
    begun, go, arrived = threading.Event(), threading.Event(), threading.Semaphore(0)
    perform, answer = LookupWork.perform, Gatherer.answer

    def held(work: LookupWork, arrivals: Sequence[Arrival]) -> Done:
        sizes.append(len(arrivals))
        begun.set()
        assert go.wait(LONG)
        return perform(work, arrivals)

    async def counted(gatherer: Gatherer, arrival: Arrival) -> Reply:
        arrived.release()
        return await answer(gatherer, arrival)

    monkeypatch.setattr(LookupWork, "perform", held)
    monkeypatch.setattr(Gatherer, "answer", counted)
    monkeypatch.setattr(gathering, "HOLDING_SECONDS_MAX", LONG)
    gathered.report("ming")
    refused = question("ming", purpose="own_record")
    with ThreadPoolExecutor(5) as threads:

        def ask(document: Any) -> Future[TestResponse]:
            return threads.submit(gathered.inquirer.call, "POST", "/v1/lookups", document)

        asked = [ask(question("ming", order="first"))]
        assert begun.wait(LONG)
        asked += [ask(each) for each in (question("nobody"), refused, question("ming"))]
        asked.append(
            threads.submit(revoked(gathered).call, "POST", "/v1/lookups", question("ming"))
        )
        assert all(arrived.acquire(timeout=LONG) for _ in range(5))
        go.set()
        answers = [each.result(LONG) for each in asked]
    assert [1, 4] == sizes
    assert [200, 200, 403, 200, 401] == [each.status_code for each in answers]
    assert [1, 0, 1] == [answers[at].json["incidents"]["active"] for at in (0, 1, 3)]
    assert 3 == len(gathered.entries(RecordType.LOOKUP))
    assert 1 == len(gathered.entries(RecordType.REFUSED_LOOKUP))


def test_a_call_is_answered_once_gathered_or_alone(market: Market, gathered: Market) -> None:
    """What one has seen the other refuses."""
    once = signed(market.inquirer, "POST", "/v1/lookups", question("ming"))
    statuses = [
        app.test_client()
        .post("/v1/lookups", data=once.pieces[0], headers=dict(once.headers))
        .status_code
        for app in (gathered.app, market.app, gathered.app)
    ]
    assert [200, 401, 401] == statuses
    assert 1 == len(market.entries(RecordType.LOOKUP))


def test_an_idempotency_key_holds(gathered: Market) -> None:
    """Such a call is its view's: answered with the same lookup again, and logged once."""
    first, second = (
        gathered.inquirer.call(
            "POST", "/v1/lookups", question("a"), headers={"Idempotency-Key": "key-1"}
        )
        for _ in range(2)
    )
    assert (200, first.data) == (first.status_code, second.data)
    assert 1 == len(gathered.entries(RecordType.LOOKUP))


def test_what_cannot_be_answered_now_is_told_alike(
    market: Market, gathered: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for the log: a 503 with the time to wait, and what is left of the limit."""
    full = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    alone, together = (
        each.inquirer.call("POST", "/v1/lookups", question("ming")) for each in (market, gathered)
    )
    assert (503, 503) == (alone.status_code, together.status_code)
    assert steady(alone.json) == steady(together.json)
    assert header_names(alone) == header_names(together)
    assert {"retry-after", "ratelimit"} <= header_names(together)


def test_beyond_its_limit_a_member_is_told_so(gathered: Market) -> None:
    """The call after the last is a 429 with the time to wait; quotas are in the headers."""
    caller = new_caller(gathered.node, gathered.app, "Slow", requests_per_minute=2)
    evaluated = caller.call("POST", "/v1/evaluations", EVALUATION)
    assert {"requests", "evaluations"} == {
        each.partition(";")[0].strip(' "') for each in evaluated.headers["RateLimit"].split(",")
    }
    answers = [caller.call("POST", "/v1/lookups", question("a")) for _ in range(2)]
    assert [200, 429] == [each.status_code for each in answers]
    assert 1 <= int(answers[1].headers["Retry-After"]) <= 60


def test_a_stall_leaves_a_thread_to_tell_of_it(
    gathered: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thread is told soon, and then everyone at once; the others wait for answers."""
    begun, go = threading.Event(), threading.Event()
    perform = LookupWork.perform

    def held(work: LookupWork, arrivals: Sequence[Arrival]) -> Done:
        begun.set()
        assert go.wait(LONG)
        return perform(work, arrivals)

    monkeypatch.setattr(LookupWork, "perform", held)
    monkeypatch.setattr(gathering, "STALLED_SECONDS", 0.2)
    monkeypatch.setattr(gathered_flask, "LAST_THREAD_SECONDS_MAX", 0.3)
    threads_of_a_server = gathered.node.settings.threads

    def ask() -> TestResponse:
        return gathered.inquirer.call("POST", "/v1/lookups", question("ming"))

    with ThreadPoolExecutor(threads_of_a_server) as threads:
        asked = [threads.submit(ask) for _ in range(threads_of_a_server)]
        assert begun.wait(LONG)
        last = next(as_completed(asked, LONG)).result()
        at_once = ask()
        go.set()
        answers = [each.result(LONG) for each in asked]
    assert (503, 503) == (last.status_code, at_once.status_code)
    assert ("1", "1") == (last.headers["Retry-After"], at_once.headers["Retry-After"])
    assert (threads_of_a_server - 1) * [200] + [503] == sorted(each.status_code for each in answers)
    assert 200 == ask().status_code


def test_nothing_runs_before_the_first_call(market: Market) -> None:
    """A server may load the application and fork: a thread would not be there any more."""
    before = threading.active_count()
    app = gather(new_app(market.node))
    assert before == threading.active_count()
    caller = replace(market.inquirer, app=app)
    assert 200 == caller.call("POST", "/v1/lookups", question("a")).status_code
    assert before < threading.active_count()
