"""Making, checking and serving a node."""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from registry.app import create_app
from registry.app.home import create_node
from registry.app.node import Node, assemble, open_node
from registry.app.node import migrate as migrate_node
from registry.app.roles import grant as grant_roles
from registry.cli.rendering import facts, json_option, panel, show
from registry.database.engine import Database
from registry.database.migrate import shipped_directory
from registry.http.openapi import description_yaml
from registry.kernel.clock import Clock
from registry.settings import Mode, Settings

DESCRIPTION_FILE = "openapi.yaml"
DESCRIPTION_ORIGIN = "http://127.0.0.1:8080"


@click.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Where to make it.")
@click.option("--origin", required=True, help="Public address, such as https://registry.example.")
@click.option("--federation", required=True, help="Name all tokens of the federation are made for.")
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), default="live")
@click.option("--edition", default="cn-2026.1", show_default=True, help="Rulebook to file under.")
@json_option
def init(home: Path | None, origin: str, federation: str, mode: str, edition: str) -> None:
    """Make the keys and files of a new node, and its database."""
    # What the environment says of the node's files and database holds from the start.
    given = Settings.load(home=home)
    settings = replace(
        given, origin=origin, federation=federation, mode=Mode(mode), edition=edition
    )
    create_node(settings)
    loaded = Settings.load(home=given.home)
    migrate_node(loaded)
    with open_node(loaded) as node:
        _show_node(node)


@click.command()
def migrate() -> None:
    """Bring the database to this version."""
    migrate_node(Settings.load())


@click.command()
@click.option("--serving", required=True, metavar="ROLE", help="The role the API runs as.")
@click.option("--sequencing", metavar="ROLE", help="The role of `registry log sequence`, if any.")
@json_option
def grant(serving: str, sequencing: str | None) -> None:
    """Give PostgreSQL's roles what they need and no more; after each migration."""
    database = Database(Settings.load().database_url, connections_max=1)
    try:
        statements = grant_roles(database, serving=serving, sequencing=sequencing)
    finally:
        database.close()
    show({"statements": list(statements)}, "\n".join(f"{each};" for each in statements))


@click.command()
@json_option
def check() -> None:
    """Check that settings, keys, database and rulebook are whole."""
    with open_node() as node:
        _show_node(node)


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; the origin's address if not.")
def serve(bind: str | None) -> None:
    """Serve the API of this node with gunicorn, until a signal ends it."""
    settings = Settings.load()
    # What would stop every worker is said once, here, before any is started.
    with open_node(settings):
        pass
    arguments = gunicorn_arguments(bind or settings.authority)
    os.execv(sys.executable, arguments)  # noqa: S606 # ourselves, with arguments made above


def gunicorn_arguments(bind: str) -> list[str]:
    """The command line that serves the node REGISTRY_HOME names on `bind`."""
    config = "python:registry.app.server"
    return [sys.executable, "-m", "gunicorn", "--config", config, "--bind", bind]


@click.command()
@click.option("--write", "action", flag_value="write", help="Write the committed file anew.")
@click.option("--check", "action", flag_value="check", help="Fail if the committed file differs.")
def openapi(action: str | None) -> None:
    """Print the OpenAPI description, or hold the committed file to it."""
    description = _description()
    path = shipped_directory("api_spec") / DESCRIPTION_FILE
    if action == "write":
        path.write_text(description, encoding="utf-8")
    elif action == "check":
        committed = path.read_text(encoding="utf-8") if path.exists() else ""
        if committed != description:
            raise click.ClickException(f"{path.name} is out of date; run: make spec")
    else:
        click.echo(description, nl=False)


def _description() -> str:
    with temporary_node() as node:
        description = create_app(node).extensions["registry.description"]
    return description_yaml(json.loads(description))


@contextmanager
def temporary_node(clock: Clock | None = None) -> Iterator[Node]:
    """A complete sandbox node that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="registry-") as place:
        settings = Settings(home=Path(place) / "node", origin=DESCRIPTION_ORIGIN, mode=Mode.SANDBOX)
        create_node(settings)
        # Alembic tells of each migration; here nobody asked for one.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        migrate_node(settings)
        node = assemble(settings, clock)
        try:
            yield node
        finally:
            node.database.close()


def _show_node(node: Node) -> None:
    settings = node.settings
    document = {
        "home": str(settings.home.resolve()),
        "origin": settings.origin,
        "federation": settings.federation,
        "mode": settings.mode.value,
        "edition": node.rulebook.current.name,
        "database": "SQLite" if settings.is_sqlite else "PostgreSQL",
        "evaluation_keys": ", ".join(key.key_id for key in node.keyring.published()),
        "signing_key": node.signing_key.public.kid,
    }
    show(dict(document), panel("This node is whole", facts(document), style="green"))
