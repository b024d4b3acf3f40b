"""A world for each test, on each database in turn."""

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.app.node import Node
from registry.kernel.clock import MovableClock
from tests.notices.receiver import Receiver, receiving
from tests.notices.world import World, new_world


@pytest.fixture
def world(node: Node, app: Flask, clock: MovableClock) -> World:
    return new_world(node, app, clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running
