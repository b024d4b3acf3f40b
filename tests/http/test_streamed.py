"""Bodies too large for memory: verified like any other, and gone when the call is over."""

import io
import secrets

import pytest

from registry.database.engine import Database
from registry.http.spool import PIECE_BYTES, Spool, SpoolFull
from tests.http.house import STREAMED_BYTES_MAX, House, new_house


@pytest.fixture
def house(database: Database) -> House:
    return new_house(database)


class Trickle(io.BytesIO):
    """A connection that gives a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1009))


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES * 2 + 7])
def test_what_came_is_given_back_as_often_as_asked(size: int) -> None:
    """However little comes at once; pieces are whole but for the last."""
    body = secrets.token_bytes(size)
    with Spool() as spool:
        spool.take(Trickle(body), bytes_max=size)
        assert size == spool.bytes_total
        for _ in range(2):
            pieces = list(spool.pieces())
            assert body == b"".join(pieces)
            assert all(len(piece) == PIECE_BYTES for piece in pieces[:-1])


def test_more_than_there_may_be_is_refused() -> None:
    """One byte is enough."""
    with Spool() as spool, pytest.raises(SpoolFull):
        spool.take(io.BytesIO(bytes(101)), bytes_max=100)


def test_the_disk_holds_nothing_readable() -> None:
    """The file has no name, and what is in it is sealed."""
    with Spool() as spool:
        spool.take(io.BytesIO(b"token" * 10_000), bytes_max=50_000)
        spool._file.seek(0)
        assert b"token" not in spool._file.read()


def test_a_large_body_is_worked_on_once_it_is_the_signed_one(house: House) -> None:
    """Larger than other operations read; the call is remembered."""
    body = secrets.token_bytes(STREAMED_BYTES_MAX)
    answer = house.call("POST", "/streamed", body=body)
    assert (202, body) == (answer.status_code, answer.data)
    assert (1, 1) == (house.marks(), house.seen())


@pytest.mark.parametrize("body", [b"x", b"", b"y" * 100_000])
def test_another_body_than_the_signed_one_is_refused(house: House, body: bytes) -> None:
    """Nothing is worked on or remembered."""
    jwt = house.jwt("POST", "/streamed", b"signed")
    answer = house.call("POST", "/streamed", body=body, jwt=jwt)
    assert (401, 0, 0) == (answer.status_code, house.marks(), house.seen())
    assert "bsh" in answer.json["detail"]


def test_one_byte_too_many_is_too_large(house: House) -> None:
    """Whether its length is told or not."""
    body = bytes(STREAMED_BYTES_MAX + 1)
    assert 413 == house.call("POST", "/streamed", body=body).status_code
    answer = house.app.test_client().open(
        "/streamed",
        method="POST",
        input_stream=io.BytesIO(body),
        headers={"Authorization": f"Bearer {house.jwt('POST', '/streamed', body)}"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (413, 0) == (answer.status_code, house.marks())


def test_a_streamed_call_works_once(house: House) -> None:
    """The same signed request again is a replay."""
    jwt = house.jwt("POST", "/streamed", b"body")
    assert 202 == house.call("POST", "/streamed", body=b"body", jwt=jwt).status_code
    assert 401 == house.call("POST", "/streamed", body=b"body", jwt=jwt).status_code
    assert 1 == house.marks()


def test_a_scope_is_asked_for_before_the_body_is_read(house: House) -> None:
    """A member without it cannot make the server read."""

    class Unread(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("nothing is read")

    answer = house.app.test_client().open(
        "/streamed-audit",
        method="POST",
        input_stream=Unread(),
        headers={
            "Authorization": f"Bearer {house.jwt('POST', '/streamed-audit', b'body')}",
            "Content-Length": "4",
        },
    )
    assert 403 == answer.status_code


def test_an_idempotency_key_gives_the_answer_that_was_given(house: House) -> None:
    """And refuses another body."""
    headers = {"Idempotency-Key": "import-1"}
    first = house.call("POST", "/streamed", body=b"one", headers=headers)
    again = house.call("POST", "/streamed", body=b"one", headers=headers)
    other = house.call("POST", "/streamed", body=b"two", headers=headers)
    assert [202, 202, 422] == [each.status_code for each in (first, again, other)]
    assert (first.data, 1) == (again.data, house.marks())
