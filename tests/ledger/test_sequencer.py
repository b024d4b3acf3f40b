"""The sequencer gives every entry one place, and never signs two histories."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from registry.crypto import checkpoint, note
from registry.crypto.merkle import leaf_hash, verify_consistency, verify_inclusion
from registry.crypto.note import VerifierKey
from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.crypto.tiles import TiledTree
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.kernel.clock import MovableClock
from registry.ledger import log_store, tile_store
from registry.ledger import sequencer as sequencing
from registry.ledger.high_water import HighWaterMarks, LogForked, Mark, MarkMoved
from registry.ledger.model import Appended, Draft, Header, Log, RecordType, Shard
from registry.ledger.sequencer import LEASE, Sequencer
from registry.ledger.service import Ledger
from registry.ledger.store import insert

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
SHARD = Shard(log=Log.ACCESS, half_year="2026h2")
AUTHORITY = "registry.example"
KEY = PrivateKey.generate()


def make_ledger() -> Ledger:
    return Ledger(origin=f"https://{AUTHORITY}", key=KEY, sealer=Sealer(secrets.token_bytes(32)))


def make_sequencer(database: Database, marks: Path, clock: MovableClock) -> Sequencer:
    return Sequencer(
        database=database,
        key=KEY,
        authority=AUTHORITY,
        marks=HighWaterMarks(marks),
        clock=clock,
    )


def draft(*, log: Log = Log.ACCESS, lookup_keys: Sequence[bytes] = ()) -> Draft:
    header = Header(
        member=None,
        purpose=None,
        at=NOW,
        request_id=uuid4(),
        outcome="answered",
        edition="cn-2026.1",
        signed_request=None,
    )
    return Draft(
        log=log,
        record_type=RecordType.LOOKUP,
        header=header,
        subject={},
        lookup_keys=tuple(lookup_keys),
    )


def append(database: Database, ledger: Ledger, count: int, now: datetime = NOW) -> list[Appended]:
    with database.transaction() as transaction:
        return ledger.append(transaction, [draft() for _ in range(count)], now)


def read_checkpoint(database: Database, shard: Shard = SHARD) -> checkpoint.Checkpoint:
    with database.reading() as transaction:
        head = log_store.head(transaction, shard)
    assert head is not None
    assert head.checkpoint is not None
    origin = f"{AUTHORITY}/log/{shard.name}"
    key = VerifierKey(name=origin, public_key=KEY.public)
    signed = note.parse(head.checkpoint.encode())
    return checkpoint.verify(signed, origin=origin, log_keys=[key]).checkpoint


def test_every_entry_gets_a_place_and_a_proof(database: Database, tmp_path: Path) -> None:
    """After a step each entry is included under a signed checkpoint, with its content."""
    ledger = make_ledger()
    appended = append(database, ledger, 300)
    stepped = make_sequencer(database, tmp_path, MovableClock(NOW)).step()
    assert (True, 300) == (stepped.is_leader, stepped.sequenced)
    signed = read_checkpoint(database)
    assert 300 == signed.size
    with database.reading() as transaction:
        for each in appended:
            proof = ledger.proof(transaction, each.uuid)
            assert proof is not None
            assert verify_inclusion(
                index=proof.index,
                size=proof.size,
                leaf=leaf_hash(each.entry),
                proof=proof.hashes,
                root=signed.root,
            )
            assert ledger.opening(transaction, each.uuid) is not None
        assert [] == log_store.pending(transaction, 10)


def test_an_entry_that_names_a_subject_twice_stops_nothing(
    database: Database, tmp_path: Path
) -> None:
    """Noted once; also where it has waited since before the names were counted."""
    ledger, key = make_ledger(), secrets.token_bytes(32)
    with database.transaction() as transaction:
        appended = ledger.append(transaction, [draft(lookup_keys=[key, key])], NOW)
        made = ledger.make([draft(lookup_keys=[key])], NOW)
        insert(transaction, [row._replace(lookup_keys=key * 3) for row in made.rows])
        appended += made.appended
    assert 2 == make_sequencer(database, tmp_path, MovableClock(NOW)).step().sequenced
    with database.reading() as transaction:
        about = log_store.entries_about(transaction, key)
    assert sorted(each.uuid for each in appended) == about


def test_a_log_only_grows(database: Database, tmp_path: Path) -> None:
    """Each checkpoint is consistent with the one before it, in whatever steps entries come."""
    ledger, clock = make_ledger(), MovableClock(NOW)
    sequencer = make_sequencer(database, tmp_path, clock)
    sequencer.step()
    seen = read_checkpoint(database)
    for count in (1, 7, 255, 1, 500):
        append(database, ledger, count)
        sequencer.step(entries_max=200)
        while sequencer.step(entries_max=200).sequenced:
            pass
        signed = read_checkpoint(database)
        with database.reading() as transaction:
            tree = TiledTree(tile_store.StoredTiles(transaction, SHARD), signed.size)
            if seen.size:
                assert verify_consistency(
                    old_size=seen.size,
                    new_size=signed.size,
                    old_root=seen.root,
                    new_root=signed.root,
                    proof=tree.consistency_proof(seen.size),
                )
        assert seen.size + count == signed.size
        seen = signed


def test_there_is_a_checkpoint_before_the_first_entry(database: Database, tmp_path: Path) -> None:
    """An empty log is signed as such."""
    make_sequencer(database, tmp_path, MovableClock(NOW)).step()
    assert 0 == read_checkpoint(database).size


def test_half_years_are_logs_of_their_own(database: Database, tmp_path: Path) -> None:
    """An entry stands in the log of the half-year it was made in."""
    ledger = make_ledger()
    append(database, ledger, 3, datetime(2026, 6, 30, 23, 59, tzinfo=UTC))
    append(database, ledger, 2, datetime(2026, 7, 1, tzinfo=UTC))
    make_sequencer(database, tmp_path, MovableClock(NOW)).step()
    spring = Shard(log=Log.ACCESS, half_year="2026h1")
    assert (3, 2) == (read_checkpoint(database, spring).size, read_checkpoint(database).size)


def test_on_sqlite_a_step_is_in_pieces(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that others write in between; a backlog is taken at once. What ends in the middle
    is gone on with by the next step, and one checkpoint is signed of all of it.
    """
    monkeypatch.setattr(sequencing, "PIECE_ENTRIES_SQLITE", 4)
    monkeypatch.setattr(sequencing, "PIECES_SQLITE", 3)
    database, read, taken = Database(sqlite_url), log_store.pending, list[int]()

    def noting(transaction: Transaction, entries_max: int) -> Sequence[log_store.PendingEntry]:
        found = read(transaction, entries_max)
        taken.append(len(found))
        if len(taken) == 2:
            raise ZeroDivisionError
        return found

    monkeypatch.setattr(log_store, "pending", noting)
    append(database, make_ledger(), 30)
    sequencer = make_sequencer(database, tmp_path, MovableClock(NOW))
    with pytest.raises(ZeroDivisionError):
        sequencer.step()
    assert [4, 4] == taken
    assert 26 == sequencer.step().sequenced
    assert [4, 4, 4, 4, 4, 14] == taken
    assert 30 == read_checkpoint(database).size
    append(database, make_ledger(), 7)
    assert 7 == sequencer.step(entries_max=7).sequenced
    assert [4, 3] == taken[6:]
    # It took all it may: there is a backlog.
    append(database, make_ledger(), 6)
    assert 6 == sequencer.step().sequenced
    assert [6] == taken[8:]
    assert 43 == read_checkpoint(database).size
    database.close()


def test_two_sequencers_sign_one_history(database: Database, tmp_path: Path) -> None:
    """While one holds the lease the other does nothing; it goes on when the lease ends."""
    ledger, clock = make_ledger(), MovableClock(NOW)
    one, other = (make_sequencer(database, tmp_path, clock) for _ in range(2))
    append(database, ledger, 5)
    assert 5 == one.step().sequenced
    append(database, ledger, 5)
    assert not other.step().is_leader
    clock.move(LEASE + timedelta(seconds=1))
    assert 5 == other.step().sequenced
    append(database, ledger, 1)
    clock.move(LEASE + timedelta(seconds=1))
    # It has missed the other's work and must not build on what it remembers.
    assert 1 == one.step().sequenced
    assert 11 == read_checkpoint(database).size


def test_a_database_that_was_restored_signs_nothing(database: Database, tmp_path: Path) -> None:
    """A database behind the mark, or beside it, halts the sequencer."""
    ledger = make_ledger()
    append(database, ledger, 5)
    sequencer = make_sequencer(database, tmp_path, MovableClock(NOW))
    sequencer.step()
    marks = HighWaterMarks(tmp_path)
    marks.advance(SHARD.name, seen=marks.read(SHARD.name), to=Mark(size=9, root=bytes(32)))
    append(database, ledger, 1)
    with pytest.raises(LogForked, match="older than what was published"):
        sequencer.step()
    append(database, ledger, 10)
    with pytest.raises(LogForked, match="another history"):
        sequencer.step()
    assert 5 == read_checkpoint(database).size


def test_a_mark_that_is_gone_signs_nothing(database: Database, tmp_path: Path) -> None:
    """Without its mark a log that was signed cannot be told from a restored one."""
    ledger = make_ledger()
    append(database, ledger, 1)
    make_sequencer(database, tmp_path / "one", MovableClock(NOW)).step()
    append(database, ledger, 1)
    clock = MovableClock(NOW + 2 * LEASE)
    with pytest.raises(LogForked, match="is gone"):
        make_sequencer(database, tmp_path / "other", clock).step()


def test_entries_know_whom_they_are_about(database: Database, tmp_path: Path) -> None:
    """Entries are found by each lookup key they were made with."""
    ledger = make_ledger()
    keys = [secrets.token_bytes(32) for _ in range(2)]
    with database.transaction() as transaction:
        drafts = [draft(lookup_keys=keys), draft(lookup_keys=keys[:1]), draft()]
        appended = ledger.append(transaction, drafts, NOW)
    make_sequencer(database, tmp_path, MovableClock(NOW)).step()
    with database.reading() as transaction:
        found = [log_store.entries_about(transaction, key) for key in keys]
    uuids: list[UUID] = [each.uuid for each in appended]
    assert [{uuids[0], uuids[1]}, {uuids[0]}] == [set(each) for each in found]


def test_nobody_moves_or_removes_an_entry(database: Database, tmp_path: Path) -> None:
    """Places are for ever, payloads are only erased, waiting entries only sequenced."""
    ledger = make_ledger()
    append(database, ledger, 2)
    make_sequencer(database, tmp_path, MovableClock(NOW)).step()
    append(database, ledger, 1)
    for statement in (
        "UPDATE log_entries SET position = 9",
        "DELETE FROM log_entries",
        "DELETE FROM log_payloads",
        "UPDATE log_payloads SET header = NULL",
        "UPDATE pending_entries SET log = 1",
        "DELETE FROM pending_entries",
    ):
        with pytest.raises(Exception, match=r"append-only|only be erased"):  # noqa: SIM117
            with database.transaction() as transaction:
                transaction.raw_cursor().execute(statement)


class Overtaken(HighWaterMarks):
    """Marks that another moves whenever one is about to be: it signed, and has died since."""

    times_left = 1

    def advance(self, name: str, *, seen: Mark | None, to: Mark) -> None:
        if self.times_left:
            self.times_left -= 1
            super().advance(name, seen=seen, to=to)
            raise MarkMoved(name)
        super().advance(name, seen=seen, to=to)


@pytest.mark.parametrize("times", [1, 100])
def test_a_head_whose_mark_was_moved_is_signed_at_once(
    database: Database, tmp_path: Path, times: int
) -> None:
    """In the same step it is compared with the new mark; moved ever again, the step says so."""
    append(database, make_ledger(), 3)
    marks = Overtaken(tmp_path)
    marks.times_left = times
    clock = MovableClock(NOW)
    sequencer = Sequencer(database=database, key=KEY, authority=AUTHORITY, marks=marks, clock=clock)
    stepped = sequencer.step()
    assert (3, times > 1) == (stepped.sequenced, stepped.is_behind)
    marks.times_left = 0
    last = sequencer.step()
    assert not last.is_behind
    assert {Log.INCIDENTS, Log.ACCESS} == {
        each.log for each in (*stepped.published, *last.published)
    }
    assert (last.published == ()) == (times == 1)
    assert 3 == read_checkpoint(database).size
