"""Reading JSON from strangers: one meaning or none.

Refuses what parsers disagree about (duplicate members, NaN, lone surrogates,
numbers that overflow) and what exhausts them (deep nesting). Source: RFC 7493
(I-JSON).
"""

import json
import math
from typing import Any, NoReturn

from registry.kernel.problems import Kind, Problem, Text

NESTING_MAX = 32


class MalformedJson(Problem):
    """The bytes are not JSON with exactly one meaning."""

    kind = Kind.MALFORMED
    title = Text(en="The body is not well-formed JSON", zh="请求正文不是合法的 JSON")
    advice = Text(
        en="Send UTF-8 JSON without duplicate members, NaN, lone surrogates or deep nesting.",
        zh="请发送 UTF-8 编码的 JSON；不得有重复成员、NaN、孤立代理字符或过深嵌套。",
    )


def parse(data: bytes) -> Any:
    """The value of `data`, which is UTF-8 without a byte order mark.

    Any: the shape is for the schema at the door to say.

    Raises: MalformedJson.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJson("The body is not valid UTF-8.") from error
    _refuse_deep_nesting(text)
    try:
        value = _DECODER.decode(text)
    except MalformedJson:
        raise
    except ValueError as error:
        raise MalformedJson from error
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _refuse_deep_nesting(text: str) -> None:
    # Counted before parsing: the parser itself recurses once per level.
    if text.count("[") + text.count("{") <= NESTING_MAX:
        return
    depth = 0
    in_string = False
    escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > NESTING_MAX:
                raise MalformedJson(f"The body nests deeper than {NESTING_MAX} levels.")
        elif character in "]}":
            depth -= 1


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("A member stands twice in one object.")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not a JSON number.")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MalformedJson("A number is beyond the range of JSON numbers.")
    return value


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedJson("A string holds a lone surrogate.") from error


# Made once: making one takes as long as reading a short text with it.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_without_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_finite_float,
)
