"""A call repeated with its key is answered and not redone."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Response

from registry.database.engine import Database
from registry.http.idempotency import (
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    find,
    forget_expired,
    keep,
    key_of,
)
from registry.kernel.ids import MemberId

EXPIRES_AT = datetime(2026, 10, 2, 12, tzinfo=UTC)
MEMBER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ab")
OTHER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ac")
CALL = b"c" * 32
ANOTHER_CALL = b"d" * 32


def answer() -> Response:
    headers = {"Location": "/v1/incidents/inc_1", "Content-Type": "application/json"}
    return Response(b'{"incident":{}}', status=201, headers=headers)


def test_what_was_kept_is_found(database: Database) -> None:
    """Status, headers and body come back as they were, to the same member only."""
    with database.transaction() as transaction:
        assert keep(transaction, MEMBER, "k", CALL, answer(), EXPIRES_AT)
    with database.reading() as transaction:
        found = find(transaction, MEMBER, "k", CALL)
        assert found is not None
        assert 201 == found.status_code
        assert b'{"incident":{}}' == found.get_data()
        assert sorted(answer().headers) == sorted(found.headers)
        assert None is find(transaction, OTHER, "k", CALL)
        assert None is find(transaction, MEMBER, "l", CALL)


def test_a_key_answers_the_call_it_was_used_for_and_no_other(database: Database) -> None:
    """A key used for another call is a mistake the caller hears of."""
    with database.transaction() as transaction:
        keep(transaction, MEMBER, "k", CALL, answer(), EXPIRES_AT)
        with pytest.raises(IdempotencyKeyReused):
            find(transaction, MEMBER, "k", ANOTHER_CALL)


def test_the_first_answer_stands(database: Database) -> None:
    """Whoever comes second learns that it did, and changes nothing."""
    with database.transaction() as transaction:
        assert keep(transaction, MEMBER, "k", CALL, answer(), EXPIRES_AT)
        assert not keep(transaction, MEMBER, "k", CALL, Response(b"second"), EXPIRES_AT)
        found = find(transaction, MEMBER, "k", CALL)
        assert found is not None
        assert 201 == found.status_code


def test_expired_answers_are_forgotten_a_few_at_a_time(database: Database) -> None:
    """The table stays small without a long transaction."""
    with database.transaction() as transaction:
        for number in range(3):
            keep(transaction, MEMBER, f"k{number}", CALL, answer(), EXPIRES_AT)
        assert 0 == forget_expired(transaction, EXPIRES_AT - timedelta(seconds=1), 100)
        assert 2 == forget_expired(transaction, EXPIRES_AT, 2)
        assert 1 == forget_expired(transaction, EXPIRES_AT, 2)


@pytest.mark.parametrize("header", ["", " ", "a b", "a\x00", "é", "k" * 65])
def test_a_key_is_visible_ascii_of_bounded_length(header: str) -> None:
    """Nothing else reaches the table."""
    with pytest.raises(IdempotencyKeyMalformed):
        key_of(header)


@pytest.mark.parametrize("header", [None, "k", "k" * 64, '"quoted"'])
def test_a_key_is_taken_as_it_is(header: str | None) -> None:
    """The registry gives no meaning to its characters."""
    assert header == key_of(header)
