"""Every refusal is a problem document, and every problem has a page's worth of words."""

import json
import re
from collections import Counter
from uuid import UUID

import pytest
from flask import Flask, Response, abort
from werkzeug.test import TestResponse

from registry.app import create_app
from registry.http.limits import TooManyRequests
from registry.http.problems import (
    STATUS_BY_KIND,
    problem_by_slug,
    problem_document,
    register_problem_answers,
    schema_errors,
)
from registry.http.requests import register_request_facts
from registry.kernel.problems import FieldError, Kind, declared_problems

ORIGIN = "https://registry.example"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
REQUEST = UUID("01992f5e-7c00-7abc-8def-0123456789ab")


def test_every_kind_has_a_status_of_its_own() -> None:
    """One table, no two kinds alike."""
    assert set(Kind) == STATUS_BY_KIND.keys()
    assert len(Kind) == len(set(STATUS_BY_KIND.values()))


def test_every_problem_has_words_in_both_languages() -> None:
    """Title, advice and meaning; Chinese is Chinese."""
    assert create_app is not None, "all rooms are imported"
    known = list(declared_problems())
    assert len(known) > 30
    for problem in known:
        meaning = (problem.__doc__ or "").partition("\n")[0]
        assert meaning.endswith("."), problem
        for text in (problem.title, problem.advice):
            assert text.en.strip(), problem
            assert not CHINESE.search(text.en), problem
            assert CHINESE.search(text.zh), problem


def test_every_problem_has_an_address_of_its_own() -> None:
    """A slug of words, found again by it."""
    slugs = Counter(problem.slug() for problem in declared_problems())
    assert {1} == set(slugs.values())
    for slug in slugs:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug)
        found = problem_by_slug(slug)
        assert found is not None
        assert slug == found.slug()
    assert problem_by_slug("no-such") is None
    assert problem_by_slug("") is None


def test_a_document_has_the_members_of_the_rfc() -> None:
    """Source: RFC 9457 §3.1; `errors` only where there are any."""
    expected = {
        "type": f"{ORIGIN}/problems/too-many-requests",
        "title": "Too many requests",
        "status": 429,
        "detail": "Too many requests",
        "instance": f"urn:uuid:{REQUEST}",
    }
    assert expected == problem_document(TooManyRequests(), origin=ORIGIN, request=REQUEST)
    pointed = TooManyRequests("Slower.", errors=[FieldError(pointer="/a", code="b", detail="c")])
    errors = [{"pointer": "/a", "code": "b", "detail": "c"}]
    document = problem_document(pointed, origin=ORIGIN, request=REQUEST)
    assert {**expected, "detail": "Slower.", "errors": errors} == document


def test_schema_errors_point_into_the_body() -> None:
    """JSON Pointers, with ~ and / escaped; the codes are stable."""
    messages = {
        "a": {0: {"b/c": ["Missing data for required field."], "~": ["Field may not be null."]}},
        "more": ["Unknown field."],
        "_schema": ["Invalid input type."],
    }
    assert [
        FieldError(pointer="/a/0/b~1c", code="missing", detail="Missing data for required field."),
        FieldError(pointer="/a/0/~0", code="null", detail="Field may not be null."),
        FieldError(pointer="/more", code="unknown_member", detail="Unknown field."),
        FieldError(pointer="", code="invalid", detail="Invalid input type."),
    ] == schema_errors(messages)


@pytest.fixture
def app() -> Flask:
    app = Flask("problems")
    register_request_facts(app)
    register_problem_answers(app, ORIGIN)

    @app.get("/raise/<slug>")
    def raise_it(slug: str) -> Response:
        kinds = {"plain": TooManyRequests(), "again": TooManyRequests(retry_after_seconds=7)}
        raise kinds[slug] if slug in kinds else ZeroDivisionError("SECRET")

    @app.get("/abort/<int:status>")
    def abort_with(status: int) -> Response:
        abort(status, "SECRET")

    return app


def get(app: Flask, target: str, method: str = "GET") -> TestResponse:
    return app.test_client().open(target, method=method)


def test_a_raised_problem_is_the_answer(app: Flask) -> None:
    """With its status, its media type and the id of the request."""
    answer = get(app, "/raise/plain")
    assert (429, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    document = json.loads(answer.data)
    assert f"urn:uuid:{answer.headers['X-Request-ID']}" == document["instance"]
    assert "Retry-After" not in answer.headers
    assert "7" == get(app, "/raise/again").headers["Retry-After"]


def test_any_other_exception_tells_nothing_but_the_request(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """500, no text of the exception; the traceback is for the operator."""
    answer = get(app, "/raise/other")
    assert (500, "internal-fault") == (answer.status_code, _slug(answer))
    assert b"SECRET" not in answer.data
    assert answer.headers["X-Request-ID"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("status", "expected", "slug"),
    [
        (400, 400, "request-malformed"),
        (404, 404, "nothing-here"),
        (405, 405, "method-not-allowed"),
        (406, 406, "not-acceptable"),
        (413, 413, "body-too-large"),
        (415, 415, "media-type-unsupported"),
        (414, 400, "request-malformed"),
        (431, 400, "request-malformed"),
        (418, 400, "request-malformed"),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(
    app: Flask, status: int, expected: int, slug: str
) -> None:
    """No page of another's, no text of another's."""
    answer = get(app, f"/abort/{status}")
    assert (expected, slug) == (answer.status_code, _slug(answer))
    assert b"SECRET" not in answer.data


def test_a_failure_of_the_framework_is_a_fault(app: Flask) -> None:
    """A 5xx is never told as the caller's mistake."""
    for status in (500, 503):
        answer = get(app, f"/abort/{status}")
        assert answer.status_code >= 500
        assert b"SECRET" not in answer.data


def test_a_method_that_is_not_there_lists_those_that_are(app: Flask) -> None:
    """405 with Allow, as RFC 9110 asks."""
    answer = get(app, "/raise/plain", "DELETE")
    assert (405, "GET, HEAD, OPTIONS") == (answer.status_code, answer.headers["Allow"])


def _slug(answer: TestResponse) -> str:
    document = json.loads(answer.data)
    assert answer.status_code == document["status"]
    slug: str = document["type"].removeprefix(f"{ORIGIN}/problems/")
    return slug
