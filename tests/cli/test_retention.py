"""`registry retention run` counts, erases, and rewrites what held it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry.app.node import create_node, migrate
from registry.cli import main
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
