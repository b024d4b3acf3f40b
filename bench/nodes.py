"""A node on each database: keys, schema, two members with room for every call."""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bench.calls import Caller, Desk, Server
from bench.disks import AS_IT_IS, Disk
from bench.servers import free_port
from registry.app.home import create_node
from registry.app.node import Node, assemble, migrate
from registry.crypto.signature import PrivateKey
from registry.kernel.clock import SystemClock
from registry.members.key_proof import JTI_BYTES, make_key_proof
from registry.members.model import QUOTA_MAX, Admission, Role
from registry.settings import Mode, Settings
from tests.databases import postgresql_cluster

# As an operator's server would run: everything durable, and room for the log.
POSTGRESQL_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "4GB",
    "shared_buffers": "256MB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node's database is. `postmaster` None: no process of its own."""

    url: str
    postmaster: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A node ready to be served, and who calls it."""

    settings: Settings
    desk: Desk


@contextmanager
def place_of(kind: str, home: Path, disk: Disk = AS_IT_IS) -> Iterator[Place]:
    """An empty database of this kind on this disk, gone at the end; fsync is on in both."""
    if kind == "sqlite":
        yield Place(url=f"sqlite:///{home / 'registry.sqlite3'}", postmaster=None)
        return
    with postgresql_cluster(POSTGRESQL_SETTINGS, disk.environment) as cluster:
        cluster.create("bench")
        postmaster = cluster.socket_directory / "data" / "postmaster.pid"
        yield Place(
            url=cluster.url("bench"), postmaster=int(postmaster.read_text().splitlines()[0])
        )


def prepare(home: Path, place: Place) -> Prepared:
    """A node at `home` with two members that may do everything platforms do."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = Settings(
        home=home,
        origin=f"http://127.0.0.1:{free_port()}",
        mode=Mode.SANDBOX,
        database_url=place.url,
    )
    create_node(settings)
    migrate(settings)
    node = assemble(settings)
    try:
        server = Server(
            origin=settings.origin,
            signing_key=node.signing_key.public,
            evaluation_key=node.keyring.published()[0].public_key,
        )
        desk = Desk(callers=(_admit(node, "First", server), _admit(node, "Second", server)))
    finally:
        node.database.close()
    return Prepared(settings=settings, desk=desk)


def ask_for_snapshot(settings: Settings) -> None:
    """Has screening take in at once what was reported; by itself it looks every few minutes."""
    node = assemble(settings)
    try:
        with node.database.transaction() as transaction:
            node.screening.screening.ask_for_snapshot(transaction, node.clock.now())
    finally:
        node.database.close()


def catch_up(settings: Settings, seconds_max: float) -> None:
    """Waits until a server's companion has sequenced and indexed all that waits, or so long."""
    node = assemble(settings)
    try:
        until = time.monotonic() + seconds_max
        while time.monotonic() < until and _is_behind(node):
            time.sleep(0.5)
    finally:
        node.database.close()


def _is_behind(node: Node) -> bool:
    if node.sequencer.has_waiting():
        return True
    with node.database.reading() as transaction:
        return node.auditing.indexer.is_behind(transaction)


# Waiting or in its place: one statement sees each entry once. Snapshots of screening
# (record type 9) are the node's own.
_COUNT_ENTRIES = (
    "SELECT count(*) FROM (SELECT entry FROM pending_entries UNION ALL"
    " SELECT entry FROM log_entries) AS every WHERE substr(entry, 3, 2) <> {snapshot}"
)


def entries_in(place: Place) -> int:
    """How many entries of calls the logs hold, asked on a connection of its own."""
    with ExitStack() as stack:
        engine = sa.create_engine(place.url, poolclass=sa.NullPool)
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.connect())
        snapshot = "'\\x0009'::bytea" if place.postmaster else "x'0009'"
        return int(
            connection.exec_driver_sql(_COUNT_ENTRIES.format(snapshot=snapshot)).scalar_one()
        )


def database_version(place: Place) -> str:
    """Which database it is, as it says itself."""
    engine = sa.create_engine(place.url, poolclass=sa.NullPool)
    query = "SHOW server_version" if place.postmaster else "SELECT sqlite_version()"
    with engine.connect() as connection:
        return str(connection.scalar(sa.text(query)))


def _admit(node: Node, name: str, server: Server) -> Caller:
    now = SystemClock().now()
    key = PrivateKey.generate()
    proof = make_key_proof(key, audience=server.origin, now=now, jti=secrets.token_bytes(JTI_BYTES))
    admission = Admission(
        name=name,
        roles=frozenset({Role.FURNISHER, Role.INQUIRER}),
        evaluations_per_hour=QUOTA_MAX,
        requests_per_minute=QUOTA_MAX,
    )
    with node.database.transaction() as transaction:
        member = node.members.admit(transaction, admission, [proof], now)
    return Caller(server=server, member=member.id, key=key)
