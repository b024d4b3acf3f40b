"""Verifies a whole log from its files, trusting nothing but the log's key.

Every entry is read and hashed, every tile made anew and compared, the tree led
to the signed checkpoint, and the checkpoint seen last found inside it. What is
wrong is named. Memory does not grow with the log.

    entries -> leaves -> tiles, compared -> root = checkpoint's
                     '-> root at the size seen last = root seen last

Source: C2SP tlog-tiles, tlog-checkpoint; RFC 6962 §2.1.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry.crypto import checkpoint, note
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.cosignature import WitnessKey
from registry.crypto.merkle import HASH_BYTES, MalformedProof, leaf_hash, root_of_inclusion
from registry.crypto.tiles import (
    TILE_WIDTH,
    Bundle,
    MalformedTile,
    RightEdge,
    Tile,
    TiledTree,
    TileMissing,
    decode_entries,
    encode_entries,
    grow,
    width_at,
)
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger.model import Shard, decode_entry, shard_of
from registry.ledger.openings import OpenedEntry, OpeningWrong
from registry.ledger.sources import (
    CHECKPOINT_PATH,
    ResourceMissing,
    Source,
    SourceTiles,
    read_in_order,
)

SEEN = "the checkpoint seen last"
OPENINGS = "the openings"

Progress = Callable[[int, int], None]


class LogNotVerified(Problem):
    """The log is not what its checkpoint says, or not what was seen before.

    `place` is the file, or which of the inputs, that is wrong.
    """

    kind = Kind.INVALID
    title = Text(en="The log does not verify", zh="日志未通过验证")
    advice = Text(
        en="Keep the files and the checkpoint seen last: together they are evidence.",
        zh="请保留这些文件与上次所见的 checkpoint：它们共同构成证据。",
    )

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}.")
        self.place = place


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom one believes: the log's keys, all of one name, and witnesses that must have cosigned."""

    log_keys: tuple[note.VerifierKey, ...]
    witnesses: tuple[WitnessKey, ...] = ()

    def __post_init__(self) -> None:
        assert len({key.name for key in self.log_keys}) == 1, "the keys of one log"

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        return self.log_keys[0].name


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was verified. `signed` is the note, to be kept and given as `seen` next time."""

    checkpoint: Checkpoint
    signed: bytes
    tiles: int
    opened: int
    seen_size: int | None


def verify_log(
    source: Source,
    *,
    trust: Trust,
    seen: bytes | None = None,
    openings: Iterable[OpenedEntry] = (),
    progress: Progress = lambda done, total: None,
) -> Verified:
    """Verifies all of the log up to the checkpoint the source has now.

    `seen` is the signed checkpoint that was verified last, `openings` come in the
    order of the log; `progress` is told entries done and in all.

    Raises: LogNotVerified.
    """
    signed = _read(source, CHECKPOINT_PATH)
    newest = _checkpoint(signed, trust, CHECKPOINT_PATH)
    before = None if seen is None else _checkpoint(seen, _without_witnesses(trust), SEEN)
    if before is not None and before.size > newest.size:
        raise LogNotVerified(
            CHECKPOINT_PATH,
            f"it has {newest.size} entries and {before.size} were signed before: the log lost some",
        )
    walk = _Walk(source, newest, before, _Openings(openings), progress)
    tiles = walk.go()
    return Verified(
        checkpoint=newest,
        signed=signed,
        tiles=tiles,
        opened=walk.openings.checked,
        seen_size=None if before is None else before.size,
    )


def _checkpoint(data: bytes, trust: Trust, place: str) -> Checkpoint:
    try:
        verified = checkpoint.verify(
            note.parse(data),
            origin=trust.origin,
            log_keys=trust.log_keys,
            witnesses=trust.witnesses,
        )
    except ValueError as error:
        raise LogNotVerified(place, str(error)) from error
    signers = {each.signer for each in verified.note.verified}
    for witness in trust.witnesses:
        if (witness.name, witness.key_id) not in signers:
            raise LogNotVerified(place, f"{witness.name} has not cosigned it")
    return verified.checkpoint


def _without_witnesses(trust: Trust) -> Trust:
    return Trust(log_keys=trust.log_keys)


class _Openings:
    """Compares openings with the entries as they come by, one in hand at a time."""

    def __init__(self, openings: Iterable[OpenedEntry]) -> None:
        self._openings = iter(openings)
        self.checked = 0
        self._next = self._advance()

    def compare(self, first: int, entries: Sequence[bytes]) -> None:
        while self._next is not None and self._next.index < first + len(entries):
            opened = self._next
            if opened.index < first or entries[opened.index - first] != opened.entry:
                raise LogNotVerified(OPENINGS, f"index {opened.index}: not the entry of the log")
            self.checked += 1
            self._next = self._advance()

    def finish(self) -> None:
        if self._next is not None:
            raise LogNotVerified(OPENINGS, f"index {self._next.index}: beyond the end of the log")

    def _advance(self) -> OpenedEntry | None:
        try:
            return next(self._openings, None)
        except OpeningWrong as error:
            raise LogNotVerified(OPENINGS, str(error)) from error


class _Walk:
    """One pass over the entries, from the first to the last."""

    def __init__(
        self,
        source: Source,
        newest: Checkpoint,
        before: Checkpoint | None,
        openings: _Openings,
        progress: Progress,
    ) -> None:
        self._source = source
        self._newest = newest
        self._before = before
        self.openings = openings
        self._progress = progress
        self._edge = RightEdge()
        self._made: dict[Tile, bytes] = {}
        self._bundle: tuple[Bundle, list[bytes]] | None = None
        self._shard: Shard | None = None
        self._continues = True

    def go(self) -> int:
        """Raises: LogNotVerified. Gives how many tiles were compared."""
        size, tiles = self._newest.size, 0
        self._progress(0, size)
        self._compare_seen(())
        try:
            for place, data in read_in_order(self._source, places(size)):
                if isinstance(place, Bundle):
                    self._take_entries(place, data)
                else:
                    self._compare_tile(place, data)
                    tiles += 1
        except ResourceMissing as error:
            raise LogNotVerified(str(error).partition(":")[0], _reason(error)) from error
        assert not self._made, "every tile that was made has been compared"
        self.openings.finish()
        if self._edge.compact_range().root() != self._newest.root:
            raise LogNotVerified(
                CHECKPOINT_PATH, "its root is not that of the entries, whose tiles agree with them"
            )
        # Last: what is damaged on its way leads to another root too, and accuses nobody.
        if self._before is not None and not self._continues:
            raise LogNotVerified(
                SEEN,
                f"the first {self._before.size} entries are not those that were signed then:"
                " the log shows two histories",
            )
        return tiles

    def _take_entries(self, place: Bundle, data: bytes) -> None:
        path, first = place.path(), place.index * TILE_WIDTH
        try:
            entries = decode_entries(data, place.width)
        except MalformedTile as error:
            raise LogNotVerified(path, str(error)) from error
        self._bundle = place, entries
        leaves = [leaf_hash(entry) for entry in entries]
        self._compare_seen(leaves)
        growth = grow(self._edge, leaves)
        self._edge = growth.edge
        for tile, hashes in growth.tiles.items():
            if tile.width == width_at(tile.level, tile.index, self._newest.size):
                self._made[tile] = hashes
        self._require_prefixes(place, data)
        self._progress(first + len(entries), self._newest.size)

    def _compare_tile(self, place: Tile, data: bytes) -> None:
        made = self._made.pop(place)
        if data != made:
            if len(data) != len(made):
                raise LogNotVerified(place.path(), f"it has not {place.width} hashes")
            position = _first_difference(data, made)
            if place.level:
                raise LogNotVerified(
                    place.path(),
                    f"hash {position} is not the root of the tile below, which the entries lead to",
                )
            self._blame(place, position, data)
        self._require_prefixes(place, data)
        if not place.level:
            # Only now: entries that differ from their leaves are told as such.
            self._read_entries()

    def _read_entries(self) -> None:
        assert self._bundle is not None
        place, entries = self._bundle
        first = place.index * TILE_WIDTH
        for index, entry in enumerate(entries, start=first):
            try:
                decode_entry(entry)
                shard = shard_of(entry)
            except ValueError as error:
                raise LogNotVerified(place.path(), f"entry {index}: {error}") from error
            if shard != self._shard:
                self._require_shard(shard, place, index)
        self.openings.compare(first, entries)

    def _require_shard(self, shard: Shard, place: Bundle, index: int) -> None:
        if not self._newest.origin.endswith(f"/{shard.name}"):
            raise LogNotVerified(place.path(), f"entry {index} belongs into {shard.name}")
        self._shard = shard

    def _compare_seen(self, leaves: Sequence[bytes]) -> None:
        before, edge = self._before, self._edge
        if before is None or not edge.size <= before.size <= edge.size + len(leaves):
            return
        root = grow(edge, leaves[: before.size - edge.size]).edge.compact_range().root()
        self._continues = self._continues and root == before.root

    def _require_prefixes(self, place: Tile | Bundle, data: bytes) -> None:
        for path in self._source.prefixes_of(place):
            narrow = _read(self._source, path)
            if not self._is_prefix(place, path, narrow, data):
                raise LogNotVerified(path, "it is not a beginning of the wider one")

    def _is_prefix(self, place: Tile | Bundle, path: str, narrow: bytes, data: bytes) -> bool:
        width = path.rpartition("/")[2]
        if not width.isdecimal() or not 0 < int(width) <= TILE_WIDTH:
            return False
        if int(width) > place.width:
            # Wider than the checkpoint: being published just now, not yet signed.
            return narrow[: len(data)] == data
        if isinstance(place, Tile):
            return narrow == data[: int(width) * HASH_BYTES]
        return narrow == encode_entries(decode_entries(data, place.width)[: int(width)])

    def _blame(self, place: Tile, position: int, data: bytes) -> None:
        """Says which of entry and tile is wrong: the one that does not lead to the root."""
        assert self._bundle is not None
        bundle, entries = self._bundle
        index = place.index * TILE_WIDTH + position
        published = data[position * HASH_BYTES : (position + 1) * HASH_BYTES]
        if self._leads_to_root(index, published):
            raise LogNotVerified(bundle.path(), f"entry {index} is not the one that was signed")
        if self._leads_to_root(index, leaf_hash(entries[position])):
            raise LogNotVerified(place.path(), f"hash {position} is not that of entry {index}")
        raise LogNotVerified(
            place.path(),
            f"hash {position} is not that of entry {index} in {bundle.path()},"
            " and neither leads to the checkpoint",
        )

    def _leads_to_root(self, index: int, leaf: bytes) -> bool:
        size = self._newest.size
        try:
            proof = TiledTree(SourceTiles(self._source), size).inclusion_proof(index)
            root = root_of_inclusion(index=index, size=size, leaf=leaf, proof=proof)
        except (TileMissing, MalformedTile, MalformedProof):
            return False
        return root == self._newest.root


def places(size: int) -> Iterator[Tile | Bundle]:
    """All bundles and tiles of a log of `size` entries, each tile after what it is made of."""
    for index in range(-(-size // TILE_WIDTH)):
        begin, end = index * TILE_WIDTH, min(size, (index + 1) * TILE_WIDTH)
        yield Bundle(index=index, width=end - begin)
        level = 0
        while end >> 8 * level != begin >> 8 * level:
            number, position = divmod((end >> 8 * level) - 1, TILE_WIDTH)
            if position + 1 == width_at(level, number, size):
                yield Tile(level=level, index=number, width=position + 1)
            level += 1


def _read(source: Source, path: str) -> bytes:
    try:
        return source.read(path)
    except ResourceMissing as error:
        raise LogNotVerified(path, _reason(error)) from error


def _reason(error: ResourceMissing) -> str:
    return str(error).partition(": ")[2] or "it is missing"


def _first_difference(one: bytes, other: bytes) -> int:
    return next(
        at // HASH_BYTES
        for at in range(0, len(one), HASH_BYTES)
        if one[at : at + HASH_BYTES] != other[at : at + HASH_BYTES]
    )
