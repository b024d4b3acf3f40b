"""Recomputes a score offline from a document of its inputs.

The document is JSON; `document_of` writes it, anyone may:

    {"edition": "cn-2026.1",
     "now": "2026-11-21T08:00:00Z",
     "contributions": [
       {"incident": "inc_…", "code": "B110", "severity": "S2",
        "occurred_on": "2026-10-01", "effective_at": "2026-10-13T03:00:00Z",
        "expires_on": "2028-10-01", "furnisher": "mem_…", "reporter_group": "…",
        "reliability_ppm": 800000, "doubt": "none|disputed|blocked", "adjudicated": false}],
     "protective": [
       {"incident": "inc_…", "code": "V401", "effective_at": "…", "expires_on": "…"}],
     "on": ["2027-01-01"]}

`protective` and `on` may be left out, and of a contribution `doubt` (none),
`adjudicated` (false), `furnisher` and `reporter_group` (each stands for the
other). The explanation has the assessment and the what-ifs:

    {"edition", "at", "band", "score", "points_total",
     "reasons": [{"code", "points", "text": {"en", "zh"}}],
     "events": [{"code", "severity", "occurred_on", "incidents", "groups", "points"}],
     "incidents": {"active", "under_appeal", "furnishers", "latest_on"},
     "protective": ["V401"],
     "what_if": {"without": [{"incident", "band", "score"}],
                 "on": [{"date", "band", "score"}],
                 "next_band": {"band", "date"} or null}}
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar

from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.problems import FieldError, Kind, Problem, Text
from registry.rulebook.model import Edition, Severity
from registry.score.model import (
    RELIABILITY_PPM_MAX,
    Assessment,
    Contribution,
    Doubt,
    ProtectiveMarker,
    Standing,
    assess,
)
from registry.score.what_if import next_band, on_date, without

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=Enum)
_REQUIRED = object()
# Far enough for every record, and so far from the ends of the calendar that no sum overflows.
_YEAR_FIRST, _YEAR_LAST = 1900, 2200


class StandingDocumentInvalid(Problem):
    """The document is not one a score can be computed from."""

    kind = Kind.INVALID
    title = Text(en="The inputs of the score are not complete", zh="评分输入不完整")
    advice = Text(
        en="Compare the file with the form that `registry score explain --help` shows.",
        zh="请对照 `registry score explain --help` 所示格式检查该文件。",
    )


def explain(document: JsonValue, editions: Mapping[str, Edition]) -> Mapping[str, JsonValue]:
    """The score of the document's inputs, its reasons and the what-ifs.

    Raises: StandingDocumentInvalid.
    """
    root = _Reader(document, "")
    edition = root.read("edition", _one_of(editions))
    now = root.read("now", _instant)
    standing = Standing(
        contributions=tuple(_contribution(each) for each in root.readers("contributions")),
        protective=tuple(_protective(each) for each in root.readers("protective", [])),
    )
    days = root.read("on", _days, [])
    root.done()
    _refuse_doubles(standing)
    return {
        **assessment_document(assess(standing, edition, now)),
        "what_if": {
            "without": [
                {"incident": name, **_result(without(standing, name, edition, now))}
                for name in (each.incident_id for each in standing.contributions)
            ],
            "on": [
                {"date": day.isoformat(), **_result(on_date(standing, edition, day))}
                for day in days
            ],
            "next_band": _next_band(standing, edition, now),
        },
    }


def document_of(standing: Standing, edition: Edition, now: datetime) -> Mapping[str, JsonValue]:
    """The document that holds all the inputs of this standing's score."""
    return {
        "edition": edition.name,
        "now": format_instant(now),
        "contributions": [
            {
                "incident": each.incident_id,
                "code": each.code,
                "severity": each.severity.value,
                "occurred_on": each.occurred_on.isoformat(),
                "effective_at": format_instant(each.effective_at),
                "expires_on": each.expires_on.isoformat(),
                "furnisher": each.furnisher,
                "reporter_group": each.reporter_group,
                "reliability_ppm": each.reliability_ppm,
                "doubt": each.doubt.value,
                "adjudicated": each.is_adjudicated,
            }
            for each in standing.contributions
        ],
        "protective": [
            {
                "incident": each.incident_id,
                "code": each.code,
                "effective_at": format_instant(each.effective_at),
                "expires_on": each.expires_on.isoformat(),
            }
            for each in standing.protective
        ],
    }


def assessment_document(assessment: Assessment) -> Mapping[str, JsonValue]:
    """An assessment as JSON."""
    counts = assessment.counts
    return {
        "edition": assessment.edition,
        "at": format_instant(assessment.at),
        **_result(assessment),
        "points_total": assessment.points_total,
        "reasons": [
            {
                "code": reason.code,
                "points": reason.points,
                "text": {"en": reason.text.en, "zh": reason.text.zh},
            }
            for reason in assessment.reasons
        ],
        "events": [
            {
                "code": event.code,
                "severity": event.severity.value,
                "occurred_on": event.occurred_on.isoformat(),
                "incidents": list(event.incidents),
                "groups": event.groups,
                "points": event.points,
            }
            for event in assessment.events
        ],
        "incidents": {
            "active": counts.active,
            "under_appeal": counts.under_appeal,
            "furnishers": counts.furnishers,
            "latest_on": None if counts.latest_on is None else counts.latest_on.isoformat(),
        },
        "protective": list(assessment.protective),
    }


def _result(assessment: Assessment) -> dict[str, JsonValue]:
    return {"band": assessment.band.value, "score": assessment.score}


def _next_band(standing: Standing, edition: Edition, now: datetime) -> JsonValue:
    found = next_band(standing, edition, now)
    return None if found is None else {"band": found.band.value, "date": found.on.isoformat()}


class _Reader:
    """An object of the document, read member by member."""

    def __init__(self, value: Any, pointer: str) -> None:
        # Any: parsed JSON from a file.
        if not isinstance(value, dict):
            raise _invalid(pointer, "not_an_object", "An object is expected.")
        self._members = dict(value)
        self.pointer = pointer

    def read(self, name: str, convert: Callable[[Any], Value], default: Any = _REQUIRED) -> Value:
        """A member, converted; `default`, converted, where it may be left out."""
        value = self._members.pop(name, default)
        if value is _REQUIRED:
            raise _invalid(f"{self.pointer}/{name}", "required", "This member is missing.")
        try:
            return convert(value)
        except (ValueError, TypeError, KeyError) as error:
            raise _invalid(f"{self.pointer}/{name}", "invalid", f"{value!r} cannot be.") from error

    def readers(self, name: str, default: Any = _REQUIRED) -> Sequence["_Reader"]:
        """A member that is a list of objects."""
        items = self.read(name, _list, default)
        return [_Reader(item, f"{self.pointer}/{name}/{index}") for index, item in enumerate(items)]

    def done(self) -> None:
        """Refuses members nobody knows."""
        for name in self._members:
            raise _invalid(f"{self.pointer}/{name}", "unknown", "There is no such member.")


def _contribution(reader: _Reader) -> Contribution:
    furnisher = reader.read("furnisher", _optional_string, None)
    group = reader.read("reporter_group", _optional_string, furnisher)
    if group is None:
        raise _invalid(f"{reader.pointer}/reporter_group", "required", "Who reported is missing.")
    occurred_on, expires_on = reader.read("occurred_on", _day), reader.read("expires_on", _day)
    if expires_on <= occurred_on:
        raise _invalid(f"{reader.pointer}/expires_on", "out_of_order", "It expires too early.")
    contribution = Contribution(
        incident_id=IncidentId(reader.read("incident", _string)),
        code=reader.read("code", _string),
        severity=reader.read("severity", Severity),
        occurred_on=occurred_on,
        effective_at=reader.read("effective_at", _instant),
        expires_on=expires_on,
        furnisher=MemberId(furnisher or group),
        reporter_group=group,
        reliability_ppm=reader.read("reliability_ppm", _ppm),
        doubt=reader.read("doubt", Doubt, Doubt.NONE),
        is_adjudicated=reader.read("adjudicated", _boolean, default=False),
    )
    reader.done()
    return contribution


def _protective(reader: _Reader) -> ProtectiveMarker:
    marker = ProtectiveMarker(
        incident_id=IncidentId(reader.read("incident", _string)),
        code=reader.read("code", _string),
        effective_at=reader.read("effective_at", _instant),
        expires_on=reader.read("expires_on", _day),
    )
    reader.done()
    return marker


def _refuse_doubles(standing: Standing) -> None:
    seen: set[IncidentId] = set()
    for index, each in enumerate(standing.contributions):
        if each.incident_id in seen:
            raise _invalid(
                f"/contributions/{index}/incident", "repeated", "The incident is listed twice."
            )
        seen.add(each.incident_id)


def _one_of(editions: Mapping[str, Edition]) -> Callable[[Any], Edition]:
    return lambda name: editions[name]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _days(value: Any) -> list[date]:
    return [_day(day) for day in _list(value)]


def _day(value: Any) -> date:
    day = date.fromisoformat(value)
    if not _YEAR_FIRST <= day.year <= _YEAR_LAST:
        raise ValueError("out of range")
    return day


def _instant(value: Any) -> datetime:
    instant = parse_instant(value)
    _day(instant.date().isoformat())
    return instant


def _string(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a string")
    return value


def _optional_string(value: Any) -> str | None:
    return None if value is None else _string(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _ppm(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= RELIABILITY_PPM_MAX:
        raise ValueError("not a whole number of millionths")
    return value


def _invalid(pointer: str, code: str, detail: str) -> StandingDocumentInvalid:
    error = FieldError(pointer=pointer, code=code, detail=detail)
    return StandingDocumentInvalid(f"{pointer or 'The document'}: {detail}", errors=[error])
