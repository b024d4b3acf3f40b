"""What docs/operating.md says of a halted log is what happens, and its ways out lead out."""

import base64
import json
import re
import shutil
from pathlib import Path

import pytest

from registry.crypto import checkpoint, note
from registry.crypto.note import VerifierKey
from registry.database.engine import Database
from registry.kernel.clock import MovableClock
from registry.ledger import log_store
from registry.ledger.high_water import HighWaterMarks, LogForked
from registry.ledger.sequencer import LEASE, Sequencer
from tests.ledger.test_sequencer import (
    KEY,
    NOW,
    SHARD,
    append,
    make_ledger,
    make_sequencer,
    read_checkpoint,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def write_mark(directory: Path, of: checkpoint.Checkpoint) -> None:
    """As the page says: second and third line of a checkpoint, the root in base64url."""
    _, size, root = of.to_text().splitlines()
    text = base64.urlsafe_b64encode(base64.b64decode(root)).decode().rstrip("=")
    mark = {"size": int(size), "root": text}
    (directory / "access-2026h2.json").write_text(json.dumps(mark), encoding="ascii")


def test_every_line_of_a_halted_log_is_explained() -> None:
    """Whatever the sequencer says when it stops has a row of the table."""
    table = PAGE.partition("### When the log is halted")[2].partition("\n\nA mark")[0]
    lines = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    explained = re.findall(r"`([^`]+)`", " ".join(lines))
    sources = [ROOT / "registry" / "ledger" / name for name in ("sequencer.py", "high_water.py")]
    code = "".join(each.read_text(encoding="utf-8") for each in sources)
    said = [
        re.sub(r"\{[^}]*\}", "…", each)
        for each in re.findall(r'LogForked\(\s*f"([^"]+)"', code, re.DOTALL)
    ]
    assert len(said) >= 5
    assert [] == [each for each in said if not any(row in each for row in explained)]
    assert [] == [row for row in explained if not any(row in each for each in said)]


def test_a_lost_mark_halts_until_it_is_written_from_a_checkpoint(
    database: Database, tmp_path: Path
) -> None:
    """What anyone kept of the log is enough to go on."""
    marks, clock = tmp_path / "high-water", MovableClock(NOW)
    append(database, make_ledger(), 3)
    make_sequencer(database, marks, clock).step()
    kept = read_checkpoint(database)
    shutil.rmtree(marks)
    append(database, make_ledger(), 2)
    clock.move(by=LEASE)
    sequencer = make_sequencer(database, marks, clock)
    with pytest.raises(LogForked, match="is gone; it had been signed"):
        sequencer.step()
    marks.mkdir()
    write_mark(marks, kept)
    sequencer.step()
    assert 5 == read_checkpoint(database).size


def test_an_older_state_goes_on_only_under_another_name(sqlite_url: str, tmp_path: Path) -> None:
    """Restored without its last entries, the log is halted; a log of another origin is not."""
    marks, clock = tmp_path / "high-water", MovableClock(NOW)
    database = Database(sqlite_url)
    append(database, make_ledger(), 3)
    make_sequencer(database, marks, clock).step()
    restored_head = read_checkpoint(database)
    database.close()
    file, backup = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "backup"
    shutil.copyfile(file, backup)
    database = Database(sqlite_url)
    append(database, make_ledger(), 2)
    clock.move(by=LEASE)
    make_sequencer(database, marks, clock).step()
    database.close()

    shutil.copyfile(backup, file)
    database = Database(sqlite_url)
    append(database, make_ledger(), 1)
    clock.move(by=LEASE)
    with pytest.raises(LogForked, match="was signed at size 5 and has 4 entries"):
        make_sequencer(database, marks, clock).step()

    write_mark(marks, restored_head)
    clock.move(by=LEASE)
    sequencer = Sequencer(
        database=database,
        key=KEY,
        authority="other.example",
        marks=HighWaterMarks(marks),
        clock=clock,
    )
    sequencer.step()
    with database.reading() as transaction:
        head = log_store.head(transaction, SHARD)
    database.close()
    assert head is not None
    assert head.checkpoint is not None
    origin = f"other.example/log/{SHARD.name}"
    verified = checkpoint.verify(
        note.parse(head.checkpoint.encode()),
        origin=origin,
        log_keys=[VerifierKey(name=origin, public_key=KEY.public)],
    )
    assert 4 == verified.checkpoint.size
