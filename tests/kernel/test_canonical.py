"""Canonical JSON: one byte string per value, the one of RFC 8785."""

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.kernel.canonical import INTEGER_MAX, canonical_json

# RFC 8785 appendix B.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(("bits", "expected"), NUMBERS.items())
def test_numbers_are_those_of_the_rfc(bits: str, expected: str) -> None:
    """ECMA-262 Number::toString, to the last digit."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert expected.encode() == canonical_json(number)


def test_the_sample_of_the_rfc_comes_out_byte_for_byte() -> None:
    """RFC 8785 section 3.2.2: literals, numbers and string escapes."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],'
        '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert expected.encode() == canonical_json(value)


def test_members_are_sorted_by_utf16_code_units() -> None:
    """RFC 8785 section 3.2.3: an emoji's surrogates come before U+FB33."""
    names = ["€", "\r", "\ufb33", "1", "😀", "\u0080", "ö"]
    expected = ["\r", "1", "\u0080", "ö", "€", "😀", "\ufb33"]
    assert expected == list(json.loads(canonical_json(dict.fromkeys(names, 0))))


@given(json_values)
def test_canonical_bytes_mean_the_value_and_are_stable(value: object) -> None:
    """Reading them gives the value back, and writing that gives the same bytes."""
    once = canonical_json(value)  # type: ignore[arg-type]
    # As JavaScript reads: every number is a double.
    again = json.loads(once, parse_int=float)
    assert value == again
    assert once == canonical_json(again)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, INTEGER_MAX + 1, -INTEGER_MAX - 1, "\ud800", ["\udfff"]],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """No silent rounding, no half characters."""
    with pytest.raises(ValueError):  # noqa: PT011
        canonical_json(value)  # type: ignore[arg-type]
