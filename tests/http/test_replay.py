"""A signed request does its work once."""

import threading
from datetime import UTC, datetime, timedelta

from registry.database.engine import Database
from registry.http.replay import forget_expired, remember
from registry.kernel.ids import MemberId

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
EXPIRES_AT = NOW + timedelta(seconds=150)
MEMBER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ab")
OTHER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ac")
JTI = bytes(range(16))


def test_a_pair_is_new_once(database: Database) -> None:
    """The second request with the same issuer and jti is told so, after a restart too."""
    with database.transaction() as transaction:
        assert remember(transaction, MEMBER, JTI, EXPIRES_AT)
        assert not remember(transaction, MEMBER, JTI, EXPIRES_AT)
    with database.transaction() as transaction:
        assert not remember(transaction, MEMBER, JTI, EXPIRES_AT)


def test_two_members_may_draw_the_same_jti(database: Database) -> None:
    """One member cannot use up another's request ids."""
    with database.transaction() as transaction:
        assert remember(transaction, MEMBER, JTI, EXPIRES_AT)
        assert remember(transaction, OTHER, JTI, EXPIRES_AT)


def test_a_pair_is_kept_until_its_request_expires_and_then_forgotten(database: Database) -> None:
    """Forgetting frees the table, a bounded number of rows at a time, and never too early."""
    with database.transaction() as transaction:
        for last in range(3):
            remember(transaction, MEMBER, JTI[:-1] + bytes([last]), EXPIRES_AT)
        assert 0 == forget_expired(transaction, EXPIRES_AT, 100)
        assert 2 == forget_expired(transaction, EXPIRES_AT + timedelta(seconds=1), 2)
        assert 1 == forget_expired(transaction, EXPIRES_AT + timedelta(seconds=1), 2)


def test_of_eight_at_once_one_is_first(database: Database) -> None:
    """Two servers that get a replayed request at the same moment do its work once."""
    start = threading.Barrier(8)
    answers: list[bool] = []

    def present() -> None:
        start.wait()
        with database.transaction() as transaction:
            answers.append(remember(transaction, MEMBER, JTI, EXPIRES_AT))

    threads = [threading.Thread(target=present) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [False] * 7 + [True] == sorted(answers)
