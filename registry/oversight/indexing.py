"""Fills the index that supervisors search by, after the sequencer, shard by shard.

A request and the sequencer pay nothing for it. Each step is bounded and goes on
where the last one committed; two at once wait for each other. The oldest entry comes
first, of whichever log it is, so that the index covers a stretch of time.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from registry.database.transaction import Transaction
from registry.kernel.clock import parse_instant
from registry.kernel.ids import MemberId, Prefix, parse_id
from registry.ledger.contents import Contents, Said, Settled, seeds_in
from registry.ledger.model import RecordType, Shard, record_type_of
from registry.oversight import store
from registry.oversight.model import Coverage, IndexedEntry
from registry.rulebook.model import Purpose

STEP_ENTRIES_MAX = 1000
# What one call of a supervisor pays towards an index that is behind.
CATCH_UP_STEPS_MAX = 5
# An entry has the instant at which its request or job began, and is committed by then:
# none comes later into a stretch of time that ended so long ago.
COMMITTED_AFTER = timedelta(minutes=5)
# Whoever commits late stands a little behind who was made later.
_LOOK_AHEAD_ENTRIES = 100
_NEVER = datetime.max.replace(tzinfo=UTC)
_OUTCOME_CHARACTERS_MAX = 32
_AGENT_CHARACTERS_MAX = 64


class Indexer:
    """Brings the index up to the logs, a step at a time."""

    def __init__(self, *, contents: Contents) -> None:
        self._contents = contents

    def step(self, transaction: Transaction, entries_max: int = STEP_ENTRIES_MAX) -> int:
        """Indexes up to `entries_max` entries that have their place; 0: the index is complete."""
        coverage = self.coverage(transaction)
        behind = [each for each in coverage if each.indexed < each.size]
        if not behind:
            return 0
        # Whichever log comes first, two indexers meet at one row and never cross each other.
        store.hold_position(transaction, coverage[0].shard)
        left = entries_max
        for each in self._oldest_first(transaction, behind):
            left -= self._index(transaction, each.shard, left) if left else 0
        return entries_max - left

    def catch_up(self, transaction: Transaction) -> None:
        """Brings the index forward by some steps, or to its end."""
        for _ in range(CATCH_UP_STEPS_MAX):
            if not self.step(transaction, STEP_ENTRIES_MAX):
                break

    def coverage(self, transaction: Transaction) -> list[Coverage]:
        """How far the index has got in each shard, by name."""
        return [
            Coverage(shard=shard, indexed=store.position(transaction, shard), size=size)
            for shard, size in sorted(
                self._contents.shards(transaction).items(), key=lambda item: item[0].name
            )
        ]

    def is_behind(self, transaction: Transaction) -> bool:
        """Whether any shard has entries that are not in the index yet."""
        return any(each.indexed < each.size for each in self.coverage(transaction))

    def covered_until(
        self, transaction: Transaction, now: datetime, record_types: Iterable[RecordType]
    ) -> datetime:
        """Every entry of these types made before this instant is indexed, unless it is erased."""
        [until] = self.covered_untils(transaction, now, [frozenset(record_types)]).values()
        return until

    def covered_untils(
        self, transaction: Transaction, now: datetime, kinds: Iterable[frozenset[RecordType]]
    ) -> dict[frozenset[RecordType], datetime]:
        """As `covered_until`, for several sets of types."""
        # Read before the logs: what gets its place in between is seen there.
        waiting = {
            each: self._contents.waiting_since(transaction, each) or _NEVER for each in kinds
        }
        behind = [each for each in self.coverage(transaction) if each.indexed < each.size]
        first_left = min((self._next_made_at(transaction, each) for each in behind), default=_NEVER)
        return {
            each: min(now, since, first_left) - COMMITTED_AFTER for each, since in waiting.items()
        }

    def facts(self, settled: Settled) -> IndexedEntry | None:
        """What an entry is found by, whether or not it is indexed; None: it is erased."""
        opening = settled.opening
        if opening is None:
            return None
        return self._indexed(
            Said(
                uuid=settled.uuid,
                place=settled.place,
                header=opening.header,
                subject=opening.subject,
            )
        )

    def _oldest_first(
        self, transaction: Transaction, behind: Sequence[Coverage]
    ) -> Sequence[Coverage]:
        if len(behind) == 1:
            # As a rule, while lookups come: to look ahead costs as much as to index.
            return behind
        return sorted(behind, key=lambda each: self._next_made_at(transaction, each))

    def _next_made_at(self, transaction: Transaction, coverage: Coverage) -> datetime:
        at = self._contents.first_made_at(
            transaction, coverage.shard, first=coverage.indexed, entries_max=_LOOK_AHEAD_ENTRIES
        )
        assert at is not None, "a place below the size of a log is taken"
        return at

    def _index(self, transaction: Transaction, shard: Shard, entries_max: int) -> int:
        first = store.hold_position(transaction, shard)
        said = self._contents.said(transaction, shard, first=first, entries_max=entries_max)
        found = [self._indexed(each) for each in said if each is not None]
        # Crash point: entries and position are of one transaction; nothing is indexed twice.
        store.add(transaction, shard, found, size=first + len(said))
        return len(said)

    def _indexed(self, said: Said) -> IndexedEntry:
        # As this program wrote them: what a stranger's JSON is looked over for is not in them.
        header, subject = json.loads(said.header), json.loads(said.subject)
        record_type = record_type_of(said.place.entry)
        member, purpose, agent = header["member"], header["purpose"], header.get("agent")
        return IndexedEntry(
            uuid=said.uuid,
            shard=said.place.shard,
            position=said.place.position,
            record_type=record_type,
            at=parse_instant(header["at"]),
            outcome=header["outcome"][:_OUTCOME_CHARACTERS_MAX],
            member=None if member is None else MemberId(member),
            purpose=None if purpose is None else Purpose(purpose),
            agent=agent[:_AGENT_CHARACTERS_MAX] if isinstance(agent, str) else None,
            match=header.get("match"),
            subjects=self._contents.lookup_keys(dict.fromkeys(seeds_in(subject))),
            lookup=_lookup_of(subject) if record_type is RecordType.OUTCOME else None,
        )


def _lookup_of(subject: Mapping[str, Any]) -> UUID:
    return parse_id(Prefix.LOOKUP, subject["lookup"])
