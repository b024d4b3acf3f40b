"""Which playbook an appeal follows: data, in `playbooks/`, one versioned file, read once."""

import tomllib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from registry.appeals.model import Ground
from registry.kernel.problems import Text

CURRENT = "2026.1"
_DIRECTORY = Path(__file__).parent / "playbooks"
_MEMBERS = frozenset({"name", "grounds", "facts", "action", "answer_evidence", "told", "asks"})


class Fact(StrEnum):
    """What the registry finds on file when an appeal is lodged."""

    TAKEN_BACK = "taken_back"
    EXPIRED = "expired"
    NO_NOTICE_ON_FILE = "no_notice_on_file"
    DUPLICATE = "duplicate"


class Action(StrEnum):
    """What is done at once."""

    OVERTURN = "overturn"
    CLOSE = "close"
    RELAY = "relay"
    READ_FIRST = "read_first"


class PlaybooksInvalid(Exception):
    """A file of playbooks says something that no playbook can say, or not everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """One frequent scenario, and what is done with it."""

    name: str
    grounds: Set[Ground]
    facts: Set[Fact]
    action: Action
    answer_evidence: int
    told: Text
    asks: Text | None

    def fits(self, grounds: Set[Ground], facts: Set[Fact]) -> bool:
        """Whether this is the scenario."""
        return self.facts <= facts and (not self.grounds or not self.grounds.isdisjoint(grounds))


@cache
def load_playbooks(version: str = CURRENT) -> Mapping[str, Playbook]:
    """The playbooks of a version by name, in their order.

    Raises: PlaybooksInvalid.
    """
    document = tomllib.loads((_DIRECTORY / f"{version}.toml").read_text(encoding="utf-8"))
    return playbooks_of(document, version)


def playbooks_of(document: Mapping[str, Any], version: str) -> Mapping[str, Playbook]:
    """The playbooks a document states; the last takes what fits no other.

    Raises: PlaybooksInvalid.
    """
    if document.keys() != {"version", "playbooks"} or document["version"] != version:
        raise PlaybooksInvalid(f"The playbooks are not of version {version}.")
    playbooks = [_playbook(each) for each in document["playbooks"]]
    by_name = {each.name: each for each in playbooks}
    if len(by_name) != len(playbooks):
        raise PlaybooksInvalid("Two playbooks have one name.")
    if not playbooks or playbooks[-1].grounds or playbooks[-1].facts:
        raise PlaybooksInvalid("The last playbook takes every appeal.")
    return by_name


def triage(playbooks: Mapping[str, Playbook], grounds: Set[Ground], facts: Set[Fact]) -> Playbook:
    """The first playbook that fits."""
    return next(each for each in playbooks.values() if each.fits(grounds, facts))


def _playbook(table: Mapping[str, Any]) -> Playbook:
    name = table.get("name", "")
    if not table.keys() <= _MEMBERS or not {"name", "action", "told"} <= table.keys():
        raise PlaybooksInvalid(f"{name}: it takes {', '.join(sorted(_MEMBERS))}.")
    try:
        playbook = Playbook(
            name=name,
            grounds=frozenset(map(Ground, table.get("grounds", ()))),
            facts=frozenset(map(Fact, table.get("facts", ()))),
            action=Action(table["action"]),
            answer_evidence=table.get("answer_evidence", 0),
            told=Text(**table["told"]),
            asks=Text(**table["asks"]) if "asks" in table else None,
        )
    except (TypeError, ValueError) as error:
        raise PlaybooksInvalid(f"{name}: {error}") from error
    relays = playbook.action in (Action.RELAY, Action.READ_FIRST)
    if relays != (playbook.asks is not None) or playbook.answer_evidence not in range(9):
        raise PlaybooksInvalid(f"{name}: whoever is to answer is asked something, nobody else.")
    return playbook
