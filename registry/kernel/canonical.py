"""Canonical JSON: one byte string per value, so that it can be hashed.

Source: RFC 8785 (JCS), with ECMA-262 Number::toString for floats.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring

import orjson

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

INTEGER_MAX = 2**53 - 1


def canonical_json(value: JsonValue) -> bytes:
    """The RFC 8785 bytes of `value`: no spaces, members by UTF-16 code units.

    Raises: ValueError for NaN, infinities, integers beyond ±(2^53 - 1) and
    strings that are not valid Unicode.
    """
    # orjson writes the same, many times as fast, where there is nothing that the two
    # standards spell differently.
    if _is_plain(value):
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            # A lone surrogate: below it is the error that callers know.
            pass
    return _serialise(value).encode()


def _is_plain(value: JsonValue) -> bool:
    """Whether `value` is text, small integers, literals, and lists and objects of such,
    with names whose order is the same by code points and by UTF-16."""
    kind = type(value)
    if kind is str or value is None or kind is bool or isinstance(value, str):
        return True
    if kind is dict:
        for name, inner in value.items():  # type: ignore[union-attr] # a dict
            if not name.isascii() or not (type(inner) is str or _is_plain(inner)):
                return False
        return True
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))  # type: ignore[arg-type] # a list
    return kind is int and abs(value) <= INTEGER_MAX  # type: ignore[arg-type] # an int


def _serialise(value: JsonValue) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise ValueError("integer beyond the range of JSON numbers")
        return str(value)
    if isinstance(value, float):
        return _serialise_float(value)
    if isinstance(value, Mapping):
        # Most members are text: those without another call.
        inside = [
            f"{encode_basestring(name)}:"
            f"{encode_basestring(inner) if type(inner) is str else _serialise(inner)}"
            for name, inner in ((name, value[name]) for name in _sorted(value))
        ]
        return "{" + ",".join(inside) + "}"
    return "[" + ",".join(map(_serialise, value)) + "]"


def _sorted(names: Iterable[str]) -> list[str]:
    # By code points is by UTF-16 code units, and three times as fast, but for
    # names beyond the surrogates.
    ascending = sorted(names)
    if not all(map(str.isascii, ascending)):
        ascending.sort(key=lambda name: name.encode("utf-16-be"))
    return ascending


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
