"""The database is held to its log: whatever is changed in a row, that row is named."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.crypto.checkpoint import Checkpoint
from registry.crypto.note import Note, sign
from registry.database.engine import Database
from registry.ledger.fsck_contents import LedgerBroken
from registry.ledger.high_water import HighWaterMarks, Mark
from registry.ledger.model import RecordType
from tests.ledger.logs import KEY, NOW, ORIGIN, SHARD, LittleNode, draft

NAME = SHARD.name
# More than one tile, with a partial one at the end.
SIZE = 300


@pytest.fixture
def little(database: Database, tmp_path: Path) -> LittleNode:
    return LittleNode(database=database, home=tmp_path)


@pytest.fixture
def unguarded(little: LittleNode) -> LittleNode:
    """A log with every kind of row, in a database whose triggers someone has removed."""
    appended = little.grow(SIZE)
    little.erase(appended[5])
    little.sequence()
    little.grow(1)
    little.append(3)
    with little.database.transaction() as transaction:
        connection = transaction.connection
        if transaction.is_sqlite:
            found = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for name in connection.execute(found).scalars().all():
                connection.execute(sa.text(f'DROP TRIGGER "{name}"'))
        else:
            for table in ("pending_entries", "log_entries", "log_payloads"):
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
    return little


def broken(little: LittleNode) -> tuple[str, str]:
    """Table and row that fsck names."""
    with pytest.raises(LedgerBroken) as caught:
        little.fsck.check()
    return caught.value.table, caught.value.row


def read(little: LittleNode, statement: str, *values: object) -> object:
    with little.database.reading() as transaction:
        mark = "?" if transaction.is_sqlite else "%s"
        cursor = transaction.raw_cursor()
        cursor.execute(statement.replace("{}", mark), values)
        return cursor.fetchone()[0]


def test_a_whole_log_agrees(little: LittleNode) -> None:
    """Empty, growing, with erased and with waiting entries."""
    assert 0 == little.fsck.check().entries
    little.append(2)
    assert 2 == little.fsck.check().waiting
    little.sequence()
    appended = little.grow(SIZE)
    little.erase(appended[5])
    # The erasure itself still waits for its place.
    assert (1, 1) == (little.fsck.check().erased, little.fsck.check().waiting)
    little.sequence()
    told: list[tuple[int, int]] = []
    checked = little.fsck.check(lambda done, total: told.append((done, total)))
    assert (SIZE + 3, 1, 0) == (checked.entries, checked.erased, checked.waiting)
    assert {NAME, "incidents/2026h2"} == set(checked.shards)
    assert (SIZE + 3, SIZE + 3) == told[-1]


BYTES = [
    ("log_entries", "entry", "log_entries"),
    ("log_entries", "entry_id", "log_entries"),
    ("log_payloads", "header", "log_payloads"),
    ("log_payloads", "subject_sealed", "log_payloads"),
    ("log_payloads", "header_salt", "log_payloads"),
    ("log_payloads", "subject_salt", "log_payloads"),
    ("log_payloads", "signed_request", "log_payloads"),
    ("log_payloads", "entry_id", "log_payloads"),
    ("log_subjects", "lookup_key", "log_subjects"),
    ("log_subjects", "entry_id", "log_subjects"),
    ("log_heads", "root", "log_heads"),
    ("log_heads", "checkpoint", "log_heads"),
    ("pending_entries", "entry", "pending_entries or log_payloads"),
    ("pending_entries", "entry_id", "pending_entries"),
    ("pending_entries", "lookup_keys", "pending_entries"),
    ("waiting payloads", "header", "pending_entries or log_payloads"),
    ("waiting payloads", "subject_sealed", "pending_entries or log_payloads"),
    ("waiting payloads", "header_salt", "pending_entries or log_payloads"),
    ("waiting payloads", "subject_salt", "pending_entries or log_payloads"),
    ("waiting payloads", "signed_request", "pending_entries or log_payloads"),
]


@pytest.mark.parametrize(("table", "column", "named"), BYTES)
def test_every_flipped_byte_of_a_row_is_named(
    unguarded: LittleNode, table: str, column: str, named: str
) -> None:
    """One bit at several places of one column of one row, then put back."""
    where = {
        "log_entries": f"log = 2 AND position = {SIZE - 1}",
        "log_heads": "log = 2",
        "waiting payloads": "entry_id ="
        " (SELECT entry_id FROM pending_entries ORDER BY entry_id LIMIT 1)",
    }.get(table)
    table = table.replace("waiting payloads", "log_payloads")
    key = "entry_id"
    if where is None:
        # All are of one moment: in the order of their ids any could be the first. The first
        # that has its place is neither the one that erases nor waits.
        order, among = key, table
        if table == "log_payloads":
            order, among = "position", f"{table} JOIN log_entries USING ({key})"
        found = read(
            unguarded,
            f"SELECT {key} FROM {among} WHERE {column} IS NOT NULL ORDER BY {order} LIMIT 1",
        )
        assert isinstance(found, bytes)
    else:
        found = None
    values = () if found is None else (found,)
    condition = where or f"{key} = {{}}"
    before = read(unguarded, f"SELECT {column} FROM {table} WHERE {condition}", *values)
    data = before.encode() if isinstance(before, str) else before
    assert isinstance(data, bytes)
    for at in sorted({0, 1, len(data) // 2, len(data) - 1}):
        damaged = bytearray(data)
        damaged[at] ^= 1
        changed = damaged.decode(errors="replace") if isinstance(before, str) else bytes(damaged)
        unguarded.execute(f"UPDATE {table} SET {column} = {{}} WHERE {condition}", changed, *values)
        found_in = broken(unguarded)[0]
        # What the first bytes say is wrong by itself; who is to blame for the rest, nobody says.
        assert found_in == named or (
            (column, found_in) == ("entry", "pending_entries") and named.startswith(found_in)
        ), f"byte {at} of {table}.{column}"
        undo = (changed,) if column == key and where is None else values
        unguarded.execute(f"UPDATE {table} SET {column} = {{}} WHERE {condition}", before, *undo)
    unguarded.fsck.check()


def test_every_flipped_byte_of_a_tile_is_named(unguarded: LittleNode) -> None:
    """Tile and hash; the entries below it are not to blame."""
    for level, number in ((0, 0), (0, 1), (1, 0)):
        where = f"log = 2 AND level = {level} AND number = {number}"
        data = read(unguarded, f"SELECT hashes FROM log_tiles WHERE {where}")
        assert isinstance(data, bytes)
        for at in (0, len(data) // 2, len(data) - 1):
            damaged = bytearray(data)
            damaged[at] ^= 1
            unguarded.execute(f"UPDATE log_tiles SET hashes = {{}} WHERE {where}", bytes(damaged))
            assert ("log_tiles", f"{NAME} level {level} number {number}") == broken(unguarded)
        unguarded.execute(f"UPDATE log_tiles SET hashes = {{}} WHERE {where}", data)
    unguarded.fsck.check()


def test_the_first_of_several_bad_rows_is_named(unguarded: LittleNode) -> None:
    """By position, whatever it is that is wrong there."""
    for position in (200, 100):
        data = read(unguarded, f"SELECT entry FROM log_entries WHERE position = {position}")
        assert isinstance(data, bytes)
        unguarded.execute(
            f"UPDATE log_entries SET entry = {{}} WHERE position = {position}",
            data[:-1] + bytes([data[-1] ^ 1]),
        )
        assert ("log_entries", f"{NAME} position {position}") == broken(unguarded)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("DELETE FROM log_entries WHERE position = 17", "log_entries"),
        (f"DELETE FROM log_entries WHERE position = {SIZE + 1}", "log_heads"),
        (
            "DELETE FROM log_payloads WHERE entry_id = (SELECT entry_id FROM log_entries"
            " WHERE log = 2 AND position = 17)",
            "log_payloads",
        ),
        (
            "DELETE FROM log_subjects WHERE entry_id = (SELECT entry_id FROM log_entries"
            " WHERE log = 2 AND position = 17)",
            "log_subjects",
        ),
        ("DELETE FROM log_tiles WHERE log = 2 AND level = 0 AND number = 0", "log_tiles"),
        ("DELETE FROM log_heads WHERE log = 2", "log_heads"),
        ("UPDATE log_heads SET size = size - 1 WHERE log = 2", "log_heads"),
        ("UPDATE log_heads SET size = size + 1 WHERE log = 2", "log_heads"),
        ("UPDATE log_heads SET published_size = published_size - 1 WHERE log = 2", "log_heads"),
        ("UPDATE log_heads SET published_size = published_size + 1 WHERE log = 2", "log_heads"),
        ("UPDATE log_heads SET checkpoint = NULL WHERE log = 2", "log_heads"),
        ("UPDATE log_heads SET shard = '2026h1' WHERE log = 2", "log_heads"),
        ("UPDATE log_entries SET position = 1000 WHERE log = 2 AND position = 17", "log_entries"),
        ("UPDATE log_tiles SET number = 7 WHERE log = 2 AND level = 1", "log_tiles"),
        (
            "UPDATE log_payloads SET header = NULL, header_salt = NULL, subject_salt = NULL,"
            " subject_sealed = NULL, signed_request = NULL WHERE entry_id ="
            " (SELECT entry_id FROM log_entries WHERE log = 2 AND position = 17)",
            "log_payloads",
        ),
        (
            "UPDATE log_payloads SET signed_request = 'a.b.c' WHERE erased_by IS NOT NULL",
            "log_payloads",
        ),
        (
            "UPDATE log_payloads SET erased_by = entry_id WHERE erased_by IS NOT NULL",
            "log_payloads",
        ),
        (
            "UPDATE log_payloads SET erased_by = (SELECT erased_by FROM log_payloads WHERE"
            " erased_by IS NOT NULL), header = NULL, header_salt = NULL, subject_salt = NULL,"
            " subject_sealed = NULL, signed_request = NULL WHERE entry_id ="
            " (SELECT entry_id FROM log_entries WHERE log = 2 AND position = 17)",
            "log_payloads",
        ),
        ("UPDATE pending_entries SET log = 1", "pending_entries"),
        ("DELETE FROM pending_entries", "log_payloads"),
        (
            "DELETE FROM log_payloads WHERE entry_id IN (SELECT entry_id FROM pending_entries)",
            "log_payloads",
        ),
    ],
)
def test_rows_that_are_gone_moved_or_rewritten_are_named(
    unguarded: LittleNode, statement: str, table: str
) -> None:
    """An entry cannot vanish, and content cannot vanish without its erasure."""
    unguarded.execute(statement)
    assert table == broken(unguarded)[0]


@pytest.mark.parametrize(
    "record_type",
    [RecordType.OUTCOME, RecordType.SUPERVISOR_VIEW, RecordType.EXPORT, RecordType.OWN_VIEW],
)
def test_nobody_is_left_out_of_their_own_history(
    unguarded: LittleNode, record_type: RecordType
) -> None:
    """Whatever an entry records: it is found by whom it is about, or fsck says so."""
    [appended] = unguarded.append_drafts([replace(draft(), record_type=record_type)])
    unguarded.sequence()
    unguarded.fsck.check()
    unguarded.execute("DELETE FROM log_subjects WHERE entry_id = {}", appended.uuid.bytes)
    assert ("log_subjects", appended.entry_id) == broken(unguarded)


def test_nobody_is_left_out_of_an_entry_that_waits(unguarded: LittleNode) -> None:
    """The sequencer would note nobody."""
    unguarded.execute("UPDATE pending_entries SET lookup_keys = {}", b"")
    assert "pending_entries" == broken(unguarded)[0]


def test_a_rewritten_history_is_named_by_what_was_signed(unguarded: LittleNode) -> None:
    """Rows made to agree with each other anew still disagree with checkpoint and mark."""
    with unguarded.database.transaction() as transaction:
        for table in ("log_entries", "log_payloads", "log_subjects", "log_tiles", "log_heads"):
            transaction.execute(sa.text(f"DELETE FROM {table}"))
        transaction.execute(sa.text("DELETE FROM pending_entries"))
    unguarded.sequencer.release()
    forger = LittleNode(database=unguarded.database, home=unguarded.home / "forger")
    forger.grow(SIZE + 4)
    forger.fsck.check()
    shutil.copytree(unguarded.home / "marks", forger.home / "marks", dirs_exist_ok=True)
    assert ("high-water mark", NAME) == broken(forger)


def test_a_checkpoint_of_another_tree_is_named(unguarded: LittleNode) -> None:
    """Signed with the node's own key, and not of these entries."""
    size = read(unguarded, "SELECT published_size FROM log_heads WHERE log = 2")
    assert isinstance(size, int)
    text = Checkpoint(origin=ORIGIN, size=size, root=bytes(32)).to_text()
    signed = Note(text=text, signatures=(sign(text, ORIGIN, KEY),)).to_bytes().decode()
    unguarded.execute("UPDATE log_heads SET checkpoint = {} WHERE log = 2", signed)
    assert ("log_heads", NAME) == broken(unguarded)


def test_the_mark_is_compared(unguarded: LittleNode) -> None:
    """Ahead of the database, beside it, or gone."""
    marks = HighWaterMarks(unguarded.home / "marks")
    mark = marks.read(NAME)
    assert mark is not None
    file = next((unguarded.home / "marks").glob("access-*.json"))
    text = file.read_text()
    for other in (
        Mark(size=mark.size + 1, root=mark.root),
        Mark(size=mark.size, root=bytes(32)),
        Mark(size=mark.size - 1, root=mark.root),
    ):
        marks.advance(NAME, seen=marks.read(NAME), to=other)
        assert ("high-water mark", NAME) == broken(unguarded)
    file.unlink()
    assert ("high-water mark", NAME) == broken(unguarded)
    file.write_text(text)
    unguarded.fsck.check()


def test_an_entry_waits_or_has_its_place(unguarded: LittleNode) -> None:
    """Never both: the sequencer would give it a second one."""
    unguarded.execute(
        "INSERT INTO pending_entries (entry_id, log, entry, lookup_keys)"
        " SELECT e.entry_id, e.log, e.entry, p.header_salt"
        " FROM log_entries e JOIN log_payloads p ON p.entry_id = e.entry_id WHERE e.position = 17"
    )
    assert "pending_entries" == broken(unguarded)[0]
    assert NOW == draft().header.at
