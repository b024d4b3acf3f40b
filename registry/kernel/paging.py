"""Paging by cursor: where the last page ended, opaque to the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from registry.kernel import base64url
from registry.kernel.problems import Kind, Problem, Text

PAGE_ITEMS_MAX = 100

Item = TypeVar("Item")


class CursorUnreadable(Problem):
    """The cursor was not one this registry gave out."""

    kind = Kind.MALFORMED
    title = Text(en="The cursor cannot be read", zh="游标无法识别")
    advice = Text(
        en="Follow the Link header with rel=next as it was given, or start without a cursor.",
        zh="请原样使用响应中 rel=next 的 Link，或不带游标重新开始。",
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and the key the next page starts after (None: the last page)."""

    items: Sequence[Item]
    next_after: str | None


def encode_cursor(after: str) -> str:
    """The opaque form of a sort key."""
    return base64url.encode(b"c1" + after.encode())


def decode_cursor(cursor: str) -> str:
    """The sort key inside a cursor.

    Raises: CursorUnreadable.
    """
    try:
        data = base64url.decode(cursor)
        if not data.startswith(b"c1"):
            raise ValueError("unknown cursor version")
        after = data[2:].decode("ascii")
        # None that was given out has a control character, and a database may not take one.
        if not after.isprintable():
            raise ValueError("control characters")
        return after
    except ValueError as error:
        raise CursorUnreadable from error
