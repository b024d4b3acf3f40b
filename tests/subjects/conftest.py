"""A node whose both clocks are in the hand, and its application."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from registry.app.node import Node
from registry.kernel.clock import MovableClock
from tests.lookups.samples import Market, new_market
from tests.nodes import new_app, new_node


@pytest.fixture
def wall() -> MovableClock:
    """What sessions and codes go by."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
def node(
    tmp_path: Path, database_url: str, clock: MovableClock, wall: MovableClock
) -> Iterator[Node]:
    assembled = new_node(tmp_path / "node", database_url, clock, wall)
    yield assembled
    assembled.database.close()


@pytest.fixture
def app(node: Node) -> Flask:
    return new_app(node)


@pytest.fixture
def market(node: Node, app: Flask, clock: MovableClock) -> Market:
    return new_market(node, app, clock)
