"""Opens many entries at once; who may see what is in them is for the caller to say."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from registry.crypto.merkle import inclusion_ranges
from registry.crypto.sealing import Sealer
from registry.crypto.tiles import TiledTree, tiles_of_ranges
from registry.database.transaction import Transaction
from registry.kernel import base64url, strict_json
from registry.kernel.ids import EntryId, MemberId, Prefix, made_at, with_prefix
from registry.ledger import content_store, log_store, store
from registry.ledger.content_store import ContentRow, SealedFacts
from registry.ledger.log_store import Place
from registry.ledger.model import Opening, RecordType, Shard, decode_entry
from registry.ledger.sealing import open_request, seal_context
from registry.ledger.store import AppendedRow
from registry.ledger.tile_store import StoredTiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An entry in its place; `opening` None: erased, by the entry `erased_by`."""

    uuid: UUID
    place: Place
    opening: Opening | None
    erased_by: UUID | None

    @property
    def entry_id(self) -> EntryId:
        """The entry's id as text."""
        return EntryId(with_prefix(Prefix.ENTRY, self.uuid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an entry says: the committed bytes, without salts and the request behind it."""

    uuid: UUID
    place: Place
    header: bytes
    subject: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTree:
    """A shard as its newest checkpoint signs it; of use for one transaction."""

    shard: Shard
    tree: TiledTree
    checkpoint: str
    tiles: StoredTiles = field(repr=False)

    def read_ahead(self, positions: Iterable[int] = ()) -> None:
        """Reads all that the root and the proofs of these places need, with one query."""
        size = self.tree.size
        ranges = [(0, size)]
        for each in positions:
            if each < size:
                ranges += [(each, each + 1), *inclusion_ranges(each, size)]
        self.tiles.read_ahead(tiles_of_ranges(ranges, size))


class Contents:
    """The openings of entries that have their place.

    `lookup_key_of` gives the lookup key of a seed: the pepper belongs to a room above.
    """

    def __init__(self, *, sealer: Sealer, lookup_key_of: Callable[[bytes], bytes]) -> None:
        self._sealer = sealer
        self._lookup_key_of = lookup_key_of

    def of(
        self,
        transaction: Transaction,
        uuids: Collection[UUID],
        record_types: Set[RecordType] | None = None,
    ) -> dict[UUID, Settled]:
        """These entries, by id; one that waits, or is none, is not among them.

        `record_types`: only those of these types.
        """
        rows = content_store.contents_of(transaction, uuids)
        return {
            row.uuid: self._settled(row)
            for row in rows
            if record_types is None or decode_entry(row.place.entry).record_type in record_types
        }

    def shards(self, transaction: Transaction) -> Mapping[Shard, int]:
        """Every shard there is, and how many entries have their place in it."""
        return {head.shard: head.size for head in log_store.heads(transaction)}

    def signed_tree(self, transaction: Transaction, shard: Shard) -> SignedTree | None:
        """The tree of a shard that was signed last; None before the first time."""
        head = log_store.head(transaction, shard)
        if head is None or head.checkpoint is None:
            return None
        reader = StoredTiles(transaction, shard)
        tree = TiledTree(reader, head.published_size)
        return SignedTree(shard=shard, tree=tree, checkpoint=head.checkpoint, tiles=reader)

    def following(
        self, transaction: Transaction, shard: Shard, *, first: int, entries_max: int
    ) -> list[Settled]:
        """Up to `entries_max` entries of a shard from the place `first` on, in order."""
        rows = content_store.contents_from(transaction, shard, first=first, entries_max=entries_max)
        return [self._settled(row) for row in rows]

    def said(
        self, transaction: Transaction, shard: Shard, *, first: int, entries_max: int
    ) -> list[Said | None]:
        """What as many entries as `following` would give say; None where one is erased."""
        rows = content_store.facts_from(transaction, shard, first=first, entries_max=entries_max)
        return [self._said(shard, row) for row in rows]

    def at(
        self, transaction: Transaction, shard: Shard, positions: Collection[int]
    ) -> list[Settled]:
        """The entries at these places of a shard, in the order of the places."""
        rows = content_store.contents_at(transaction, shard, positions)
        return [self._settled(row) for row in rows]

    def first_made_at(
        self, transaction: Transaction, shard: Shard, *, first: int, entries_max: int
    ) -> datetime | None:
        """When the oldest of up to `entries_max` entries from a place on was made."""
        uuids = content_store.ids_from(transaction, shard, first=first, entries_max=entries_max)
        return made_at(min(uuids)) if uuids else None

    def waiting_since(
        self, transaction: Transaction, record_types: Iterable[RecordType] | None = None
    ) -> datetime | None:
        """When the oldest entry was made that waits for its place; None where none does.

        `record_types`: only those of these types.
        """
        uuid = store.first_pending(transaction, record_types)
        return None if uuid is None else made_at(uuid)

    def waiting_of(self, transaction: Transaction, uuids: Collection[UUID]) -> set[UUID]:
        """Those of these entries that are committed and wait for their place."""
        return log_store.still_pending(transaction, uuids)

    def about(
        self,
        transaction: Transaction,
        lookup_key: bytes,
        *,
        after: UUID | None,
        entries_max: int,
    ) -> list[UUID]:
        """The ids of entries about a subject, in their order, after the id `after`."""
        return content_store.about(transaction, lookup_key, after=after, entries_max=entries_max)

    def waiting_about(
        self, transaction: Transaction, lookup_keys: Sequence[bytes]
    ) -> dict[UUID, Opening]:
        """The entries about a subject that are committed and wait for their place, by id.

        Read before `about`: an entry that gets its place in between is in both, never in
        neither.
        """
        found: dict[UUID, Opening] = {}
        for uuid in content_store.waiting_ids_about(transaction, lookup_keys):
            row = store.find(transaction, uuid)
            if row is not None:
                found[uuid] = _waiting(row, uuid, self._sealer)
        return found

    def lookup_keys_of(self, opening: Opening) -> tuple[bytes, ...]:
        """The lookup keys of the subjects an entry is about."""
        return self.lookup_keys(seeds_of(opening))

    def lookup_keys(self, seeds: Iterable[bytes]) -> tuple[bytes, ...]:
        """The lookup keys of these seeds, in their order."""
        return tuple(self._lookup_key_of(seed) for seed in seeds)

    def _said(self, shard: Shard, row: SealedFacts) -> Said | None:
        if row.header is None or row.subject_sealed is None:
            return None
        uuid = UUID(bytes=row.entry_id)
        return Said(
            uuid=uuid,
            place=Place(shard=shard, position=row.position, entry=row.entry),
            header=row.header,
            subject=self._sealer.open(row.subject_sealed, seal_context(uuid)),
        )

    def _settled(self, row: ContentRow) -> Settled:
        return Settled(
            uuid=row.uuid,
            place=row.place,
            opening=self._opening(row),
            erased_by=row.erased_by,
        )

    def _opening(self, row: ContentRow) -> Opening | None:
        if row.erased_by is not None:
            return None
        assert row.header is not None
        assert row.subject_sealed is not None
        assert row.header_salt is not None
        assert row.subject_salt is not None
        member = strict_json.parse(row.header)["member"]
        return Opening(
            entry=row.place.entry,
            member=None if member is None else MemberId(member),
            header=row.header,
            subject=self._sealer.open(row.subject_sealed, seal_context(row.uuid)),
            header_salt=row.header_salt,
            subject_salt=row.subject_salt,
            signed_request=open_request(self._sealer, row.uuid, row.signed_request),
        )


def _waiting(row: AppendedRow, uuid: UUID, sealer: Sealer) -> Opening:
    member = strict_json.parse(row.header)["member"]
    return Opening(
        entry=row.entry,
        member=None if member is None else MemberId(member),
        header=row.header,
        subject=sealer.open(row.subject_sealed, seal_context(uuid)),
        header_salt=row.header_salt,
        subject_salt=row.subject_salt,
        signed_request=open_request(sealer, uuid, row.signed_request),
    )


def header_of(opening: Opening) -> dict[str, Any]:
    """The header of an entry. Any: its members differ by record type."""
    document = strict_json.parse(opening.header)
    assert isinstance(document, dict)
    return document


def subject_of(opening: Opening) -> dict[str, Any]:
    """Whom and what an entry touches. Any: its members differ by record type."""
    document = strict_json.parse(opening.subject)
    assert isinstance(document, dict)
    return document


def seeds_of(opening: Opening) -> Sequence[bytes]:
    """The seeds of the subjects an entry is about, in the order it names them."""
    return seeds_in(subject_of(opening))


def seeds_in(subject: Mapping[str, Any]) -> Sequence[bytes]:
    """As `seeds_of`, of what `subject_of` read."""
    return [base64url.decode(text) for text in subject.get("seeds", ())]
