"""Where a walk through pages stands, and how much of the index it is a walk through.

A log grows while it is read, and reading it adds to it. So the cursor of a page carries
how far the index had got at the first one: all pages together show exactly the entries
that were indexed then, each once, whatever comes meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import Prefix, parse_id, with_prefix
from registry.kernel.paging import CursorUnreadable, decode_cursor, encode_cursor
from registry.ledger.model import Log, Shard
from registry.oversight.model import Coverage

_LOGS = {each.wire_name: each for each in Log}


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Pages go on after the id `after`, through what the first page's coverage covers."""

    after: UUID
    coverage: tuple[Coverage, ...]
    covered_until: datetime


def encode_walk(walk: Walk) -> str:
    """The cursor of a walk's next page."""
    bounds = [f"{each.shard.name}:{each.indexed}:{each.size}" for each in walk.coverage]
    until = format_instant(walk.covered_until)
    return encode_cursor(" ".join([with_prefix(Prefix.ENTRY, walk.after), until, *bounds]))


def decode_walk(cursor: str) -> Walk:
    """The walk of a cursor.

    Raises: CursorUnreadable.
    """
    try:
        after, until, *bounds = decode_cursor(cursor).split(" ")
        return Walk(
            after=parse_id(Prefix.ENTRY, after),
            coverage=tuple(map(_bound, bounds)),
            covered_until=parse_instant(until),
        )
    except (ValueError, KeyError):
        raise CursorUnreadable from None


def sizes_of(coverage: Sequence[Coverage]) -> dict[Shard, int]:
    """How many entries of each shard a coverage covers."""
    return {each.shard: each.indexed for each in coverage}


def _bound(text: str) -> Coverage:
    name, indexed, size = text.split(":")
    log, half_year = name.split("/")
    shard = Shard(log=_LOGS[log], half_year=half_year)
    return Coverage(shard=shard, indexed=_number(indexed), size=_number(size))


def _number(text: str) -> int:
    number = int(text)
    if str(number) != text or not 0 <= number < 2**53:
        raise ValueError("not a number of entries")
    return number
