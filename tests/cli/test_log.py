"""Logs and receipts are verified, checked, exported and sequenced from a terminal."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import WSGIRequestHandler, make_server

from registry.app.home import create_node
from registry.app.node import Node, assemble
from registry.cli import main
from registry.crypto import note
from registry.crypto.signature import PrivateKey
from registry.ledger import bundle_verifier
from registry.ledger.model import Appended, Draft, Log, RecordType
from registry.members.key_proof import JTI_BYTES, make_key_proof
from registry.members.model import Admission, Role
from registry.settings import Mode, Settings
from tests.ledger.logs import draft
from tests.nodes import new_app

SIZE = 300


@pytest.fixture
def node(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node named by the environment as in production, on each kind of database."""
    home = tmp_path / "node"
    create_node(Settings(home=home, origin="http://127.0.0.1:8080", mode=Mode.SANDBOX))
    monkeypatch.setenv("REGISTRY_HOME", str(home))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assembled = assemble(Settings.load())
    yield assembled
    assembled.database.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def run_json(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def append(node: Node, count: int, log: Log = Log.INCIDENTS) -> list[Appended]:
    """Entries as of today, so that they stand in the present half-year."""
    drafts = [_draft(number, log) for number in range(count)]
    with node.database.transaction() as transaction:
        return node.ledger.append(transaction, drafts, datetime.now(UTC))


def _draft(number: int, log: Log) -> Draft:
    return replace(
        draft(number), log=log, record_type=RecordType.EXPIRY, lookup_keys=(), subject={"n": number}
    )


def grow(node: Node, count: int, log: Log = Log.INCIDENTS) -> list[Appended]:
    appended = append(node, count, log)
    while node.sequencer.step().sequenced:
        pass
    node.sequencer.release()
    return appended


def vkey_of(node: Node, origin: str) -> str:
    return note.vkey(origin, node.signing_key.public.raw)


@pytest.fixture
def exported(node: Node, tmp_path: Path) -> tuple[Path, str]:
    """A log as static files, and its verifier key."""
    grow(node, SIZE)
    (log,) = run_json("log", "export", str(tmp_path / "out"))
    directory = tmp_path / "out" / log["origin"].partition("/log/")[2]
    assert SIZE == log["size"]
    return directory, vkey_of(node, log["origin"])


class _Quiet(WSGIRequestHandler):
    """Says nothing, and passes the request target as it came, as gunicorn does."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(node: Node) -> Iterator[Node]:
    """`node` on a port of this machine, under that address as its origin."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=_Quiet)
    settings = node.settings.with_origin(f"http://127.0.0.1:{server.server_port}")
    moved = assemble(settings)
    server.app = new_app(moved)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield moved
    server.shutdown()
    thread.join()
    server.server_close()
    moved.database.close()


def test_an_exported_log_verifies_and_is_remembered(node: Node, exported: tuple[Path, str]) -> None:
    """The second time it must continue what was seen the first time, without being told where."""
    directory, key = exported
    first = run_json("log", "verify", str(directory), "--vkey", key)
    assert (SIZE, None) == (first["size"], first["seen_before"])
    grow(node, 10)
    run_json("log", "export", str(directory.parent.parent))
    second = run_json("log", "verify", str(directory), "--vkey", key)
    assert (SIZE + 10, SIZE) == (second["size"], second["seen_before"])
    assert first["seen_file"] == second["seen_file"]
    assert "verifies" in run("log", "verify", str(directory), "--vkey", key).stdout


def test_what_is_wrong_is_named_on_the_terminal(exported: tuple[Path, str]) -> None:
    """Exit status 1 and the file; what was seen last stays as it was."""
    directory, key = exported
    seen = Path(run_json("log", "verify", str(directory), "--vkey", key)["seen_file"])
    before = seen.read_bytes()
    path = directory / "tile/entries/000"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    result = run("log", "verify", str(directory), "--vkey", key, "--json")
    assert 1 == result.exit_code
    assert json.loads(result.stderr)["detail"].startswith("tile/entries/000: entry 255 ")
    assert before == seen.read_bytes()


def test_a_directory_proves_no_key(exported: tuple[Path, str]) -> None:
    """Without a key from elsewhere there is nothing to verify with."""
    assert 2 == run("log", "verify", str(exported[0])).exit_code
    assert 2 == run("log", "verify", str(exported[0]), "--vkey", "nonsense").exit_code


def test_a_served_log_verifies(served: Node) -> None:
    """Over HTTP, by the key the node publishes, with and without its half-year."""
    grow(served, SIZE)
    url = f"{served.settings.origin}/log/incidents"
    verified = run_json("log", "verify", url)
    assert (SIZE, "published by the node") == (verified["size"], verified["key"])
    half_year = verified["origin"].rpartition("/")[2]
    assert SIZE == run_json("log", "verify", f"{url}/{half_year}")["seen_before"]
    assert 1 == run("log", "verify", f"{url}/1999h1").exit_code
    assert 2 == run("log", "verify", f"{served.settings.origin}/log/others").exit_code
    assert 2 == run("log", "verify", "http://registry.example/log/incidents").exit_code


def test_the_access_log_is_verified_by_a_supervisor(served: Node, tmp_path: Path) -> None:
    """Its tiles are signed for with the profile of a member that may audit."""
    grow(served, SIZE, Log.ACCESS)
    url = f"{served.settings.origin}/log/access"
    profile = _profile(served, tmp_path)
    assert SIZE == run_json("log", "verify", url, "--profile", str(profile))["size"]


def test_who_may_not_read_a_log_is_told_who_may(served: Node, tmp_path: Path) -> None:
    """A refusal is no verdict on the log: nothing of it was read."""
    grow(served, SIZE, Log.ACCESS)
    url = f"{served.settings.origin}/log/access"
    operator = _profile(served, tmp_path, Role.OPERATOR)
    for status, options in ((401, ()), (403, ("--profile", str(operator)))):
        refused = run("log", "verify", url, *options, "--json")
        assert 1 == refused.exit_code
        problem = json.loads(refused.stderr)
        assert status == problem["status"]
        assert problem["title"].endswith("the log was not read")
        assert "audit:read, which supervisors have" in problem["detail"]
    assert "does not verify" not in run("log", "verify", url).output


def _profile(node: Node, directory: Path, role: Role = Role.SUPERVISOR) -> Path:
    """A member's profile, as the node's operator admits it."""
    key, now = PrivateKey.generate(), datetime.now(UTC)
    origin = node.settings.origin
    proof = make_key_proof(key, audience=origin, now=now, jti=secrets.token_bytes(JTI_BYTES))
    admission = Admission(name=role.value, roles=frozenset({role}))
    with node.database.transaction() as transaction:
        member = node.members.admit(transaction, admission, [proof], now)
    (directory / "key.pem").write_bytes(key.to_pem())
    document = {"origin": origin, "member": member.id, "private_key_file": "key.pem"}
    (directory / "profile.json").write_text(json.dumps(document))
    return directory / "profile.json"


def test_fsck_says_that_all_agrees_or_which_row_does_not(node: Node) -> None:
    """The command an operator runs after a restore."""
    appended = grow(node, 5)
    append(node, 1)
    checked = run_json("log", "fsck")
    assert (5, 1) == (checked["entries"], checked["waiting"])
    with node.database.transaction() as transaction:
        # A tile has no trigger: anybody with the database can change it.
        transaction.raw_cursor().execute(
            "UPDATE log_tiles SET hashes = root FROM log_heads"
            " WHERE log_heads.size = 5 AND log_tiles.log = 1"
        )
    result = run("log", "fsck", "--json")
    assert 1 == result.exit_code
    assert json.loads(result.stderr)["detail"].startswith("log_tiles, incidents/")
    assert 5 == len(appended)


def test_a_bundle_is_written_and_the_access_log_says_so(node: Node, tmp_path: Path) -> None:
    """With openings; it verifies by the one-file verifier, and with `log verify --openings`."""
    appended = grow(node, SIZE)
    (log,) = run_json("log", "export", str(tmp_path / "out"))
    name, half_year = log["origin"].rsplit("/", 2)[1:]
    command = ["log", "bundle", "--log", name, "--half-year", half_year]
    assert SIZE == run_json(*command, str(tmp_path / "whole"))["entries"]
    chosen = ["--entry", appended[0].entry_id, "--entry", appended[299].entry_id]
    assert 2 == run_json(*command, str(tmp_path / "some.zip"), *chosen)["entries"]
    assert 2 == run_json("log", "fsck")["waiting"]

    key = vkey_of(node, log["origin"])
    for bundle in ("whole", "some.zip"):
        done = _verify_bundle(tmp_path / bundle, key)
        assert 0 == done.returncode, done.stdout + done.stderr
    openings = str(tmp_path / "whole/entries.jsonl")
    directory = str(tmp_path / "out" / name / half_year)
    verified = run_json("log", "verify", directory, "--vkey", key, "--openings", openings)
    assert SIZE == verified["openings"]
    assert 1 == run(*command[:-1], "1999h1", str(tmp_path / "none")).exit_code
    assert 2 == run(*command, str(tmp_path / "none"), "--entry", "lkp_1").exit_code


def _verify_bundle(bundle: Path, key: str) -> "subprocess.CompletedProcess[str]":
    arguments = [sys.executable, bundle_verifier.__file__, str(bundle), "--vkey", key]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def test_the_sequencer_runs_as_a_command_until_a_signal(node: Node) -> None:
    """It sequences and publishes, ends at SIGTERM, and gives its lease back."""
    append(node, 5)
    process = subprocess.Popen(
        [sys.executable, "-c", "from registry.cli import main; main()", "log", "sequence"],
        env={**os.environ, "REGISTRY_SEQUENCER": "separate"},
        stderr=subprocess.PIPE,
    )
    ended = threading.Event()
    try:
        while run_json("log", "fsck")["entries"] < 5:
            assert not ended.wait(0.05), "it runs until it is told to end"
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert 0 == process.returncode, said
    assert node.sequencer.step().is_leader


def test_a_forked_log_halts_the_sequencer(node: Node) -> None:
    """Exit status 1 and the reason; nothing is signed."""
    grow(node, 5)
    for path in node.settings.marks_directory.iterdir():
        path.unlink()
    append(node, 1)
    result = run("log", "sequence")
    assert 1 == result.exit_code
    assert "The log is halted: The mark of incidents" in result.stderr


def test_receipts_and_proofs_verify_from_files(served: Node, tmp_path: Path) -> None:
    """A JWS, the JSON of the entry, a .tlog-proof: alone, together, and without asking anybody."""
    appended = grow(served, SIZE)
    mine, other = appended[7], appended[8]
    app = new_app(served)
    files = {
        "receipt.jws": served.ledger.receipt(mine).encode(),
        "answer.json": json.dumps({"receipt": served.ledger.receipt(mine)}).encode(),
        "entry.json": app.test_client().get(f"/v1/receipts/{mine.entry_id}").data,
        "entry.tlog-proof": app.test_client().get(f"/v1/receipts/{mine.entry_id}.tlog-proof").data,
        "other.tlog-proof": app.test_client().get(f"/v1/receipts/{other.entry_id}.tlog-proof").data,
    }
    paths = {}
    for name, data in files.items():
        paths[name] = tmp_path / name
        paths[name].write_bytes(data)
    logs = app.test_client().get("/.well-known/consumer-credit-registry").json
    assert logs is not None
    # The node's key under the name of its other log serves as well.
    key = logs["logs"][1]["vkey"]
    mines = [str(path) for name, path in paths.items() if not name.startswith("other")]
    for given in ([], ["--vkey", key]):
        for verified in run_json("receipt", "verify", *mines, *given):
            assert (True, mine.entry_id) == (verified["verified"], verified["entry"])
    assert "verifies" in run("receipt", "verify", *mines).stdout
    both = run("receipt", "verify", mines[0], str(paths["other.tlog-proof"]))
    assert 1 == both.exit_code
    assert "different entries" in both.stderr

    stranger = note.vkey(key.partition("+")[0], bytes(range(32)))
    for path in paths.values():
        assert 1 == run("receipt", "verify", str(path), "--vkey", stranger).exit_code
    for name in ("receipt.jws", "entry.json", "entry.tlog-proof"):
        data = files[name].rstrip()
        for at in range(0, len(data), 41):
            damaged = bytearray(data)
            damaged[at] ^= 2
            paths[name].write_bytes(damaged)
            result = run("receipt", "verify", str(paths[name]), "--vkey", key)
            assert 1 == result.exit_code, (name, at, result.output)


def test_an_entry_that_waits_has_no_proof_yet(served: Node, tmp_path: Path) -> None:
    """Its receipt verifies; the rest is asked for again after the merge."""
    [appended] = append(served, 1)
    app = new_app(served)
    answer = app.test_client().get(f"/v1/receipts/{appended.entry_id}.tlog-proof")
    assert (404, "1") == (answer.status_code, answer.headers["Retry-After"])
    path = tmp_path / "entry.json"
    path.write_bytes(app.test_client().get(f"/v1/receipts/{appended.entry_id}").data)
    result = run("receipt", "verify", str(path))
    assert 1 == result.exit_code
    assert "no place in its log yet" in result.stderr
    absent = "ent_01992f5e-7c00-7abc-8def-0123456789ab"
    for name in (absent, "nonsense"):
        assert 404 == app.test_client().get(f"/v1/receipts/{name}.tlog-proof").status_code
