"""Fields that mean one thing, and describe themselves as strictly as they behave."""

import json
import re
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import pytest
from marshmallow import ValidationError, fields

from registry.http.fields import (
    AnswerSchema,
    Base64Url,
    Day,
    Moment,
    OneOf,
    PrefixedId,
    Prose,
    QueryInteger,
    StrictBoolean,
    StrictInteger,
    StrictSchema,
    Text,
    Word,
    describe_field,
)
from registry.kernel import base64url
from registry.kernel.ids import Prefix


class Colour(Enum):
    """A closed set."""

    RED = "red"
    BLUE = "blue"


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TOKEN = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
UUID = "01992f5e-7c00-7abc-8def-0123456789ab"

TAKEN: list[tuple[fields.Field[Any], object, object]] = [
    (Text(longest=3), "abc", "abc"),
    (Text(longest=3), "  ", "  "),
    (Text(longest=3), "中文🙂", "中文🙂"),
    (Text(shortest=0, longest=3), "", ""),
    (Prose(longest=9), "1.\t包裹\n2.", "1.\t包裹\n2."),
    (Word("[A-Z]{3}", longest=3), "CNY", "CNY"),
    (StrictInteger(least=-1, most=10**15), -1, -1),
    (StrictInteger(least=-1, most=10**15), 10**15, 10**15),
    (QueryInteger(least=1, most=100), "1", 1),
    (QueryInteger(least=1, most=100), "0100", 100),
    (StrictBoolean(), True, True),
    (StrictBoolean(), False, False),
    (Base64Url(octets=32), TOKEN, bytes(range(32))),
    (Day(), "2026-02-28", date(2026, 2, 28)),
    (Day(), "2024-02-29", date(2024, 2, 29)),
    (Day(), "1900-01-01", date(1900, 1, 1)),
    (Moment(), "2026-10-06T03:00:00Z", datetime(2026, 10, 6, 3, tzinfo=UTC)),
    (Moment(), "2026-10-06T11:00:00+08:00", datetime(2026, 10, 6, 3, tzinfo=UTC)),
    (Moment(), "2026-10-06t03:00:00.123456789z", datetime(2026, 10, 6, 3, 0, 0, 123456, UTC)),
    (OneOf(Colour), "red", Colour.RED),
    (PrefixedId(Prefix.LOOKUP), f"lkp_{UUID}", f"lkp_{UUID}"),
]

NOT_TEXT: list[object] = [1, 1.5, True, None, [], {}, b"bytes"]
REFUSED: list[tuple[fields.Field[Any], list[object]]] = [
    (
        Text(longest=3),
        [*NOT_TEXT, "", "abcd", "a\x00", "\n", "\x7f", "\x9f", "\u2028", "\u2029", "\u202e"],
    ),
    (Prose(longest=3), [*NOT_TEXT, "", "abcd", "a\x00", "\n", "\r", "\x1b[", "\u202e.", " \u200d"]),
    (Word("[A-Z]{3}", longest=3), [*NOT_TEXT, "", "CN", "cny", "CNYX", "CNY\n", "ＣＮＹ", " CNY"]),
    (
        StrictInteger(least=0, most=10),
        [True, False, 4.0, 4.7, "4", -1, 11, 10**400, None, [], float("nan")],
    ),
    (
        QueryInteger(least=1, most=100),
        [
            "",
            "0",
            "101",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "1.0",
            "1e1",
            "٤",
            "9" * 400,
            1,
            True,
            None,
        ],
    ),
    (StrictBoolean(), ["true", "yes", 1, 0, 1.0, "", None, [], {}]),
    (
        Base64Url(octets=32),
        [*NOT_TEXT, "", TOKEN[:-1], TOKEN + "A", TOKEN + "=", TOKEN[:-1] + "9", "+" * 43, "é" * 43],
    ),
    (
        Day(),
        [
            *NOT_TEXT,
            "",
            "2026-02-29",
            "2026-13-01",
            "20260101",
            "2026-1-1",
            "1899-12-31",
            "2026-10-01\n",
            " 2026-10-01",
            "２０２６-10-01",
            "2026-10-01T00:00:00Z",
            "-026-10-01",
        ],
    ),
    (
        Moment(),
        [
            *NOT_TEXT,
            "",
            "2026-10-06",
            "2026-10-06T03:00:00",
            "2026-10-06 03:00:00Z",
            "2026-10-06T24:00:00Z",
            "2026-10-06T03:00:60Z",
            "2026-10-06T03:00:00+24:00",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "1899-12-31T23:59:59Z",
            "2026-10-06T03:00:00.Z",
            "2026-10-06T03:00:00Z\n",
            "2026-10-06T03:00:00+0800",
        ],
    ),
    (OneOf(Colour), ["RED", "green", "", 1, None, [], {}, Colour.RED]),
    (
        PrefixedId(Prefix.LOOKUP),
        [
            *NOT_TEXT,
            "",
            UUID,
            f"inc_{UUID}",
            f"lkp_{UUID.upper()}",
            f"lkp_{UUID}\n",
            f"lkp_{{{UUID}}}",
            f"lkp_urn:uuid:{UUID}",
            f"lkp_{UUID.replace('-', '')}",
            f"lkp_{UUID.replace('7abc', '4abc')}",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "given", "expected"), TAKEN)
def test_what_is_meant_is_taken(kind: fields.Field[Any], given: object, expected: object) -> None:
    """Each spelling that is allowed, as the value it stands for."""
    loaded = kind.deserialize(given)
    assert (type(expected), expected) == (type(loaded), loaded)


@pytest.mark.parametrize(("kind", "values"), REFUSED, ids=lambda each: type(each).__name__)
def test_what_only_looks_like_it_is_refused(kind: fields.Field[Any], values: list[object]) -> None:
    """Nothing is coerced, and no refusal repeats what was sent."""
    for value in values:
        with pytest.raises(ValidationError) as caught:
            kind.deserialize(value)
        text = json.dumps(caught.value.messages)
        assert not isinstance(value, str) or len(value) < 4 or value not in text


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Base64Url(octets=2), b"\x00\xff", "AP8"),
        (Day(), date(2026, 2, 3), "2026-02-03"),
        (Moment(), datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-02-03T04:05:06Z"),
        (Moment(), datetime(2026, 2, 3, 4, 5, 6, 7000, UTC), "2026-02-03T04:05:06.007000Z"),
        (OneOf(Colour), Colour.BLUE, "blue"),
        (Base64Url(octets=2), None, None),
        (Day(), None, None),
        (Moment(), None, None),
        (OneOf(Colour), None, None),
    ],
)
def test_a_value_has_one_form_on_the_wire(
    kind: fields.Field[Any], value: object, expected: object
) -> None:
    """In UTC, without padding, by value."""
    assert expected == kind.serialize("it", {"it": value})


def test_a_request_refuses_what_it_does_not_know() -> None:
    """Strict schemas refuse unknown members."""

    class Request(StrictSchema):
        name = Text(longest=3)

    with pytest.raises(ValidationError) as caught:
        Request().load({"name": "a", "more": 1})
    assert {"more": ["Unknown field."]} == caught.value.messages


def test_an_answer_keeps_the_order_of_its_members() -> None:
    """As they are declared."""

    class Answer(AnswerSchema):
        zebra = fields.String()
        apple = fields.String()

    assert ["zebra", "apple"] == list(Answer().dump({"apple": "a", "zebra": "z"}))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (StrictInteger(least=0, most=9), {"type": "integer", "minimum": 0, "maximum": 9}),
        (QueryInteger(least=1, most=9), {"type": "integer", "minimum": 1, "maximum": 9}),
        (StrictBoolean(), {"type": "boolean"}),
        (Day(), {"type": "string", "format": "date"}),
        (Moment(), {"type": "string", "format": "date-time"}),
        (Base64Url(octets=32), {"type": "string"}),
        (OneOf(Colour), {"type": "string", "enum": ["red", "blue"]}),
        (
            OneOf(Colour, allow_none=True),
            {"type": ["string", "null"], "enum": ["red", "blue", None]},
        ),
        (Day(allow_none=True), {"type": ["string", "null"], "format": "date"}),
        (Moment(load_default=None), {"type": ["string", "null"], "format": "date-time"}),
        (fields.Raw(metadata={"$ref": "#/a"}), {"$ref": "#/a"}),
        (fields.Raw(), {}),
        (fields.String(), {}),
    ],
)
def test_a_field_describes_itself(kind: fields.Field[Any], expected: dict[str, Any]) -> None:
    """What the description adds to what apispec knows."""
    assert expected == describe_field(kind)


@pytest.mark.parametrize("octets", [1, 2, 3, 16, 32, 64])
def test_patterns_say_what_is_taken(octets: int) -> None:
    """A text fits the pattern of so many bytes exactly when it is one's canonical spelling."""
    field = Base64Url(octets=octets)
    pattern = re.compile(field.metadata["pattern"])
    canonical = base64url.encode(b"\xff" * octets)
    for last in ALPHABET:
        text = canonical[:-1] + last
        try:
            taken = base64url.encode(field.deserialize(text)) == text
        except ValidationError:
            taken = False
        assert taken == bool(pattern.fullmatch(text))
    assert not pattern.fullmatch(canonical + "A")
    assert not pattern.fullmatch(canonical[:-1])
