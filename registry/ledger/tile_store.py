"""The stored tiles of the logs, and the only queries on them."""

from collections.abc import Collection, Mapping
from functools import lru_cache

import sqlalchemy as sa

from registry.crypto.merkle import HASH_BYTES
from registry.crypto.tiles import Tile, TileMissing
from registry.database.statements import insert_or_replace
from registry.database.transaction import Transaction
from registry.ledger.log_store import log_tiles
from registry.ledger.model import Shard

# Placeholders in one statement: SQLite takes 32,766, PostgreSQL 65,535.
_AT_ONCE_MAX = 5_000
_STATEMENTS_KEPT_MAX = 64


class StoredTiles:
    """The tiles of one shard in the database (a `tiles.TileReader`).

    Those that are `wanted` are read with one query, any other when its turn comes.
    """

    def __init__(
        self, transaction: Transaction, shard: Shard, wanted: Collection[Tile] = ()
    ) -> None:
        self._transaction = transaction
        self._shard = shard
        self._read: dict[tuple[int, int], bytes] = {}
        self.read_ahead(wanted)

    def read_ahead(self, wanted: Collection[Tile]) -> None:
        """Reads those of these tiles that are not in memory, with one query."""
        missing = [each for each in wanted if (each.level, each.index) not in self._read]
        for first in range(0, len(missing), _AT_ONCE_MAX):
            some = missing[first : first + _AT_ONCE_MAX]
            self._read |= _tiles(self._transaction, self._shard, some)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile.

        Raises: TileMissing.
        """
        stored = self._read.get((level, index))
        if stored is None:
            stored = tile(self._transaction, self._shard, level, index)
        wanted = width * HASH_BYTES
        if stored is None or len(stored) < wanted:
            raise TileMissing(f"{self._shard.name}: tile {level}/{index} of width {width}")
        return stored[:wanted]


def tile(transaction: Transaction, shard: Shard, level: int, number: int) -> bytes | None:
    """The hashes of a tile as far as it has been filled."""
    columns = log_tiles.c
    found = transaction.execute(
        sa.select(columns.hashes).where(
            columns.log == shard.log,
            columns.shard == shard.half_year,
            columns.level == level,
            columns.number == number,
        )
    ).scalar()
    return None if found is None else bytes(found)


def put_tiles(transaction: Transaction, shard: Shard, tiles: Mapping[Tile, bytes]) -> None:
    """Stores tiles by level and number; the rightmost of a level replaces its shorter self."""
    values = [
        {
            "log": int(shard.log),
            "shard": shard.half_year,
            "level": place.level,
            "number": place.index,
            "hashes": hashes,
        }
        for place, hashes in tiles.items()
    ]
    transaction.execute(insert_or_replace(transaction, log_tiles, replaced=["hashes"]), values)


def _tiles(
    transaction: Transaction, shard: Shard, wanted: Collection[Tile]
) -> Mapping[tuple[int, int], bytes]:
    places = [(each.level, each.index) for each in wanted]
    shard_of = (int(shard.log), shard.half_year)
    cursor = transaction.hot_cursor()
    try:
        if transaction.is_sqlite:
            flat = [number for place in places for number in place]
            cursor.execute(_tiles_sqlite(len(places)), (*flat, *shard_of))
        else:
            levels, numbers = zip(*places, strict=True)
            cursor.execute(_TILES, (levels, numbers, *shard_of))
        return {(level, number): hashes for level, number, hashes in cursor}
    finally:
        cursor.close()


@lru_cache(maxsize=_STATEMENTS_KEPT_MAX)
def _tiles_sqlite(places: int) -> str:
    # Constant text and question marks only.
    wanted = ", ".join(["(?, ?)"] * places)
    return f"WITH wanted (level, number) AS (VALUES {wanted}) " + _TILES_WANTED.replace("%s", "?")


# CROSS: the tiles are looked up one by one, as they are wanted. Left to itself SQLite walks
# the whole shard instead.
_TILES_WANTED = (
    "SELECT tiles.level, tiles.number, tiles.hashes FROM wanted CROSS JOIN log_tiles AS tiles"
    " WHERE tiles.log = %s AND tiles.shard = %s"
    " AND tiles.level = wanted.level AND tiles.number = wanted.number"
)
_OF_ARRAYS = "WITH wanted (level, number) AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[])) "
_TILES = _OF_ARRAYS + _TILES_WANTED
