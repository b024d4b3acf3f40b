"""Problems: what a caller can act on, named as a fact.

A `Problem` is an exception and a value. Raised, the transaction is undone and
nothing remains; returned, what was written remains (a refused lookup stands in
the access log). Only `registry.http` knows which status a kind becomes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What sort of thing went wrong, from the caller's point of view."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    CONFLICT = "conflict"
    GONE = "gone"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    INVALID = "invalid"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_MANY = "too_many"
    FAULT = "fault"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The same sentence in both languages of the registry."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One thing wrong with one place of a request.

    `pointer` is an RFC 6901 JSON Pointer into the body ("" is the whole body),
    `code` a stable snake_case word, `detail` a sentence for people.
    """

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """A fact the caller can act on; subclasses are declared beside their rule.

    Each subclass names its `kind`, a `title` and the `advice` its page gives.
    """

    kind: ClassVar[Kind]
    title: ClassVar[Text]
    advice: ClassVar[Text]

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(detail or self.title.en)
        self.detail = detail or self.title.en
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds

    @classmethod
    def slug(cls) -> str:
        """The last part of the problem's type URI: `AppealClosed` → `appeal-closed`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


def declared_problems() -> Iterator[type[Problem]]:
    """Every problem class of the imported rooms that has a title, depth first."""
    pending: list[type[Problem]] = [Problem]
    while pending:
        parent = pending.pop()
        for child in parent.__subclasses__():
            pending.append(child)
            if hasattr(child, "title"):
                yield child
