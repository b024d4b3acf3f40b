"""A bundle verifies offline with one file, and whatever is changed in it is named."""

import ast
import json
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry.crypto import note
from registry.crypto.cosignature import WitnessKey, cosign
from registry.crypto.note import VerifierKey
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.ledger import bundle_verifier, log_store
from registry.ledger.bundle_verifier import BundleNotVerified, main, verify_bundle
from registry.ledger.bundling import BundleMaker
from registry.ledger.exporting import open_folder
from registry.ledger.model import EntryNotFound, EntryNotMerged
from tests.ledger.logs import KEY, ORIGIN, SHARD, VERIFIER, LittleNode

SIZE = 300
VKEY = VERIFIER.to_vkey()


@pytest.fixture(scope="module")
def made(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One log as bundles: whole and in part, as directory and zip; one entry is erased."""
    home = tmp_path_factory.mktemp("bundles")
    file = home / "registry.db"
    file.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{file}")
    little = LittleNode(database=database, home=home)
    appended = little.grow(SIZE)
    little.erase(appended[7])
    little.sequence()
    maker = BundleMaker(database=database, contents=little.contents, ledger=little.ledger)
    some = [appended[at].uuid for at in (0, 7, 255, 256, 299)]
    for name in ("whole", "whole.zip"):
        with open_folder(home / name) as folder:
            assert SIZE + 1 == maker.whole(SHARD, folder, vkey=VKEY)
    for name in ("some", "some.zip"):
        with open_folder(home / name) as folder, database.reading() as transaction:
            assert 5 == maker.some(transaction, SHARD, folder, vkey=VKEY, entries=some)
    database.close()
    _cosign(home / "some")
    return home


def _cosign(directory: Path) -> None:
    key = PrivateKey.generate()
    path = directory / "checkpoint"
    signed = note.parse(path.read_bytes())
    path.write_bytes(signed.with_signatures([cosign(signed.text, "w", key, 7)]).to_bytes())
    witness = WitnessKey(name="w", public_key=key.public)
    (directory / "witnesses").write_text(f"{witness.to_vkey()}\n")


@pytest.mark.parametrize(("name", "entries", "opened"), [("whole", 301, 300), ("some", 5, 4)])
def test_a_bundle_verifies(made: Path, name: str, entries: int, opened: int) -> None:
    """As directory and as zip; what is erased is proven and not opened."""
    for path in (made / name, made / f"{name}.zip"):
        found = verify_bundle(path, [VKEY])
        (log,) = found["logs"]
        assert (ORIGIN, SIZE + 1) == (log["origin"], log["size"])
        assert (entries, opened) == (log["entries"], log["opened"])
        assert [] == found["files_not_verified"]


def test_every_log_in_a_bundle_is_verified(made: Path, tmp_path: Path) -> None:
    """Each folder with a checkpoint; other files are told apart."""
    for name in ("whole", "some"):
        shutil.copytree(made / name, tmp_path / "both" / name)
    (tmp_path / "both" / "README").write_text("hello")
    found = verify_bundle(tmp_path / "both")
    assert [301, 5] == sorted((log["entries"] for log in found["logs"]), reverse=True)
    assert ["README"] == found["files_not_verified"]


@pytest.mark.parametrize("name", ["whole", "some"])
def test_every_flipped_byte_is_caught_and_named(made: Path, name: str, tmp_path: Path) -> None:
    """One bit of any byte: proof, entry, opening, salt, checkpoint, key, tile."""
    copy = tmp_path / name
    shutil.copytree(made / name, copy)
    for path in sorted(each for each in copy.rglob("*") if each.is_file()):
        data = path.read_bytes()
        relative = path.relative_to(copy).as_posix()
        step = 1 if len(data) < 400 else 61
        for at in range(0, len(data), step):
            damaged = bytearray(data)
            damaged[at] ^= 1 << at % 8
            path.write_bytes(damaged)
            with pytest.raises(BundleNotVerified) as caught:
                verify_bundle(copy)
            # A leaf that differs is told where it was compared; a key with what it signed.
            accepted = {
                "tile/entries/000": ("entries.jsonl", "tile/0/000"),
                "tile/entries/001.p/45": ("entries.jsonl", "tile/0/001.p/45"),
                "vkey": ("checkpoint",),
                "witnesses": ("checkpoint",),
            }.get(relative, ())
            assert str(caught.value).startswith((relative, *accepted)), (at, str(caught.value))
        path.write_bytes(data)
    verify_bundle(copy)


@pytest.mark.parametrize("name", ["whole", "some"])
def test_a_file_that_is_gone_is_named(made: Path, name: str, tmp_path: Path) -> None:
    """Of a whole log every file, of a part all but what may be missing."""
    copy = tmp_path / name
    shutil.copytree(made / name, copy)
    for path in sorted(each for each in copy.rglob("*") if each.is_file()):
        if path.name == "witnesses" or (name == "whole" and path.name == "entries.jsonl"):
            continue
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(BundleNotVerified, match=r"missing|holds a checkpoint"):
            verify_bundle(copy)
        path.write_bytes(data)


def test_a_line_without_end_takes_no_memory(made: Path, tmp_path: Path) -> None:
    """A zip of some kilobytes may hold a line of any length."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("checkpoint", "vkey"):
            archive.write(made / "some" / name, name)
        archive.writestr("entries.jsonl", b" " * (32 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(BundleNotVerified, match=r"entries\.jsonl, line 1: longer than"):
            verify_bundle(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_damaged_zip_never_passes_for_another_bundle(made: Path, tmp_path: Path) -> None:
    """It fails, or it is the same bundle: some bytes of a zip say nothing."""
    data = (made / "some.zip").read_bytes()
    expected = verify_bundle(made / "some.zip")["logs"]
    path = tmp_path / "damaged.zip"
    caught = 0
    for at in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        try:
            assert expected == verify_bundle(path)["logs"]
        except BundleNotVerified:
            caught += 1
    assert caught > len(data) // 3 * 0.8


def _lines(made: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (made / "some/entries.jsonl").read_text().splitlines()]


def _write(path: Path, lines: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_lines_are_one_entry_each_in_order(made: Path, tmp_path: Path) -> None:
    """Twice, out of order, without a proof, at another index, or with more members."""
    copy = tmp_path / "some"
    shutil.copytree(made / "some", copy)
    path = copy / "entries.jsonl"
    first, second, *_ = _lines(made)
    for wrong in (
        [first, first],
        [second, first],
        [{**first, "proof": None}],
        [{**first, "index": 1}],
        [{**first, "index": 999}],
        [{**first, "more": 1}],
        [{**first, "proof": second["proof"]}],
        [{**second, "opening": first["opening"]}],
    ):
        _write(path, wrong)
        with pytest.raises(BundleNotVerified, match=r"^entries\.jsonl"):
            verify_bundle(copy)
    _write(path, [first, second])
    assert 2 == verify_bundle(copy)["logs"][0]["entries"]


def test_only_a_given_key_is_believed(made: Path) -> None:
    """Whoever makes a bundle can put a key of his own into it."""
    stranger = VerifierKey(name=ORIGIN, public_key=PrivateKey.generate().public)
    with pytest.raises(BundleNotVerified, match="none of the keys given"):
        verify_bundle(made / "some", [stranger.to_vkey()])
    # The node's key under the name of another of its logs is the same key.
    other = VerifierKey(name=ORIGIN.replace("2026h2", "2027h1"), public_key=KEY.public)
    assert verify_bundle(made / "some", [stranger.to_vkey(), other.to_vkey()])["verified"]
    elsewhere = VerifierKey(name="elsewhere.example/log/access/2026h2", public_key=KEY.public)
    with pytest.raises(BundleNotVerified, match="none of the keys given"):
        verify_bundle(made / "some", [elsewhere.to_vkey()])


def test_the_command_says_what_it_found(made: Path, tmp_path: Path) -> None:
    """Exit status 0 and 1, for people and as JSON."""
    said: list[str] = []
    assert 0 == main([str(made / "some")], said.append)
    assert "the bundle's own key" in "".join(said)
    said.clear()
    assert 0 == main([str(made / "some"), "--vkey", VKEY, "--json"], said.append)
    assert json.loads("".join(said))["verified"]
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "absent"):
        said.clear()
        assert 1 == main([str(path), "--json"], said.append)
        assert not json.loads("".join(said))["verified"]


def test_it_is_one_file_that_needs_nothing_of_ours(made: Path, tmp_path: Path) -> None:
    """Copied elsewhere it runs by itself; it imports the standard library and cryptography."""
    source = Path(bundle_verifier.__file__)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    tops = {name.partition(".")[0] for name in imported}
    assert {"cryptography"} == tops - sys.stdlib_module_names
    alone = tmp_path / "verify.py"
    shutil.copyfile(source, alone)
    done = subprocess.run(
        [sys.executable, "-I", str(alone), str(made / "whole.zip"), "--vkey", VKEY],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "301 entries, 300 opened" in done.stdout


def test_a_bundle_is_of_published_entries(database: Database, tmp_path: Path) -> None:
    """An entry that waits, or is none, is refused before anything is written."""
    little = LittleNode(database=database, home=tmp_path)
    little.grow(2)
    [waiting] = little.append(1)
    maker = BundleMaker(database=database, contents=little.contents, ledger=little.ledger)
    refused = pytest.raises((EntryNotFound, EntryNotMerged))
    with open_folder(tmp_path / "b.zip") as folder, database.reading() as transaction, refused:
        maker.some(transaction, SHARD, folder, vkey=VKEY, entries=[waiting.uuid])
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert [] == archive.namelist()


def test_a_bundle_is_of_what_its_transaction_sees(database: Database, tmp_path: Path) -> None:
    """On SQLite that is more than what is committed: the sequencer may share its commit."""
    little = LittleNode(database=database, home=tmp_path)
    little.grow(2)
    with database.reading() as transaction:
        before = log_store.head(transaction, SHARD)
    [newest] = little.grow(1)
    with database.reading() as transaction:
        after = log_store.head(transaction, SHARD)
    assert before is not None
    assert after is not None
    with database.transaction() as transaction:
        _publish(transaction, before)
    maker = BundleMaker(database=database, contents=little.contents, ledger=little.ledger)
    with open_folder(tmp_path / "b.zip") as folder, database.transaction() as transaction:
        _publish(transaction, after)
        assert 1 == maker.some(transaction, SHARD, folder, vkey=VKEY, entries=[newest.uuid])


def _publish(transaction: Transaction, head: log_store.Head) -> None:
    """Has the newest checkpoint of a log be that of `head`."""
    transaction.execute(
        sa.update(log_store.log_heads).values(
            published_size=head.published_size, checkpoint=head.checkpoint
        )
    )
