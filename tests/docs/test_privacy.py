"""docs/privacy.md names every table and column of the schema, and says when what is in it goes."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import registry
from registry.database.types import metadata
from registry.oversight.kept import TABLES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
_NAME = re.compile(r"`([a-z_]+)`")


def _rows(width: int) -> dict[str, list[str]]:
    """The rows of the tables of this many columns: the cells behind each name."""
    found: dict[str, list[str]] = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == width:
            (name,) = _NAME.findall(cells[0])
            assert name not in found, f"{name} stands twice"
            found[name] = cells[1:]
    return found


@pytest.fixture(scope="module", autouse=True)
def _every_room() -> None:
    """Loads all that declares tables."""
    for module in pkgutil.walk_packages(registry.__path__, "registry."):
        if module.name.rpartition(".")[2].endswith("store"):
            importlib.import_module(module.name)


def test_every_table_and_column_is_named() -> None:
    """A new one is refused until it is said whose it is and when it goes."""
    rows = _rows(6) | _rows(2)
    assert set(metadata.tables) == set(rows)
    assert set() == _rows(6).keys() & _rows(2).keys()
    for name, table in metadata.tables.items():
        columns = [each for cell in rows[name][:2] for each in _NAME.findall(cell)]
        if len(rows[name]) == 1:
            columns = _NAME.findall(rows[name][0])
        assert sorted(each.name for each in table.columns) == sorted(columns), name


def test_every_way_to_go_is_said() -> None:
    """No cell is left empty; what is of a person has a clock, or says why it stays."""
    for name, (personal, _, clock, *ways) in _rows(6).items():
        assert _NAME.findall(personal), name
        assert "–" != clock, name
        assert all([clock, *ways]), name


def test_all_that_is_of_a_person_is_compacted() -> None:
    """What was erased is left in no page of those tables."""
    assert sorted(_rows(6)) == sorted(TABLES)


def test_columns_that_are_of_a_person_by_their_names_stand_as_such() -> None:
    """Lookup keys, seeds, sealed contents, marks and salts are never among what is nobody's."""
    of_members = {("webhooks", "keys_sealed"), ("webhooks", "previous_sealed")}
    of_members |= {("webhooks", "contact_sealed")}
    telling = re.compile(r"lookup_key|seed|sealed|subject|^address|_mark$|^mark$|salt|contact")
    for name, table in metadata.tables.items():
        rows = _rows(6)
        personal = _NAME.findall(rows[name][0]) if name in rows else []
        for column in table.columns:
            if telling.search(column.name) and (name, column.name) not in of_members:
                assert column.name in personal, f"{name}.{column.name}"
