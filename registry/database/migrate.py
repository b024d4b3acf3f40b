"""Brings a database to the numbered migrations that this version ships."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from registry.kernel.problems import Kind, Problem, Text


class SchemaOutOfDate(Problem):
    """The database and the program are of different versions."""

    kind = Kind.UNAVAILABLE
    title = Text(en="The database needs migrating", zh="数据库需要迁移")
    advice = Text(en="The operator runs: registry migrate", zh="请运营者运行：registry migrate")


def shipped_directory(name: str) -> Path:
    """Where `migrations` or `api_spec` lies: inside the installed package, else beside it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Applies every migration up to `revision`; does nothing when there is none left."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Takes migrations back down to `revision`."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def require_head(engine: sa.Engine) -> None:
    """Promises that the database is at this program's head.

    Raises: SchemaOutOfDate.
    """
    head = _head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        raise SchemaOutOfDate(f"The database is at {current or 'nothing'}, the program at {head}.")


@cache
def _head() -> str | None:
    # Reads every migration; the files of a running program do not change.
    return ScriptDirectory(str(shipped_directory("migrations"))).get_current_head()


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped_directory("migrations")))
    config.attributes["connection"] = connection
    return config
