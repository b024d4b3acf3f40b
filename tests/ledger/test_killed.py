"""Killed forty times at any moment: nothing acknowledged is lost, nothing is signed twice."""

import random
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from multiprocessing.connection import wait
from pathlib import Path
from uuid import UUID

import pytest

from registry.crypto import checkpoint, note
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.merkle import verify_consistency
from registry.crypto.note import VerifierKey
from registry.crypto.sealing import Sealer
from registry.crypto.tiles import TiledTree
from registry.database.engine import Database
from registry.ledger import log_store, tile_store
from registry.ledger.fsck import Fsck
from registry.ledger.fsck_contents import ContentCheck
from registry.ledger.high_water import HighWaterMarks, LogForked
from registry.ledger.model import Shard
from registry.ledger.sequencer import Sequencer
from registry.ledger.service import Ledger
from tests.databases import Cluster
from tests.ledger import killed
from tests.ledger.killed import Message, Setup, Told, Victim
from tests.ledger.logs import AUTHORITY, KEY, draft, lookup_key_of

KILLS = 40
APPENDERS = 4
SEQUENCERS = 2
# What is waited for between two kills, and how much of it at most; the seed chooses.
AWAITED = {Told.ACKNOWLEDGED: 60, Told.SIGNED: 2}
SILENCE_SECONDS_MAX = 60
SEED = 20261121


@dataclass(slots=True)
class Heard:
    """All that the processes ever told."""

    acknowledged: set[UUID] = field(default_factory=set)
    undone: set[UUID] = field(default_factory=set)
    signed: set[str] = field(default_factory=set)

    def take(self, messages: Sequence[Message]) -> None:
        for told, facts in messages:
            match told:
                case Told.ACKNOWLEDGED:
                    self.acknowledged |= set(facts)
                case Told.UNDONE:
                    self.undone |= set(facts)
                case Told.SIGNED:
                    self.signed |= set(facts)


def make_setup(url: str, tmp_path: Path) -> Setup:
    return Setup(
        url=url,
        marks=tmp_path / "marks",
        pem=KEY.to_pem(),
        kek=secrets.token_bytes(32),
        clock=killed.start_of_clock(),
    )


def victims_of(setup: Setup) -> list[Victim]:
    """Six processes on PostgreSQL; on SQLite, where one process writes, its threads."""
    append, sequence = killed.append_until_killed, killed.sequence_until_killed
    if setup.url.startswith("sqlite"):
        return [Victim(killed.run_together, setup, [append] * APPENDERS + [sequence])]
    works = [append] * APPENDERS + [sequence] * SEQUENCERS
    return [Victim(killed.run_apart, setup, work) for work in works]


@contextmanager
def at_work(setup: Setup, heard: Heard) -> Iterator[list[Victim]]:
    """The processes, started; killed at the end, all at once."""
    victims = victims_of(setup)
    for number, victim in enumerate(victims):
        victim.start(SEED + number)
    try:
        yield victims
    finally:
        for victim in victims:
            heard.take(victim.kill())


def hear(victims: Sequence[Victim], heard: Heard, awaited: Told, messages: int) -> None:
    """Listens until so many of these messages have come; silence for a minute is a failure."""
    while messages > 0:
        ready = wait([each.heard for each in victims if each.heard], SILENCE_SECONDS_MAX)
        assert ready, "nothing was done for a minute"
        for pipe in ready:
            told, facts = pipe.recv()
            heard.take([(told, facts)])
            messages -= told is awaited


def verified(texts: set[str], shard: Shard) -> list[Checkpoint]:
    """The checkpoints of a shard, their signatures verified, smallest first."""
    origin = f"{AUTHORITY}/log/{shard.name}"
    key = VerifierKey(name=origin, public_key=KEY.public)
    mine = [each for each in texts if each.startswith(f"{origin}\n")]
    found = [
        checkpoint.verify(note.parse(each.encode()), origin=origin, log_keys=[key]).checkpoint
        for each in mine
    ]
    return sorted(found, key=lambda each: each.size)


def require_one_history(database: Database, signed: set[str]) -> int:
    """Each checkpoint continues the one before, and all are of the log as it stands now."""
    compared = 0
    with database.reading() as transaction:
        for head in log_store.heads(transaction):
            assert head.size == head.published_size
            reader = tile_store.StoredTiles(transaction, head.shard)
            seen = verified(signed, head.shard)
            # One root a size, whoever signed it and however often.
            assert len({each.size for each in seen}) == len({each.root for each in seen})
            for old, new in pairwise(each for each in seen if each.size):
                assert verify_consistency(
                    old_size=old.size,
                    new_size=new.size,
                    old_root=old.root,
                    new_root=new.root,
                    proof=TiledTree(reader, new.size).consistency_proof(old.size),
                )
                compared += 1
            for each in seen:
                assert each.root == TiledTree(reader, head.size).old_root(each.size)
    return compared


def entries_of(database: Database) -> set[UUID]:
    """Every entry that has its place; places are gapless and each entry has one."""
    found: list[UUID] = []
    with database.reading() as transaction:
        for head in log_store.heads(transaction):
            cursor = transaction.raw_cursor()
            mark = "?" if transaction.is_sqlite else "%s"
            cursor.execute(
                "SELECT position, entry_id FROM log_entries"
                f" WHERE log = {mark} AND shard = {mark} ORDER BY position",
                (int(head.shard.log), head.shard.half_year),
            )
            rows = cursor.fetchall()
            assert [position for position, _ in rows] == list(range(head.size))
            found += [UUID(bytes=bytes(entry)) for _, entry in rows]
        assert len(found) == len(set(found))
        assert log_store.pending(transaction, 1) == []
    return set(found)


def fsck(setup: Setup, database: Database) -> Fsck:
    sealer = Sealer(setup.kek)
    contents = ContentCheck(ledger=setup.ledger(), sealer=sealer, lookup_key_of=lookup_key_of)
    return Fsck(
        database=database,
        contents=contents,
        key=KEY.public,
        authority=AUTHORITY,
        marks=HighWaterMarks(setup.marks),
    )


def sequence_all(sequencer: Sequencer) -> None:
    """Sequences what waits, taking the lease from whoever died with it."""
    while True:
        stepped = sequencer.step()
        if stepped.is_leader and not stepped.sequenced and not stepped.published:
            return


def test_forty_kills_lose_nothing_and_fork_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Four that append and two that sequence at once, killed with SIGKILL at random, alone or all
    together: every acknowledged entry has one place, none that was undone has any, and all
    checkpoints that anyone ever saw are of one history."""
    setup, heard, choice = make_setup(database_url, tmp_path), Heard(), random.Random(SEED)
    with at_work(setup, heard) as victims:
        for kill in range(KILLS):
            awaited = choice.choice(list(AWAITED))
            hear(victims, heard, awaited, choice.randint(1, AWAITED[awaited]))
            fall = victims if choice.random() < 0.2 else [choice.choice(victims)]
            for victim in fall:
                heard.take(victim.kill())
            heard.signed |= set(killed.checkpoints(database))
            for number, victim in enumerate(fall):
                victim.start(SEED + 1000 * (kill + 1) + number)
    sequence_all(setup.sequencer(database))
    heard.signed |= set(killed.checkpoints(database))

    entries = entries_of(database)
    assert len(heard.acknowledged) > 10 * KILLS
    assert heard.undone
    assert set() == heard.acknowledged - entries
    assert set() == heard.undone & entries
    assert require_one_history(database, heard.signed) > KILLS // 2
    assert fsck(setup, database).check().entries == len(entries)


def test_a_backup_of_yesterday_signs_nothing(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Whoever went on without it has signed more: the restored database is refused, also when
    new entries have made it as long as what was signed."""
    setup, heard = make_setup(database_url, tmp_path), Heard()
    work_for_a_while(setup, heard)
    backup = copy_of(database_url, tmp_path, request)
    work_for_a_while(setup, heard)
    with closing(Database(backup)) as restored:
        ledger, sequencer = setup.ledger(), setup.sequencer(restored)
        served = set(killed.checkpoints(restored))
        for count in (1, 2 * len(heard.acknowledged)):
            append_some(restored, ledger, count)
            with pytest.raises(LogForked, match=r"was signed at size|another history"):
                sequence_all(sequencer)
        assert served == set(killed.checkpoints(restored))
    with closing(Database(database_url)) as database:
        assert require_one_history(database, heard.signed | served) > 0


def work_for_a_while(setup: Setup, heard: Heard) -> None:
    """Appends and sequences in processes that are killed in the end, and then the rest here."""
    with at_work(setup, heard) as victims:
        hear(victims, heard, Told.SIGNED, 1)
    with closing(Database(setup.url)) as database:
        sequence_all(setup.sequencer(database))
        heard.signed |= set(killed.checkpoints(database))


def append_some(database: Database, ledger: Ledger, count: int) -> None:
    for first in range(0, count, 500):
        drafts = [draft(number) for number in range(min(500, count - first))]
        with database.transaction() as transaction:
            ledger.append(transaction, drafts, datetime.now(UTC))


def copy_of(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A backup of a database nobody is connected to."""
    if url.startswith("sqlite"):
        backup = tmp_path / "backup.db"
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source:
            source.execute("VACUUM INTO ?", (str(backup),))
        return f"sqlite:///{backup}"
    cluster: Cluster = request.getfixturevalue("cluster")
    name = url.partition("@/")[2].partition("?")[0]
    cluster.create(f"{name}_backup", name)
    request.addfinalizer(lambda: cluster.drop(f"{name}_backup"))
    return cluster.url(f"{name}_backup")
