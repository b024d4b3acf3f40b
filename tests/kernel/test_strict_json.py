"""JSON from strangers has one meaning or is refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.kernel.strict_json import NESTING_MAX, MalformedJson, parse


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1}x',
        b"{'a':1}",
        b'{"a":1,}',
        b"[1 2]",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"01",
        b"+1",
        b".5",
        b"0x1",
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"tab\there"',
        b'"line\nhere"',
        b'"\x00"',
        b'"\\x41"',
        b"tru",
        b"// comment\n1",
        b"9" * 5000,
        b"[" * (NESTING_MAX + 1) + b"]" * (NESTING_MAX + 1),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_parsers_disagree_about_is_refused(data: bytes) -> None:
    """Each of these is read in two ways somewhere, or exhausts a reader."""
    with pytest.raises(MalformedJson):
        parse(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b' {"a": [1, 2.5, null, true]} ', {"a": [1, 2.5, None, True]}),
        (b'"\\ud83d\\ude00"', "😀"),
        ('"😀"'.encode(), "😀"),
        (b'"\\u0000"', "\x00"),
        (b'"[[[["', "[[[["),
        (b"[" * NESTING_MAX + b"]" * NESTING_MAX, None),
        (b'["\\"' + b"[" * 100 + b'"]', ['"' + "[" * 100]),
        (b"[" + b"{}," * 100 + b"{}]", [{}] * 101),
    ],
)
def test_well_formed_json_is_read(data: bytes, expected: object) -> None:
    """Brackets in strings are not nesting, and wide is not deep."""
    value = parse(data)
    if expected is not None:
        assert expected == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_whatever_json_writes_is_read_back(value: object) -> None:
    """Strict is not narrow."""
    assert value == parse(json.dumps(value).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_problem(data: bytes) -> None:
    """No input makes anything else happen."""
    with suppress(MalformedJson):
        parse(data)
