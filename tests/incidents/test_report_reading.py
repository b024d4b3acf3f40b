"""The fast reader accepts what the schema accepts, as the same report, and nothing else."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from registry.incidents.model import Report
from registry.incidents.report_reading import read_report, read_report_text
from registry.incidents.schemas import ReportSchema
from registry.kernel import strict_json
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


def by_strict_parser(text: bytes) -> Report | None:
    try:
        return by_schema(strict_json.parse(text))
    except strict_json.MalformedJson:
        return None


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A report's text, now and then with a member twice, spelled otherwise, or broken."""
    value = draw(documents())
    text = json.dumps(
        value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    match draw(st.sampled_from(["whole", "twice", "cut", "odd"])):
        case "twice":
            # Behind any brace or comma that opens a member, wherever it stands.
            places = [at + 1 for at, each in enumerate(text) if each in "{,"]
            at = draw(st.sampled_from(places or [0]))
            member = draw(
                st.sampled_from(['"code":"B101"', '"digest":""', '"token":0', '"role":[]'])
            )
            text = f"{text[:at]}{member},{text[at:]}"
        case "cut":
            text = text[: draw(st.integers(0, len(text)))]
        case "odd":
            text = draw(st.sampled_from(["\ufeff", " ", "\v", "[" * 40])) + text
    data = text.encode()
    return data + draw(st.sampled_from([b"", b"", b"\r", b"\xff", b"\0", b"{}"]))


@given(texts())
def test_a_text_is_read_as_the_strict_parser_and_the_schema_do(text: bytes) -> None:
    """Never more kindly; where it gives no report, they are asked."""
    assert read_report_text(text) in (None, by_strict_parser(text))


def test_a_plain_text_is_read_at_once() -> None:
    """The whole report; with any of its members twice it is for the strict parser."""
    text = json.dumps(WHOLE, ensure_ascii=False, separators=(",", ":"))
    assert read_report_text(text.encode()) == by_schema(WHOLE)
    for path in places(WHOLE)[1:]:
        name = path[-1]
        if not isinstance(name, str):
            continue
        holder: Any = WHOLE
        for each in path[:-1]:
            holder = holder[each]
        inner = json.dumps(holder, ensure_ascii=False, separators=(",", ":"))
        member = json.dumps({name: holder[name]}, ensure_ascii=False, separators=(",", ":"))[1:-1]
        doubled = text.replace(inner, f"{{{member},{inner[1:]}", 1)
        assert len(doubled) > len(text)
        assert read_report_text(doubled.encode()) is None
        assert by_strict_parser(doubled.encode()) is None


@pytest.mark.parametrize(
    "number", ["-0", "1e3", "100.0", "18446744073709551616", "1" * 400, "1e999", "NaN"]
)
def test_a_number_is_what_the_strict_parser_reads(number: str) -> None:
    """However it is spelled."""
    text = json.dumps(WHOLE).replace('"minor_units": ', f'"minor_units": {number}, "x": ')
    text = text.replace(', "x": 12900', "").replace(f', "x": {WHOLE["amount"]["minor_units"]}', "")
    assert f'"minor_units": {number}' in text
    assert read_report_text(text.encode()) in (None, by_strict_parser(text.encode()))


def test_every_member_is_read() -> None:
    """The whole document, and one with nothing that may be left out."""
    assert read_report(WHOLE) is not None
    least = {
        name: WHOLE[name] for name in ("reference", "identities", "code", "role", "occurred_on")
    }
    assert by_schema(least) == read_report(least) is not None
