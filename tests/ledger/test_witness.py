"""A witness cosigns what continues what it cosigned, and answers as C2SP tlog-witness says."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node, assemble
from registry.crypto import checkpoint, note
from registry.crypto.cosignature import cosigned_at
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.kernel.clock import MovableClock
from registry.ledger.high_water import HighWaterMarks
from registry.ledger.witness import (
    LOGS_FILE_NAME,
    HistoryNotContinued,
    Witness,
    WitnessedLogsInvalid,
    WitnessedOtherwise,
    read_witnessed_logs,
)
from registry.ledger.witness_store import witnessed_logs
from tests.ledger.peer_log import PeerLog, submission
from tests.nodes import new_app, new_node

ORIGIN = "peer.example/log/incidents/2026h2"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
PATH = "/witness/add-checkpoint"


@pytest.fixture
def peer() -> PeerLog:
    return PeerLog(origin=ORIGIN)


@pytest.fixture
def witnessing(tmp_path: Path, database_url: str, peer: PeerLog) -> Iterator[Node]:
    """A node that witnesses `peer`, as its operator configures it."""
    node = new_node(tmp_path / "node", database_url, MovableClock(NOW))
    node.database.close()
    file = node.settings.home / LOGS_FILE_NAME
    file.write_text(f"# our neighbour\n\n{peer.verifier.to_vkey()}\n", encoding="utf-8")
    node = assemble(node.settings, MovableClock(NOW))
    yield node
    node.database.close()


@pytest.fixture
def app(witnessing: Node) -> Flask:
    return new_app(witnessing)


def send(app: Flask, body: bytes) -> TestResponse:
    return app.test_client().post(PATH, data=body)


def conflict(size: int) -> tuple[int, str, str]:
    return 409, "text/x.tlog.size", f"{size}\n"


def facts(answer: TestResponse) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["Content-Type"], answer.text


def test_a_growing_log_is_cosigned_step_by_step(
    app: Flask, witnessing: Node, peer: PeerLog
) -> None:
    """Each answer is a cosignature of the witness, under its own name, made now."""
    before = int(datetime.now(UTC).timestamp())
    old = 0
    for size in (0, 0, 1, 2, 256, 257, 700, 700):
        answer = send(app, peer.submission(old, size))
        assert 200 == answer.status_code, answer.text
        signed = note.parse(peer.signed(size) + answer.data)
        verified = checkpoint.verify(
            signed,
            origin=ORIGIN,
            log_keys=[peer.verifier],
            witnesses=[witnessing.witness.verifier],
        )
        assert size == verified.checkpoint.size
        _, cosignature = verified.note.verified
        assert "registry.example/witness" == cosignature.name
        assert before <= cosigned_at(cosignature) <= datetime.now(UTC).timestamp()
        old = size


def test_another_old_size_is_told_the_one_that_was_cosigned(app: Flask, peer: PeerLog) -> None:
    """409 with the size, in the standard's media type; nothing is moved."""
    assert conflict(0) == facts(send(app, peer.submission(5, 9)))
    assert 200 == send(app, peer.submission(0, 9)).status_code
    for old in (0, 5):
        assert conflict(9) == facts(send(app, peer.submission(old, 12)))
    assert 200 == send(app, peer.submission(9, 12)).status_code


def test_a_log_that_forks_is_not_cosigned(app: Flask, peer: PeerLog) -> None:
    """Another tree of the same size is a conflict, another history has no proof."""
    assert 200 == send(app, peer.submission(0, 9)).status_code
    fork = PeerLog(origin=ORIGIN, flavour="fork", key=peer.key)
    assert conflict(9) == facts(send(app, fork.submission(9, 9)))
    answer = send(app, fork.submission(9, 12))
    assert (422, "application/problem+json") == facts(answer)[:2]
    assert 200 == send(app, peer.submission(9, 12)).status_code


def test_a_proof_is_exactly_what_the_sizes_ask_for(app: Flask, peer: PeerLog) -> None:
    """None from nothing, none between equals, not one too short, too long or changed."""
    some = peer.proof(3, 9)
    assert 422 == send(app, submission(0, some, peer.signed(9))).status_code
    assert 200 == send(app, peer.submission(0, 9)).status_code
    assert 422 == send(app, submission(9, some, peer.signed(9))).status_code
    proof = peer.proof(9, 12)
    for wrong in (proof[:-1], (*proof, proof[0]), (bytes(32), *proof[1:]), ()):
        assert 422 == send(app, submission(9, wrong, peer.signed(12))).status_code
    assert 200 == send(app, submission(9, proof, peer.signed(12))).status_code


def test_only_known_logs_are_witnessed(app: Flask, peer: PeerLog) -> None:
    """404 for an unknown origin, 403 where no known key of a known one signed."""
    stranger = PeerLog(origin="stranger.example/log")
    assert 404 == send(app, stranger.submission(0, 3)).status_code
    other = PeerLog(origin=ORIGIN)
    assert 403 == send(app, other.submission(0, 3)).status_code
    # The known key's name and id, another's signature.
    signed = peer.signed(3)
    forged = bytearray(signed)
    text = signed.decode()
    at = len(text[: text.rindex(" ") + 1].encode()) + 20
    forged[at] = ord("A") if forged[at] != ord("A") else ord("B")
    assert 403 == send(app, submission(0, (), bytes(forged))).status_code
    assert conflict(0) == facts(send(app, peer.submission(1, 3)))


def test_signatures_of_strangers_are_carried_along(app: Flask, peer: PeerLog) -> None:
    """A checkpoint with unknown cosignatures is cosigned for the log's own."""
    signed = note.parse(peer.signed(3))
    stranger = note.sign(signed.text, "stranger", PrivateKey.generate())
    body = submission(0, (), signed.with_signatures([stranger]).to_bytes())
    assert 200 == send(app, body).status_code


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"",
        lambda body: body.replace(b"old 0", b"old 00", 1),
        lambda body: body.replace(b"old 0", b"old -1", 1),
        lambda body: body.replace(b"old 0", b"old 10", 1),
        lambda body: body.replace(b"old 0", b"Old 0", 1),
        lambda body: body.replace(b"old 0\n", b"", 1),
        lambda body: body.replace(b"old 0\n", b"old 0\nAAAA\n", 1),
        lambda body: body.replace(b"old 0\n", b"old 0\r\n", 1),
        lambda body: body.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n" * 64, 1),
        lambda body: body.replace(b"\n9\n", b"\n09\n", 1),
        lambda body: body[:-1],
        lambda body: body + b"\n",
        lambda body: body.partition(b"\n\n")[0],
        lambda body: b"\xff" + body,
    ],
)
def test_another_body_is_malformed(app: Flask, peer: PeerLog, change: object) -> None:
    """400, and the checkpoint is not taken for cosigned."""
    assert callable(change)
    assert 400 == send(app, change(peer.submission(0, 9))).status_code
    assert 200 == send(app, peer.submission(0, 9)).status_code


def make_witness(database: Database, marks: Path, peer: PeerLog) -> Witness:
    return Witness(
        database=database,
        marks=HighWaterMarks(marks),
        name="w",
        key=PrivateKey.generate(),
        logs=[peer.verifier],
    )


def test_a_database_that_was_restored_does_not_cosign_backwards(
    database: Database, tmp_path: Path, peer: PeerLog
) -> None:
    """What the database forgot its mark outside remembers, and the next cosignature follows it."""
    witness = make_witness(database, tmp_path, peer)
    witness.add_checkpoint(peer.submission(0, 5), NOW)
    with database.reading() as transaction:
        remembered = transaction.execute(sa.select(witnessed_logs)).one()._asdict()
    witness.add_checkpoint(peer.submission(5, 9), NOW)
    for older in (remembered, None):
        with database.transaction() as transaction:
            transaction.execute(sa.delete(witnessed_logs))
            if older is not None:
                transaction.execute(sa.insert(witnessed_logs).values(older))
        fork = PeerLog(origin=ORIGIN, flavour="fork", key=peer.key)
        for body in (fork.submission(0, 7), peer.submission(5, 7), peer.submission(5, 12)):
            with pytest.raises(WitnessedOtherwise) as conflict:
                witness.add_checkpoint(body, NOW)
            assert 9 == conflict.value.size
    with pytest.raises(HistoryNotContinued):
        witness.add_checkpoint(fork.submission(9, 12), NOW)
    witness.add_checkpoint(peer.submission(9, 12), NOW)
    with pytest.raises(WitnessedOtherwise) as conflict:
        witness.add_checkpoint(peer.submission(9, 13), NOW)
    assert 12 == conflict.value.size


def test_a_crash_between_row_and_mark_is_made_good(
    database: Database, tmp_path: Path, peer: PeerLog
) -> None:
    """A row that is ahead of the mark counts, and is cosigned when it is asked for again."""
    witness = make_witness(database, tmp_path, peer)
    witness.add_checkpoint(peer.submission(0, 5), NOW)
    (mark,) = tmp_path.glob("*.json")
    before = mark.read_text()
    witness.add_checkpoint(peer.submission(5, 9), NOW)
    mark.write_text(before)
    with pytest.raises(WitnessedOtherwise):
        witness.add_checkpoint(peer.submission(5, 12), NOW)
    witness.add_checkpoint(peer.submission(9, 9), NOW)
    assert '"size": 9' in mark.read_text()


def test_of_two_at_once_the_smaller_never_wins(
    database: Database, tmp_path: Path, peer: PeerLog
) -> None:
    """What is stored only grows, however requests interleave; one of each pair is refused."""
    witness = make_witness(database, tmp_path, peer)
    witness.add_checkpoint(peer.submission(0, 1), NOW)
    bodies = [peer.submission(1, size) for size in range(2, 10)]
    barrier, cosigned, refused = threading.Barrier(len(bodies)), list[int](), list[int]()

    def work(size: int, body: bytes) -> None:
        barrier.wait()
        try:
            witness.add_checkpoint(body, NOW)
            cosigned.append(size)
        except WitnessedOtherwise as conflict:
            refused.append(conflict.size)

    threads = [
        threading.Thread(target=work, args=each) for each in zip(range(2, 10), bodies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(cosigned)
    assert cosigned * 7 == refused


@pytest.mark.parametrize("text", ["nonsense", "a+00000000+AAAA", "\x00"])
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path, text: str) -> None:
    """A log that was meant to be witnessed is not left out silently."""
    file = tmp_path / LOGS_FILE_NAME
    assert [] == read_witnessed_logs(file)
    file.write_text(f"# first\n{text}\n", encoding="utf-8")
    with pytest.raises(WitnessedLogsInvalid, match="line 2"):
        read_witnessed_logs(file)


def test_the_home_says_who_the_witness_is(node: Node) -> None:
    """A node without the file witnesses no log."""
    assert "registry.example/witness" == node.witness.verifier.name
    peer = PeerLog(origin=ORIGIN)
    assert 404 == send(new_app(node), peer.submission(0, 1)).status_code
