"""Reads one table of an edition, member by member, and refuses what is left over."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from registry.kernel.problems import Text
from registry.rulebook.model import Span, Unit

Value = TypeVar("Value")
Name = TypeVar("Name", bound=Enum)

ENGLISH_CHARACTERS_MAX = 1000


class EditionRefused(Exception):
    """An edition's file is incomplete or contradicts itself; the program does not start."""


class Table:
    """A TOML table being read; whoever is done with it says so.

    Any: a parsed TOML value has no narrower type until it has been looked at.
    """

    def __init__(self, value: Any, path: str) -> None:
        self.path = path
        if not isinstance(value, dict):
            raise EditionRefused(f"{path} must be a table")
        self._members: dict[str, Any] = dict(value)

    def refuse(self, name: str, because: str) -> EditionRefused:
        """The refusal of one member, with the place it stands at."""
        return EditionRefused(f"{self.path}.{name} {because}")

    def has(self, name: str) -> bool:
        """Whether a member that may be left out is there."""
        return name in self._members

    def names(self) -> list[str]:
        """The members not yet read, in the order of the file."""
        return list(self._members)

    def take(self, name: str) -> Any:
        """A member, whatever it is; each is read once."""
        if name not in self._members:
            raise self.refuse(name, "is missing")
        return self._members.pop(name)

    def table(self, name: str) -> "Table":
        """A member that is itself a table."""
        return Table(self.take(name), f"{self.path}.{name}")

    def string(self, name: str) -> str:
        """A member that is a string with something in it."""
        value = self.take(name)
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(name, "must be a string that is not blank")
        return value

    def whole(self, name: str) -> int:
        """A member that is a whole number, not negative."""
        value = self.take(name)
        if type(value) is not int or value < 0:
            raise self.refuse(name, "must be a whole number, not negative")
        return value

    def scaled(self, name: str, scale: int) -> int:
        """A decimal number times `scale`, which must come out whole."""
        value = self.take(name)
        if type(value) not in (int, Decimal) or value < 0:
            raise self.refuse(name, "must be a number, not negative")
        product = Decimal(value) * scale
        if product != int(product):
            raise self.refuse(name, f"has more decimals than {scale} can hold")
        return int(product)

    def day(self, name: str) -> date:
        """A member that is a date."""
        return self._day(self.take(name), name)

    def days(self, name: str) -> frozenset[date]:
        """A member that is a list of different dates."""
        values = [self._day(value, name) for value in self.list(name)]
        if len(set(values)) != len(values):
            raise self.refuse(name, "names a date twice")
        return frozenset(values)

    def _day(self, value: Any, name: str) -> date:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.refuse(name, "must hold dates")
        return value

    def list(self, name: str) -> Sequence[Any]:
        """A member that is a list."""
        value = self.take(name)
        if not isinstance(value, list):
            raise self.refuse(name, "must be a list")
        return value

    def enum(self, name: str, kind: type[Name]) -> Name:
        """A member that is one of a closed set."""
        return self._enum(self.take(name), name, kind)

    def enums(self, name: str, kind: type[Name]) -> frozenset[Name]:
        """A member that is a list of different ones of a closed set."""
        values = [self._enum(value, name, kind) for value in self.list(name)]
        if len(set(values)) != len(values):
            raise self.refuse(name, "names one twice")
        return frozenset(values)

    def _enum(self, value: Any, name: str, kind: type[Name]) -> Name:
        try:
            return kind(value)
        except ValueError:
            raise self.refuse(name, f"holds {value!r}, which is none of its kind") from None

    def text(self, name: str) -> Text:
        """A member with the same sentence in English and in Chinese."""
        both = self.table(name)
        text = Text(en=both.string("en"), zh=both.string("zh"))
        both.done()
        if len(text.en) > ENGLISH_CHARACTERS_MAX:
            raise self.refuse(name, f"is longer than {ENGLISH_CHARACTERS_MAX} characters")
        if not any("\u4e00" <= character <= "\u9fff" for character in text.zh):
            raise self.refuse(f"{name}.zh", "is not Chinese")
        if any("\u4e00" <= character <= "\u9fff" for character in text.en):
            raise self.refuse(f"{name}.en", "is not English")
        return text

    def span(self, name: str) -> Span:
        """A member that is a length of time in one unit, such as { days = 7 }."""
        table = self.table(name)
        units = table.names()
        if len(units) != 1 or units[0] not in {unit.value for unit in Unit}:
            raise self.refuse(name, "must be one number of minutes, hours, days, … in a table")
        return Span(amount=table.whole(units[0]), unit=Unit(units[0]))

    def by_name(
        self, name: str, kind: type[Name], read: Callable[["Table", str], Value]
    ) -> Mapping[Name, Value]:
        """A member that says something of every one of a closed set."""
        table = self.table(name)
        values = {key: read(table, key.value) for key in kind}
        table.done()
        return values

    def done(self) -> None:
        """Promises that nothing is left unread.

        Raises: EditionRefused for a member nobody knows.
        """
        if self._members:
            raise EditionRefused(f"{self.path} has unknown members: {', '.join(self._members)}")
