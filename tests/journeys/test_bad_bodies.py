"""Bodies without one meaning, of another kind or too large: refused, and nothing left behind."""

import gzip

import pytest

from tests.journeys.filings import question
from tests.journeys.independent import Answer, Member, compact_json, send
from tests.journeys.refusals import (
    DOORS,
    LOOKUPS,
    MIB,
    Refused,
    a_body,
)

# Bytes that are not JSON with exactly one meaning; 🙂 stands for a good body.
MALFORMED = {
    "not JSON": b"{",
    "two values": b"{}{}",
    "trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "comment": b"/* */{}",
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "1e999": b'{"a":1e999}',
    "duplicate members": b'{"a":1,"a":1}',
    "duplicate members within": b'{"b":{"a":1,"\\u0061":2}}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "33 levels": b"[" * 33 + b"]" * 33,
    "bad UTF-8": b'{"a":"\xff"}',
    "overlong UTF-8": b'{"a":"\xc0\x80"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "raw control character": b'{"a":"\x01"}',
    "raw newline in a text": b'{"a":"\n"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone low surrogate in a name": b'{"\\udc00":1}',
    "huge integer": b'{"a":' + b"9" * 5000 + b"}",
    "NUL": b"\x00",
    "white space": b"  \n ",
    "leading zero": b'{"a":01}',
    "bare word": b"undefined",
}


@pytest.mark.parametrize("target", DOORS)
@pytest.mark.parametrize("name", MALFORMED)
def test_a_body_without_one_meaning_is_malformed(
    member: Member, refused: Refused, target: str, name: str
) -> None:
    """Every door says 400 to what is not strict JSON."""
    answer = member.call("POST", target, body=MALFORMED[name])
    assert "malformed-json" == refused(400, answer).type


NOT_OBJECTS = [b"[]", b"[{}]", b"7", b'"text"', b"true", b"null", b"4.0"]


@pytest.mark.parametrize("target", DOORS)
@pytest.mark.parametrize("body", NOT_OBJECTS)
def test_a_body_that_is_no_object_is_invalid(
    member: Member, refused: Refused, target: str, body: bytes
) -> None:
    """An array, a number, a text, null."""
    refused(422, member.call("POST", target, body=body))


@pytest.mark.parametrize("target", DOORS)
def test_a_body_that_is_absent_is_invalid(member: Member, refused: Refused, target: str) -> None:
    """No bytes at all, with and without a content type."""
    refused(422, member.call("POST", target))
    refused(422, member.call("POST", target, body=b""))
    refused(422, member.call("POST", target, {}))


@pytest.mark.parametrize("target", DOORS)
def test_an_unknown_member_is_refused(
    member: Member, tokens: list[dict[str, str]], refused: Refused, target: str
) -> None:
    """At the top and inside."""
    body = a_body(target, tokens)
    answer = refused(422, member.call("POST", target, {**body, "more": 1}))
    assert [("/more", "unknown_member")] == [
        (each["pointer"], each["code"]) for each in answer.json["errors"]
    ]


@pytest.mark.parametrize("size", [MIB + 1, 3 * MIB])
def test_a_body_beyond_the_limit_is_too_large(member: Member, refused: Refused, size: int) -> None:
    """With a Content-Length, and in chunks."""
    body = b'{"a":"' + b"a" * (size - 8) + b'"}'
    for target in DOORS:
        refused(413, member.call("POST", target, body=body))
        refused(413, chunked(member, target, body))


def test_a_body_at_the_limit_is_read(
    member: Member, tokens: list[dict[str, str]], refused: Refused
) -> None:
    """1 MiB exactly, in one piece and in chunks: refused for what it says, not for its size."""
    body = compact_json(question(tokens))
    padded = body + b" " * (MIB - len(body))
    assert 200 == member.call("POST", LOOKUPS, body=padded).status
    assert 200 == chunked(member, LOOKUPS, padded).status
    kept_fitting = b'{"a":"' + b"a" * (MIB - 8) + b'"}'
    answer = member.call("POST", LOOKUPS, body=kept_fitting)
    assert 422 == answer.status


def chunked(member: Member, target: str, body: bytes) -> Answer:
    """The call with its body in chunks of 64 KiB and no Content-Length."""
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    wire = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    headers = {
        "Authorization": f"Bearer {member.jwt('POST', target, body)}",
        "Content-Type": "application/json",
        "Transfer-Encoding": "chunked",
    }
    return send(member.address, "POST", target, body=wire, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=a"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/problem+json"},
        {"Content-Type": ""},
        {"Content-Type": "\xff"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "identity, gzip"},
    ],
)
@pytest.mark.parametrize("target", DOORS)
def test_another_media_type_is_not_read(
    member: Member,
    tokens: list[dict[str, str]],
    refused: Refused,
    target: str,
    headers: dict[str, str],
) -> None:
    """415, and nothing is unpacked."""
    body = compact_json(a_body(target, tokens))
    if "gzip" in headers.get("Content-Encoding", ""):
        body = gzip.compress(body)
    refused(415, member.call("POST", target, body=body, headers=headers))


def test_a_good_body_has_parameters_of_its_type(
    member: Member, tokens: list[dict[str, str]]
) -> None:
    """A charset beside application/json is no other media type."""
    for content_type in ("application/json; charset=utf-8", "Application/JSON"):
        headers = {"Content-Type": content_type}
        assert 200 == member.call("POST", LOOKUPS, question(tokens), headers=headers).status
