"""A file of reports gets into the registry, line by line, and on after a kill."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request, request_finished
from werkzeug.serving import make_server

from registry.app import create_app
from registry.app.node import Node, assemble
from registry.cli import importing, main
from registry.client import registry as client
from registry.client.sources import LINE_BYTES_MAX
from registry.client.tokens import MemoryCache
from registry.kernel.clock import SystemClock
from tests.nodes import new_caller

MAPPING = """
[columns]
case = "reference"
phone = "identities.0.identifier"
seen = "identities.0.last_verified_on"
happened = "occurred_on"
fen = "amount.minor_units"
invoice = "evidence.0.digest"
photo = "evidence.1.digest"
expert = "evidence.2.digest"
reviewers = "reviewers"
adult = "adult_attested"

[constants]
"identities.0.type" = "phone/1"
code = "B101"
role = "buyer"
"amount.currency" = "CNY"
"evidence.0.class" = "E1"
"evidence.0.media_type" = "image/jpeg"
"evidence.1.class" = "E3"
"evidence.1.media_type" = "image/jpeg"
"evidence.2.class" = "E7"
"evidence.2.media_type" = "image/jpeg"
intent = "The crack in the photo carries a generator's label."
"decision.kind" = "refund_refused"
"decision.decided_on" = "{decided}"
confirmed_on = "{decided}"
"notice.delivered_at" = "{delivered}"
"notice.channel" = "in_app"
"notice.reply" = "none"

[split]
reviewers = ";"
"""


@dataclass
class Place:
    """A served node, its member at a prompt, and a worker that runs when told to."""

    node: Node
    app: Flask
    arguments: Sequence[str]
    home: Path
    stop: threading.Event

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._work)

    def work(self) -> None:
        """Works jobs off from now on."""
        self.thread.start()

    def _work(self) -> None:
        while not self.stop.wait(0.05):
            self.node.worker.run_due()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["import", *arguments, *self.arguments])

    def references(self) -> set[str]:
        with self.node.database.reading() as transaction:
            cursor = transaction.raw_cursor()
            cursor.execute("SELECT reference FROM incidents")
            return {row[0] for row in cursor}


@pytest.fixture
def place(node: Node, tmp_path: Path) -> Iterator[Place]:
    """`node` again, under the address it is served at and the machine's clock."""
    server = make_server("127.0.0.1", 0, Flask("none"), threaded=True)
    origin = f"http://127.0.0.1:{server.server_port}"
    served = assemble(node.settings.with_origin(origin), SystemClock())
    app = server.app = create_app(served)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    member = new_caller(served, app, "alpha", origin=origin)
    key = tmp_path / "alpha.pem"
    key.write_bytes(member.key.to_pem())
    arguments = ("--origin", origin, "--member", member.member.id, "--key", str(key), "--json")
    stop = threading.Event()
    made = Place(served, app, arguments, tmp_path, stop)
    yield made
    stop.set()
    if made.thread.is_alive():
        made.thread.join()
    server.shutdown()
    thread.join()
    server.server_close()
    served.database.close()


def day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()


def report(reference: str, **changes: Any) -> dict[str, Any]:
    number = int(sha256(reference.encode()).hexdigest(), 16) % 10**8
    whole = {
        "reference": reference,
        "identities": [
            {
                "type": "phone/1",
                "identifier": f"138{number:08}",
                "last_verified_on": day(20),
            }
        ],
        "code": "B101",
        "role": "buyer",
        "occurred_on": day(20),
        "confirmed_on": day(11),
        "evidence": [
            {"class": kind, "digest": digest(kind), "media_type": "image/jpeg"}
            for kind in ("E1", "E3", "E7")
        ],
        "intent": "The crack in the photo carries a generator's label.",
        "reviewers": ["staff-0017", "staff-0093"],
        "decision": {"kind": "refund_refused", "decided_on": day(11)},
        "notice": {
            "delivered_at": f"{day(8)}T00:00:00Z",
            "channel": "in_app",
            "reply": "none",
        },
        "adult_attested": True,
    }
    return whole | changes


def digest(text: str) -> str:
    return "sha256:" + sha256(text.encode()).hexdigest()


def test_a_file_of_lines_is_imported_and_what_is_wrong_is_told(place: Place) -> None:
    """By line of the file, wherever it was found out; no identifier is repeated."""
    place.work()
    file = place.home / "history.ndjson"
    wrong = report("wrong number")
    wrong["identities"][0]["identifier"] = "4711-0815"
    lines = [report("one"), wrong, report("too short", intent="short"), "{", report("two")]
    file.write_text(
        "\n\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
    )
    result = place.run(str(file), "--at-once", "2")
    assert 1 == result.exit_code, result.output
    shown = json.loads(result.stdout)
    assert (2, 0, 3) == (shown["filed"], shown["repeated"], shown["refused"])
    assert {"one", "two"} == place.references()
    told = Path(shown["errors"]).read_text()
    assert "4711" not in told
    errors = sorted(map(json.loads, told.splitlines()), key=lambda each: each["line"])
    assert [(3, "wrong number"), (5, "too short"), (7, None)] == [
        (each["line"], each["reference"]) for each in errors
    ]
    assert "/intent" in {each["pointer"] for each in errors[1]["problem"]["errors"]}
    # Everything was seen to its end: nothing is left to go on with.
    assert not Path(f"{file}.import.json").exists()


def test_of_a_line_that_is_not_sent_all_is_told(place: Place) -> None:
    """Of a file as Windows writes it; each thing with its place, and no identifier."""
    place.work()
    file = place.home / "history.ndjson"
    wrong = report("two wrong numbers")
    (identity,) = wrong["identities"]
    wrong["identities"] = [
        {**identity, "identifier": "4711"},
        identity,
        {**identity, "type": "fax/1"},
        {**identity, "type": "email/1", "identifier": "0815"},
    ]
    lines = [
        json.dumps(report("first")),
        json.dumps(wrong),
        "",
        json.dumps(report("long") | {"order": "x" * LINE_BYTES_MAX}),
        json.dumps(report("last")),
    ]
    file.write_bytes(("\ufeff" + "\r\n".join(lines)).encode())
    result = place.run(str(file))
    assert {"first", "last"} == place.references(), result.output
    told = Path(f"{file}.errors.ndjson").read_text()
    assert "4711" not in told
    assert "0815" not in told
    refused, long = map(json.loads, told.splitlines())
    assert (2, "two wrong numbers", 4, None) == (
        refused["line"],
        refused["reference"],
        long["line"],
        long["reference"],
    )
    assert [
        "/identities/0/identifier",
        "/identities/2",
        "/identities/3/identifier",
    ] == [each["pointer"] for each in refused["problem"]["errors"]]
    assert "longer than" in long["problem"]["detail"]


def test_bodies_are_bounded_and_each_token_is_asked_for_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many reports are sent at once, and however few tokens the client keeps."""
    monkeypatch.setattr(client, "MemoryCache", lambda: MemoryCache(tokens_max=2))
    monkeypatch.setattr(importing, "TOKENS_AT_ONCE", 2, raising=False)
    monkeypatch.setattr(importing, "BODY_BYTES_MAX", 2500, raising=False)
    called: list[tuple[str, str]] = []

    def note(_app: Flask, **_facts: Any) -> None:
        called.append((request.method, request.path))

    place.work()
    file = place.home / "history.ndjson"
    file.write_text("\n".join(json.dumps(report(f"{number}")) for number in range(5)))
    with request_finished.connected_to(note, place.app):
        result = place.run(str(file))
    assert 0 == result.exit_code, result.output
    assert {f"{number}" for number in range(5)} == place.references()
    assert 3 == called.count(("POST", "/v1/evaluations"))
    # A report has about 1100 bytes.
    assert 3 == called.count(("POST", "/v1/imports"))


def test_the_same_file_again_files_nothing_twice(place: Place) -> None:
    """Each of its lines is found filed."""
    place.work()
    file = place.home / "history.ndjson"
    file.write_text("\n".join(json.dumps(report(f"{number}")) for number in range(3)))
    for filed, repeated in ((3, 0), (0, 3)):
        result = place.run(str(file))
        assert 0 == result.exit_code, result.output
        shown = json.loads(result.stdout)
        assert (filed, repeated) == (shown["filed"], shown["repeated"])


def test_columns_become_members_as_the_mapping_says(place: Place) -> None:
    """Quoted cells, lists, numbers, a sign of yes; an empty cell is a member left out."""
    place.work()
    mapping = place.home / "columns.toml"
    mapping.write_text(
        MAPPING.replace("{decided}", day(11)).replace("{delivered}", f"{day(8)}T00:00:00Z")
    )
    text = io.StringIO()
    writer = csv.writer(text)
    names = "case,phone,seen,happened,fen,invoice,photo,expert,reviewers,adult,remarks"
    writer.writerow(names.split(","))
    whole = [day(20), day(20), "12900", digest("1"), digest("2"), digest("3"), "a; b", "yes"]
    writer.writerow(["first", "138 0013 8000", *whole, "a remark\nof two lines"])
    writer.writerow(["no expert", "138 0013 8001", *whole[:5], "", *whole[6:], ""])
    broken = [*whole[:2], "1_000", *whole[3:-1], "perhaps"]
    writer.writerow(["no number", "4711", *broken, ""])
    file = place.home / "history.csv"
    file.write_text("\ufeff" + text.getvalue())
    result = place.run(str(file), "--mapping", str(mapping))
    shown = json.loads(result.stdout)
    assert (1, 0, 2) == (shown["filed"], shown["repeated"], shown["refused"]), result.output
    assert {"first"} == place.references()
    errors = [json.loads(line) for line in Path(shown["errors"]).read_text().splitlines()]
    (broken_row,) = [each for each in errors if each["line"] == 5]
    assert {"/amount/minor_units", "/adult_attested", "/identities/0/identifier"} == {
        each["pointer"] for each in broken_row["problem"]["errors"]
    }
    assert {4, 5} == {each["line"] for each in errors}
    codes = {each["code"] for error in errors for each in error["problem"].get("errors", [])}
    assert "evidence_class_missing" in codes


def test_killed_it_goes_on_where_it_was(place: Place) -> None:
    """kill -9 while it waits for the registry: nothing is lost, nothing filed twice."""
    file = place.home / "history.ndjson"
    file.write_text("\n".join(json.dumps(report(f"{number}")) for number in range(20)))
    checkpoint = Path(f"{file}.import.json")
    registry = str(Path(sys.executable).with_name("registry"))
    command = [registry, "import", str(file), "--at-once", "3"]
    # No worker runs: it sends four bodies and waits.
    process = subprocess.Popen(
        [*command, *place.arguments], env={**os.environ}, stdout=subprocess.PIPE
    )
    waited = threading.Event()
    for _ in range(600):
        if checkpoint.exists() and len(json.loads(checkpoint.read_text())["pending"]) == 4:
            break
        waited.wait(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 12 == json.loads(checkpoint.read_text())["lines_sent"]
    place.work()
    result = place.run(str(file), "--at-once", "3")
    assert 0 == result.exit_code, result.output
    assert (20, 0) == (json.loads(result.stdout)["filed"], json.loads(result.stdout)["refused"])
    assert {f"{number}" for number in range(20)} == place.references()


def test_another_file_is_not_gone_on_with(place: Place) -> None:
    """The checkpoint is of these bytes, this registry and this member."""
    file = place.home / "history.ndjson"
    file.write_text("{}")
    Path(f"{file}.import.json").write_text(json.dumps({"source": "another"}))
    result = place.run(str(file))
    assert 2 == result.exit_code
    assert "of another file" in result.output


def test_a_pipe_is_refused(place: Place) -> None:
    """It can be read once only, and would be taken for an empty file."""
    reading, writing = os.pipe()
    os.write(writing, json.dumps(report("R-1")).encode())
    os.close(writing)
    refused = place.run(f"/dev/fd/{reading}")
    os.close(reading)
    assert 2 == refused.exit_code
    assert "save it to a file" in refused.stderr
    assert set() == place.references()
