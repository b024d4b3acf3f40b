"""What of the logs is published, and to whom: checkpoints, tiles, bundles of entries."""

import re
from datetime import datetime

from registry.crypto.tiles import (
    TILE_WIDTH,
    Bundle,
    MalformedPath,
    Tile,
    TileMissing,
    encode_entries,
    parse_path,
)
from registry.database.transaction import Transaction
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger import log_store, tile_store
from registry.ledger.model import Log, Shard, half_year_of

_HALF_YEAR = re.compile("[0-9]{4}h[12]")


class NoSuchLog(Problem):
    """No log, shard, tile or checkpoint of this name is published."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is nothing of this name in the logs", zh="日志中没有该名称的内容")
    advice = Text(
        en="The well-known document names the logs; a checkpoint says how far each has got.",
        zh="日志名称见 well-known 文档；各日志的进度见其 checkpoint。",
    )


def shard_named(name: str, half_year: str | None, now: datetime) -> Shard:
    """The shard of a log's name; without a half-year the present one.

    Raises: NoSuchLog.
    """
    if half_year is not None and not _HALF_YEAR.fullmatch(half_year):
        raise NoSuchLog
    for log in Log:
        if log.wire_name == name:
            return Shard(log=log, half_year=half_year or half_year_of(now))
    raise NoSuchLog


def checkpoint_of(transaction: Transaction, shard: Shard) -> str:
    """The newest signed checkpoint of a shard.

    Raises: NoSuchLog.
    """
    head = log_store.head(transaction, shard)
    if head is None or head.checkpoint is None:
        raise NoSuchLog
    return head.checkpoint


def resource_of(transaction: Transaction, shard: Shard, path: str) -> bytes:
    """A tile or a bundle of entries by its C2SP path, as far as it is published.

    Raises: NoSuchLog, also for another spelling of a path, or beyond the
    checkpoint: what is not signed yet is not shown.
    """
    try:
        place = parse_path(path)
    except MalformedPath:
        raise NoSuchLog from None
    head = log_store.head(transaction, shard)
    if head is None or not place.is_within(head.published_size):
        raise NoSuchLog
    if isinstance(place, Bundle):
        return _bundle(transaction, shard, place)
    return _tile(transaction, shard, place)


def _tile(transaction: Transaction, shard: Shard, place: Tile) -> bytes:
    try:
        tiles = tile_store.StoredTiles(transaction, shard)
        return tiles.tile(place.level, place.index, place.width)
    except TileMissing as error:
        raise AssertionError("a published tile is stored") from error


def _bundle(transaction: Transaction, shard: Shard, place: Bundle) -> bytes:
    first = place.index * TILE_WIDTH
    entries = log_store.entries_between(transaction, shard, first=first, end=first + place.width)
    assert len(entries) == place.width, "a published entry is stored"
    return encode_entries(entries)
