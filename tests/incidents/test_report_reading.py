"""The fast reader accepts what the schema accepts, as the same report, and nothing else."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from registry.incidents.model import Report
from registry.incidents.report_reading import read_report
from registry.incidents.schemas import ReportSchema
from tests.incidents.door import document

SCHEMA = ReportSchema()
WHOLE = document(
    recertification={
        "reviewer": "staff-1",
        "certified_on": "2026-10-05",
        "ground": "The court has ruled on it since then.",
    }
)
WHOLE["evidence"][0]["adjudicator"] = "court"
VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        7,
        -1,
        4.0,
        4.7,
        10**15,
        10**15 + 1,
        "",
        "x",
        "a\nb",
        "a\x85b",
        "a\u2028b",
        "中文",
        "e\u0301",
        "\u200b",
        "r" * 64,
        "r" * 65,
        "i" * 500,
        "i" * 501,
        "2026-10-01",
        "20261001",
        "2026-W40-4",
        "2026-02-30",
        "1899-12-31",
        "2026-10-06T03:00:00Z",
        "2026-10-06T03:00:00",
        "2026-10-06T03:00:00.1234567+08:00",
        "1899-10-06T03:00:00Z",
        "buyer",
        "BUYER",
        "E1",
        "court",
        "phone/1",
        "sha256:" + "0" * 64,
        "sha256:" + "0" * 64 + "\n",
        "image/jpeg",
        "image/" + "x" * 95,
        "CNY",
        "cny",
        "A" * 43,
        "A" * 42 + "B",
        [],
        {},
        [{}],
        ["a"] * 9,
        ["a", "a"],
        [[]],
        [WHOLE["identities"][0]] * 8,
        [WHOLE["identities"][0]] * 9,
        [WHOLE["evidence"][0]] * 32,
        [WHOLE["evidence"][0]] * 33,
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every member and item of a document."""
    found = [path]
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for name, each in inside:
        found += places(each, (*path, name))
    return found


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """A report with up to two members replaced, taken away or added."""
    changed = deepcopy(WHOLE)
    for _ in range(draw(st.integers(0, 2))):
        *parents, last = draw(st.sampled_from(places(changed)[1:]))
        holder = changed
        for name in parents:
            holder = holder[name]
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                holder[last] = deepcopy(draw(VALUES))  # the next change may reach into it
            case "remove":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder["more"] = deepcopy(draw(VALUES))
        if not changed:
            break
    return changed


def by_schema(value: Any) -> Report | None:
    try:
        loaded = SCHEMA.load(value)
    except ValidationError:
        return None
    assert isinstance(loaded, Report)
    return loaded


@given(documents() | VALUES)
def test_it_reads_as_the_schema_does(value: Any) -> None:
    """The same report, or none."""
    assert by_schema(value) == read_report(value)


def test_every_member_is_read() -> None:
    """The whole document, and one with nothing that may be left out."""
    assert read_report(WHOLE) is not None
    least = {
        name: WHOLE[name] for name in ("reference", "identities", "code", "role", "occurred_on")
    }
    assert by_schema(least) == read_report(least) is not None
