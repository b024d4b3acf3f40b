"""A worker that is killed in the middle of a delivery leaves it to the next."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

from registry.jobs.worker import Worker
from registry.kernel.clock import MovableClock, SystemClock
from tests.notices.receiver import Receiver
from tests.notices.world import World, ok

WORKER = (
    "from registry.app.node import open_node\n"
    "with open_node() as node:\n"
    "    node.worker.run_due()\n"
)


def test_a_message_whose_worker_was_killed_comes_again_under_its_id(
    world: World, receiver: Receiver
) -> None:
    """Killed with -9 after the receiver had it and before that was noted."""
    member = world.market.furnisher
    webhook = ok(member.call("POST", "/v1/webhooks", {"url": receiver.url}), 201)["webhook"]["id"]
    message = world.tell(member, "appeal.relayed")
    arrived, release = threading.Event(), threading.Event()
    receiver.hold = (arrived, release)
    settings = world.node.settings
    environment = os.environ | {
        "REGISTRY_HOME": str(settings.home),
        "REGISTRY_DATABASE_URL": settings.database_url,
    }
    dying = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
    try:
        assert arrived.wait(60)
    finally:
        dying.send_signal(signal.SIGKILL)
        dying.wait()
        receiver.hold = None
        release.set()
    deliveries = f"/v1/webhooks/{webhook}/deliveries"
    (standing,) = ok(member.call("GET", deliveries))["deliveries"]
    assert ("pending", []) == (standing["state"], standing["attempts"])
    # The lease of the dead one runs out by the machine's clock.
    later = MovableClock(SystemClock().now() + timedelta(minutes=5))
    Worker(
        database=world.node.database,
        clock=world.clock,
        wall=later,
        kinds=world.node.noticing.kinds,
    ).run_due()
    assert [message, message] == [each.id for each in receiver.received]
    (delivered,) = ok(member.call("GET", deliveries))["deliveries"]
    assert ("delivered", 1) == (delivered["state"], len(delivered["attempts"]))
