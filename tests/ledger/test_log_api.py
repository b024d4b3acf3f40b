"""The logs as anyone reads them: what is served, to whom, and how long it may be kept."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.app.node import Node
from registry.crypto import checkpoint, note
from registry.crypto.merkle import leaf_hash
from registry.crypto.note import VerifierKey
from registry.kernel.clock import SystemClock
from registry.ledger.model import Appended, half_year_of
from registry.members.model import Role
from tests.ledger.samples import make_draft
from tests.nodes import new_caller


@pytest.fixture
def half_year() -> str:
    return half_year_of(SystemClock().now())


@pytest.fixture
def entry(node: Node) -> Appended:
    """The only entry of the access log, published."""
    with node.database.transaction() as transaction:
        [appended] = node.ledger.append(transaction, [make_draft()], SystemClock().now())
    node.sequencer.step()
    return appended


@pytest.fixture
def reader(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_published_key_verifies_the_checkpoint_of_its_log(
    reader: FlaskClient, entry: Appended, half_year: str
) -> None:
    """Name and key of the well-known document, checkpoint with and without the half-year."""
    published = reader.get("/.well-known/consumer-credit-registry").json
    assert published is not None
    for log in published["logs"]:
        assert f"registry.example/log/{log['name']}/{half_year}" == log["origin"]
        key = VerifierKey.from_vkey(log["vkey"])
        for path in (f"/log/{log['name']}", f"/log/{log['name']}/{half_year}"):
            answer = reader.get(f"{path}/checkpoint")
            assert "text/plain; charset=utf-8" == answer.content_type
            assert "public, max-age=1" == answer.headers["Cache-Control"]
            checkpoint.verify(note.parse(answer.data), origin=log["origin"], log_keys=[key])


def test_a_tile_is_for_ever_only_under_the_name_of_its_half_year(
    node: Node, reader: FlaskClient, app: Flask, half_year: str
) -> None:
    """The address without a half-year is another tree's on the first of July."""
    new_caller(node, app, "One")
    node.sequencer.step()
    size = _size(reader, "incidents")
    tile = f"tile/0/000.p/{size}"
    present = reader.get(f"/log/incidents/{tile}")
    named = reader.get(f"/log/incidents/{half_year}/{tile}")
    assert 32 * size == len(named.data)
    assert named.data == present.data
    assert "public, max-age=1" == present.headers["Cache-Control"]
    assert "public, max-age=31536000, immutable" == named.headers["Cache-Control"]


def test_tiles_of_the_access_log_are_for_supervisors(
    node: Node, reader: FlaskClient, app: Flask, entry: Appended, half_year: str
) -> None:
    """401 unsigned, 403 without the scope; with it the entry and its hash, kept privately."""
    tile = f"/log/access/{half_year}/tile/0/000.p/1"
    assert 401 == reader.get(tile).status_code
    assert 403 == new_caller(node, app, "Platform").call("GET", tile).status_code
    supervisor = new_caller(node, app, "Office", roles=frozenset({Role.SUPERVISOR}))
    answer = supervisor.call("GET", tile)
    assert leaf_hash(entry.entry) == answer.data
    assert "private, max-age=31536000, immutable" == answer.headers["Cache-Control"]
    bundle = supervisor.call("GET", f"/log/access/{half_year}/tile/entries/000.p/1")
    assert len(entry.entry).to_bytes(2, "big") + entry.entry == bundle.data


@pytest.mark.parametrize(
    "path",
    [
        "incidents/1999h1/checkpoint",
        "gossip/checkpoint",
        "incidents/tile/0/000.p/200",
        "incidents/tile/0/x000/000",
        "incidents/tile/0/0",
        "incidents/tile/64/000",
    ],
)
def test_what_is_not_published_is_not_there(
    reader: FlaskClient, entry: Appended, path: str
) -> None:
    """Another log, half-year or spelling, and whatever no checkpoint covers."""
    answer = reader.get(f"/log/{path}")
    assert 404 == answer.status_code
    assert "no-store" == answer.headers["Cache-Control"]


def _size(reader: FlaskClient, log: str) -> int:
    signed = note.parse(reader.get(f"/log/{log}/checkpoint").data)
    return checkpoint.parse(signed.text).size


@pytest.mark.parametrize(
    "half_year", ["%00", "2026h2%00", "2026h3", "2026", "%F0%9F%98%80", "h" * 999]
)
def test_what_is_no_half_year_is_nowhere(reader: FlaskClient, half_year: str) -> None:
    """No query is made of it: a database may not even take it."""
    for path in ("checkpoint", "tile/0/000", "tile/entries/000"):
        assert 404 == reader.get(f"/log/incidents/{half_year}/{path}").status_code
