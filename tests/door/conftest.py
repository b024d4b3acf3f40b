"""A market whose calls may go through either door."""

import pytest
from flask import Flask

from registry.app.node import Node
from registry.kernel.clock import MovableClock
from tests.lookups.samples import Market, new_market


@pytest.fixture
def market(node: Node, app: Flask, clock: MovableClock) -> Market:
    """Platforms that report and ask, on each kind of database in turn."""
    return new_market(node, app, clock)
