"""Reading the members of an answer, each as the one type it must have.

Answers may gain members, so unknown ones are let be; a known one of another
type stops the reading.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import TypeVar

from registry.client.problems import AnswerNotUnderstood
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import parse_instant
from registry.kernel.problems import Text

Choice = TypeVar("Choice", bound=Enum)


class Reader:
    """The members of one JSON object of an answer.

    Every method raises AnswerNotUnderstood, which names the member, when it is
    missing or is something else; the `maybe_` ones take missing and null as None.
    """

    __slots__ = ("_members", "_where")

    def __init__(self, value: JsonValue, where: str) -> None:
        if not isinstance(value, Mapping):
            raise AnswerNotUnderstood(f"{where} is not an object")
        self._members = value
        self._where = where

    @property
    def document(self) -> Mapping[str, JsonValue]:
        """The object as it came."""
        return self._members

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self._members.get(name) is not None

    def text(self, name: str) -> str:
        """A string."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def maybe_text(self, name: str) -> str | None:
        """A string, or None."""
        return self.text(name) if self.has(name) else None

    def integer(self, name: str) -> int:
        """An integer."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "an integer")
        return value

    def maybe_integer(self, name: str) -> int | None:
        """An integer, or None."""
        return self.integer(name) if self.has(name) else None

    def instant(self, name: str) -> datetime:
        """An RFC 3339 instant."""
        try:
            return parse_instant(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "an instant") from error

    def maybe_instant(self, name: str) -> datetime | None:
        """An RFC 3339 instant, or None."""
        return self.instant(name) if self.has(name) else None

    def day(self, name: str) -> date:
        """An RFC 3339 full date."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "a date") from error

    def maybe_day(self, name: str) -> date | None:
        """An RFC 3339 full date, or None."""
        return self.day(name) if self.has(name) else None

    def data(self, name: str, length: int | None = None) -> bytes:
        """Bytes written in base64url, of exactly `length` where it is given."""
        try:
            data = base64url.decode(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "base64url") from error
        if length is not None and len(data) != length:
            raise self._wrong(name, f"{length} bytes of base64url")
        return data

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        """A member of a closed set, by its value."""
        try:
            return kind(self.text(name))
        except ValueError as error:
            raise self._wrong(name, f"one of {[item.value for item in kind]}") from error

    def datas(self, name: str) -> tuple[bytes, ...]:
        """An array of bytes written in base64url."""
        try:
            return tuple(base64url.decode(text) for text in self.texts(name))
        except ValueError as error:
            raise self._wrong(name, "an array of base64url") from error

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings."""
        items = self._array(name)
        strings = tuple(item for item in items if isinstance(item, str))
        if len(strings) != len(items):
            raise self._wrong(name, "an array of strings")
        return strings

    def bilingual(self, name: str) -> Text:
        """A text in both languages."""
        inner = self.child(name)
        return Text(en=inner.text("en"), zh=inner.text("zh"))

    def maybe_bilingual(self, name: str) -> Text | None:
        """A text in both languages, or None."""
        return self.bilingual(name) if self.has(name) else None

    def child(self, name: str) -> "Reader":
        """The object inside."""
        return Reader(self._members.get(name), f"{self._where}.{name}")

    def children(self, name: str) -> list["Reader"]:
        """The objects of an array."""
        return [
            Reader(item, f"{self._where}.{name}[{index}]")
            for index, item in enumerate(self._array(name))
        ]

    def _array(self, name: str) -> Sequence[JsonValue]:
        value = self._members.get(name)
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._wrong(name, "an array")
        return value

    def _wrong(self, name: str, wanted: str) -> AnswerNotUnderstood:
        return AnswerNotUnderstood(f"{self._where}.{name} is not {wanted}")
