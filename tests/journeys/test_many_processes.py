"""Eight platforms at once, and a server killed under them: nothing lost, nothing double."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.journeys.filings import days_ago, question, report
from tests.journeys.independent import Member, verify_receipt
from tests.journeys.nodes import ALL_ENTRIES, BOTH, Node
from tests.journeys.people import about, ask, phone

PROCESSES = 8
ROUNDS = 12
SUBJECTS = 5
KILL_AFTER_ANSWERS = 120
REPORT, LOOKUP = 1, 16
ROOT = Path(__file__).resolve().parents[2]


def jobs(member: Member, rounds: int) -> list[dict[str, Any]]:
    """What each process is to do: all the same subjects and, in pairs, the same references."""
    tokens = member.tokens(*(phone() for _ in range(SUBJECTS)))
    same = {
        "origin": member.origin,
        "member": member.id,
        "kid": member.key.kid,
        "pem": member.key.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "tokens": tokens,
        "rounds": rounds,
        "filing": report(tokens),
        "days": [days_ago(days).isoformat() for days in range(10, 30)],
    }
    return [{**same, "pair": number // 2} for number in range(PROCESSES)]


@contextmanager
def platforms_at_work(work: list[dict[str, Any]]) -> "Iterator[list[subprocess.Popen[str]]]":
    """The processes, with their jobs read; ended by force if they are not by then."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in work
    ]
    try:
        for process, job in zip(started, work, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(job))
            process.stdin.close()
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def answers_of(process: "subprocess.Popen[str]", heard: Semaphore) -> list[dict[str, Any]]:
    """Every line a process wrote until it ended, told one by one to `heard`."""
    assert process.stdout is not None
    found = []
    for line in process.stdout:
        if line.endswith("\n"):
            found.append(json.loads(line))
            heard.release()
    return found


def filed(answers: list[dict[str, Any]]) -> dict[str, set[str]]:
    """By incident, the entries its receipts promise."""
    incidents: dict[str, set[str]] = {}
    for each in answers:
        if each["kind"] == "report" and each["status"] in (200, 201):
            body = each["body"]
            incidents.setdefault(body["incident"]["id"], set()).add(body["receipt"])
    return incidents


def rows_of_entries(node: Node) -> dict[str, int]:
    """By entry id in hex, its record type."""
    rows = node.rows(ALL_ENTRIES)
    return {bytes(key).hex(): int.from_bytes(bytes(entry)[2:4], "big") for key, entry in rows}


def entry_key(entry_id: str) -> str:
    return entry_id.removeprefix("ent_").replace("-", "")


def own_incidents(member: Member) -> list[dict[str, Any]]:
    """Every incident a member filed, over all pages."""
    found, target = [], "/v1/incidents"
    while target:
        page = member.call("GET", target)
        found += page.json["incidents"]
        target = page.headers.get("link", "").partition("<")[2].partition(">")[0]
    return found


def test_eight_processes_lose_nothing_and_double_nothing(own_node: Node) -> None:
    """As many incidents as references, a log entry for each and for each lookup, and standings
    that answer as if everything had been filed in turn."""
    node = own_node
    member = node.admit(*BOTH)
    work = jobs(member, ROUNDS)
    before = {kind: node.entries(kind) for kind in (REPORT, LOOKUP)}
    incidents_before = node.counts()["incidents"]
    with platforms_at_work(work) as processes, ThreadPoolExecutor(PROCESSES) as readers:
        heard = Semaphore(0)
        answers = [
            answer
            for found in readers.map(lambda process: answers_of(process, heard), processes)
            for answer in found
        ]
        codes = [process.wait(timeout=60) for process in processes]
    assert [0] * PROCESSES == codes
    calls = PROCESSES * ROUNDS
    references = calls // 2
    expected = {("report", 201): references, ("report", 200): references, ("lookup", 200): calls}
    assert expected == Counter((each["kind"], each["status"]) for each in answers)

    incidents = filed(answers)
    added = node.counts()["incidents"] - incidents_before
    assert (references, references) == (len(incidents), added)
    # Filed once, and found again with the very receipt it was filed with.
    assert {1} == {len(receipts) for receipts in incidents.values()}
    entries = Counter(rows_of_entries(node).values())
    assert references == entries[REPORT] - before[REPORT]
    assert calls == entries[LOOKUP] - before[LOOKUP]

    assert sorted(incidents) == sorted(each["id"] for each in own_incidents(member))

    # The same filings one after the other about another person: the same standing.
    same_person = member.tokens(phone())
    job = work[0]
    for pair in range(PROCESSES // 2):
        for number in range(ROUNDS):
            if (number + pair) % SUBJECTS == 0:
                filing = {**report(same_person), "occurred_on": job["days"][number]}
                assert 201 == member.call("POST", "/v1/incidents", filing).status
    assert about(ask(member, same_person)) == about(ask(member, job["tokens"][:1]))


def test_a_killed_server_loses_nothing_it_acknowledged(own_node: Node) -> None:
    """kill -9 of all its processes under load: every answer a platform holds stands after the
    restart, and the server goes on."""
    node = own_node
    member = node.admit(*BOTH)
    work = jobs(member, 100_000)
    with platforms_at_work(work) as processes, ThreadPoolExecutor(PROCESSES) as readers:
        heard = Semaphore(0)
        reading = [readers.submit(answers_of, process, heard) for process in processes]
        for _ in range(KILL_AFTER_ANSWERS):
            assert heard.acquire(timeout=60)
        node.stop(signal.SIGKILL)
        answers = [answer for each in reading for answer in each.result(timeout=60)]
    assert {200, 201} == {each["status"] for each in answers}
    assert len(answers) >= KILL_AFTER_ANSWERS
    node.start()

    directory = member.directory()
    kept = rows_of_entries(node)
    incidents = filed(answers)
    for receipts in incidents.values():
        (receipt,) = receipts
        claims = verify_receipt(receipt, directory, "incidents")
        assert REPORT == kept[entry_key(claims["entry"])]
    standing = {each["id"] for each in own_incidents(member)}
    assert set() == incidents.keys() - standing
    for each in answers:
        if each["kind"] == "lookup":
            claims = verify_receipt(each["body"]["receipt"], directory, "access")
            assert LOOKUP == kept[entry_key(claims["entry"])]
    # Nothing half done: as many entries as incidents, whoever was told of them.
    assert node.counts()["incidents"] == Counter(kept.values())[REPORT]
    assert 200 == member.call("POST", "/v1/lookups", question(work[0]["tokens"][:1])).status
