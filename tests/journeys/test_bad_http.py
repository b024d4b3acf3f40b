"""What is hardly HTTP: never a fault of the node."""

import http.client
import json
import re
import socket
import time
from contextlib import closing

import pytest

from tests.journeys.filings import question
from tests.journeys.independent import Member, compact_json, exchange, send
from tests.journeys.nodes import Node

RAW_REQUESTS = {
    "no request": b"\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a long target": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long header": b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    "many headers": b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "chunks before they were": (
        b"POST /v1/lookups HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "another version": b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n",
    "a request in an upgrade": (
        b"POST /v1/lookups HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        b"Content-Length: 37\r\n\r\nGET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n"
    ),
    "two lengths": b"POST /v1/lookups HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": (
        b"POST /v1/lookups HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a negative length": b"POST /v1/lookups HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "bad chunks": b"POST /v1/lookups HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "bad chunks nobody reads": (
        b"GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"
    ),
    "a body cut short": b"POST /v1/lookups HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
    "chunks cut short": (b"POST /v1/lookups HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
    "another coding": b"POST /v1/lookups HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "an expectation": b"POST /v1/lookups HTTP/1.1\r\nExpect: 7\r\nContent-Length: 0\r\n\r\n",
    "an upgrade": (
        b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
    ),
    "an endless chunk": (
        b"POST /v1/lookups HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na\r\n"
    ),
    "a space in the target": b"GET /v1/ru lebook HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in the target": b"GET /v1/\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes in the target": b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": b"GET ftp://a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "authority form": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "a host of no meaning": b"GET /livez HTTP/1.1\r\nHost: \xff@:/\r\n\r\n",
}


# Nothing that a caller may not send.
ODD_FIELDS = {
    "nothing odd": b"",
    "an upgrade": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
    "a place of the application": b"SCRIPT_NAME: /v1\r\nPATH_INFO: /livez\r\n",
    "a place that is none": b"SCRIPT_NAME: /elsewhere\r\n",
    "two schemes": b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n",
    "white space": b"X-Request-ID: 0b5c2a3e-8c7a-4f6e-9a51-3a1de0c5f111 \t\r\n",
}


def _is_ok_or_problem(head: bytes) -> bool:
    status = int(head.split()[1])
    return status == 200 or (400 <= status < 500 and b"application/problem+json" in head)


@pytest.mark.parametrize("name", RAW_REQUESTS)
def test_what_is_no_request_stops_nothing(node: Node, name: str) -> None:
    """Refused by the server or the application; never a 500, and the next request is served."""
    touched = node.touched()
    with socket.create_connection(node.address, timeout=10) as connection:
        connection.sendall(RAW_REQUESTS[name])
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    heads = re.findall(rb"HTTP/1.1 \d{3}[^{]*", received)
    assert [] == [head for head in heads if not _is_ok_or_problem(head)]
    # One answer to one request, however much of it is broken.
    assert len(heads) <= 1
    assert (200, touched) == (send(node.address, "GET", "/livez").status, node.touched())


@pytest.mark.parametrize("name", ODD_FIELDS)
def test_what_is_odd_and_sound_is_answered(
    node: Node, member: Member, tokens: list[dict[str, str]], name: str
) -> None:
    """Each of two, behind one another, by a caller that has said all it had to say."""
    body = compact_json(question(tokens))
    heads = [
        b"POST /v1/lookups HTTP/1.1\r\nHost: a\r\nContent-Type: application/json \r\n"
        b"Authorization: Bearer %s \r\n%sContent-Length: %d\r\n\r\n"
        % (member.jwt("POST", "/v1/lookups", body).encode(), ODD_FIELDS[name], len(body))
        for _ in range(2)
    ]
    with socket.create_connection(node.address, timeout=10) as connection:
        connection.sendall(b"".join(head + body for head in heads))
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert [b"200", b"200"] == re.findall(rb"HTTP/1.1 (\d{3})", received)
    if name == "white space":
        assert 2 == received.lower().count(
            b"x-request-id: 0b5c2a3e-8c7a-4f6e-9a51-3a1de0c5f111\r\n"
        )


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_trailer_is_no_field_of_the_head(
    node: Node, member: Member, tokens: list[dict[str, str]], pieces: int
) -> None:
    """However the packets fall: behind a body nobody says who calls."""
    body = compact_json(question(tokens))
    jwt = member.jwt("POST", "/v1/lookups", body).encode()
    head = (
        b"POST /v1/lookups HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    behind = b"%x\r\n%s\r\n0\r\nAuthorization: Bearer %s\r\n\r\n" % (len(body), body, jwt)
    touched = node.touched()
    with socket.create_connection(node.address, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for each in [head + behind] if pieces == 1 else [head, behind]:
            connection.sendall(each)
            time.sleep(0.2)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert re.findall(rb"HTTP/1.1 (\d{3})", received) in ([b"400"], [b"401"])
    assert touched == node.touched()


def test_what_the_server_itself_refuses_is_a_problem_too(node: Node) -> None:
    """A whole RFC 9457 document, before the application ever sees the request."""
    with closing(http.client.HTTPConnection(*node.address, timeout=10)) as connection:
        connection.putrequest("GET", "/livez")
        connection.putheader("X-Much", "a" * 20_000)
        connection.endheaders()
        response = connection.getresponse()
        document = json.loads(response.read())
    assert (400, "application/problem+json") == (response.status, response.headers["Content-Type"])
    assert f"{node.origin}/problems/request-malformed" == document["type"]
    assert f"urn:uuid:{response.headers['X-Request-ID']}" == document["instance"]
    assert 400 == document["status"]
    assert {"title", "detail"} <= document.keys()


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}])
def test_what_is_left_of_a_refused_body_is_no_request(node: Node, headers: dict[str, str]) -> None:
    """A request hidden in a body that is too large is never read as one."""
    hidden = b"GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n"
    body = hidden * (3 * 1024 * 1024 // len(hidden))
    if headers:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    before = node.lines().count('"status":404')
    with closing(http.client.HTTPConnection(*node.address, timeout=30)) as connection:
        refused = exchange(connection, "POST", "/v1/lookups", body=body, headers=headers)
        try:
            after = exchange(connection, "GET", "/livez").status
        except (OSError, http.client.HTTPException):
            # Hung up: nothing more is read from this caller.
            after = 200
    assert (413, 200) == (refused.status, after)
    assert before == node.lines().count('"status":404')
