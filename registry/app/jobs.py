"""Assembles the worker: the kinds of work of all rooms, and the hand that does them."""

from collections.abc import Sequence

from registry.database.engine import Database
from registry.jobs.kinds import Kind
from registry.jobs.worker import Worker
from registry.kernel.clock import Clock, SystemClock


def assemble_worker(database: Database, clock: Clock, kinds: Sequence[Kind]) -> Worker:
    """The worker of one node; each room's service gives its `kinds`."""
    # Leases are between processes: they go by the machine's clock, never by a moved one.
    return Worker(database=database, clock=clock, wall=SystemClock(), kinds=kinds)
