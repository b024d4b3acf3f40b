"""Flags: what a person has said at their own door, kept where a lookup reads it anyway.

They stand in the subject's standing row: freeze, statement, protective markers, alerts.
None of it costs a point. `proven_on` is the day the person last proved the identifier: a
later holder of it is not bound by what an earlier one said.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import IncidentId
from registry.score.model import ProtectiveMarker


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What a person has said of one identity."""

    proven_on: date
    frozen_at: datetime | None = None
    statement: str | None = None
    stated_at: datetime | None = None
    markers: tuple[ProtectiveMarker, ...] = ()
    alerted_at: datetime | None = None

    @property
    def says_nothing(self) -> bool:
        """Whether the row need not be kept for them."""
        return (
            self.frozen_at is None
            and self.statement is None
            and not self.markers
            and self.alerted_at is None
        )


def flags_to_text(flags: Flags) -> str:
    """The flags as they are kept: short names, since a lookup parses them."""
    document: dict[str, Any] = {"p": flags.proven_on.isoformat()}
    if flags.frozen_at is not None:
        document["z"] = format_instant(flags.frozen_at)
    if flags.statement is not None and flags.stated_at is not None:
        document |= {"t": flags.statement, "u": format_instant(flags.stated_at)}
    if flags.markers:
        document["m"] = [_marker_document(each) for each in flags.markers]
    if flags.alerted_at is not None:
        document["a"] = format_instant(flags.alerted_at)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def flags_from_text(text: str) -> Flags:
    """The flags kept as this text."""
    document = json.loads(text)
    return Flags(
        proven_on=date.fromisoformat(document["p"]),
        frozen_at=_instant(document.get("z")),
        statement=document.get("t"),
        stated_at=_instant(document.get("u")),
        markers=tuple(_marker(each) for each in document.get("m", ())),
        alerted_at=_instant(document.get("a")),
    )


def _marker_document(marker: ProtectiveMarker) -> dict[str, str]:
    return {
        "i": marker.incident_id,
        "c": marker.code,
        "e": format_instant(marker.effective_at),
        "x": marker.expires_on.isoformat(),
    }


def _marker(document: Mapping[str, str]) -> ProtectiveMarker:
    return ProtectiveMarker(
        incident_id=IncidentId(document["i"]),
        code=document["c"],
        effective_at=parse_instant(document["e"]),
        expires_on=date.fromisoformat(document["x"]),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)
