"""Nodes for the journeys: one that many tests share, and fresh ones for those that break it."""

from collections.abc import Iterator

import pytest

from tests.databases import Cluster
from tests.journeys.nodes import Node, database_for, leaks, running_node

KINDS = ["sqlite", "postgresql"]


def _cluster(request: pytest.FixtureRequest) -> Cluster | None:
    if request.param == "sqlite":
        return None
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster


def _node(request: pytest.FixtureRequest, places: pytest.TempPathFactory) -> Iterator[Node]:
    place = places.mktemp(f"node-{request.param}")
    with (
        database_for(request.param, place, _cluster(request)) as url,
        running_node(place / "home", url) as node,
    ):
        yield node
        assert [] == leaks(node.lines())


@pytest.fixture(scope="module", params=KINDS)
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A served node that a module's tests share, on each database in turn."""
    yield from _node(request, tmp_path_factory)


@pytest.fixture(params=KINDS)
def own_node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A served node of this test's own, to be stopped and started, on each database in turn."""
    yield from _node(request, tmp_path_factory)
