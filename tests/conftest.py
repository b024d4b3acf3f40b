"""Databases for every test: migrated once a session, copied for each test, on both kinds."""

import itertools
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from registry.app.node import Node
from registry.database.engine import Database
from registry.kernel.clock import MovableClock
from tests.databases import Cluster, migrated, postgresql_cluster
from tests.nodes import new_app, new_node

TEMPLATE = "template_head"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL for the session (for each worker of pytest-xdist)."""
    with postgresql_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster) -> str:
    cluster.create(TEMPLATE)
    migrated(cluster.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "head.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of this test's own."""
    path = tmp_path / "registry.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(cluster: Cluster, postgresql_template: str) -> Iterator[str]:
    """A migrated, empty PostgreSQL database of this test's own."""
    name = f"test_{next(_numbers)}"
    cluster.create(name, postgresql_template)
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of this test's own, on each kind in turn."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The `database_url` database, opened as the program opens it."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a single table, on each kind in turn."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield opened
        opened.close()
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"empty_{next(_numbers)}"
    cluster.create(name)
    opened = Database(cluster.url(name))
    yield opened
    opened.close()
    cluster.drop(name)


@pytest.fixture
def clock() -> MovableClock:
    """The clock rules are applied by; it stands still until a test moves it."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
def node(tmp_path: Path, database_url: str, clock: MovableClock) -> Iterator[Node]:
    """A whole node on each kind of database in turn."""
    assembled = new_node(tmp_path / "node", database_url, clock)
    yield assembled
    assembled.database.close()


@pytest.fixture
def app(node: Node) -> Flask:
    """The application of `node`; `tests.nodes.new_caller` makes members that call it."""
    return new_app(node)
