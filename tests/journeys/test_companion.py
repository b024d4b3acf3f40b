"""One process beside the server's sequences, indexes and does jobs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from bench.servers import children_of
from tests.databases import Cluster
from tests.journeys.nodes import (
    REGISTRY,
    Node,
    database_for,
    faults,
    free_port,
    running_node,
    wait_until_ready,
)

SECONDS_MAX = 60

T = TypeVar("T")


@pytest.fixture(params=["sqlite", "postgresql"])
def beside(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Node]:
    """A fresh node, served by one process on SQLite and by two on PostgreSQL."""
    with (
        database_for(request.param, tmp_path, cluster) as url,
        running_node(tmp_path / "home", url) as running,
    ):
        yield running


def test_one_companion_does_what_the_server_promised(beside: Node) -> None:
    """There is one, whatever the number of workers, and what waits gets its place."""
    [companion] = _until(lambda: _companions(beside), lambda found: len(found) == 1)
    workers = 1 if beside.database_url.startswith("sqlite") else 2
    assert workers == len(_workers(beside)), "one of them began it"
    beside.admit("inquirer")
    _until(lambda: beside.rows("SELECT count(*) FROM pending_entries"), lambda rows: rows == [(0,)])
    assert [(0,)] != beside.rows("SELECT count(*) FROM log_entries")
    assert [companion] == _companions(beside)
    assert [] == faults(beside.lines())


def test_another_takes_the_place_of_one_that_was_killed(beside: Node) -> None:
    """And entries that came in between have their places then."""
    [first] = _until(lambda: _companions(beside), lambda found: len(found) == 1)
    os.kill(first, signal.SIGKILL)
    beside.admit("inquirer")
    [second] = _until(lambda: _companions(beside), lambda found: found not in ([], [first]))
    assert first != second
    _until(lambda: beside.rows("SELECT count(*) FROM pending_entries"), lambda rows: rows == [(0,)])


def test_it_ends_with_the_process_that_began_it(beside: Node) -> None:
    """However that one ends, and another process begins the next: never two, never none."""
    [first] = _until(lambda: _companions(beside), lambda found: len(found) == 1)
    os.kill(_parent(first), signal.SIGKILL)
    _until(lambda: _exists(first), lambda exists: not exists)
    [second] = _until(lambda: _companions(beside), lambda found: len(found) == 1)
    beside.stop()
    _until(lambda: _exists(second), lambda exists: not exists)


def test_a_second_server_of_a_home_leaves_it_the_work(beside: Node, tmp_path: Path) -> None:
    """It begins a companion when the first server has ended, and its with it."""
    [first] = _until(lambda: _companions(beside), lambda found: len(found) == 1)
    address = ("127.0.0.1", free_port())
    other = Node(home=beside.home, origin=beside.origin, database_url=beside.database_url)
    lines_file = tmp_path / "other.txt"
    with lines_file.open("wb") as lines:
        other.server = subprocess.Popen(
            [REGISTRY, "serve", "--bind", f"127.0.0.1:{address[1]}"],
            env=other.environment,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_ready(address, other.server, lines_file)
        assert ([first], []) == (_companions(beside), _companions(other))
        beside.stop()
        [second] = _until(lambda: _companions(other), lambda found: len(found) == 1)
        assert first != second
    finally:
        other.close()


def _companions(node: Node) -> list[int]:
    """The processes that were begun as companions by workers of this node's server."""
    return [
        child
        for worker in _workers(node)
        for child in children_of(worker)
        if b"registry.app.companion" in _command(child)
    ]


def _workers(node: Node) -> list[int]:
    return [] if node.server is None else children_of(node.server.pid)


def _parent(process: int) -> int:
    """Its parent; 0 when it is gone, or is but a corpse."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] == "Z" else int(fields[1])


def _exists(process: int) -> bool:
    return _parent(process) != 0


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _until(look: Callable[[], T], is_there: Callable[[T], bool]) -> T:
    """What is seen once it is there; fails when that takes too long."""
    deadline = time.monotonic() + SECONDS_MAX
    while not is_there(found := look()):
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.02)
    return found
