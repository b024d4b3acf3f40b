"""Nodes for the journeys: one that many tests share, and fresh ones for those that break it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.databases import Cluster
from tests.journeys.independent import Answer, Member
from tests.journeys.nodes import (
    BOTH,
    FURNISHER,
    INQUIRER,
    Node,
    database_for,
    faults,
    leaks,
    running_node,
)
from tests.journeys.people import Platforms, phone
from tests.journeys.refusals import Refused, is_problem

# Each kind of database behind each door.
KINDS = ["sqlite-lean", "postgresql-lean", "sqlite-flask", "postgresql-flask"]


Served = Callable[[str], Node]


@contextmanager
def _node(kind: str, place: Path, cluster: Cluster) -> Iterator[Node]:
    """A served node, which must have been discreet and without a fault by its end."""
    database, _, door = kind.partition("-")
    with (
        database_for(database, place, cluster) as url,
        running_node(place / "home", url, door) as running,
    ):
        yield running
        assert [] == leaks(running.lines()) + faults(running.lines())


@pytest.fixture(scope="session")
def served(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Gives the session's one node of a kind, started when it is first asked for."""
    nodes: dict[str, Node] = {}
    with ExitStack() as stack:

        def on(kind: str) -> Node:
            if kind not in nodes:
                place = tmp_path_factory.mktemp(f"node-{kind}")
                nodes[kind] = stack.enter_context(_node(kind, place, cluster))
            return nodes[kind]

        yield on


@pytest.fixture(scope="session", params=KINDS)
def node(request: pytest.FixtureRequest, served: Served) -> Node:
    """A served node that many tests share, on each database and behind each door in turn."""
    return served(request.param)


@pytest.fixture(scope="module", params=KINDS)
def own_node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cluster: Cluster
) -> Iterator[Node]:
    """A served node of this module's own, to be stopped and started, of each kind in turn."""
    place = tmp_path_factory.mktemp(f"own-node-{request.param}")
    with _node(request.param, place, cluster) as running:
        yield running


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


@pytest.fixture(scope="module")
def member(node: Node) -> Member:
    """A member that may do everything a platform may."""
    return node.admit(*BOTH)


@pytest.fixture(scope="module")
def tokens(member: Member) -> list[dict[str, str]]:
    """The token of a person nothing is known about."""
    return member.tokens(phone())


@pytest.fixture
def refused(node: Node) -> Refused:
    """Holds an answer to a status, to the form of a problem, and to having left nothing."""
    kept = node.kept()

    def check(status: int, answer: Answer) -> Answer:
        assert status == answer.status, answer.body
        is_problem(answer, node)
        assert kept == node.kept()
        return answer

    return check
