"""The numbered migrations build exactly the tables the program declares."""

import importlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import registry
from registry.database.engine import Database
from registry.database.migrate import (
    SchemaOutOfDate,
    SchemaTooNew,
    downgrade,
    require_head,
    shipped_directory,
    upgrade,
)
from registry.database.types import metadata


def import_every_table() -> None:
    """Tables are declared where they are used; whoever declares one is imported."""
    package = Path(registry.__file__).parent
    for path in package.rglob("*.py"):
        if "sa.Table(" in path.read_text(encoding="utf-8"):
            words = path.relative_to(package.parent).with_suffix("").parts
            importlib.import_module(".".join(words))


def drift(database: Database) -> list[object]:
    import_every_table()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def what_is_there(database: Database) -> set[str]:
    """The names of tables, and on PostgreSQL of functions, besides alembic's own table."""
    with database.engine.connect() as connection:
        names = set(sa.inspect(connection).get_table_names())
        if not database.is_sqlite:
            functions = sa.text(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            )
            names |= set(connection.execute(functions).scalars())
    return names - {"alembic_version"}


def test_the_migrations_leave_no_drift(unmigrated_database: Database) -> None:
    """What they build is what the stores declare: tables, columns, types, indexes."""
    upgrade(unmigrated_database.engine)
    assert [] == drift(unmigrated_database)


def test_up_down_up_comes_back_to_the_same(unmigrated_database: Database) -> None:
    """Down takes everything away; up again builds it again."""
    upgrade(unmigrated_database.engine)
    first = what_is_there(unmigrated_database)
    downgrade(unmigrated_database.engine, "base")
    assert set() == what_is_there(unmigrated_database)
    upgrade(unmigrated_database.engine)
    assert first == what_is_there(unmigrated_database)
    assert [] == drift(unmigrated_database)


def test_each_step_can_be_taken_back(unmigrated_database: Database) -> None:
    """Every migration has a way down of its own."""
    script = ScriptDirectory(str(shipped_directory("migrations")))
    revisions = [each.revision for each in script.walk_revisions()][::-1]
    for revision in revisions:
        upgrade(unmigrated_database.engine, revision)
        before = what_is_there(unmigrated_database)
        downgrade(unmigrated_database.engine, "-1")
        upgrade(unmigrated_database.engine, revision)
        assert before == what_is_there(unmigrated_database)


def test_upgrading_twice_is_upgrading_once(database: Database) -> None:
    """A deployment may run it again."""
    upgrade(database.engine)
    require_head(database.engine)


def test_a_database_behind_the_program_stops_the_start(unmigrated_database: Database) -> None:
    """At nothing, or a step short."""
    with pytest.raises(SchemaOutOfDate):
        require_head(unmigrated_database.engine)
    upgrade(unmigrated_database.engine)
    require_head(unmigrated_database.engine)
    downgrade(unmigrated_database.engine, "-1")
    with pytest.raises(SchemaOutOfDate):
        require_head(unmigrated_database.engine)


def test_an_older_program_leaves_a_newer_database_alone(unmigrated_database: Database) -> None:
    """It says so, to who would serve as to who would migrate."""
    upgrade(unmigrated_database.engine)
    with unmigrated_database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for each in (require_head, upgrade):
        with pytest.raises(SchemaTooNew, match="9999"):
            each(unmigrated_database.engine)
    with unmigrated_database.engine.connect() as connection:
        assert "9999" == connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def test_migrations_are_numbered_without_a_gap() -> None:
    """One chain; the file says its number and its words."""
    script = ScriptDirectory(str(shipped_directory("migrations")))
    chain = list(script.walk_revisions())[::-1]
    assert [f"{number:04}" for number in range(1, len(chain) + 1)] == [
        revision.revision for revision in chain
    ]
    for revision in chain:
        assert Path(revision.path).name.startswith(f"{revision.revision}_")
