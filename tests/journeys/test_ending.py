"""A server that is told to end lets go of what it holds until a time, before it is gone."""

import signal
import time
from datetime import UTC, datetime

import pytest

from registry.database.engine import Database
from registry.ledger.lease import sequencer_lease
from tests.journeys.nodes import BOTH, READY_TIMEOUT_SECONDS, Node


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_the_next_sequencer_need_not_wait_for_the_lease(own_node: Node, told: int) -> None:
    """The server's first process alone is told, as a service manager may do it."""
    node = own_node
    if node.server is None:
        node.start()
    node.admit(*BOTH)
    _wait_until_sequenced(node)
    server, node.server = node.server, None
    assert server is not None
    server.send_signal(told)
    assert 0 == server.wait(READY_TIMEOUT_SECONDS)
    database = Database(node.database_url)
    try:
        with database.reading() as transaction:
            held = transaction.execute(sequencer_lease.select()).one()
    finally:
        database.close()
    assert held.expires_at <= datetime.now(UTC)


def _wait_until_sequenced(node: Node) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while not node.rows("SELECT 1 FROM sequencer_lease"):
        assert time.monotonic() < deadline, node.lines()
        time.sleep(0.05)
    # Our own connection must not be what the server waits for at its end.
    node.close_reader()
