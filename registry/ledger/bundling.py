"""Writes bundles: what `bundle_verifier.py` checks with nothing else at hand.

The format is in that file's docstring.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from registry.crypto import checkpoint, note
from registry.crypto.merkle import inclusion_ranges
from registry.crypto.tiles import TILE_WIDTH, TiledTree, tiles_of_ranges
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import Prefix, with_prefix
from registry.ledger import tile_store
from registry.ledger.contents import Contents, Settled, seeds_of
from registry.ledger.exporting import VKEY_PATH, Folder, Progress, export_log
from registry.ledger.model import (
    Draft,
    EntryNotFound,
    EntryNotMerged,
    Header,
    Log,
    RecordType,
    Shard,
)
from registry.ledger.openings import OpenedEntry, Revealed
from registry.ledger.publishing import checkpoint_of
from registry.ledger.service import Ledger
from registry.ledger.sources import CHECKPOINT_PATH

ENTRIES_PATH = "entries.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMaker:
    """Whose log it is, and who can open its entries."""

    database: Database
    contents: Contents
    ledger: Ledger

    def record(
        self, shard: Shard, entries: Collection[UUID], *, edition: str, now: datetime
    ) -> None:
        """Notes in the access log that these entries, or with none all, are being exported.

        Whom the chosen entries are about finds it in their own history. That of a whole
        log is about everybody in it, and names nobody.
        """
        header = Header(
            member=None,
            purpose=None,
            at=now,
            request_id=uuid4(),
            outcome="exported",
            edition=edition,
            signed_request=None,
            more={"log": shard.name, "entries": len(entries) or None},
        )
        names: list[JsonValue] = [with_prefix(Prefix.ENTRY, each) for each in sorted(entries)]
        subject: dict[str, JsonValue] = {"entries": names}
        with self.database.transaction() as transaction:
            opened = self.contents.of(transaction, entries).values() if entries else ()
            openings = [each.opening for each in opened if each.opening is not None]
            seeds = sorted({seed for opening in openings for seed in seeds_of(opening)})
            if seeds:
                subject["seeds"] = [base64url.encode(each) for each in seeds]
            draft = Draft(
                log=Log.ACCESS,
                record_type=RecordType.EXPORT,
                header=header,
                subject=subject,
                lookup_keys=self.contents.lookup_keys(seeds),
            )
            self.ledger.append(transaction, [draft], now)

    def whole(
        self,
        shard: Shard,
        folder: Folder,
        *,
        vkey: str,
        progress: Progress = lambda done, total: None,
    ) -> int:
        """Writes a shard with the openings of all its entries; how many there are.

        Raises: NoSuchLog.
        """
        newest = export_log(self.database, shard, folder, vkey=vkey, progress=progress)
        with folder.writing(ENTRIES_PATH) as file:
            for first in range(0, newest.size, TILE_WIDTH):
                width = min(TILE_WIDTH, newest.size - first)
                with self.database.reading() as transaction:
                    settled = self.contents.following(
                        transaction, shard, first=first, entries_max=width
                    )
                file.writelines(_opened(each, None).to_line() for each in settled)
        return newest.size

    def some(
        self,
        transaction: Transaction,
        shard: Shard,
        folder: Folder,
        *,
        vkey: str,
        entries: Collection[UUID],
    ) -> int:
        """Writes these entries of a shard with openings and proofs; how many there are.

        All of it as `transaction` sees it: whoever chose the entries chose by that.
        Raises: NoSuchLog, EntryNotFound, EntryNotMerged.
        """
        signed = checkpoint_of(transaction, shard)
        size = checkpoint.parse(note.parse(signed.encode()).text).size
        known = self.contents.of(transaction, entries)
        for uuid in entries:
            _require_published(uuid, known.get(uuid), shard, size)
        found = sorted(known.values(), key=lambda each: each.place.position)
        ranges = [part for each in found for part in inclusion_ranges(each.place.position, size)]
        tiles = tile_store.StoredTiles(transaction, shard, tiles_of_ranges(ranges, size))
        tree = TiledTree(tiles, size)
        lines = [
            _opened(each, tree.inclusion_proof(each.place.position)).to_line() for each in found
        ]
        folder.write(VKEY_PATH, f"{vkey}\n".encode())
        folder.write(ENTRIES_PATH, b"".join(lines))
        folder.write(CHECKPOINT_PATH, signed.encode())
        return len(found)


def _require_published(uuid: UUID, settled: Settled | None, shard: Shard, size: int) -> None:
    name = with_prefix(Prefix.ENTRY, uuid)
    if settled is None or settled.place.shard != shard:
        raise EntryNotFound(f"{shard.name} has no entry {name}.")
    if settled.place.position >= size:
        raise EntryNotMerged(f"The entry {name} is not published yet.")


def _opened(settled: Settled, proof: tuple[bytes, ...] | None) -> OpenedEntry:
    opening = settled.opening
    revealed = None
    if opening is not None:
        revealed = Revealed(
            header=opening.header,
            subject=opening.subject,
            header_salt=opening.header_salt,
            subject_salt=opening.subject_salt,
        )
    return OpenedEntry(
        index=settled.place.position, entry=settled.place.entry, revealed=revealed, proof=proof
    )
