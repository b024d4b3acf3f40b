"""The rules that raise flags, one versioned file each, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CURRENT = "2026.1"
_DIRECTORY = Path(__file__).parent / "rules"
_NAMES: Mapping[str, frozenset[str]] = {
    "volume": frozenset({"window_days", "baseline_days", "times_max", "lookups_min"}),
    "distinct_subjects": frozenset({"window_days", "subjects_max"}),
    "same_subject_again": frozenset({"window_days", "lookups_max"}),
    "same_subject_by_many": frozenset({"window_days", "members_max"}),
    "miss_rate": frozenset({"window_days", "lookups_min", "percent_max"}),
    "off_hours": frozenset(
        {"window_days", "hours_from", "hours_until", "lookups_min", "percent_max"}
    ),
    "after_dispute": frozenset({"window_days", "lookups_max"}),
    "supervisor_views": frozenset({"window_days", "views_max"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One version of the rules: a few whole numbers for each, by name."""

    version: str
    numbers: Mapping[str, Mapping[str, int]]


class RulesInvalid(Exception):
    """A file of rules lacks a number, or has one that no rule knows."""


@cache
def load_rules(version: str = CURRENT) -> Rules:
    """The rules of a version.

    Raises: RulesInvalid.
    """
    document = tomllib.loads((_DIRECTORY / f"{version}.toml").read_text(encoding="utf-8"))
    return rules_of(document, version)


def rules_of(document: Mapping[str, object], version: str) -> Rules:
    """The rules a document states.

    Raises: RulesInvalid.
    """
    if document.keys() != {"version", *_NAMES} or document["version"] != version:
        raise RulesInvalid(f"The rules {version} are not of that version, or not all there are.")
    numbers: dict[str, dict[str, int]] = {}
    for rule, names in _NAMES.items():
        table = document[rule]
        if not isinstance(table, dict) or table.keys() != names:
            raise RulesInvalid(f"{rule}: it takes {', '.join(sorted(names))}.")
        if any(type(value) is not int or value < 0 for value in table.values()):
            raise RulesInvalid(f"{rule}: its numbers are whole and not negative.")
        numbers[rule] = dict(table)
    return Rules(version=version, numbers=numbers)
