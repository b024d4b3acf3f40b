"""Requests of screening buckets, as a member's client makes them; and their answers kept."""

import json
import time
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

from bench.calls import Prepared
from registry.crypto import screening
from registry.crypto.signature import PublicKey

READY_SECONDS_MAX = 120
# Made by the server for each answer, or about the connection.
_PASSING = frozenset({"connection", "date", "server", "transfer-encoding"})


def bucket_requests(port: int, public_key: PublicKey, count: int) -> list[Prepared]:
    """Requests of all buckets in turn; one in fifty answers is verified, signature and all."""
    prepared = []
    for number, target in enumerate(_targets(port)):

        def check(body: bytes, number: int = number) -> None:
            bucket = screening.decode(body, public_key)
            assert bucket.bucket == number, bucket

        prepared.append(_request(port, target, check))
    return _repeated(prepared, count)


def keep_answers(port: int, path: Path) -> None:
    """Writes what the door on `port` answers for every bucket, headers and all, to `path`."""
    kept = {}
    for target in _targets(port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}") as answer:
            headers = [
                (name.lower(), value)
                for name, value in answer.getheaders()
                if name.lower() not in _PASSING
            ]
            kept[target] = {"headers": headers, "body": b64encode(answer.read()).decode()}
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(kept))
    draft.replace(path)


def static_requests(port: int, public_key: PublicKey, path: Path, count: int) -> list[Prepared]:
    """Requests of what `keep_answers` kept, held to the same."""

    def check(body: bytes) -> None:
        screening.decode(body, public_key)

    targets = json.loads(path.read_text())
    return _repeated([_request(port, target, check) for target in targets], count)


def _request(port: int, target: str, check: Any) -> Prepared:
    data = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n"
    return Prepared(data=data.encode(), status=200, check=check)


def _repeated(prepared: list[Prepared], count: int) -> list[Prepared]:
    return (prepared * (count // len(prepared) + 1))[:count]


def _targets(port: int) -> list[str]:
    """The path of each bucket, in order."""
    listed = _index(port)
    bits = int(listed["bits"])
    folder = f"/v1/screening/{listed['key_id']}/{listed['epoch']}/{bits}"
    return [f"{folder}/{screening.bucket_name(number, bits)}" for number in range(1 << bits)]


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
