"""Cursors of lists in the order of their ids: after which id the next page begins."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from registry.kernel.ids import Prefix, parse_id, with_prefix
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor


def cursor_of(after: UUID | None, prefix: Prefix) -> str | None:
    """What leads on behind the id `after`; None where that was all."""
    return None if after is None else encode_cursor(with_prefix(prefix, after))


def after_of(asked: Mapping[str, Any], prefix: Prefix) -> UUID | None:
    """The id behind which to go on; None: from the beginning.

    Raises: CursorUnreadable.
    """
    if "cursor" not in asked:
        return None
    try:
        return parse_id(prefix, decode_cursor(asked["cursor"]))
    except ValueError:
        raise CursorUnreadable from None
