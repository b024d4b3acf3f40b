"""Evaluations are right, proven, and counted: never more than the quota, on any database."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from registry.crypto import voprf
from registry.crypto.voprf import InvalidElement
from registry.database.engine import Database
from registry.identity import store
from registry.identity.keyring import Keyring
from registry.identity.model import EvaluationKey, EvaluationQuotaSpent, KeyNode, KeyUnknown
from registry.identity.service import Evaluated, Evaluations
from registry.kernel.ids import MemberId

NOW = datetime(2026, 11, 1, 8, 59, 50, tzinfo=UTC)
MEMBER = MemberId("mem_one")
PAIR = voprf.derive_key_pair(b"s" * 32, b"")
ELEMENT = voprf.blind(b"someone").element

Ask = Callable[..., Evaluated]


@pytest.fixture
def keyring() -> Keyring:
    """One key, k1."""
    node = KeyNode(origin="https://registry.example", share_public_key=PAIR.public)
    key = EvaluationKey(
        key_id="k1",
        created_at=NOW,
        public_key=PAIR.public,
        threshold=1,
        nodes=(node,),
        share=PAIR,
    )
    return Keyring([key])


@pytest.fixture
def process(database: Database, keyring: Keyring) -> Callable[[], Ask]:
    """Starts a process: its own leases, the common database."""

    def start() -> Ask:
        evaluations = Evaluations(keyring=keyring, database=database)

        def ask(count: int = 1, *, quota: int = 10, now: datetime = NOW) -> Evaluated:
            return evaluations.evaluate(
                member=MEMBER,
                evaluations_per_hour=quota,
                key_id="k1",
                blinded=[ELEMENT] * count,
                now=now,
            )

        return ask

    return start


@pytest.fixture
def ask(process: Callable[[], Ask]) -> Ask:
    """Asks the only process."""
    return process()


def times_granted(ask: Ask, *, quota: int, count: int = 1, tries: int = 1000) -> int:
    for granted in range(tries):
        try:
            ask(count, quota=quota)
        except EvaluationQuotaSpent:
            return granted
    return tries


def test_an_evaluation_finalises_under_the_published_key(
    database: Database, keyring: Keyring
) -> None:
    """Client and node agree on the output, and the proof verifies for the batch."""
    inputs = [b"one", b"two", b"three"]
    blinded = [voprf.blind(message) for message in inputs]
    evaluated = Evaluations(keyring=keyring, database=database).evaluate(
        member=MEMBER,
        evaluations_per_hour=10,
        key_id="k1",
        blinded=[one.element for one in blinded],
        now=NOW,
    )
    outputs = voprf.finalize(
        inputs=inputs,
        blinded=blinded,
        evaluation=evaluated.evaluation,
        public_key=keyring.current().nodes[0].share_public_key,
    )
    assert 3 == len(set(outputs))
    assert (7, 10) == (evaluated.quota_remaining, evaluated.quota_resets_in_seconds)


def test_every_element_counts_and_the_quota_is_exact(ask: Ask) -> None:
    """Ten an hour: one, four, five; then none, and when to come back."""
    assert [9, 5, 0] == [ask(count).quota_remaining for count in (1, 4, 5)]
    with pytest.raises(EvaluationQuotaSpent) as refusal:
        ask(1)
    assert 10 == refusal.value.retry_after_seconds


def test_a_batch_too_large_for_the_rest_takes_nothing(ask: Ask) -> None:
    """All or none: a smaller one still fits afterwards."""
    ask(7)
    with pytest.raises(EvaluationQuotaSpent):
        ask(4)
    assert 0 == ask(3).quota_remaining


def test_the_next_hour_is_a_new_quota(ask: Ask) -> None:
    """At the full hour everything is given back."""
    ask(10)
    assert 9 == ask(1, now=NOW + timedelta(seconds=10)).quota_remaining


@pytest.mark.parametrize("quota", [1, 7, 100, 199, 250])
def test_one_process_gives_the_whole_quota_and_no_more(ask: Ask, quota: int) -> None:
    """Whatever the lease's size, one process can use all of it."""
    assert quota == times_granted(ask, quota=quota)


def test_a_restart_does_not_give_the_quota_back(process: Callable[[], Ask]) -> None:
    """A new process finds what the old one leased, used or not."""
    assert 600 == times_granted(process(), quota=1000, tries=600)
    assert 400 == times_granted(process(), quota=1000)
    assert 0 == times_granted(process(), quota=1000)


def test_processes_share_one_quota(process: Callable[[], Ask]) -> None:
    """Eight of them, in turn, get no more together than one would."""
    asks = [process() for _ in range(8)]
    granted = 0
    refused: set[int] = set()
    while len(refused) < len(asks):
        for number, each in enumerate(asks):
            try:
                each(3, quota=200)
                granted += 3
            except EvaluationQuotaSpent:
                refused.add(number)
    assert 150 <= granted <= 200


def test_threads_at_once_get_the_quota_and_no_more(process: Callable[[], Ask]) -> None:
    """Two processes of four threads each, all asking until refused."""
    asks = [process() for _ in range(2)]
    granted: list[int] = []

    def work(ask: Ask) -> None:
        granted.append(times_granted(ask, quota=120))

    threads = [threading.Thread(target=work, args=(asks[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 == len(granted)
    assert 120 == sum(granted)


def test_a_quota_lowered_or_raised_holds_at_the_next_lease(ask: Ask) -> None:
    """Nothing below what is leased already, everything up to the new quota."""
    ask(8, quota=10)
    with pytest.raises(EvaluationQuotaSpent):
        ask(1, quota=5)
    assert 11 == ask(1, quota=20).quota_remaining


def test_no_quota_is_no_evaluation(ask: Ask) -> None:
    """A member with a quota of 0 cannot evaluate."""
    with pytest.raises(EvaluationQuotaSpent):
        ask(1, quota=0)


def test_members_do_not_share_a_quota(database: Database) -> None:
    """Another member's row is another row."""
    with database.transaction() as transaction:
        one = store.lease(transaction, MEMBER, hour=1, quota=10, wanted=10)
        other = store.lease(transaction, MemberId("mem_two"), hour=1, quota=10, wanted=4)
    assert ((10, 0), (4, 6)) == (one, other)


def test_old_hours_are_swept_and_recent_ones_kept(database: Database) -> None:
    """A member's table holds five weeks of hours at most."""
    with database.transaction() as transaction:
        for hour in (1, 300, 1000):
            store.lease(transaction, MEMBER, hour=hour, quota=10, wanted=1)
        rows = transaction.execute(store.evaluation_quotas.select())
        assert [300, 1000] == sorted(row.hour for row in rows)


def test_refused_questions_do_not_count(database: Database, keyring: Keyring, ask: Ask) -> None:
    """An unknown key and a bad element leave the quota as it was."""
    evaluations = Evaluations(keyring=keyring, database=database)

    def evaluate(key_id: str, blinded: list[bytes]) -> Evaluated:
        return evaluations.evaluate(
            member=MEMBER, evaluations_per_hour=10, key_id=key_id, blinded=blinded, now=NOW
        )

    with pytest.raises(KeyUnknown):
        evaluate("k2", [ELEMENT])
    with pytest.raises(InvalidElement) as refusal:
        evaluate("k1", [ELEMENT, bytes(32), ELEMENT, b"\xff" * 32])
    assert ["/blinded/1", "/blinded/3"] == [error.pointer for error in refusal.value.errors]
    assert 10 == times_granted(ask, quota=10)
