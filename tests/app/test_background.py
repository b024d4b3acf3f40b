"""What is done beside the API goes on whatever fails, halts where it must, ends when told to."""

import threading
from collections import Counter
from dataclasses import replace

import pytest
from flask import Flask

from registry.app import background
from registry.app.background import Background, Chore, repeat
from registry.app.chores import (
    ERRAND_LANES,
    chores_of_a_node,
    chores_of_a_server,
    indexing,
    working,
)
from registry.app.node import Node
from registry.database.transaction import DatabaseUnavailable
from registry.jobs.kinds import Periodic
from registry.kernel.clock import MovableClock
from registry.ledger.high_water import LogForked
from registry.settings import Place
from tests.oversight.world import World


def test_what_is_sequenced_is_indexed(node: Node, app: Flask, clock: MovableClock) -> None:
    """Step by step until nothing is left; a step with nothing to do writes nothing."""
    world = World(node=node, app=app, clock=clock)
    for name in ("ming", "hua"):
        world.look_up(name)
    world.settle()
    never = threading.Event()
    chore = indexing(node)
    chore.step(never)
    with node.database.reading() as transaction:
        coverage = node.auditing.indexer.coverage(transaction)
    assert [] == [each for each in coverage if each.indexed < each.size]
    assert 2 == world.rows("SELECT count(*) FROM oversight_index WHERE record_type = 16")[0][0]
    assert chore.step(never) == chore.step(never)


def test_two_indexers_index_once(node: Node, app: Flask, clock: MovableClock) -> None:
    """They wait for each other and go on where the other ended."""
    world = World(node=node, app=app, clock=clock)
    for number in range(20):
        world.look_up(f"person {number}")
    world.settle()

    def index() -> None:
        indexed = 1
        while indexed:
            with node.database.transaction() as transaction:
                indexed = node.auditing.indexer.step(transaction, 3)

    threads = [threading.Thread(target=index) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert 20 == world.rows("SELECT count(*) FROM oversight_index WHERE record_type = 16")[0][0]


def test_threads_do_a_nodes_chores_and_end(node: Node) -> None:
    """Logs, index and jobs, by the companion of a server."""
    chores = chores_of_a_node(node)
    lanes = 1 + ERRAND_LANES * len(node.worker.errands)
    expected = Counter(indexer=1, sequencer=1, jobs=lanes)
    assert expected == Counter(each.name for each in chores)
    assert ["screening", "companion"] == [each.name for each in chores_of_a_server(node)]
    threads = Background.start(chores)
    polled = threading.Event()
    try:
        while _done(node) < sum(isinstance(each, Periodic) for each in node.worker.kinds):
            assert not polled.wait(0.02)
    finally:
        Background.stop(threads)
    assert [] == [each for each in threads if each.is_running]

    settings = replace(node.settings, sequencer=Place.SEPARATE, jobs=Place.SEPARATE)
    apart = replace(node, settings=settings)
    assert ["indexer"] == [each.name for each in chores_of_a_node(apart)]
    assert ["jobs"] * lanes == [each.name for each in working(node)]


def _done(node: Node) -> int:
    """How many periodic kinds have run once."""
    with node.database.reading() as transaction:
        waiting = node.jobs.waiting(transaction, 100)
    return sum(each.run_at > node.clock.now() for each in waiting)


def test_a_chore_that_fails_is_begun_again_and_finished_at_the_end() -> None:
    """An error is a line, whatever it was; nothing ends but by the signal."""
    stop, said = threading.Event(), []

    def step(given: threading.Event) -> float:
        assert given is stop
        said.append("step")
        if len(said) == 3:
            stop.set()
            raise DatabaseUnavailable
        raise ValueError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "RETRY_SECONDS", 0.0)
        repeat(Chore(name="test", step=step, finish=lambda: said.append("finished")), stop)
    assert ["step", "step", "step", "finished"] == said


def test_what_halts_a_chore_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    """A thread says so at level CRITICAL; a command lets the error through."""

    def step(_stop: threading.Event) -> float:
        raise LogForked("another history")

    chore = Chore(name="sequencer", step=step, halted_by=(LogForked,))
    with pytest.raises(LogForked):
        repeat(chore, threading.Event())
    [thread] = Background.start([chore])
    thread._thread.join()
    [line] = [each for each in caplog.records if each.levelname == "CRITICAL"]
    assert ("registry.sequencer", "the sequencer has halted: another history") == (
        line.name,
        line.message,
    )
