"""What is hardly HTTP: never a fault of the node."""

import re
import socket

import pytest

from tests.journeys.independent import send
from tests.journeys.nodes import Node

RAW_REQUESTS = {
    "no request": b"\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a long target": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long header": b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    "many headers": b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 200 + b"\r\n",
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


def _is_ok_or_problem(head: bytes) -> bool:
    status = int(head.split()[1])
    return status == 200 or (400 <= status < 500 and b"application/problem+json" in head)


@pytest.mark.parametrize("name", RAW_REQUESTS)
def test_what_is_no_request_stops_nothing(node: Node, name: str):
    """Refused by the server or the application; never a 500, and the next request is served."""
    kept = node.counts()
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
    assert (200, kept) == (send(node.address, "GET", "/livez").status, node.counts())
