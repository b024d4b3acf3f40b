"""A market for each test, on each database in turn."""

import pytest
from flask import Flask

from registry.app.node import Node
from registry.kernel.clock import MovableClock
from tests.lookups.samples import Market, new_market


@pytest.fixture
def market(node: Node, app: Flask, clock: MovableClock) -> Market:
    return new_market(node, app, clock)
