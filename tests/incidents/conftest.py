"""A world on each kind of database."""

import pytest

from registry.database.engine import Database
from tests.incidents.world import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
