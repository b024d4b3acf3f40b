"""A verifier that knows nothing of us accepts our logs: golang.org/x/mod/sumdb, of Go itself.

Needs the command `go` (or GO, its path), which no package of ours brings; without
it this is skipped and says so. Whoever changes a format of the logs runs it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from registry.crypto.note import VerifierKey
from registry.database.engine import Database
from registry.ledger.exporting import export_log, open_folder
from registry.ledger.model import Log, Shard
from tests.ledger.logs import ORIGIN, SHARD, VERIFIER, LittleNode

GO = os.environ.get("GO") or shutil.which("go")
PROGRAM = Path(__file__).parent / "sumdb" / "main.go"
# Three levels of tiles, partial ones on each.
ENTRIES = 70_000
SECONDS_MAX = 300

pytestmark = pytest.mark.skipif(GO is None, reason="an independent verifier needs the command go")


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built against the x/mod that the Go toolchain carries; nothing is fetched."""
    assert GO is not None
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
    home = {"HOME": str(place), "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
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
    for path in ("checkpoint", "tile/0/001", "tile/0/273.p/112", "tile/1/000", "tile/entries/200"):
        (file,) = mirror.glob(path)
        whole = file.read_bytes()
        at = len(whole) // 3
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        finished = subprocess.run([verifier, mirror], capture_output=True, check=False)
        assert finished.returncode == 1, path
        file.write_bytes(whole)
