"""A database that stops, dies or is slow: told so in time, and the door goes on by itself."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.databases import Cluster, postgresql_cluster
from tests.journeys.filings import question
from tests.journeys.independent import Answer, Member, verify_receipt
from tests.journeys.nodes import BOTH, Node, faults, running_node
from tests.journeys.people import phone

# Waiting for a slot, then for the batch, then for a connection.
TOLD_WITHIN_SECONDS = 25
BACK_WITHIN_SECONDS = 40
IN_FLIGHT = 6


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL of this test's own, to be stopped and killed."""
    with postgresql_cluster() as running:
        running.create("node")
        yield running


@pytest.fixture
def fragile(own_cluster: Cluster, tmp_path: Path) -> Iterator[Node]:
    """A node behind the lean door, on that PostgreSQL."""
    with running_node(tmp_path / "home", own_cluster.url("node"), "lean") as running:
        yield running


def processes_of(cluster: Cluster) -> list[int]:
    """The postmaster and what it has started, the postmaster last."""
    pid_file = cluster.socket_directory / "data" / "postmaster.pid"
    master = int(pid_file.read_text().splitlines()[0])
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return [*map(int, children), master]


def ask(member: Member, tokens: list[dict[str, str]]) -> Answer:
    return member.call("POST", "/v1/lookups", question(tokens))


def attempt(member: Member, tokens: list[dict[str, str]]) -> Answer | None:
    """The answer; None when the server had closed its door before the call came."""
    try:
        return ask(member, tokens)
    except OSError:
        return None


def ask_until_answered(member: Member, tokens: list[dict[str, str]]) -> set[int]:
    """The statuses on the way to the first 200, which must come in time."""
    deadline = time.monotonic() + BACK_WITHIN_SECONDS
    seen = set()
    while 200 not in seen:
        assert time.monotonic() < deadline, seen
        seen.add(ask(member, tokens).status)
    return seen


def kept(node: Node, answer: Answer, member: Member) -> bool:
    claims = verify_receipt(answer.json["receipt"], member.directory(), "access")
    key = claims["entry"].removeprefix("ent_").replace("-", "")
    rows = node.rows(
        "SELECT entry_id FROM pending_entries UNION ALL SELECT entry_id FROM log_entries"
    )
    return key in {bytes(row[0]).hex() for row in rows}


def test_a_database_that_stops_answering_is_told_of_in_time(
    fragile: Node, own_cluster: Cluster
) -> None:
    """Its connections stand and nothing comes: 503 with the time to wait; when it goes on, so
    does the door, and what was acknowledged before is there."""
    member = fragile.admit(*BOTH)
    tokens = member.tokens(phone())
    before = ask(member, tokens)
    assert 200 == before.status
    stopped = processes_of(own_cluster)
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(IN_FLIGHT) as callers:
            answers = list(callers.map(lambda _: ask(member, tokens), range(IN_FLIGHT)))
        took = time.monotonic() - began
        # What needs no database is answered meanwhile.
        alive = member.call("GET", "/livez").status
    finally:
        for process in reversed(stopped):
            os.kill(process, signal.SIGCONT)
    assert {503} == {each.status for each in answers}
    assert {"1"} == {each.headers["retry-after"] for each in answers}
    assert (200, True) == (alive, took < TOLD_WITHIN_SECONDS)
    assert {200, 503} >= ask_until_answered(member, tokens)
    assert kept(fragile, before, member)


def test_a_database_that_dies_is_found_again(fragile: Node, own_cluster: Cluster) -> None:
    """Every backend is killed at once: whoever asks is told 503 or answered, nothing else, and
    soon answered again."""
    member = fragile.admit(*BOTH)
    tokens = member.tokens(phone())
    before = ask(member, tokens)
    for process in processes_of(own_cluster)[:-1]:
        # The first that is killed makes the postmaster end the others.
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    told = ask_until_answered(member, tokens)
    assert {200, 503} >= told, faults(fragile.lines())
    fragile.close_reader()
    assert kept(fragile, before, member)


def test_what_is_in_flight_is_answered_before_the_server_ends(
    fragile: Node, own_cluster: Cluster
) -> None:
    """Lookups that wait for the database when SIGTERM comes are answered, and are in the log."""
    member = fragile.admit(*BOTH)
    tokens = member.tokens(phone())
    url = fragile.database_url.replace("+psycopg", "")
    with (
        psycopg.connect(url) as blocking,
        psycopg.connect(url, autocommit=True) as looking,
        ThreadPoolExecutor(IN_FLIGHT) as callers,
    ):
        blocking.execute("LOCK TABLE pending_entries IN ACCESS EXCLUSIVE MODE")
        asked = [callers.submit(attempt, member, tokens) for _ in range(IN_FLIGHT)]
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE '%INTO pending_entries%'"
        )
        while not looking.execute(waiting).fetchone()[0]:  # type: ignore[index] # a count is a row
            assert not any(each.done() for each in asked)
        ending = threading.Thread(target=fragile.stop)
        ending.start()
        blocking.rollback()
        answers = [each.result(timeout=60) for each in asked]
        ending.join()
    answered = [each for each in answers if each is not None]
    assert answered
    assert {200} == {each.status for each in answered}
    fragile.start()
    assert all(kept(fragile, each, member) for each in answered)
