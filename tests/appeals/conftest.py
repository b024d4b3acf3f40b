"""A world of appeals on each kind of database."""

import pytest

from registry.database.engine import Database
from tests.appeals.world import AppealsWorld


@pytest.fixture
def world(database: Database) -> AppealsWorld:
    return AppealsWorld(database)
