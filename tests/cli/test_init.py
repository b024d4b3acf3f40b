"""`registry init` makes a node where the settings say, and overwrites none."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry.cli import main

INIT = ["init", "--origin", "https://registry.example", "--federation", "federation.example"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key-encryption key and a database apart from the home, by the environment."""
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGISTRY_KEK_FILE", str(tmp_path / "volume" / "kek"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'data' / 'node.sqlite3'}")
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_files_of_a_node_lie_where_the_environment_says(elsewhere: Path) -> None:
    """The key-encryption key never lies in the home, not even for a moment."""
    result = _run(*INIT)

    assert 0 == result.exit_code, result.output
    found = {str(path.relative_to(elsewhere)) for path in elsewhere.rglob("*") if path.is_file()}
    assert {"volume/kek", "data/node.sqlite3", "home/settings.toml"} <= found
    assert "home/keys/kek" not in found
    assert 0 == _run("check").exit_code


def test_a_node_is_not_made_where_one_is(elsewhere: Path) -> None:
    """A second `init` changes nothing: keys that are overwritten are lost."""
    _run(*INIT)
    kek = (elsewhere / "volume" / "kek").read_bytes()

    assert 1 == _run(*INIT).exit_code
    assert kek == (elsewhere / "volume" / "kek").read_bytes()
