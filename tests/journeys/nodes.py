"""A real node: made and served by the `registry` command, on either database."""

import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from json import loads
from pathlib import Path
from typing import Any

import psycopg
from click.testing import CliRunner

from registry.cli import main
from tests.databases import Cluster
from tests.journeys.filings import WRITTEN
from tests.journeys.independent import Key, Member, address_of, secrets_sent, send

# Waiting or in its place: one statement sees each entry once.
ALL_ENTRIES = (
    "SELECT entry_id, entry FROM pending_entries UNION ALL SELECT entry_id, entry FROM log_entries"
)
# What sequencer, indexer and worker write by themselves: snapshots, recalls, messages.
BESIDE = {
    "deliveries",
    "delivery_attempts",
    "jobs",
    "letter_subjects",
    "letters",
    "log_entries",
    "log_heads",
    "log_payloads",
    "log_subjects",
    "log_tiles",
    "notice_numbers",
    "notices",
    "oversight_days",
    "oversight_index",
    "oversight_positions",
    "oversight_subjects",
    "pending_entries",
    "recalled_lookups",
    "recalls",
    "screening_builds",
    "screening_changes",
    "screening_progress",
    "screening_shelves",
    "screening_snapshots",
    "sequencer_lease",
}
# Say that a request was seen or counted.
SEEN = {"evaluation_quotas", "seen_requests"}
# The record type of a snapshot of screening.
SNAPSHOT = 9
FEDERATION = "journeys.example"
READY_TIMEOUT_SECONDS = 60
REGISTRY = str(Path(sys.executable).with_name("registry"))
FURNISHER = ("furnisher",)
INQUIRER = ("inquirer",)
BOTH = ("furnisher", "inquirer")

_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|::1")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{10,}")
# Its first line, the indented ones, and the one that names the exception.
_TRACEBACK = re.compile(r"^.*Traceback.*(?:\n[ \t].*)*(?:\n.*)?", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class Node:
    """One node's home, database and server process."""

    home: Path
    origin: str
    database_url: str
    door: str = "lean"
    server: "subprocess.Popen[bytes] | None" = None
    _reader: Any = None
    _names: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    @property
    def address(self) -> tuple[str, int]:
        return address_of(self.origin)

    @property
    def lines_file(self) -> Path:
        """Everything the server wrote to stdout and stderr."""
        return self.home.with_suffix(".txt")

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "REGISTRY_HOME": str(self.home),
            "REGISTRY_DATABASE_URL": self.database_url,
            "REGISTRY_DOOR": self.door,
        }
        others = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("REGISTRY_", "CCR_"))
        }
        return others | own

    def command(self, *arguments: str) -> Any:
        """What a `registry` command answers with --json; it must succeed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return loads(result.stdout)

    def run(self, *arguments: str) -> Any:
        """A `registry` command in this process, on this node."""
        return CliRunner().invoke(main, arguments, env=self.environment)

    def admit(
        self,
        *roles: str,
        key: Key | None = None,
        options: Sequence[str] = (),
        evaluations: int = 1_000_000,
        requests: int = 10_000_000,
    ) -> Member:
        """A fresh member with a key of its own, ready to call."""
        key = key or Key()
        proof = self.home.with_suffix(f".{secrets.token_hex(4)}.proof")
        proof.write_text(key.proof(self.origin))
        admitted = self.command(
            "members",
            "admit",
            f"Platform {next(self._names)}",
            *(argument for role in roles for argument in ("--role", role)),
            *("--key-proof", str(proof)),
            *("--evaluations-per-hour", str(evaluations), "--requests-per-minute", str(requests)),
            *options,
        )
        return Member(id=admitted["id"], key=key, origin=self.origin, address=self.address)

    def start(self) -> None:
        """Serves, and returns when the node says it is ready."""
        assert self.server is None
        with self.lines_file.open("ab") as lines:
            self.server = subprocess.Popen(
                [REGISTRY, "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=subprocess.STDOUT,
                # A group of its own, which can be killed whole.
                start_new_session=True,
            )
        wait_until_ready(self.address, self.server, self.lines_file)

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Ends the server's whole process group by a signal."""
        server, self.server = self.server, None
        assert server is not None
        os.killpg(server.pid, with_signal)
        server.wait(timeout=READY_TIMEOUT_SECONDS)

    def restart(self) -> None:
        """Stops in order and serves again."""
        self.stop()
        self.start()

    def lines(self) -> str:
        """What the server has written so far."""
        return self.lines_file.read_text(encoding="utf-8", errors="replace")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, over a connection of our own."""
        if self._reader is None:
            self._reader = _reader_of(self.database_url)
        return self._reader.execute(statement).fetchall()

    def close(self) -> None:
        """Kills the server if it runs, and lets go of the database."""
        if self.server is not None:
            self.stop(signal.SIGKILL)
        self.close_reader()

    def close_reader(self) -> None:
        """Lets go of our own connection; the next question opens another."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        if self.database_url.startswith("sqlite"):
            named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        else:
            named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = sorted(name for (name,) in self.rows(named) if not name.startswith("sqlite_"))
        union = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
        return dict(self.rows(union))

    def everything_stored(self) -> bytes:
        """All bytes of the database: SQLite's files as they lie, PostgreSQL's rows."""
        if self.database_url.startswith("sqlite"):
            path = Path(self.database_url.removeprefix("sqlite:///"))
            return b"".join(each.read_bytes() for each in sorted(path.parent.glob(path.name + "*")))
        values = [
            value
            for name in self.counts()
            for row in self.rows(f"SELECT * FROM {name}")
            for value in row
        ]
        raw = (bytes, memoryview)
        return b"".join(
            bytes(value) if isinstance(value, raw) else str(value).encode() for value in values
        )

    def kept(self) -> dict[str, int]:
        """What `touched` says, but for those rows that say a request was seen or counted."""
        return {name: count for name, count in self.touched().items() if name not in SEEN}

    def touched(self) -> dict[str, int]:
        """How many rows every table has that requests write.

        An entry counts once, whether it waits or has its place; what sequencer and
        worker do by themselves, a snapshot of screening among it, counts for nothing.
        """
        touched = {name: count for name, count in self.counts().items() if name not in BESIDE}
        types = [_record_type(entry) for _, entry in self.rows(ALL_ENTRIES)]
        return touched | {"entries": sum(each != SNAPSHOT for each in types)}

    def entries(self, *record_types: int) -> int:
        """How many log entries of these record types there are."""
        known = [entry for _, entry in self.rows(ALL_ENTRIES)]
        return sum(_record_type(each) in record_types for each in known)


def _record_type(entry: Any) -> int:
    return int.from_bytes(bytes(entry)[2:4], "big")


def _reader_of(database_url: str) -> Any:
    """A connection that sees what is committed, statement by statement."""
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    return psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True)


def wait_until_ready(
    address: tuple[str, int], server: "subprocess.Popen[bytes]", lines_file: Path
) -> None:
    """Returns when /readyz says so; fails when the server ends or takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while True:
        assert server.poll() is None, lines_file.read_text(errors="replace")
        assert time.monotonic() < deadline, lines_file.read_text(errors="replace")
        try:
            if send(address, "GET", "/readyz").status == 200:
                return
        except OSError:
            time.sleep(0.02)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@contextmanager
def running_node(home: Path, database_url: str, door: str = "lean") -> Iterator[Node]:
    """A node initialised and served by the command, as an operator would; gone at the end."""
    origin = f"http://127.0.0.1:{free_port()}"
    node = Node(home=home, origin=origin, database_url=database_url, door=door)
    node.command("init", "--origin", node.origin, "--federation", FEDERATION)
    node.start()
    try:
        yield node
    finally:
        node.close()


@contextmanager
def database_for(kind: str, place: Path, cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database of this kind."""
    if kind == "sqlite":
        yield f"sqlite:///{place / 'registry.sqlite3'}"
        return
    name = f"node_{secrets.token_hex(6)}"
    cluster.create(name)
    yield cluster.url(name)
    cluster.drop(name)


def leaks(lines: str) -> list[str]:
    """What of the server's lines no server may write down; empty when it is discreet.

    Identifiers, tokens, JWTs, digests of evidence, what people wrote, and addresses
    but the server's own.
    """
    others = [line for line in lines.splitlines() if "[INFO] Listening at: " not in line]
    found = [each for each in sorted(secrets_sent | WRITTEN) if each in lines]
    return found + [line for line in others if _ADDRESS.search(line) or _JWT.search(line)]


def faults(lines: str) -> list[str]:
    """What tells of a failure of the node itself: lines of a 500, and each whole traceback."""
    marks = ('"status":500', "[ERROR]", "[CRITICAL]")
    return [
        *(line for line in lines.splitlines() if any(mark in line for mark in marks)),
        *_TRACEBACK.findall(lines),
    ]


def only_in(found: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """By table, how many rows more there are than before."""
    return {name: count - before[name] for name, count in found.items() if count != before[name]}
