"""Fields that mean one thing: no coercion, no characters nobody sees, one spelling.

marshmallow's own `Integer` turns 4.7 into 4, `Boolean` takes "yes", and its
strings take U+0000, which PostgreSQL does not. Each field here also describes
itself to OpenAPI as strictly as it behaves.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, ClassVar, TypeVar

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from registry.kernel import base64url
from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import Prefix, parse_id
from registry.kernel.plain_text import (
    OF_NO_LINE,
    OF_NO_PROSE,
    is_plain_line,
    is_plain_prose,
    says_something,
)

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
DAY_FORM = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
DAY_FIRST = date(1900, 1, 1)

Choice = TypeVar("Choice", bound=Enum)


class StrictSchema(Schema):
    """A request's schema: a member it does not know is refused."""

    class Meta:
        """Unknown members are errors, members keep their order."""

        unknown = RAISE


class AnswerSchema(Schema):
    """An answer's schema; answers may gain members."""

    class Meta:
        """A description of what is known, not of all there may be."""

        unknown = EXCLUDE


class _Shown(fields.String):
    """Text of bounded length without the characters that its kind is not to hold."""

    held_by_none: ClassVar[str]

    def __init__(self, *, shortest: int = 1, longest: int, **kwargs: Any) -> None:
        metadata = {"pattern": f"^[^{self.held_by_none}]*$", **kwargs.pop("metadata", {})}
        length = validate.Length(min=shortest, max=longest)
        super().__init__(validate=length, metadata=metadata, **kwargs)


class Text(_Shown):
    """One line of text of bounded length that shows all it holds."""

    held_by_none = OF_NO_LINE

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        assert isinstance(text, str)
        if not is_plain_line(text):
            raise ValidationError("Control and invisible characters are not allowed.")
        return text


class Prose(_Shown):
    """Text of several lines and bounded length that says something and shows all it holds."""

    held_by_none = OF_NO_PROSE

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        assert isinstance(text, str)
        if not is_plain_prose(text):
            raise ValidationError(
                "Of control and invisible characters only tabs and line feeds are allowed."
            )
        if not says_something(text):
            raise ValidationError("There is nothing in it.")
        return text


class Word(fields.String):
    """Text of a fixed form, given as a regular expression without anchors."""

    def __init__(self, form: str, *, longest: int, **kwargs: Any) -> None:
        self._form = re.compile(form, re.ASCII)
        metadata = {"pattern": f"^{form}$", **kwargs.pop("metadata", {})}
        super().__init__(validate=validate.Length(max=longest), metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        assert isinstance(text, str)
        # fullmatch: `$` lets a trailing newline through.
        if not self._form.fullmatch(text):
            raise ValidationError("Not of the expected form.")
        return text


class StrictInteger(fields.Field[int]):
    """A JSON integer within bounds; neither 4.0 nor "4" nor true."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self._least = least
        self._most = most
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise ValidationError("Not an integer.")
        return self._within_bounds(value)

    def _within_bounds(self, value: int) -> int:
        if not self._least <= value <= self._most:
            raise ValidationError(f"Not from {self._least} to {self._most}.")
        return value


class QueryInteger(StrictInteger):
    """An integer in a query, in ASCII digits: neither "+1" nor "1_0"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise ValidationError("Not an integer.")
        return self._within_bounds(int(value))


class StrictBoolean(fields.Field[bool]):
    """JSON true or false and nothing that looks like them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("Not a boolean.")
        return value


class Base64Url(fields.Field[bytes]):
    """Bytes of one exact length as base64url without padding."""

    def __init__(self, *, octets: int, **kwargs: Any) -> None:
        self._octets = octets
        metadata = {
            "pattern": base64url_pattern(octets),
            "description": f"{octets} bytes, base64url without padding",
            **kwargs.pop("metadata", {}),
        }
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if not isinstance(value, str):
            raise ValidationError("Not a string.")
        try:
            octets = base64url.decode(value)
        except ValueError as error:
            raise ValidationError("Not base64url without padding.") from error
        if len(octets) != self._octets:
            raise ValidationError(f"Not {self._octets} bytes.")
        return octets

    def _serialize(self, value: bytes | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else base64url.encode(value)


class Day(fields.Field[date]):
    """A calendar day, `YYYY-MM-DD` and no other spelling."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not DAY_FORM.fullmatch(value):
            raise ValidationError("Not a day of the form YYYY-MM-DD.")
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise ValidationError("Not a day of the calendar.") from error
        if day < DAY_FIRST:
            raise ValidationError("Too long ago.")
        return day

    def _serialize(self, value: date | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.isoformat()


class Moment(fields.Field[datetime]):
    """An RFC 3339 instant with an offset, given back in UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("Not an RFC 3339 instant.")
        try:
            instant = parse_instant(value)
        except ValueError as error:
            raise ValidationError("Not an RFC 3339 instant with an offset.") from error
        if instant.date() < DAY_FIRST:
            raise ValidationError("Too long ago.")
        return instant

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else format_instant(value)


class OneOf(fields.Field[Enum]):
    """A member of a closed set, by its value."""

    def __init__(self, kind: type[Choice], **kwargs: Any) -> None:
        self._by_value: Mapping[str, Enum] = {str(item.value): item for item in kind}
        super().__init__(**kwargs)

    @property
    def values(self) -> Collection[str]:
        """What may be written."""
        return self._by_value.keys()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Enum:
        if not isinstance(value, str) or value not in self._by_value:
            raise ValidationError(f"Not one of: {', '.join(self._by_value)}.")
        return self._by_value[value]

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value.value if isinstance(value, Enum) else value


class PrefixedId(fields.Field[str]):
    """An id of the registry: prefix, underscore, UUIDv7."""

    def __init__(self, prefix: Prefix, **kwargs: Any) -> None:
        self._prefix = prefix
        metadata = {"pattern": id_pattern(prefix), **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Not a string.")
        try:
            parse_id(self._prefix, value)
        except ValueError as error:
            raise ValidationError(f"Not an id of the form {self._prefix.value}_….") from error
        return value


def load_day(value: Any) -> date | None:
    """What `Day` takes, by hand; None where it refuses."""
    if type(value) is not str or not DAY_FORM.fullmatch(value):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return None if day < DAY_FIRST else day


def id_pattern(prefix: Prefix) -> str:
    """The JSON Schema pattern of an id of this kind."""
    return f"^{prefix.value}_{_UUID7}$"


def base64url_pattern(octets: int) -> str:
    """The JSON Schema pattern of so many bytes: of the last character only some bits are used."""
    whole, rest = divmod(octets * 8, 6)
    last = {0: "", 2: "[AQgw]", 4: "[AEIMQUYcgkosw048]"}[rest]
    return f"^[A-Za-z0-9_-]{{{whole}}}{last}$"


def describe_field(field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """The OpenAPI properties of the fields above (an apispec attribute function).

    A field of any value may name in `metadata` the schema its values have.
    """
    if isinstance(field, fields.Raw):
        return {name: value for name, value in field.metadata.items() if name == "$ref"}
    described = _described(field)
    if field.allow_none and "type" in described:
        described["type"] = [described["type"], "null"]
    return described


def _described(field: fields.Field[Any]) -> dict[str, Any]:
    if isinstance(field, StrictInteger):
        return {"type": "integer", "minimum": field._least, "maximum": field._most}
    if isinstance(field, StrictBoolean):
        return {"type": "boolean"}
    if isinstance(field, Day):
        return {"type": "string", "format": "date"}
    if isinstance(field, Moment):
        return {"type": "string", "format": "date-time"}
    if isinstance(field, OneOf):
        # A list of values takes null only where null is one of them.
        return {"type": "string", "enum": [*field.values, *[None] * field.allow_none]}
    if isinstance(field, Base64Url | PrefixedId):
        return {"type": "string"}
    return {}
