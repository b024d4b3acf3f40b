"""Processes that append and sequence until they are killed, and tell what they are sure of.

Each tells over a pipe, and only after its transaction is on disk; what is in the
pipe when it is killed is still read.
"""

import multiprocessing
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable
from registry.ledger import log_store
from registry.ledger.high_water import HighWaterMarks
from registry.ledger.model import Draft
from registry.ledger.sequencer import Sequencer
from registry.ledger.service import Ledger
from tests.ledger.logs import AUTHORITY, draft

BATCH_ENTRIES_MAX = 8
UNDONE_SHARE = 0.1
# Leases of ten seconds run out while a test waits.
SPEED = 100
# One process that has everything imported, of which the others are copies: a
# restart costs milliseconds.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload([__name__])


class Told(StrEnum):
    """What a message says: these entries are acknowledged, these were undone, this was signed."""

    ACKNOWLEDGED = "acknowledged"
    UNDONE = "undone"
    SIGNED = "signed"


Message = tuple[Told, list[Any]]


class Undone(Exception):
    """The transaction is given up after its entries were appended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RacingClock:
    """The same time in every process, a hundred times as fast as the machine's."""

    began_at: datetime
    began_seconds: float = field(default_factory=time.time)

    def now(self) -> datetime:
        """The present instant by this clock."""
        return self.began_at + timedelta(seconds=(time.time() - self.began_seconds) * SPEED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the processes of one node share."""

    url: str
    marks: Path
    pem: bytes
    kek: bytes
    clock: RacingClock

    def ledger(self) -> Ledger:
        """What appends."""
        return Ledger(
            origin=f"https://{AUTHORITY}",
            key=PrivateKey.from_pem(self.pem),
            sealer=Sealer(self.kek),
        )

    def sequencer(self, database: Database) -> Sequencer:
        """What sequences; each is another holder of the lease."""
        return Sequencer(
            database=database,
            key=PrivateKey.from_pem(self.pem),
            authority=AUTHORITY,
            marks=HighWaterMarks(self.marks),
            clock=self.clock,
        )


class Teller:
    """The process's end of the pipe, for all its threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def tell(self, told: Told, facts: list[Any]) -> None:
        """Says what is sure."""
        with self._lock:
            self._connection.send((told, facts))


def append_until_killed(setup: Setup, seed: int, database: Database, teller: Teller) -> None:
    """Appends a few entries a transaction, some of which are given up at the end."""
    choice, ledger = random.Random(seed), setup.ledger()
    while True:
        drafts = [_draft(choice) for _ in range(choice.randint(1, BATCH_ENTRIES_MAX))]
        appended = []
        try:
            with database.transaction() as transaction:
                appended = ledger.append(transaction, drafts, setup.clock.now())
                if choice.random() < UNDONE_SHARE:
                    raise Undone
        except Undone:
            teller.tell(Told.UNDONE, [each.uuid for each in appended])
        except DatabaseUnavailable:
            continue
        else:
            teller.tell(Told.ACKNOWLEDGED, [each.uuid for each in appended])


def sequence_until_killed(setup: Setup, seed: int, database: Database, teller: Teller) -> None:
    """Steps without rest, a few entries or many at a time, and tells each checkpoint."""
    choice, sequencer = random.Random(seed), setup.sequencer(database)
    while True:
        try:
            stepped = sequencer.step(entries_max=choice.choice((1, 7, 256, 5000)))
            if stepped.published:
                teller.tell(Told.SIGNED, checkpoints(database))
        except DatabaseUnavailable:
            continue


def checkpoints(database: Database) -> list[str]:
    """Every checkpoint that is served now."""
    with database.reading() as transaction:
        heads = log_store.heads(transaction)
    return [head.checkpoint for head in heads if head.checkpoint is not None]


def run_apart(setup: Setup, seed: int, work: Any, connection: Connection) -> None:
    """One kind of work in a process of its own."""
    work(setup, seed, Database(setup.url, connections_max=1), Teller(connection))


def run_together(setup: Setup, seed: int, works: list[Any], connection: Connection) -> None:
    """All work in threads of one process, as the server does on SQLite."""
    database, teller = Database(setup.url, connections_max=len(works) + 1), Teller(connection)
    threads = [
        threading.Thread(target=work, args=(setup, seed * 100 + number, database, teller))
        for number, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Victim:
    """A process that can be killed and started again."""

    def __init__(self, target: Any, setup: Setup, work: Any) -> None:
        self._target, self._setup, self._work = target, setup, work
        self.heard: Connection | None = None
        self._process: ForkServerProcess | None = None

    def start(self, seed: int) -> None:
        """Starts anew, with other choices than before."""
        self.heard, mine = NURSERY.Pipe(duplex=False)
        arguments = (self._setup, seed, self._work, mine)
        self._process = NURSERY.Process(target=self._target, args=arguments, daemon=True)
        self._process.start()
        mine.close()

    def kill(self) -> list[Message]:
        """Kills without warning; what it had told and nobody had heard."""
        assert self._process is not None
        assert self.heard is not None
        self._process.kill()
        self._process.join()
        left: list[Message] = []
        try:
            while True:
                left.append(self.heard.recv())
        except (EOFError, OSError):
            # The end, or half a message: what it was about was never heard by anyone.
            self.heard.close()
        self._process.close()
        return left


def _draft(choice: random.Random) -> Draft:
    return draft(choice.randrange(50))


def start_of_clock() -> RacingClock:
    """A clock that begins now."""
    return RacingClock(began_at=datetime.now(UTC))
