"""Compares the database with the log it keeps, row by row, and names the first bad row.

    payload -> commitment -> entry -> leaf -> tile -> head -> checkpoint -> high-water mark

Reads one moment of the database, also while it is at work; memory does not grow
with the log. Erased contents are as they should be when their erasure names them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from registry.crypto import checkpoint, note
from registry.crypto.merkle import HASH_BYTES, leaf_hash, root_of_inclusion
from registry.crypto.note import VerifierKey
from registry.crypto.signature import PublicKey
from registry.crypto.tiles import (
    TILE_WIDTH,
    MalformedTile,
    RightEdge,
    Tile,
    TiledTree,
    TileMissing,
    grow,
    width_at,
)
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.ledger import fsck_store, log_store
from registry.ledger.fsck_contents import ContentCheck, LedgerBroken
from registry.ledger.fsck_store import StoredEntry
from registry.ledger.high_water import HighWaterMarks, Mark
from registry.ledger.log_store import Head
from registry.ledger.model import Log, Shard, decode_entry, shard_of
from registry.ledger.tile_store import StoredTiles

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found to agree."""

    shards: tuple[str, ...]
    entries: int
    erased: int
    waiting: int


class Fsck:
    """Checks one node's database; `contents` opens what entries commit to."""

    def __init__(
        self,
        *,
        database: Database,
        contents: ContentCheck,
        key: PublicKey,
        authority: str,
        marks: HighWaterMarks,
    ) -> None:
        self._database = database
        self._contents = contents
        self._key = key
        self._authority = authority
        self._marks = marks

    def check(self, progress: Progress = lambda done, total: None) -> Checked:
        """Compares everything; `progress` is told entries done and in all.

        Raises: LedgerBroken at the first row that is wrong.
        """
        # A mark moves after its head is committed and before its checkpoint is: read
        # before the moment looked at, it is not ahead of the head; read after, not
        # behind the checkpoint.
        with self._database.reading() as transaction:
            shards = _shards(transaction)
        before = {shard: self._marks.read(shard.name) for shard in shards}
        with self._database.reading() as transaction:
            fsck_store.freeze(transaction)
            shards = _shards(transaction)
            heads = {shard: _head(transaction, shard) for shard in shards}
            total, done, erased = sum(head.size for head in heads.values()), 0, 0
            for shard, head in heads.items():
                walk = _Walk(transaction, head, self._contents, before.get(shard))
                erased += walk.go(lambda size, done=done: progress(done + size, total))  # type: ignore[misc] # the value now
                self._require_published(head, walk.roots)
                done += head.size
            waiting = self._check_rest(transaction)
        for head in heads.values():
            self._require_mark(head)
        return Checked(
            shards=tuple(shard.name for shard in shards),
            entries=done,
            erased=erased,
            waiting=waiting,
        )

    def _require_published(self, head: Head, roots: Mapping[int, bytes]) -> None:
        row = head.shard.name
        if head.checkpoint is None:
            if head.published_size:
                raise LedgerBroken("log_heads", row, "it is published and has no checkpoint")
            return
        origin = f"{self._authority}/log/{row}"
        try:
            signed = note.parse(head.checkpoint.encode())
            key = VerifierKey(name=origin, public_key=self._key)
            tree = checkpoint.verify(signed, origin=origin, log_keys=[key]).checkpoint
        except ValueError as error:
            raise LedgerBroken("log_heads", row, f"its checkpoint: {error}") from error
        if tree.size != head.published_size:
            raise LedgerBroken("log_heads", row, "its checkpoint is not of the published size")
        if roots[tree.size] != tree.root:
            raise LedgerBroken("log_heads", row, "its checkpoint signs other entries than these")

    def _require_mark(self, head: Head) -> None:
        mark = self._marks.read(head.shard.name)
        if head.checkpoint is not None and (mark is None or mark.size < head.published_size):
            raise LedgerBroken(
                "high-water mark", head.shard.name, "it is gone or behind what was published"
            )

    def _check_rest(self, transaction: Transaction) -> int:
        waiting = 0
        for rows in fsck_store.waiting(transaction):
            self._contents.check_waiting(transaction, rows)
            waiting += len(rows)
        for table, entry_id in (
            ("log_payloads", fsck_store.payload_without_entry(transaction)),
            ("log_subjects", fsck_store.subject_without_entry(transaction)),
        ):
            if entry_id is not None:
                raise LedgerBroken(table, entry_id.hex(), "no entry has this id")
        return waiting


class _Walk:
    """One pass over the entries of a shard."""

    def __init__(
        self, transaction: Transaction, head: Head, contents: ContentCheck, mark: Mark | None
    ) -> None:
        self._transaction = transaction
        self._head = head
        self._shard = head.shard
        self._contents = contents
        self._mark = mark
        self._edge = RightEdge()
        wanted = {0, head.size, head.published_size} | ({mark.size} if mark else set())
        self._wanted = sorted(wanted)
        self.roots: dict[int, bytes] = {0: RightEdge().compact_range().root()}

    def go(self, progress: Callable[[int], None]) -> int:
        """Raises: LedgerBroken. How many entries are erased."""
        erased = 0
        for rows in fsck_store.entries(self._transaction, self._shard):
            self._require_places(rows)
            self._take(rows)
            erased += self._contents.check(self._transaction, rows)
            progress(self._edge.size)
        self._require_head()
        self._require_no_other_tiles()
        self._require_mark()
        return erased

    def _require_places(self, rows: Sequence[StoredEntry]) -> None:
        for position, row in enumerate(rows, start=self._edge.size):
            name = f"{self._shard.name} position {position}"
            if row.position != position:
                raise LedgerBroken("log_entries", name, f"there is {row.position} in its place")
            if position >= self._head.size:
                raise LedgerBroken(
                    "log_heads", self._shard.name, f"it ends before position {position}"
                )
            try:
                entry = decode_entry(row.entry)
            except ValueError as error:
                raise LedgerBroken("log_entries", name, str(error)) from error
            if entry.uuid.bytes != row.entry_id:
                raise LedgerBroken("log_entries", name, "the entry has another id than its row")
            if shard_of(row.entry) != self._shard:
                raise LedgerBroken("log_entries", name, "the entry belongs into another shard")

    def _take(self, rows: Sequence[StoredEntry]) -> None:
        leaves = [leaf_hash(row.entry) for row in rows]
        before = self._edge
        for size in self._wanted:
            if before.size < size <= before.size + len(leaves):
                edge = grow(before, leaves[: size - before.size]).edge
                self.roots[size] = edge.compact_range().root()
        growth = grow(before, leaves)
        for place, hashes in growth.tiles.items():
            if place.width == width_at(place.level, place.index, self._head.size):
                self._compare(place, hashes, rows)
        self._edge = growth.edge

    def _compare(self, place: Tile, hashes: bytes, rows: Sequence[StoredEntry]) -> None:
        stored = fsck_store.tile_of(self._transaction, self._shard, place.level, place.index)
        name = f"{self._shard.name} level {place.level} number {place.index}"
        if stored is None:
            raise LedgerBroken("log_tiles", name, "it is missing")
        if stored == hashes:
            return
        if len(stored) != len(hashes):
            raise LedgerBroken("log_tiles", name, f"it has not {place.width} hashes")
        position = next(
            at // HASH_BYTES
            for at in range(0, len(stored), HASH_BYTES)
            if stored[at : at + HASH_BYTES] != hashes[at : at + HASH_BYTES]
        )
        if not place.level:
            index = place.index * TILE_WIDTH + position
            leaf = stored[position * HASH_BYTES : (position + 1) * HASH_BYTES]
            if self._leads_to_root(index, leaf):
                raise LedgerBroken(
                    "log_entries",
                    f"{self._shard.name} position {index}",
                    "the entry is not the one that was hashed",
                )
        raise LedgerBroken("log_tiles", name, f"hash {position} is not what the entries lead to")

    def _leads_to_root(self, index: int, leaf: bytes) -> bool:
        size = self._head.size
        try:
            tree = TiledTree(StoredTiles(self._transaction, self._shard), size)
            proof = tree.inclusion_proof(index)
        except (TileMissing, MalformedTile):
            return False
        root = root_of_inclusion(index=index, size=size, leaf=leaf, proof=proof)
        return root == self._head.root

    def _require_head(self) -> None:
        size, name = self._edge.size, self._shard.name
        if size != self._head.size:
            raise LedgerBroken(
                "log_heads", name, f"it says {self._head.size} entries and there are {size}"
            )
        if self.roots[size] != self._head.root:
            raise LedgerBroken("log_heads", name, "its root is not that of the entries")
        if self._head.published_size > size:
            raise LedgerBroken("log_heads", name, "more is published than there is")

    def _require_no_other_tiles(self) -> None:
        for level, number in fsck_store.tile_places(self._transaction, self._shard):
            if not width_at(level, number, self._head.size):
                raise LedgerBroken(
                    "log_tiles",
                    f"{self._shard.name} level {level} number {number}",
                    "no entry leads to it",
                )

    def _require_mark(self) -> None:
        if self._mark is None:
            return
        if self._mark.size > self._edge.size:
            raise LedgerBroken(
                "high-water mark",
                self._shard.name,
                f"size {self._mark.size} was signed and there are {self._edge.size} entries",
            )
        if self.roots[self._mark.size] != self._mark.root:
            raise LedgerBroken(
                "high-water mark", self._shard.name, "another history was signed than this"
            )


def _shards(transaction: Transaction) -> list[Shard]:
    shards = []
    for log, half_year in sorted(fsck_store.shards_with_rows(transaction)):
        try:
            shards.append(Shard(log=Log(log), half_year=half_year))
        except ValueError as error:
            raise LedgerBroken("log_entries", f"log {log} {half_year}", "no such log") from error
    return shards


def _head(transaction: Transaction, shard: Shard) -> Head:
    head = log_store.head(transaction, shard)
    if head is None:
        raise LedgerBroken("log_heads", shard.name, "it is missing")
    return head
