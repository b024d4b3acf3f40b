"""The lines of a standing row: what is kept of each incident, and as which text.

[{"i": incident id, "c": code, "s": severity or null, "o": occurred on,
  "e": effective at, "x": expires on, "f": furnisher, "d": doubt,
  "j": whether a jury, a court or the police found so, "v": identity verified on}, …]
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from registry.incidents.model import Block, Course, Incident, KeptIdentity, doubt_of
from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import IncidentId, MemberId
from registry.rulebook.filing import Adjudicator
from registry.rulebook.model import Severity
from registry.rulebook.proof import is_adjudicated
from registry.score.model import Doubt

_INDEPENDENT = {Adjudicator.JURY.value, Adjudicator.COURT.value, Adjudicator.POLICE.value}
# Made once: `json.dumps` makes one for each call that asks for other separators.
_ENCODER = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingLine:
    """One incident in a standing row. `severity` None: a protective marker."""

    incident_id: IncidentId
    code: str
    severity: Severity | None
    occurred_on: date
    effective_at: datetime
    expires_on: date
    furnisher: MemberId
    doubt: Doubt
    is_adjudicated: bool
    last_verified_on: date


def lines_of(text: str) -> list[StandingLine]:
    """The lines that a row keeps as `text`."""
    return [_line(each) for each in json.loads(text)]


def text_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """The text a row keeps of these lines, each made by `line_document`."""
    return _ENCODER.encode(lines)


def line_document(row: sa.Row[Any]) -> dict[str, Any]:
    """One line as it is kept: short names, since a lookup parses every one."""
    return {
        "i": row.id,
        "c": row.code,
        "s": row.severity,
        "o": row.occurred_on.isoformat(),
        "e": format_instant(row.effective_at),
        "x": row.expires_on.isoformat(),
        "f": row.furnisher,
        "d": doubt_of(Course(row.course), row.block and Block(row.block)).value,
        "j": any(item["adjudicator"] in _INDEPENDENT for item in row.evidence),
        "v": row.last_verified_on.isoformat(),
    }


def line_of_filed(incident: Incident, identity: KeptIdentity) -> str:
    """The line of an incident that was just filed, as the text of its `line_document`.

    Written out by hand, since every filing passes here: nothing in it needs an escape.
    The tests hold it to what `recompute` writes.
    """
    severity = "null" if incident.severity is None else f'"{incident.severity}"'
    return (
        f'{{"i":"{incident.id}","c":"{incident.filing.code}","s":{severity},'
        f'"o":"{incident.filing.occurred_on.isoformat()}",'
        f'"e":"{format_instant(incident.effective_at)}",'
        f'"x":"{incident.expires_on.isoformat()}","f":"{incident.furnisher}",'
        f'"d":"{doubt_of(incident.course, incident.block).value}",'
        f'"j":{"true" if is_adjudicated(incident.filing) else "false"},'
        f'"v":"{identity.last_verified_on.isoformat()}"}}'
    )


def _line(document: Mapping[str, Any]) -> StandingLine:
    severity = document["s"]
    return StandingLine(
        incident_id=IncidentId(document["i"]),
        code=document["c"],
        severity=None if severity is None else Severity(severity),
        occurred_on=date.fromisoformat(document["o"]),
        effective_at=parse_instant(document["e"]),
        expires_on=date.fromisoformat(document["x"]),
        furnisher=MemberId(document["f"]),
        doubt=Doubt(document["d"]),
        is_adjudicated=document["j"],
        last_verified_on=date.fromisoformat(document["v"]),
    )
