"""The door: one signed call, one transaction, one answer that leaves after the commit."""

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from registry.database.engine import Database
from tests.http.house import A_YEAR_ON, House, new_house
from tests.members.samples import (
    NOW,
    ORIGIN,
    PLATFORM,
    admit,
    make_key,
    make_members,
    prove,
)

SWEEP_EVERY_CALLS = 256


@pytest.fixture
def house(database: Database) -> House:
    return new_house(database)


def test_a_call_is_answered_after_its_work_is_kept(house: House) -> None:
    """The answer is the view's; what it wrote stands."""
    answer = house.call("POST", "/work", body=b"{}")
    assert (201, f"done {house.member.id}") == (answer.status_code, answer.text)
    assert (1, 1) == (house.marks(), house.seen())


def test_a_raised_problem_undoes_the_work_and_uses_up_the_call(house: House) -> None:
    """Nothing of it remains but that it was made: it is not replayed when things have changed."""
    jwt = house.jwt("POST", "/raise")
    assert 404 == house.call("POST", "/raise", jwt=jwt).status_code
    assert (0, 1) == (house.marks(), house.seen())
    assert 401 == house.call("POST", "/raise", jwt=jwt).status_code


def test_a_returned_problem_keeps_the_record(house: House) -> None:
    """A refusal that must itself be logged is."""
    jwt = house.jwt("POST", "/return")
    assert 404 == house.call("POST", "/return", jwt=jwt).status_code
    assert (1, 1) == (house.marks(), house.seen())
    assert 401 == house.call("POST", "/return", jwt=jwt).status_code


def test_unavailable_leaves_the_call_usable(house: House) -> None:
    """Nothing was done, so the same request may try again; Retry-After says when."""
    jwt = house.jwt("POST", "/unavailable")
    answers = [house.call("POST", "/unavailable", jwt=jwt) for _ in range(2)]
    assert [503, 503] == [each.status_code for each in answers]
    assert "1" == answers[0].headers["Retry-After"]
    assert (0, 0) == (house.marks(), house.seen())


def test_a_fault_leaves_nothing(house: House) -> None:
    """A broken invariant is a 500 that tells nothing and keeps nothing."""
    answer = house.call("POST", "/break")
    assert (500, 0) == (answer.status_code, house.marks())
    assert "SECRET" not in answer.text


def test_a_missing_scope_is_told_and_uses_up_the_call(house: House) -> None:
    """403 names the scope; with and without a transaction of the view's own."""
    for target in ("/audit", "/detached-audit"):
        jwt = house.jwt("POST", target)
        refused = house.call("POST", target, jwt=jwt)
        assert (403, True) == (refused.status_code, "audit:read" in refused.json["detail"])
        assert 401 == house.call("POST", target, jwt=jwt).status_code


def test_a_detached_call_is_recorded_before_its_view_begins(house: House) -> None:
    """It is used up whatever comes of it."""
    jwt = house.jwt("POST", "/detached")
    assert [200, 401] == [house.call("POST", "/detached", jwt=jwt).status_code for _ in range(2)]
    assert 1 == house.seen()


def test_a_reading_call_is_not_remembered(house: House) -> None:
    """GET changes nothing and may be repeated."""
    jwt = house.jwt("GET", "/now")
    assert [200, 200] == [house.call("GET", "/now", jwt=jwt).status_code for _ in range(2)]
    assert 0 == house.seen()


def test_rules_are_applied_at_their_own_clock(house: House) -> None:
    """Signatures at the machine's clock, `call.now` at the rules'."""
    assert A_YEAR_ON.isoformat() == house.call("GET", "/now").text
    jwt = house.jwt("GET", "/now")
    house.wall.move(timedelta(seconds=91))
    assert 401 == house.call("GET", "/now", jwt=jwt).status_code


def test_of_eight_replays_at_once_one_does_its_work(house: House) -> None:
    """Also while the first has not been answered yet."""
    jwt = house.jwt("POST", "/work")
    statuses = at_once(8, lambda: house.call("POST", "/work", jwt=jwt).status_code)
    assert [201] + [401] * 7 == sorted(statuses)
    assert 1 == house.marks()


def test_an_idempotency_key_is_worked_once(house: House) -> None:
    """Eight calls at once with one key: one did the work, all have its answer to the byte."""
    key = {"Idempotency-Key": "a-key"}
    answers = at_once(8, lambda: house.call("POST", "/work", headers=key))
    assert {201} == {each.status_code for each in answers}
    assert 1 == len({each.data for each in answers})
    assert {'"1"'} == {each.headers["ETag"] for each in answers}
    assert (1, 8) == (house.marks(), house.seen())
    # Every one of them was a call of its own.
    assert 8 == len({each.headers["X-Request-ID"] for each in answers})


def test_an_idempotency_key_belongs_to_one_call(house: House) -> None:
    """Another body, target or method is 422; so is none of them for a refused call."""
    key = {"Idempotency-Key": "a-key"}
    assert 201 == house.call("POST", "/work", body=b"1", headers=key).status_code
    assert 422 == house.call("POST", "/work", body=b"2", headers=key).status_code
    assert 422 == house.call("POST", "/return", body=b"1", headers=key).status_code
    assert 1 == house.marks()


def test_a_raised_problem_is_no_answer_to_keep(house: House) -> None:
    """Once mended the same key does the work."""
    key = {"Idempotency-Key": "a-key"}
    assert 404 == house.call("POST", "/raise", headers=key).status_code
    assert 201 == house.call("POST", "/work", headers=key).status_code


def test_a_returned_problem_is_kept_with_its_key(house: House) -> None:
    """A logged refusal is not logged twice."""
    key = {"Idempotency-Key": "a-key"}
    assert [404, 404] == [house.call("POST", "/return", headers=key).status_code for _ in range(2)]
    assert 1 == house.marks()


def test_a_suspended_member_is_out_at_once(house: House) -> None:
    """By whichever process it was suspended."""
    assert 201 == house.call("POST", "/work").status_code
    with house.database.transaction() as transaction:
        make_members().suspend(transaction, house.member.id, NOW)
    assert 401 == house.call("POST", "/work").status_code
    assert 1 == house.marks()


def test_a_key_registered_a_moment_ago_is_known(house: House) -> None:
    """A process that has not heard of it yet looks once more."""
    other = make_key()
    member = admit(house.database, other, name="Platform Two")
    newcomer = replace(house, key=other, member=member)
    assert 201 == newcomer.call("POST", "/work").status_code


def test_calls_beyond_the_limit_of_the_minute_are_refused(house: House) -> None:
    """429 with the seconds that are left of the minute; the next minute begins anew."""
    key = make_key()
    admission = replace(PLATFORM, name="Platform Two", requests_per_minute=2)
    with house.database.transaction() as transaction:
        member = make_members().admit(transaction, admission, [prove(key)], NOW)
    limited = replace(house, key=key, member=member)
    limited.wall.move(timedelta(seconds=17))
    answers = [limited.call("POST", "/work") for _ in range(3)]
    assert [201, 201, 429] == [each.status_code for each in answers]
    assert [1, 0, 0] == [int(each.headers["RateLimit"].split("r=")[1][0]) for each in answers]
    assert '"requests";r=0;t=43' == answers[2].headers["RateLimit"]
    assert '"requests";q=2;w=60' == answers[2].headers["RateLimit-Policy"]
    assert "43" == answers[2].headers["Retry-After"]
    # Others are not held back by it.
    assert 201 == house.call("POST", "/work").status_code
    limited.wall.move(timedelta(seconds=43))
    assert 201 == limited.call("POST", "/work").status_code


@pytest.mark.parametrize(
    "target",
    [
        "/any/x://registry.example/now",
        "/any/x?y=://a/now",
        "/any/a%2F%2e%2e?a=b&a=c&",
        "/any/%E4%B8%AD?%E4%B8%AD",
        "/any/a;b=c,d+e",
    ],
)
def test_the_target_is_bound_as_it_was_sent(house: House, target: str) -> None:
    """Path and query, whatever stands in them; not what remains of them when they are read."""
    assert 200 == house.call("GET", target).status_code
    for other in ("/now", target.partition("?")[0] + "?", target.rpartition("/")[0]):
        jwt = house.jwt("GET", other)
        assert 401 == house.call("GET", target, jwt=jwt).status_code


def test_the_absolute_form_stands_for_its_path(house: House) -> None:
    """RFC 9112 §3.2.2: a proxy may send scheme and host before the target."""
    jwt = house.jwt("GET", "/now?")
    environ = {"RAW_URI": f"{ORIGIN}/now?", "REQUEST_URI": f"{ORIGIN}/now?"}
    answer = house.app.test_client().get(
        "/now", headers={"Authorization": f"Bearer {jwt}"}, environ_overrides=environ
    )
    assert 200 == answer.status_code


def test_a_body_beyond_the_limit_is_refused_before_anything(house: House) -> None:
    """With a length, and without one: it is never cut and taken for whole."""
    assert 413 == house.call("POST", "/work", body=b"a" * 65).status_code
    assert 201 == house.call("POST", "/work", body=b"a" * 64).status_code
    for size, status in ((64, 201), (65, 413), (6500, 413)):
        body = b"a" * size
        # What was signed is the part that fits: cut at the limit, it would be accepted.
        jwt = house.jwt("POST", "/work", body[:64])
        assert status == chunked(house, body, jwt).status_code
    assert (2, 2) == (house.marks(), house.seen())


def chunked(house: House, body: bytes, jwt: str) -> TestResponse:
    """A body without a length, as the server hands over one that came in chunks."""
    return house.app.test_client().open(
        "/work",
        method="POST",
        input_stream=io.BytesIO(body),
        headers={"Authorization": f"Bearer {jwt}", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def at_once(count: int, act: Any) -> list[Any]:
    """What `count` threads get that begin together."""
    start = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        start.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_an_authorization_that_cannot_be_read_never_reaches_a_view(house: House) -> None:
    """Nor the database."""
    for value in ("", "Bearer", "Bearer x", "Basic YTpi"):
        answer = house.app.test_client().post("/work", headers={"Authorization": value})
        assert (401, 'Bearer realm="registry"') == (
            answer.status_code,
            answer.headers["WWW-Authenticate"],
        )
    assert (0, 0) == (house.marks(), house.seen())


def test_now_is_told_in_utc(house: House) -> None:
    """The wall clock of the house is aware."""
    assert UTC == datetime.fromisoformat(house.call("GET", "/now").text).tzinfo
