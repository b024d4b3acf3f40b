"""What figures are compared with does what it stands for."""

import asyncio
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import evaluating
from bench.names import CORE, LIBSODIUM
from bench.static_files import StaticFiles
from registry.crypto import ristretto255
from registry.crypto.sodium import library


class Counted:
    """libsodium itself, noting what is called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        function = getattr(library(), name)

        def noted(*arguments: Any) -> Any:
            self.calls[name] += 1
            return function(*arguments)

        return noted


def calls_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What two evaluations call more than one: the making of keys and blinds drops out."""
    found = []
    for count in (1, 2):
        counted = Counted()
        monkeypatch.setattr(ristretto255, "library", lambda counted=counted: counted)
        monkeypatch.setattr(evaluating, "library", lambda counted=counted: counted)
        once, elements = evaluating.prepared(name)
        for element in elements[:count]:
            once(element)
        found.append(counted.calls)
    return found[1] - found[0]


def test_libsodiums_part_is_what_an_evaluation_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same functions as often: nothing that is compared with is left out or added."""
    core = calls_of(CORE, monkeypatch)
    assert core == calls_of(LIBSODIUM, monkeypatch)
    assert 4 == core["crypto_scalarmult_ristretto255"]
    assert 1 == core["crypto_scalarmult_ristretto255_base"]


@pytest.mark.parametrize("name", [LIBSODIUM, CORE])
def test_a_round_without_a_door_counts_what_it_did(name: str) -> None:
    """At least once, however short."""
    found = evaluating.evaluated_for(name, 0.0001)
    assert found.requests >= 1
    assert 0 == found.database_cpu_microseconds


def asked(app: StaticFiles, path: str) -> list[Mapping[str, Any]]:
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> Mapping[str, Any]:
        raise AssertionError("nothing is read")

    asyncio.run(app({"type": "http", "path": path}, receive, send))
    return sent


def test_the_static_route_answers_what_the_door_answered(tmp_path: Path) -> None:
    """Headers and bytes as they were kept, once they are; nothing else is found."""
    file = tmp_path / "buckets.json"
    app = StaticFiles(file)
    assert 404 == asked(app, "/a")[0]["status"]
    body = b"bucket\x00"
    headers = [["etag", '"1"'], ["content-length", "7"]]
    file.write_text(json.dumps({"/a": {"headers": headers, "body": b64encode(body).decode()}}))
    start, rest = asked(app, "/a")
    assert (200, [(b"etag", b'"1"'), (b"content-length", b"7")]) == (
        start["status"],
        start["headers"],
    )
    assert body == rest["body"]
    assert 404 == asked(app, "/b")[0]["status"]
