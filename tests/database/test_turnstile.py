"""Processes take turns at a SQLite file, whoever asks again comes after who waits."""

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.database import engine
from registry.database.engine import Database
from registry.database.transaction import DatabaseUnavailable
from registry.database.turnstile import Turnstile, TurnTimedOut

LONG = 30.0
# Takes the turn of a file, says so, and holds it until its standard input ends.
HOLD = """
import sys
from pathlib import Path
from registry.database.turnstile import Turnstile
turnstile = Turnstile(Path(sys.argv[1]))
turnstile.enter(30)
print("held", flush=True)
sys.stdin.read()
turnstile.leave()
"""
# Writes a row again and again, as a busy server does, until it is ended.
WRITE = """
import sys
import sqlalchemy as sa
from registry.database.engine import Database
database = Database(sys.argv[1])
for times in range(10**9):
    with database.transaction() as transaction:
        transaction.execute(sa.text("UPDATE notes SET times = times + 1"))
    if not times:
        print("writes", flush=True)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite3"


@contextmanager
def beside(program: str, argument: str) -> "Iterator[subprocess.Popen[str]]":
    """Another process, once it has said that it is at work; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", program, argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def end(process: "subprocess.Popen[str]") -> None:
    """Lets a holder let go by itself."""
    process.communicate()
    assert 0 == process.returncode


def test_a_turn_is_one_process(file: Path) -> None:
    """Nobody else has it meanwhile; afterwards the next has, as often as it is asked for."""
    ours = Turnstile(file)
    with beside(HOLD, str(file)) as process:
        with pytest.raises(TurnTimedOut):
            ours.enter(0.05)
        end(process)
        for _ in range(3):
            ours.enter(LONG)
            ours.leave()


def test_a_process_that_is_killed_lets_go(file: Path) -> None:
    """Whoever waits comes next, without anybody's help."""
    ours = Turnstile(file)
    with beside(HOLD, str(file)) as process:
        threading.Timer(0.05, process.kill).start()
        ours.enter(LONG)
        ours.leave()


def test_who_waits_comes_before_who_had_the_turn(file: Path) -> None:
    """A process that takes turn after turn lets another in between after each."""
    mine, other = Turnstile(file), Turnstile(file)
    order: list[str] = []
    mine.enter(LONG)
    waits = threading.Event()

    def wait() -> None:
        waits.set()
        other.enter(LONG)
        order.append("other")
        other.leave()

    thread = threading.Thread(target=wait)
    thread.start()
    waits.wait()
    while not _is_locked(file.with_name(f"{file.name}-next")):
        time.sleep(0.001)
    mine.leave()
    mine.enter(LONG)
    order.append("mine")
    mine.leave()
    thread.join()
    assert ["other", "mine"] == order


def test_who_gave_up_leaves_nothing_locked(file: Path) -> None:
    """Neither of the two files, nor a descriptor."""
    with beside(HOLD, str(file)):
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(TurnTimedOut):
            Turnstile(file).enter(0.01)
        assert before == len(list(Path("/proc/self/fd").iterdir()))
        assert not _is_locked(file.with_name(f"{file.name}-next"))


def test_files_belong_to_whom_the_database_does(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that root runs first does not shut the server out, nor a group that shares it."""
    file.touch(mode=0o600)
    file.chmod(0o660)
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: given.append((user, group)))
    of = file.stat()
    monkeypatch.setattr(Path, "stat", lambda *_arguments, **_named: _Owned(of, user=4711))
    turnstile = Turnstile(file)
    turnstile.enter(LONG)
    turnstile.leave()
    monkeypatch.undo()
    assert [(4711, of.st_gid)] * 2 == given
    assert 0o660 == stat.S_IMODE(file.with_name(f"{file.name}-turn").stat().st_mode)


@pytest.mark.parametrize("name", ["registry.sqlite3-next", "registry.sqlite3-turn"])
def test_a_link_is_not_followed(file: Path, name: str) -> None:
    """Whoever has the directory cannot have root give away, or lock, another file."""
    file.touch()
    other = file.with_name("other")
    other.touch(mode=0o600)
    file.with_name(name).symlink_to(other)
    with pytest.raises(OSError, match="symbolic"):
        Turnstile(file).enter(LONG)
    assert 0o600 == stat.S_IMODE(other.stat().st_mode)


def test_a_writer_gets_its_turn_beside_one_that_never_rests(sqlite_url: str) -> None:
    """Fifty times, each within the wait; by polling for SQLite's own lock it would be luck."""
    database = Database(sqlite_url)
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE notes (times INTEGER)"))
        transaction.execute(sa.text("INSERT INTO notes VALUES (0)"))
    with beside(WRITE, sqlite_url) as busy:
        for _ in range(50):
            with database.transaction() as transaction:
                transaction.execute(sa.text("UPDATE notes SET times = times + 1000000"))
        assert busy.poll() is None, "it wrote all the time"
    with database.reading() as transaction:
        assert 50 == transaction.execute(sa.text("SELECT times FROM notes")).scalar_one() // 10**6
    database.close()


def test_a_process_that_keeps_the_turn_is_not_waited_for_without_end(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers are told that the database is not available; readers are not held up."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_SECONDS", 0.05)
    database = Database(sqlite_url)
    path = database.engine.url.database
    assert path is not None
    with beside(HOLD, path) as process:
        with pytest.raises(DatabaseUnavailable), database.transaction():
            pass
        with database.reading() as transaction:
            assert 1 == transaction.execute(sa.text("SELECT 1")).scalar_one()
        end(process)
    with database.transaction() as transaction:
        assert 1 == transaction.execute(sa.text("SELECT 1")).scalar_one()
    database.close()


class _Owned:
    """A file's status, but for its owner."""

    def __init__(self, of: os.stat_result, *, user: int) -> None:
        self.st_mode, self.st_gid, self.st_uid = of.st_mode, of.st_gid, user


def _is_locked(path: Path) -> bool:
    """Whether somebody has a lock on the file."""
    if not path.exists():
        return False
    inode = f":{path.stat().st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())
