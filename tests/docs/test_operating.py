"""The roles that docs/operating.md sets up can serve, and cannot change an entry."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.migrate import require_head, upgrade
from registry.http import idempotency, replay
from tests.databases import Cluster

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
BEFORE, AFTER = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """The database as the page says, opened by the role that serves."""
    superuser = cluster.url("postgres").replace("+psycopg", "")
    with psycopg.connect(superuser, autocommit=True) as connection:
        for statement in BEFORE.strip().split(";")[:-1]:
            connection.execute(statement)
    owner = Database(_as(cluster, "registry_owner"))
    upgrade(owner.engine)
    owner.close()
    with psycopg.connect(_as(cluster, "registry_owner").replace("+psycopg", "")) as connection:
        connection.execute(AFTER)
    opened = Database(_as(cluster, "registry_app"))
    yield opened
    opened.close()
    cluster.drop("registry")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("DROP ROLE registry_app")
        connection.execute("DROP ROLE registry_owner")


def _as(cluster: Cluster, role: str) -> str:
    return cluster.url("registry").replace("//registry@", f"//{role}@")


def test_the_serving_role_reads_and_writes_every_table_but_changes_no_entry(
    database: Database,
) -> None:
    """It has what a node needs on each table, and no more on entries and the schema's version."""
    tables = sa.inspect(database.engine).get_table_names()
    wanted = {
        "pending_entries": {"SELECT", "INSERT", "DELETE"},
        "log_entries": {"SELECT", "INSERT"},
        "log_payloads": {"SELECT", "INSERT", "UPDATE"},
        "alembic_version": {"SELECT"},
    }
    with database.reading() as transaction:
        granted = {
            table: {
                right
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
                if transaction.execute(
                    sa.select(sa.func.has_table_privilege(table, right))
                ).scalar_one()
            }
            for table in tables
        }
    all_rights = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert {table: wanted.get(table, all_rights) for table in tables} == granted
    assert {replay.seen_requests.name, idempotency.idempotent_answers.name} <= set(tables)


def test_a_node_can_start_as_the_serving_role(database: Database) -> None:
    """The schema's version can be read by it."""
    require_head(database.engine)
