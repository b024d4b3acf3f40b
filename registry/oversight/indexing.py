"""Fills the index that supervisors search by, after the sequencer, shard by shard.

A request and the sequencer pay nothing for it. Each step is bounded and goes on
where the last one committed; two at once wait for each other.
"""

from uuid import UUID

from registry.database.transaction import Transaction
from registry.kernel.clock import parse_instant
from registry.kernel.ids import Prefix, parse_id
from registry.ledger.contents import Contents, Settled, header_of, seeds_of, subject_of
from registry.ledger.model import Opening, RecordType, Shard, decode_entry
from registry.oversight import store
from registry.oversight.model import Coverage, IndexedEntry
from registry.rulebook.model import Purpose

STEP_ENTRIES_MAX = 1000
_OUTCOME_CHARACTERS_MAX = 32
_AGENT_CHARACTERS_MAX = 64


class Indexer:
    """Brings the index up to the logs, a step at a time."""

    def __init__(self, *, contents: Contents) -> None:
        self._contents = contents

    def step(self, transaction: Transaction, entries_max: int = STEP_ENTRIES_MAX) -> int:
        """Indexes up to `entries_max` entries that have their place; 0: the index is complete."""
        left = entries_max
        for each in self.coverage(transaction):
            if left and each.indexed < each.size:
                left -= self._index(transaction, each.shard, left)
        return entries_max - left

    def coverage(self, transaction: Transaction) -> list[Coverage]:
        """How far the index has got in each shard, by name."""
        return [
            Coverage(shard=shard, indexed=store.position(transaction, shard), size=size)
            for shard, size in sorted(
                self._contents.shards(transaction).items(), key=lambda item: item[0].name
            )
        ]

    def _index(self, transaction: Transaction, shard: Shard, entries_max: int) -> int:
        first = store.hold_position(transaction, shard)
        settled = self._contents.following(transaction, shard, first=first, entries_max=entries_max)
        found = [self._indexed(each, each.opening) for each in settled if each.opening is not None]
        # Crash point: entries and position are of one transaction; nothing is indexed twice.
        store.add(transaction, shard, found, size=first + len(settled))
        return len(settled)

    def _indexed(self, settled: Settled, opening: Opening) -> IndexedEntry:
        header = header_of(opening)
        record_type = decode_entry(settled.place.entry).record_type
        purpose, agent = header["purpose"], header.get("agent")
        return IndexedEntry(
            uuid=settled.uuid,
            shard=settled.place.shard,
            position=settled.place.position,
            record_type=record_type,
            at=parse_instant(header["at"]),
            outcome=header["outcome"][:_OUTCOME_CHARACTERS_MAX],
            member=opening.member,
            purpose=None if purpose is None else Purpose(purpose),
            agent=agent[:_AGENT_CHARACTERS_MAX] if isinstance(agent, str) else None,
            match=header.get("match"),
            subjects=self._contents.lookup_keys(dict.fromkeys(seeds_of(opening))),
            lookup=_lookup_of(opening) if record_type is RecordType.OUTCOME else None,
        )


def _lookup_of(opening: Opening) -> UUID:
    return parse_id(Prefix.LOOKUP, subject_of(opening)["lookup"])
