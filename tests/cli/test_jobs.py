"""An operator runs workers, sees what waits, and revives what was given up."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from registry.app.home import create_node
from registry.app.node import Node, assemble
from registry.cli import main
from registry.jobs.kinds import Periodic
from registry.jobs.model import JobDraft
from registry.kernel.clock import SystemClock
from registry.settings import Mode, Settings


@pytest.fixture
def node(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node named by the environment as in production, on each kind of database."""
    home = tmp_path / "node"
    create_node(Settings(home=home, origin="http://127.0.0.1:8080", mode=Mode.SANDBOX))
    monkeypatch.setenv("REGISTRY_HOME", str(home))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    assembled = assemble(Settings.load())
    yield assembled
    assembled.database.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def run_json(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def dead(node: Node, *kinds: str) -> list[UUID]:
    """Dead letters of these kinds."""
    made = []
    with node.database.transaction() as transaction:
        for kind in kinds:
            draft = JobDraft(kind=kind, payload={"n": 1}, run_at=SystemClock().now())
            made.append(node.jobs.enqueue(transaction, draft))
        transaction.execute(
            sa.text("UPDATE jobs SET dead_at = run_at, failures = 12, error = 'ValueError'")
        )
    return [each for each in made if each is not None]


def test_dead_letters_are_listed_shown_requeued_and_dropped(node: Node) -> None:
    """By id or all of a kind; what is not dead cannot be requeued."""
    first, second, third = dead(node, "a", "b", "b")
    assert [] == run_json("jobs", "list")
    listed = run_json("jobs", "list", "--dead")
    assert {str(first), str(second), str(third)} == {each["id"] for each in listed}
    shown = run_json("jobs", "show", str(first))
    assert ({"n": 1}, 12, "ValueError") == (
        shown["payload"],
        shown["failures"],
        shown["error"],
    )
    assert "Dead letters" in run("jobs", "list", "--dead").stdout
    assert "ValueError" in run("jobs", "show", str(first)).stdout

    assert [str(first)] == run_json("jobs", "requeue", str(first))["requeued"]
    assert 1 == run("jobs", "requeue", str(first)).exit_code
    assert [str(first)] == [each["id"] for each in run_json("jobs", "list")]
    assert str(second) == run_json("jobs", "drop", str(second))["id"]
    assert 1 == run("jobs", "show", str(second)).exit_code
    assert [str(third)] == run_json("jobs", "requeue", "--all", "--kind", "b")["requeued"]
    assert [] == run_json("jobs", "requeue", "--all")["requeued"]
    for wrong in ([], ["--all", str(third)], ["nonsense"]):
        assert 2 == run("jobs", "requeue", *wrong).exit_code


def test_the_worker_runs_as_a_command_until_a_signal(node: Node) -> None:
    """It does what is due, sees to periodic work, and ends well at SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from registry.cli import main; main()", "worker"],
        env={**os.environ, "REGISTRY_JOBS": "separate"},
        stderr=subprocess.PIPE,
    )
    ended = threading.Event()
    try:
        while _done(node) < _periodic(node):
            assert not ended.wait(0.05), "it runs until it is told to end"
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert 0 == process.returncode, said
    with node.database.reading() as transaction:
        standing = node.jobs.waiting(transaction, 100)
    # What they left for later waits beside them; nothing is held any more.
    assert {None} == {each.leased_until for each in standing}


def _periodic(node: Node) -> int:
    """How many kinds renew themselves."""
    return sum(isinstance(each, Periodic) for each in node.worker.kinds)


def _done(node: Node) -> int:
    """How many periodic kinds have run once."""
    now = SystemClock().now()
    with node.database.reading() as transaction:
        return sum(each.run_at > now for each in node.jobs.waiting(transaction, 100))
