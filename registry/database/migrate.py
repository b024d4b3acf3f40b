"""Brings a database to the numbered migrations that this version ships."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from registry.kernel.problems import Kind, Problem, Text

if TYPE_CHECKING:
    from alembic.config import Config

# As Alembic makes it.
_VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String))


class SchemaOutOfDate(Problem):
    """The database and the program are of different versions."""

    kind = Kind.UNAVAILABLE
    title = Text(en="The database needs migrating", zh="数据库需要迁移")
    advice = Text(en="The operator runs: registry migrate", zh="请运营者运行：registry migrate")


class SchemaTooNew(Problem):
    """The database was migrated by a later version than this program's."""

    kind = Kind.UNAVAILABLE
    title = Text(en="The database is of a later version", zh="数据库版本高于本程序")
    advice = Text(
        en="The operator runs the version that migrated it, or a later one.",
        zh="请运营者运行迁移该数据库的版本或更高版本。",
    )


def shipped_directory(name: str) -> Path:
    """Where `migrations` or `api_spec` lies: inside the installed package, else beside it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Applies every migration up to `revision`; does nothing when there is none left.

    Raises: SchemaTooNew.
    """
    from alembic import command  # a server never migrates: 10 MB it does without

    with engine.begin() as connection:
        _require_not_newer(_current(connection))
        command.upgrade(_config(connection), revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Takes migrations back down to `revision`."""
    from alembic import command

    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def require_head(engine: sa.Engine) -> None:
    """Promises that the database is at this program's head.

    Raises: SchemaOutOfDate, SchemaTooNew.
    """
    with engine.connect() as connection:
        require_connected_head(connection)


def require_connected_head(connection: sa.Connection) -> None:
    """As `require_head`, inside the unit of work at hand and its bounds."""
    current = _current(connection)
    _require_not_newer(current)
    if current != _head():
        raise SchemaOutOfDate(_versions(current or "nothing"))


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    current: str | None = connection.scalar(sa.select(_VERSIONS.c.version_num))
    return current


def _require_not_newer(current: str | None) -> None:
    # Numbers of one length: their texts are in their order.
    if current is not None and current > _head():
        raise SchemaTooNew(_versions(current))


def _versions(current: str) -> str:
    return f"The database is at {current}, the program at {_head()}."


@cache
def _head() -> str:
    # Migrations are one line, and a file begins with the number of its revision.
    files = (shipped_directory("migrations") / "versions").glob("[0-9]*_*.py")
    return max(each.name.partition("_")[0] for each in files)


def _config(connection: sa.Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(shipped_directory("migrations")))
    config.attributes["connection"] = connection
    return config
