"""Compares lookups with their outcomes, and counts no further than it can see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from registry.http.caller import Call
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import MemberId
from registry.ledger.model import RecordType
from registry.oversight import store
from registry.oversight.indexing import Indexer
from registry.oversight.model import Coverage, IndexedEntry, Reconciled
from registry.oversight.recording import Recorder, require_supervision

_COMPARED = (RecordType.LOOKUP, RecordType.OUTCOME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What was counted: every lookup from the window's start until `until_at`, and no other.

    `is_complete`: that is all of the window that was asked for. `entries` are the lookups
    without an outcome of the one member that was named.
    """

    members: Sequence[Reconciled]
    entries: Sequence[IndexedEntry]
    next_after: UUID | None
    until_at: datetime
    is_complete: bool
    coverage: tuple[Coverage, ...]
    covered_until: datetime
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Counts over the index, after bringing it forward."""

    indexer: Indexer
    recorder: Recorder

    def reconcile(
        self,
        call: Call,
        *,
        from_at: datetime,
        until_at: datetime,
        days: int,
        member: MemberId | None,
        after: UUID | None,
        entries_max: int,
    ) -> Reconciliation:
        """Each member's lookups in a window, and those without an outcome within `days` days.

        What came later is no outcome here: it was owed by then. So the window ends `days`
        days before the instant up to which everything is indexed: what is counted as
        missing is missing, whatever is indexed later.
        """
        require_supervision(call)
        transaction, within = call.transaction, timedelta(days=days)
        self.indexer.catch_up(transaction)
        covered_until = self.indexer.covered_until(transaction, call.now, _COMPARED)
        counted_until = max(from_at, min(until_at, covered_until - within))
        found = store.reconcile(transaction, from_at=from_at, until_at=counted_until, within=within)
        entries: list[IndexedEntry] = []
        if member is not None:
            entries = store.without_outcome(
                transaction,
                from_at=from_at,
                until_at=counted_until,
                within=within,
                member=member,
                after=after,
                entries_max=entries_max + 1,
            )
        shown = entries[:entries_max]
        said: dict[str, JsonValue] = {
            "from": format_instant(from_at),
            "until": format_instant(counted_until),
            "days": days,
            "results": len(found),
            **({} if member is None else {"of_member": member, "entries": len(shown)}),
        }
        return Reconciliation(
            members=found,
            entries=shown,
            next_after=shown[-1].uuid if len(entries) > entries_max else None,
            until_at=counted_until,
            is_complete=counted_until == until_at,
            coverage=tuple(self.indexer.coverage(transaction)),
            covered_until=covered_until,
            receipt=self.recorder.record(call, "reconciliation", said),
        )
