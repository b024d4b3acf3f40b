"""Nodes for the journeys: one that many tests share, and fresh ones for those that break it."""

from collections.abc import Iterator

import pytest

from tests.databases import Cluster
from tests.journeys.nodes import BOTH, FURNISHER, INQUIRER, Node, database_for, leaks, running_node
from tests.journeys.people import Platforms

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


@pytest.fixture(scope="session", params=KINDS)
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A served node that many tests share, on each database in turn."""
    yield from _node(request, tmp_path_factory)


@pytest.fixture(params=KINDS)
def own_node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A served node of this test's own, to be stopped and started, on each database in turn."""
    yield from _node(request, tmp_path_factory)


@pytest.fixture(scope="session")
def platforms(node: Node) -> Platforms:
    """Members on the shared node."""
    return Platforms(
        first=node.admit(*BOTH, options=["--reporter-group", "first-and-friends"]),
        second=node.admit(*FURNISHER),
        third=node.admit(*BOTH),
        inquirer=node.admit(*INQUIRER),
        affiliate=node.admit(*FURNISHER, options=["--reporter-group", "first-and-friends"]),
    )
