"""A node, its members and a clock that stands where the sample filings are filed."""

import pytest
from flask import Flask

from registry.app.node import Node
from registry.kernel.clock import MovableClock
from tests.oversight.world import World
from tests.rulebook.filings import NOW


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
def world(node: Node, app: Flask, clock: MovableClock) -> World:
    return World(node=node, app=app, clock=clock)
