"""`registry retention run` counts, erases, and rewrites what held it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry.app.home import create_node
from registry.app.node import migrate, open_node
from registry.cli import main
from registry.notices.letter_model import ContactChannel
from registry.settings import Mode, Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = Settings(home=tmp_path / "node", mode=Mode.SANDBOX)
    create_node(settings)
    migrate(settings)
    monkeypatch.setenv("REGISTRY_HOME", str(settings.home))
    return settings.home


def test_a_node_with_nothing_due_erases_nothing(home: Path) -> None:
    """Both ways of asking say so, as JSON and for people."""
    counted = CliRunner().invoke(main, ["retention", "run", "--dry-run", "--json"])
    assert (0, {"accesses": 0, "incidents": 0, "orders": 0}) == (
        counted.exit_code,
        json.loads(counted.stdout)["due"],
    )
    erased = CliRunner().invoke(main, ["retention", "run", "--json"])
    expected = {"entries": 0, "incidents": 0, "held": 0, "waiting": 0}
    assert (0, expected) == (erased.exit_code, json.loads(erased.stdout)["erased"])
    assert 0 == CliRunner().invoke(main, ["retention", "run"]).exit_code


def test_what_jobs_erased_before_is_rewritten_too(home: Path) -> None:
    """Nothing is due any more, and the file still has the pages of what is gone."""

    def free_pages() -> int:
        with closing(sqlite3.connect(next(home.glob("*.sqlite*")))) as connection:
            return int(connection.execute("PRAGMA freelist_count").fetchone()[0])

    with open_node() as node, node.database.transaction() as transaction:
        for number in range(200):
            node.noticing.contacts.keep(
                transaction,
                lookup_key=number.to_bytes(32, "big"),
                channel=ContactChannel.EMAIL,
                address=f"{'a' * 60}{number}@mail.example",
                now=node.clock.now(),
            )
    with open_node() as node, node.database.transaction() as transaction:
        for number in range(200):
            node.noticing.contacts.forget(transaction, lookup_key=number.to_bytes(32, "big"))
    assert free_pages() > 0
    left = CliRunner().invoke(main, ["retention", "run", "--no-compact", "--json"])
    assert json.loads(left.stdout)["compacted"] is None
    assert free_pages() > 0
    run = CliRunner().invoke(main, ["retention", "run", "--json"])
    assert json.loads(run.stdout)["compacted"] is True
    assert 0 == free_pages()
