"""Runs the numbered migrations on the connection in hand, or on REGISTRY_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import Connection

from registry.database.engine import Database
from registry.database.types import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with Database(os.environ["REGISTRY_DATABASE_URL"]).engine.begin() as connection:
        run(connection)
