"""The watch refuses lookups before the logs fall so far behind that promises break."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.kernel.clock import MovableClock
from registry.ledger import watch
from registry.ledger.high_water import HighWaterMarks
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.sequencer import Sequencer
from registry.ledger.service import Ledger
from registry.ledger.watch import LogBehind, LogFull, LogLimits, LogWatch

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
LIMITS = LogLimits(
    lag_warn_seconds=1,
    lag_degrade_seconds=2,
    lag_refuse_seconds=4,
    disk_free_min_mebibytes=1,
)


class Seconds:
    """A monotonic clock in the hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def append(database: Database) -> None:
    ledger = Ledger(
        origin="https://registry.example",
        key=PrivateKey.generate(),
        sealer=Sealer(secrets.token_bytes(32)),
    )
    header = Header(
        member=None,
        purpose=None,
        at=NOW,
        request_id=uuid4(),
        outcome="answered",
        edition="cn-2026.1",
        signed_request=None,
    )
    draft = Draft(log=Log.ACCESS, record_type=RecordType.LOOKUP, header=header, subject={})
    with database.transaction() as transaction:
        ledger.append(transaction, [draft], NOW)


def behind(log_watch: LogWatch, transaction: Transaction) -> str:
    """What the watch says now."""
    try:
        log_watch.require_healthy(transaction)
    except LogBehind:
        try:
            log_watch.require_keeping_up(transaction)
        except LogBehind:
            return "refuses"
        return "unready"
    return "keeps up"


def test_an_entry_that_waits_refuses_lookups_in_the_end(
    database: Database, tmp_path: Path, seconds: Seconds
) -> None:
    """First the node reports itself unready, then it refuses to answer."""
    log_watch = LogWatch(home=tmp_path, limits=LIMITS, monotonic=seconds)
    append(database)
    with database.reading() as transaction:
        log_watch.require_healthy(transaction)
        seconds.now += 3
        log_watch.require_keeping_up(transaction)
        with pytest.raises(LogBehind):
            log_watch.require_healthy(transaction)
        seconds.now += 2
        with pytest.raises(LogBehind):
            log_watch.require_keeping_up(transaction)


def test_an_entry_that_gets_its_place_is_forgotten(
    database: Database, tmp_path: Path, seconds: Seconds
) -> None:
    """What counts is how long the same entry has been seen waiting."""
    log_watch = LogWatch(home=tmp_path, limits=LIMITS, monotonic=seconds)
    with database.reading() as transaction:
        log_watch.require_keeping_up(transaction)
    seconds.now += 100
    append(database)
    with database.reading() as transaction:
        log_watch.require_keeping_up(transaction)


def test_a_sequencer_that_works_and_is_too_slow_refuses_lookups_in_the_end(
    database: Database, tmp_path: Path, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    """Three entries a second come and one gets its place: the oldest is another each time, and
    still what is promised is late. Warned of once, unready, refused; well again when it is not.
    """
    log_watch = LogWatch(home=tmp_path, limits=LIMITS, monotonic=seconds)
    sequencer = Sequencer(
        database=database,
        key=PrivateKey.generate(),
        authority="registry.example",
        marks=HighWaterMarks(tmp_path / "marks"),
        clock=MovableClock(NOW),
    )
    said = []
    for _ in range(12):
        for _ in range(3):
            append(database)
        with database.reading() as transaction:
            said.append(behind(log_watch, transaction))
        assert 1 == sequencer.step(entries_max=1).sequenced
        seconds.now += 1
    assert ["keeps up", "unready", "refuses"] == list(dict.fromkeys(said))
    assert 1 == [each.name for each in caplog.records].count("registry.ledger")
    while sequencer.step().sequenced:
        pass
    seconds.now += 1
    with database.reading() as transaction:
        assert "keeps up" == behind(log_watch, transaction)


def test_a_long_wait_costs_no_more_than_a_short_one(
    database: Database, tmp_path: Path, seconds: Seconds
) -> None:
    """However many entries come while the first one waits, it is not forgotten."""
    log_watch = LogWatch(home=tmp_path, limits=LIMITS, monotonic=seconds)
    for _ in range(3 * watch.SEEN_ENTRIES_MAX):
        append(database)
        with database.reading() as transaction:
            behind(log_watch, transaction)
        assert len(log_watch._seen) <= watch.SEEN_ENTRIES_MAX
        seconds.now += 1
    with database.reading() as transaction, pytest.raises(LogBehind):
        log_watch.require_keeping_up(transaction)
    assert 1000.0 == log_watch._seen[0].since


def test_it_looks_once_a_second(database: Database, tmp_path: Path, seconds: Seconds) -> None:
    """Between two looks a request costs no statement."""
    log_watch = LogWatch(home=tmp_path, limits=LIMITS, monotonic=seconds)
    with database.reading() as transaction:
        log_watch.require_keeping_up(transaction)
    append(database)
    seconds.now += watch.LOOK_EVERY_SECONDS / 2
    with database.reading() as transaction:
        log_watch.require_keeping_up(transaction)
        seconds.now += 100
        # The first look at this entry: it has not been seen waiting yet.
        log_watch.require_keeping_up(transaction)


def test_without_room_nothing_is_promised(
    database: Database, tmp_path: Path, seconds: Seconds
) -> None:
    """A disk with less than the limit left refuses before it promises."""
    limits = LogLimits(
        lag_warn_seconds=1,
        lag_degrade_seconds=2,
        lag_refuse_seconds=4,
        disk_free_min_mebibytes=2**40,
    )
    log_watch = LogWatch(home=tmp_path, limits=limits, monotonic=seconds)
    with database.reading() as transaction, pytest.raises(LogFull):
        log_watch.require_keeping_up(transaction)
