"""Liveness needs nothing; readiness needs the database, at this program's schema."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from registry.app import health
from registry.app.facts import DatabaseOfAnotherNode
from registry.app.node import Node
from registry.database.engine import Database
from registry.jobs.model import JobDraft
from registry.kernel.clock import MovableClock, SystemClock
from tests.databases import Cluster
from tests.nodes import new_app, new_caller, new_node


def test_a_whole_node_lives_and_is_ready(app: Flask) -> None:
    """One word each; readiness tells how the jobs stand, too."""
    answers = [app.test_client().get(target) for target in ("/livez", "/readyz")]
    jobs = {"dead_letters": 0, "lag_seconds": 0}
    assert [(200, {"status": "alive"}), (200, {"status": "ready", "jobs": jobs})] == [
        (each.status_code, each.json) for each in answers
    ]


def test_readiness_tells_of_work_that_lags_or_was_given_up(
    app: Flask, node: Node, clock: MovableClock
) -> None:
    """It stays ready: calls are answered as before, and another node would lag as much."""
    due = JobDraft(kind="nobody.does", payload={}, run_at=clock.now())
    with node.database.transaction() as transaction:
        for _ in range(2):
            node.jobs.enqueue(transaction, due)
        transaction.execute(
            sa.text("UPDATE jobs SET dead_at = run_at WHERE id = (SELECT min(id) FROM jobs)")
            if node.database.is_sqlite
            else sa.text("UPDATE jobs SET dead_at = run_at WHERE ctid = '(0,1)'")
        )
    clock.move(timedelta(minutes=2))
    answer = app.test_client().get("/readyz")
    assert (200, {"dead_letters": 1, "lag_seconds": 120}) == (
        answer.status_code,
        answer.json["jobs"],
    )


def test_a_node_on_another_schema_is_not_ready(app: Flask, node: Node) -> None:
    """A database that is migrated away under a running node is told at once."""
    with node.database.transaction() as transaction:
        transaction.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    answer = app.test_client().get("/readyz")
    assert (503, "application/problem+json") == (answer.status_code, answer.content_type)
    assert answer.json["type"].endswith("/problems/schema-out-of-date")
    assert 200 == app.test_client().get("/livez").status_code


def test_whether_it_is_ready_is_told_in_time(
    tmp_path: Path, postgresql_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by who has just looked at the logs: each statement of a probe is bounded, so
    that none holds a thread for as long as the database does not answer."""
    node = new_node(tmp_path / "node", postgresql_url, clock)
    client = new_app(node).test_client()
    assert 200 == client.get("/readyz").status_code
    monkeypatch.setattr(health, "ANSWER_SECONDS_MAX", 0.2)
    other = Database(postgresql_url)
    with other.transaction() as elsewhere:
        elsewhere.execute(sa.text("LOCK TABLE alembic_version"))
        answer = client.get("/readyz")
    other.close()
    assert 503 == answer.status_code
    assert answer.json["type"].endswith("/problems/database-unavailable")
    assert 200 == client.get("/readyz").status_code
    node.database.close()


def test_a_node_without_its_database_lives_and_is_not_ready(
    tmp_path: Path, cluster: Cluster, postgresql_template: str
) -> None:
    """503 with Retry-After from everything that needs it, and back when it is back."""
    name = "test_gone"
    cluster.create(name, postgresql_template)
    node = new_node(tmp_path / "node", cluster.url(name), SystemClock())
    app = new_app(node)
    caller = new_caller(node, app, "Platform")
    assert 200 == caller.call("GET", "/v1/members/me").status_code
    cluster.drop(name)
    gone = [
        app.test_client().get("/readyz"),
        caller.call("GET", "/v1/members/me"),
        caller.call("POST", "/v1/lookups", {}),
        app.test_client().get("/v1/receipts/ent_01992f5e-7c00-7abc-8def-0123456789ab"),
    ]
    for answer in gone:
        assert (503, "1") == (answer.status_code, answer.headers["Retry-After"])
        assert answer.json["type"].endswith("/problems/database-unavailable")
    assert 200 == app.test_client().get("/livez").status_code
    assert 200 == app.test_client().get("/v1/rulebook").status_code
    cluster.create(name, postgresql_template)
    assert 200 == app.test_client().get("/readyz").status_code
    node.database.close()
    cluster.drop(name)


def test_a_node_does_not_start_on_another_nodes_database(tmp_path: Path, database_url: str) -> None:
    """Another pepper would make every subject look clean."""
    first = new_node(tmp_path / "first", database_url, SystemClock())
    first.database.close()
    with pytest.raises(DatabaseOfAnotherNode) as caught:
        new_node(tmp_path / "second", database_url, SystemClock())
    assert "pepper" in caught.value.detail
