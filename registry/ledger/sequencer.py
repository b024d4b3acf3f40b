"""Gives waiting entries their places, and publishes what stands.

One at a time, in any process: a lease in the database says who, and its fence
tells a holder that another has been at work meanwhile. Entries and their tree change in
one transaction, on SQLite a few at a time; a step then publishes what stands. What it
remembers between steps is dropped on any error.
Source: C2SP tlog-tiles and tlog-checkpoint; FiloSottile/sunlight for the order
of what must be durable before what.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from registry.crypto import note
from registry.crypto.checkpoint import Checkpoint
from registry.crypto.merkle import leaf_hashes
from registry.crypto.signature import PrivateKey
from registry.crypto.tiles import (
    RightEdge,
    TiledTree,
    TileMissing,
    grow,
    right_edge,
    tiles_of_ranges,
)
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.kernel.clock import Clock
from registry.ledger import first_checkpoints, lease, log_store, tile_store
from registry.ledger.high_water import HighWaterMarks, LogForked, Mark, MarkMoved
from registry.ledger.log_store import Head, PendingEntry
from registry.ledger.model import Log, Shard, half_year_of, shard_of

BATCH_ENTRIES_MAX = 20_000
# On SQLite whoever asks waits while a transaction writes: some 6 ms for so many entries. A
# step takes so many such pieces; what waits even then is a backlog, and is taken at once, and
# so is all of the next step.
PIECE_ENTRIES_SQLITE = 128
PIECES_SQLITE = 16
LEASE = timedelta(seconds=10)
INTERVAL_SECONDS = 1.0
# Who moves a mark meanwhile holds the lease by then: as a rule one look more settles it.
_PUBLISH_TRIES_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What a step did. `is_leader` False: another sequencer holds the lease.

    `is_behind`: a head is left unsigned, since its mark kept moving; step again soon.
    """

    is_leader: bool
    sequenced: int
    published: tuple[Shard, ...]
    is_behind: bool = False


class Sequencer:
    """The one hand that writes the logs.

    `authority` is host and port of the node's origin, the stem of the logs'
    origins; `clock` is the machine's, for leases and for the time of publishing.
    """

    def __init__(
        self,
        *,
        database: Database,
        key: PrivateKey,
        authority: str,
        marks: HighWaterMarks,
        clock: Clock,
    ) -> None:
        self._database = database
        self._key = key
        self._authority = authority
        self._marks = marks
        self._clock = clock
        self._holder = str(uuid4())
        self._fence = -1
        self._edges: dict[Shard, RightEdge] = {}
        self._has_backlog = False

    def step(self, entries_max: int = BATCH_ENTRIES_MAX) -> Stepped:
        """Sequences what waits, up to `entries_max`, and publishes what is new.

        Raises: LogForked: nothing more may be signed until an operator has
        looked. DatabaseUnavailable: nothing was done.
        """
        try:
            sequenced = 0
            for piece_max in self._pieces(entries_max):
                placed = self._sequence(piece_max)
                if placed is None:
                    return Stepped(is_leader=False, sequenced=sequenced, published=())
                sequenced += placed
                # Crash point: placed and not published; the next step publishes it.
                if placed < piece_max:
                    break
            self._has_backlog = sequenced >= entries_max
            published, is_behind = self._publish()
        except BaseException:
            # What is in memory may be of a transaction that did not commit.
            self._edges.clear()
            raise
        return Stepped(
            is_leader=True, sequenced=sequenced, published=published, is_behind=is_behind
        )

    def has_waiting(self) -> bool:
        """Whether any entry waits for its place."""
        with self._database.reading() as transaction:
            return log_store.last_pending(transaction) is not None

    def release(self) -> None:
        """Lets another sequencer begin at once."""
        with self._database.transaction() as transaction:
            lease.release(transaction, self._holder, self._clock.now())

    def _pieces(self, entries_max: int) -> Iterator[int]:
        """How much each transaction of a step takes at most, as long as more waits."""
        left = entries_max
        if self._database.is_sqlite and not self._has_backlog:
            for _ in range(min(PIECES_SQLITE, entries_max // PIECE_ENTRIES_SQLITE)):
                yield PIECE_ENTRIES_SQLITE
                left -= PIECE_ENTRIES_SQLITE
        if left:
            yield left

    def _sequence(self, entries_max: int) -> int | None:
        grown: dict[Shard, RightEdge] = {}
        with self._database.transaction() as transaction:
            # Held to the end of the transaction: two sequencers never interleave.
            fence = lease.hold(transaction, self._holder, self._clock.now(), LEASE)
            if fence is None:
                return None
            if fence != self._fence:
                self._edges.clear()
                self._fence = fence
            self._open_shards(transaction)
            batch = log_store.pending(transaction, entries_max)
            for shard, entries in _by_shard(batch).items():
                grown[shard] = self._append(transaction, shard, entries)
            if batch:
                log_store.add_subjects(transaction, batch)
                log_store.settle(transaction, batch)
        # Crash point: committed and not remembered is read again from the tiles.
        self._edges |= grown
        return len(batch)

    def _open_shards(self, transaction: Transaction) -> None:
        """Gives the present half-year its heads, so that there is a checkpoint from the first."""
        half_year = half_year_of(self._clock.now())
        for log in Log:
            shard = Shard(log=log, half_year=half_year)
            if shard not in self._edges and log_store.head(transaction, shard) is None:
                log_store.put_head(
                    transaction, shard, size=0, root=RightEdge().compact_range().root()
                )

    def _append(
        self, transaction: Transaction, shard: Shard, entries: Sequence[PendingEntry]
    ) -> RightEdge:
        edge = self._edges.get(shard) or self._edge_of(transaction, shard)
        log_store.add_entries(transaction, shard, first=edge.size, entries=entries)
        growth = grow(edge, leaf_hashes(entry for _, entry, _ in entries))
        tile_store.put_tiles(transaction, shard, growth.tiles)
        root = growth.edge.compact_range().root()
        log_store.put_head(transaction, shard, size=growth.edge.size, root=root)
        return growth.edge

    def _edge_of(self, transaction: Transaction, shard: Shard) -> RightEdge:
        head = log_store.head(transaction, shard)
        if head is None:
            return RightEdge()
        edge = right_edge(tile_store.StoredTiles(transaction, shard), head.size)
        if edge.compact_range().root() != head.root:
            raise LogForked(f"The tiles of {shard.name} are not those of its head.")
        return edge

    def _publish(self) -> tuple[tuple[Shard, ...], bool]:
        """Signs what is unpublished; the shards, and whether any head is left."""
        published: list[Shard] = []
        for _ in range(_PUBLISH_TRIES_MAX):
            try:
                self._publish_heads(published)
            except MarkMoved:
                # Another has signed since. Nothing is lost: what is still unpublished is
                # compared with the mark it left, at once.
                continue
            return tuple(published), False
        return tuple(published), True

    def _publish_heads(self, published: list[Shard]) -> None:
        with self._database.reading() as transaction:
            shards = [each.shard for each in log_store.heads(transaction) if _is_unpublished(each)]
        # The marks before the heads: with another sequencer at work besides, a mark
        # read later could be of a tree that this transaction does not see yet.
        marks = {shard: self._marks.read(shard.name) for shard in shards}
        with self._database.reading() as transaction:
            waiting = [
                each
                for each in log_store.heads(transaction)
                if each.shard in marks and _is_unpublished(each)
            ]
            for head in waiting:
                self._require_no_fork(transaction, head, marks[head.shard])
        for head in waiting:
            self._publish_head(head, marks[head.shard])
            published.append(head.shard)

    def _publish_head(self, head: Head, seen: Mark | None) -> None:
        """Signs a head that extends what was signed last.

        The mark moves first, and only from where the head was compared with it: a
        checkpoint that was never served harms nobody, one that was served and
        forgotten is a fork to come.
        """
        name = head.shard.name
        self._marks.advance(name, seen=seen, to=Mark(size=head.size, root=head.root))
        # Crash point: the mark is here and the checkpoint is not; the next step
        # finds the head unpublished and signs the same tree.
        origin = f"{self._authority}/log/{name}"
        text = Checkpoint(origin=origin, size=head.size, root=head.root).to_text()
        signed = note.Note(text=text, signatures=(note.sign(text, origin, self._key),))
        checkpoint = signed.to_bytes().decode()
        with self._database.transaction() as transaction:
            is_newest = log_store.publish(
                transaction,
                head.shard,
                size=head.size,
                checkpoint=checkpoint,
                now=self._clock.now(),
            )
            if is_newest:
                first_checkpoints.keep_first(
                    transaction, head.shard, size=head.size, checkpoint=checkpoint
                )

    def _require_no_fork(self, transaction: Transaction, head: Head, mark: Mark | None) -> None:
        if mark is None:
            if self._marks.read(head.shard.name) is not None:
                raise MarkMoved
            if head.published_size:
                raise LogForked(f"The mark of {head.shard.name} is gone; it had been signed.")
            return
        if mark.size > head.size:
            raise LogForked(
                f"{head.shard.name} was signed at size {mark.size} and has {head.size} entries:"
                " the database is older than what was published."
            )
        try:
            wanted = tiles_of_ranges([(0, mark.size)], head.size)
            tiles = tile_store.StoredTiles(transaction, head.shard, wanted)
            root = TiledTree(tiles, head.size).old_root(mark.size)
        except TileMissing as error:
            raise LogForked(f"Tiles of {head.shard.name} are missing.") from error
        if root != mark.root:
            raise LogForked(f"{head.shard.name} is another history than the one signed.")


def _by_shard(batch: Sequence[PendingEntry]) -> Mapping[Shard, list[PendingEntry]]:
    shards: dict[Shard, list[PendingEntry]] = {}
    by_head: dict[bytes, list[PendingEntry]] = {}
    for each in batch:
        # Version, log, record type and hour: all that decides, the same for most.
        head = each[1][:12]
        if head not in by_head:
            by_head[head] = shards.setdefault(shard_of(each[1]), [])
        by_head[head].append(each)
    return shards


def _is_unpublished(head: Head) -> bool:
    return head.checkpoint is None or head.published_size < head.size
