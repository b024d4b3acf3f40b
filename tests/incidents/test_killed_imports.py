"""kill -9 anywhere in an import: what is filed is filed once, and what is told is exact."""

import json
import pickle
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from registry.app.node import Node
from registry.incidents import import_store, standings
from registry.incidents.import_model import CHUNK_LINES_MAX
from registry.incidents.store import incidents
from registry.kernel.clock import MovableClock
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.model import RecordType, decode_entry
from registry.ledger.store import pending_entries
from tests.incidents.killed_importer import Life
from tests.incidents.test_imports import about, counts, rows, send, shown, standing_rows
from tests.nodes import Caller, new_caller
from tests.rulebook.filings import NOW

CHUNKS = 24
REPORTS_A_CHUNK = 40
KILLS = 8
# A step is some tens of thousands of calls.
CALLS_MAX = 60_000
# Longer than a lease: who comes after a kill finds it ended.
LATER = timedelta(minutes=5)


@pytest.fixture
def alpha(node: Node, app: Flask, clock: MovableClock) -> Caller:
    clock.move(NOW - clock.now())
    return new_caller(node, app, "alpha")


class Body:
    """Lines to import, most of them blank, and what must come of each."""

    def __init__(self, dice: random.Random) -> None:
        self.filed: list[str] = []
        self.repeated = 0
        self.refused: list[tuple[int, str | None, str]] = []
        lines = [b""] * (CHUNKS * CHUNK_LINES_MAX)
        for chunk in range(CHUNKS):
            places = range(chunk * CHUNK_LINES_MAX, (chunk + 1) * CHUNK_LINES_MAX)
            for place in sorted(dice.sample(places, REPORTS_A_CHUNK)):
                lines[place] = self._line(place + 1, dice)
        self.data = b"\n".join(lines)

    def _line(self, number: int, dice: random.Random) -> bytes:
        fresh = f"case-{number}"
        match dice.choice(["new"] * 6 + ["again", "other", "unproved", "broken"]):
            case "again" if self.filed:
                self.repeated += 1
                return self._report(dice.choice(self.filed))
            case "other" if self.filed:
                reference = dice.choice(self.filed)
                self.refused.append((number, reference, "reference-taken"))
                return self._report(reference, order="another")
            case "unproved":
                self.refused.append((number, fresh, "filing-incomplete"))
                return self._report(fresh, notice=None)
            case "broken":
                self.refused.append((number, None, "malformed-json"))
                return b'{"reference":'
        self.filed.append(fresh)
        return self._report(fresh)

    def _report(self, reference: str, **changes: object) -> bytes:
        # Some hundred people, many of them in several lines.
        person = f"person-{int(reference.removeprefix('case-')) % 300}"
        return json.dumps(about(reference, person, **changes)).encode()


def live(node: Node, calls_max: int | None, number: int) -> int:
    """A worker process lives, and dies; how it ended."""
    wall = datetime.now(UTC) + number * LATER
    life = Life(settings=node.settings, now=node.clock.now(), wall=wall, calls_max=calls_max)
    command = [sys.executable, "-m", "tests.incidents.killed_importer"]
    return subprocess.run(command, input=pickle.dumps(life), check=False, timeout=300).returncode


def reports_in_log(node: Node) -> list[str]:
    """The incidents that entries of reports open to; no sequencer runs here."""
    with node.database.reading() as transaction:
        uuids = [
            entry.uuid
            for row in rows(node, pending_entries)
            if (entry := decode_entry(bytes(row.entry))).record_type is RecordType.REPORT
        ]
        openings = [node.ledger.opening(transaction, uuid) for uuid in uuids]
    return [json.loads(each.subject)["incident"] for each in openings if each is not None]


def require_whole(node: Node, body: Body) -> int:
    """All that was committed hangs together; how many lines are done."""
    (kept,) = rows(node, import_store.imports)
    filed = rows(node, incidents)
    assert kept.filed == len(filed)
    references = [row.reference for row in filed]
    # In the order of the lines, each once, up to where it died.
    assert sorted(body.filed[: kept.filed]) == sorted(references)
    assert sorted(row.id for row in filed) == sorted(reports_in_log(node))
    told = [(row.line, row.reference, row.slug) for row in rows(node, import_store.import_problems)]
    assert body.refused[: kept.refused] == sorted(told)
    return int(kept.filed + kept.repeated + kept.refused)


@pytest.mark.parametrize("seed", [1])
def test_killed_anywhere_it_files_each_line_once(node: Node, alpha: Caller, seed: int) -> None:
    """A worker is killed again and again; the next goes on, and all is as if none had been."""
    dice = random.Random(seed)
    body = Body(dice)
    answer = send(alpha, body.data)
    assert 202 == answer.status_code, answer.text
    done = []
    for number in range(KILLS):
        assert -signal.SIGKILL == live(node, dice.randrange(500, CALLS_MAX), number)
        done.append(require_whole(node, body))
    assert 0 == live(node, None, KILLS)
    assert sorted(done) == done
    assert done[-1] < require_whole(node, body)

    target, problems = answer.headers["Location"], []
    result = shown(alpha, target)
    assert ("finished", len(body.filed), body.repeated, len(body.refused)) == counts(result)
    while target:
        page = alpha.call("GET", target)
        problems += page.json["problems"]
        target = page.headers.get("Link", "").partition("<")[2].partition(">")[0]
    assert body.refused == [
        (each["line"], each["reference"], each["problem"]["type"].rpartition("/")[2])
        for each in problems
    ]
    before = standing_rows(node)
    with node.database.transaction() as transaction:
        standings.recompute(transaction, set(before), NOW.date())
    assert before == standing_rows(node)
    lines = Counter(json.dumps(each["i"]) for text in before.values() for each in json.loads(text))
    assert {1} == set(lines.values())
    assert len(body.filed) == len(lines)
    assert [] == rows(node, import_store.import_chunks)
    assert all(parse_id(Prefix.INCIDENT, row.id) for row in rows(node, incidents))
