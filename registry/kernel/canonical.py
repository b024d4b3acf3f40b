"""Canonical JSON: one byte string per value, so that it can be hashed.

Source: RFC 8785 (JCS), with ECMA-262 Number::toString for floats.
"""

import json
import math
from collections.abc import Mapping, Sequence

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

INTEGER_MAX = 2**53 - 1


def canonical_json(value: JsonValue) -> bytes:
    """The RFC 8785 bytes of `value`: no spaces, members by UTF-16 code units.

    Raises: ValueError for NaN, infinities, integers beyond ±(2^53 - 1) and
    strings that are not valid Unicode.
    """
    return _serialise(value).encode()


def _serialise(value: JsonValue) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise ValueError("integer beyond the range of JSON numbers")
        return str(value)
    if isinstance(value, float):
        return _serialise_float(value)
    if isinstance(value, Mapping):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        inside = ",".join(f"{_serialise(name)}:{_serialise(item)}" for name, item in members)
        return "{" + inside + "}"
    return "[" + ",".join(map(_serialise, value)) + "]"


def _serialise_float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("NaN and infinities have no JSON form")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # The decimal point stands `point` digits into `digits` (ECMA-262's n).
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power
