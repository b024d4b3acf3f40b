"""Requests of screening buckets, as a member's client makes them."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from bench.calls import Prepared
from registry.crypto import screening
from registry.crypto.signature import PublicKey

READY_SECONDS_MAX = 120


def bucket_requests(port: int, public_key: PublicKey, count: int) -> list[Prepared]:
    """Requests of all buckets in turn; one in fifty answers is verified, signature and all."""
    listed = _index(port)
    prepared = []
    for number in range(1 << int(listed["bits"])):
        name = screening.bucket_name(number, int(listed["bits"]))
        target = f"/v1/screening/{listed['key_id']}/{listed['epoch']}/{listed['bits']}/{name}"
        data = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n"

        def check(body: bytes, number: int = number) -> None:
            bucket = screening.decode(body, public_key)
            assert bucket.bucket == number, bucket

        prepared.append(Prepared(data=data.encode(), status=200, check=check))
    return (prepared * (count // len(prepared) + 1))[:count]


def _index(port: int) -> Any:
    """The index, once the worker beside the API has made a snapshot of more than nobody."""
    until = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/screening") as answer:
                listed = json.load(answer)
            if listed["count"]:
                return listed
        except urllib.error.HTTPError:
            # Not ready yet.
            pass
        time.sleep(0.5)
    raise SystemExit("no snapshot was made in time")
