"""A world of appeals on each kind of database, and a town of people over the wire."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.database.engine import Database
from registry.kernel.clock import MovableClock
from tests.appeals.town import Town
from tests.appeals.world import AppealsWorld
from tests.nodes import new_app, new_node
from tests.rulebook.filings import NOW


@pytest.fixture
def world(database: Database) -> AppealsWorld:
    return AppealsWorld(database)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
def town(tmp_path: Path, database_url: str, clock: MovableClock) -> Iterator[Town]:
    node = new_node(tmp_path / "node", database_url, clock, MovableClock(NOW))
    yield Town(node, new_app(node), clock)
    node.database.close()
