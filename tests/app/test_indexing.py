"""The index fills beside the API, and its thread ends when it is told to."""

import threading

from flask import Flask

from registry.app.indexing import Indexing
from registry.app.node import Node
from registry.kernel.clock import MovableClock
from tests.oversight.world import World


def test_what_is_sequenced_is_indexed(node: Node, app: Flask, clock: MovableClock) -> None:
    """Step by step until nothing is left; a step with nothing to do writes nothing."""
    world = World(node=node, app=app, clock=clock)
    for name in ("ming", "hua"):
        world.look_up(name)
    world.settle()
    indexing = Indexing(node)
    indexing._step()
    with node.database.reading() as transaction:
        coverage = node.auditing.indexer.coverage(transaction)
    assert [] == [each for each in coverage if each.indexed < each.size]
    assert 2 == world.rows("SELECT count(*) FROM oversight_index WHERE record_type = 16")[0][0]
    assert indexing._step() == indexing._step()


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


def test_the_thread_ends(app: Flask) -> None:
    """Within its step."""
    indexing = Indexing.start(app)
    indexing.stop()
    assert not indexing._thread.is_alive()
