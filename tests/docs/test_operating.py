"""The roles that docs/operating.md sets up serve and sequence, and cannot change an entry."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.exc import ProgrammingError

from registry.app.home import create_node
from registry.app.node import assemble
from registry.app.roles import RolesUnknown, grant
from registry.cli import main
from registry.database.engine import Database
from registry.database.migrate import require_head, upgrade
from registry.http import idempotency, replay
from registry.kernel.clock import MovableClock
from registry.settings import Settings
from tests.databases import Cluster
from tests.ledger.test_sequencer import NOW, append, make_ledger, make_sequencer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
TEXT = PAGE.read_text(encoding="utf-8")
(ROLES,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
(GRANT,) = re.findall(r"^registry (grant .*)$", TEXT, re.MULTILINE)


ALL_RIGHTS = {"SELECT", "INSERT", "UPDATE", "DELETE"}
READ = {"SELECT"}


@pytest.fixture
def cluster_with_roles(cluster: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """The database as the page says, migrated and granted by its owner."""
    superuser = cluster.url("postgres").replace("+psycopg", "")
    with psycopg.connect(superuser, autocommit=True) as connection:
        for statement in ROLES.strip().split(";")[:-1]:
            connection.execute(statement)
    owner = Database(_as(cluster, "registry_owner"))
    upgrade(owner.engine)
    owner.close()
    run_grant(cluster, tmp_path, GRANT)
    yield cluster
    cluster.drop("registry")
    with psycopg.connect(superuser, autocommit=True) as connection:
        for role in ("registry_app", "registry_sequencer", "registry_owner"):
            connection.execute(f"DROP ROLE {role}")


def run_grant(cluster: Cluster, home: Path, command: str) -> None:
    """The command of the page, as the owner."""
    environment = {
        "REGISTRY_HOME": str(home),
        "REGISTRY_DATABASE_URL": _as(cluster, "registry_owner"),
    }
    result = CliRunner().invoke(main, command.split(), env=environment)
    assert 0 == result.exit_code, result.output


def _as(cluster: Cluster, role: str) -> str:
    return cluster.url("registry").replace("//registry@", f"//{role}@")


def rights_of(cluster: Cluster, role: str) -> dict[str, set[str]]:
    """By table what a role may do to it."""
    with closing(Database(_as(cluster, role))) as database, database.reading() as transaction:
        tables = sa.inspect(database.engine).get_table_names()
        return {
            table: {
                right
                for right in (*ALL_RIGHTS, "TRUNCATE")
                if transaction.execute(
                    sa.select(sa.func.has_table_privilege(table, right))
                ).scalar_one()
            }
            for table in tables
        }


def test_the_serving_role_adds_entries_and_writes_nothing_else_of_the_logs(
    cluster_with_roles: Cluster,
) -> None:
    """It has what a node needs on each table; of places, tiles and heads it reads."""
    wanted = {
        "pending_entries": {"SELECT", "INSERT"},
        "log_entries": READ,
        "log_heads": READ,
        "log_tiles": READ,
        "sequencer_lease": READ,
        # To erase: a trigger lets it change nothing else.
        "log_payloads": {"SELECT", "INSERT", "UPDATE"},
        "log_subjects": {"SELECT", "UPDATE", "DELETE"},
        "first_checkpoints": {"SELECT", "INSERT", "DELETE"},
        "alembic_version": READ,
    }
    granted = rights_of(cluster_with_roles, "registry_app")
    assert {replay.seen_requests.name, idempotency.idempotent_answers.name} <= granted.keys()
    assert {table: wanted.get(table, ALL_RIGHTS) for table in granted} == granted


def test_the_sequencing_role_reaches_the_logs_and_no_person(cluster_with_roles: Cluster) -> None:
    """It gives what waits its place, and has no part in payloads or anything else."""
    wanted = {
        "pending_entries": {"SELECT", "DELETE"},
        "log_entries": {"SELECT", "INSERT"},
        "log_heads": {"SELECT", "INSERT", "UPDATE"},
        "log_tiles": {"SELECT", "INSERT", "UPDATE"},
        "sequencer_lease": {"SELECT", "INSERT", "UPDATE"},
        "log_subjects": {"INSERT"},
        "first_checkpoints": {"SELECT", "UPDATE"},
        "node_facts": {"SELECT", "INSERT"},
        "alembic_version": READ,
    }
    granted = rights_of(cluster_with_roles, "registry_sequencer")
    assert {table: wanted.get(table, set()) for table in granted} == granted


def test_one_role_adds_and_the_other_sequences(cluster_with_roles: Cluster, tmp_path: Path) -> None:
    """Each does its part of the work, and the database refuses it the other's."""
    with closing(Database(_as(cluster_with_roles, "registry_app"))) as serving:
        require_head(serving.engine)
        append(serving, make_ledger(), 3)
        with pytest.raises(ProgrammingError, match="permission denied"):
            make_sequencer(serving, tmp_path, MovableClock(NOW)).step()
        for statement in (
            "UPDATE pending_entries SET log = 1",
            "DELETE FROM pending_entries",
            "DELETE FROM log_entries",
            "UPDATE log_entries SET position = 1",
            "UPDATE log_heads SET size = 0",
            "ALTER TABLE log_entries DISABLE TRIGGER ALL",
        ):
            with pytest.raises(ProgrammingError), serving.transaction() as transaction:
                transaction.execute(sa.text(statement))
        with closing(Database(_as(cluster_with_roles, "registry_sequencer"))) as sequencing:
            require_head(sequencing.engine)
            stepped = make_sequencer(sequencing, tmp_path, MovableClock(NOW)).step()
            with pytest.raises(ProgrammingError, match="permission denied"):
                append(sequencing, make_ledger(), 1)
        assert (3, 2) == (stepped.sequenced, len(stepped.published))


def test_a_node_starts_as_either_role(cluster_with_roles: Cluster, tmp_path: Path) -> None:
    """Its first start, by the sequencer or the server, says whose database it is."""
    home = tmp_path / "node"
    for role in ("registry_sequencer", "registry_app"):
        settings = Settings(
            home=home,
            origin="https://registry.example",
            database_url=_as(cluster_with_roles, role),
        )
        if not home.exists():
            create_node(settings)
        assemble(settings).database.close()


def test_without_the_third_role_the_serving_one_sequences(
    cluster_with_roles: Cluster, tmp_path: Path
) -> None:
    """Granted anew without it; still no entry can be changed or deleted."""
    run_grant(cluster_with_roles, tmp_path, "grant --serving registry_app")
    granted = rights_of(cluster_with_roles, "registry_app")
    assert {"SELECT", "INSERT", "DELETE"} == granted["pending_entries"]
    assert {"SELECT", "INSERT"} == granted["log_entries"]
    assert {"SELECT", "INSERT", "UPDATE"} == granted["log_payloads"]
    with closing(Database(_as(cluster_with_roles, "registry_app"))) as serving:
        append(serving, make_ledger(), 3)
        stepped = make_sequencer(serving, tmp_path, MovableClock(NOW)).step()
    assert (3, 2) == (stepped.sequenced, len(stepped.published))


def test_grants_are_for_roles_there_are(cluster_with_roles: Cluster, sqlite_url: str) -> None:
    """A role that was not made, one role for both, and SQLite, which has none."""
    with closing(Database(_as(cluster_with_roles, "registry_owner"))) as owner:
        for sequencing in ("nobody_such", "registry_app"):
            with pytest.raises(RolesUnknown):
                grant(owner, serving="registry_app", sequencing=sequencing)
    with closing(Database(sqlite_url)) as embedded, pytest.raises(RolesUnknown):
        grant(embedded, serving="registry_app", sequencing=None)
