"""Erases what is kept no longer, and what was ordered to go, batch by batch.

Each batch is a transaction of its own: killed at any point, the next run goes on.
Source: RULEBOOK 3.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from registry.appeals.forgetting import Forgetting
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.http import idempotency
from registry.incidents.removal import Passed, Removable
from registry.incidents.service import Incidents
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.contents import Contents, Settled
from registry.ledger.erasure import BATCH_ENTRIES_MAX, Erased, Erasure
from registry.ledger.erasure_model import (
    Cause,
    EntryTarget,
    ErasureOrder,
    Held,
    IncidentTarget,
    SubjectTarget,
)
from registry.ledger.model import Log
from registry.ledger.orders import ErasureOrders
from registry.lookups.service import Lookups
from registry.oversight import case_store, store
from registry.rulebook.calendar import day_begins_at, last_day_run_out
from registry.rulebook.model import Rulebook

INCIDENTS_AT_ONCE_MAX = 50
_SWEEP_ROWS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction erased, and what it left although its time had come."""

    cause: Cause
    entries: int = 0
    incidents: int = 0
    held: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a run would look at now; what is held is counted in it."""

    accesses: int
    incidents: Mapping[Cause, int]
    orders: int


class Retention:
    """Applies the edition's time limits and the confirmed orders.

    `also_forget` are of the rooms that keep something under a subject's lookup key: an
    order takes it with the rest; each gives how much of it must wait. `also_remove` are
    of those that keep something about an incident besides. `end_sessions` comes first: a
    person's own call holds its session before it waits for anything else.
    """

    def __init__(
        self,
        *,
        database: Database,
        rulebook: Rulebook,
        contents: Contents,
        erasure: Erasure,
        orders: ErasureOrders,
        incidents: Incidents,
        lookups: Lookups,
        end_sessions: Callable[[Transaction, Collection[bytes]], object],
        also_forget: Collection[Callable[[Transaction, bytes], int]],
        also_remove: Collection[Callable[[Transaction, Removable], object]],
        appeals: Forgetting,
    ) -> None:
        self._database = database
        self._edition = rulebook.current
        self._contents = contents
        self._erasure = erasure
        self._orders = orders
        self._removal = incidents.removal
        self._lookups = lookups
        self._end_sessions = end_sessions
        self._also_forget = also_forget
        self._also_remove = also_remove
        self._appeals = appeals

    def run(self, now: datetime, *, entries_max: int = BATCH_ENTRIES_MAX) -> Iterator[Batch]:
        """Erases all that is due at `now`, and tells of each batch once it is on disk."""
        yield from self._carry_out_orders(now, entries_max)
        yield from self._remove_incidents(now)
        yield from self._erase_accesses(now, entries_max)
        self._sweep(now)

    def survey(self, now: datetime) -> Survey:
        """What is due at `now`; changes nothing."""
        with self._database.reading() as transaction:
            causes: Counter[Cause] = Counter()
            passed: Passed | None = Passed()
            while passed is not None:
                due, passed = self._removal.due(
                    transaction, now, passed=passed, incidents_max=INCIDENTS_AT_ONCE_MAX
                )
                causes.update(each.cause for each in due)
            return Survey(
                accesses=self._erasure.count_accesses(
                    transaction, made_before=self._accesses_end_at(now)
                ),
                incidents=dict(causes),
                orders=len(self._orders.waiting(transaction)),
            )

    def _accesses_end_at(self, now: datetime) -> datetime:
        last = last_day_run_out(self._edition.deadlines.access_log_kept, self._edition, now)
        return day_begins_at(last + timedelta(days=1), self._edition)

    def _erase_accesses(self, now: datetime, entries_max: int) -> Iterator[Batch]:
        is_done = False
        while not is_done:
            with self._database.transaction() as transaction:
                batch, is_done = self.erase_some_accesses(transaction, now, entries_max)
            # Crash point: this batch is erased and its place noted, the next begins after it.
            yield batch

    def erase_some_accesses(
        self, transaction: Transaction, now: datetime, entries_max: int = BATCH_ENTRIES_MAX
    ) -> tuple[Batch, bool]:
        """Erases the next of the access log that are kept no longer; whether that was all."""
        scanned = self._erasure.erase_accesses(
            transaction,
            made_before=self._accesses_end_at(now),
            now=now,
            entries_max=entries_max,
        )
        self._forget_beside(transaction, scanned.erased.entries)
        return _batch(Cause.ACCESS_LOG_KEPT, scanned.erased), scanned.is_done

    def _remove_incidents(self, now: datetime) -> Iterator[Batch]:
        passed: Passed | None = Passed()
        while passed is not None:
            with self._database.transaction() as transaction:
                batches, passed = self.remove_some_incidents(transaction, now, passed)
            yield from batches

    def remove_some_incidents(
        self,
        transaction: Transaction,
        now: datetime,
        passed: Passed,
        incidents_max: int = INCIDENTS_AT_ONCE_MAX,
    ) -> tuple[list[Batch], Passed | None]:
        """Removes the next incidents whose time has come; where to go on, None: that was all."""
        held = self._erasure.begin(transaction)
        due, further = self._removal.due(
            transaction, now, passed=passed, incidents_max=incidents_max
        )
        # Held together before the first goes: nobody who changes one waits for another's rows.
        due = self._removal.still_due(transaction, due, now)
        return [self._remove(transaction, each, held, now, order=None) for each in due], further

    def _remove(
        self,
        transaction: Transaction,
        removable: Removable,
        held: Held,
        now: datetime,
        *,
        order: UUID | None,
    ) -> Batch:
        incident, cause = removable.incident.id, removable.cause
        keys = removable.lookup_keys
        if incident in held.incidents or not held.lookup_keys.isdisjoint(keys):
            return Batch(cause=cause, held=1)
        entries = self._erasure.entries_of_incident(transaction, incident, keys) if keys else []
        if entries is None:
            return Batch(cause=cause, waiting=1)
        if not held.entries.isdisjoint(entries):
            return Batch(cause=cause, held=1)
        erased = self._erasure.erase(
            transaction,
            Log.INCIDENTS,
            entries,
            cause=cause,
            held=held,
            now=now,
            order=order,
            incidents=[incident],
        )
        assert erased.by is not None
        self._appeals.erase(transaction, incident, now)
        self._removal.remove(transaction, removable, by=erased.by, now=now)
        store.forget(transaction, erased.entries)
        for remove in self._also_remove:
            remove(transaction, removable)
        if order is not None:
            idempotency.forget_of(transaction, [removable.incident.furnisher])
        return Batch(cause=cause, entries=len(erased.entries), incidents=1)

    def _carry_out_orders(self, now: datetime, entries_max: int) -> Iterator[Batch]:
        with self._database.reading() as transaction:
            waiting = self._orders.waiting(transaction)
        for order in waiting:
            is_done = False
            while not is_done:
                with self._database.transaction() as transaction:
                    batch, is_done = self.carry_out_some(transaction, order, now, entries_max)
                yield batch

    def next_order(self, transaction: Transaction, after: UUID | None) -> ErasureOrder | None:
        """The oldest confirmed order that is not carried out, behind `after`."""
        waiting = self._orders.waiting(transaction)
        return next((each for each in waiting if after is None or each.id > after), None)

    def carry_out_some(
        self,
        transaction: Transaction,
        order: ErasureOrder,
        now: datetime,
        entries_max: int = BATCH_ENTRIES_MAX,
    ) -> tuple[Batch, bool]:
        """Erases the next of what an order names; whether that was all there is to do now."""
        batch = self._carry_out_step(transaction, order, now, entries_max)
        left = batch.held + batch.waiting
        is_done = batch.entries + batch.incidents == 0
        if is_done and not left:
            self._orders.finish(transaction, order, now)
        return batch, is_done

    def _carry_out_step(
        self, transaction: Transaction, order: ErasureOrder, now: datetime, entries_max: int
    ) -> Batch:
        held = self._erasure.begin(transaction)
        match order.target:
            case EntryTarget():
                known = self._contents.of(transaction, [order.target.entry])
                return self._erase_ordered(transaction, list(known.values()), order, held, now)
            case IncidentTarget():
                incident = order.target.incident
                return self._remove_ordered(transaction, [incident], (), order, held, now)
            case SubjectTarget():
                return self._erase_subject(transaction, order.target, order, held, now, entries_max)
        raise AssertionError("an order that is not carried out has a target")

    def _erase_subject(
        self,
        transaction: Transaction,
        target: SubjectTarget,
        order: ErasureOrder,
        held: Held,
        now: datetime,
        entries_max: int,
    ) -> Batch:
        keys = target.lookup_keys
        # Whoever is held is, also where nothing is filed about them and nobody looked.
        is_held = not held.lookup_keys.isdisjoint(keys)
        if not is_held:
            self._end_sessions(transaction, keys)
        incidents = self._removal.under(transaction, keys)
        removed = self._remove_ordered(transaction, incidents, keys, order, held, now)
        if not is_held:
            self._removal.forget_flags(transaction, keys)
        accesses, passed = self._accesses_about(transaction, keys, held, entries_max)
        erased = self._erase_ordered(transaction, accesses, order, held, now)
        held_count = max(removed.held + passed, int(is_held))
        waiting = removed.waiting + sum(
            self._erasure.is_waiting_about(transaction, key) for key in keys
        )
        if not held_count:
            waiting += sum(forget(transaction, key) for key in keys for forget in self._also_forget)
        return Batch(
            cause=Cause.ORDER,
            entries=removed.entries + erased.entries,
            incidents=removed.incidents,
            held=held_count,
            waiting=waiting,
        )

    def _accesses_about(
        self, transaction: Transaction, keys: Collection[bytes], held: Held, entries_max: int
    ) -> tuple[Collection[Settled], int]:
        """The next entries about any of these that may go, and how many were passed as held."""
        found: dict[UUID, Settled] = {}
        passed = 0
        for key in keys:
            some, kept = self._erasure.accesses_about(
                transaction, key, held=held, entries_max=entries_max - len(found)
            )
            # What names several of them is one entry.
            found |= {each.uuid: each for each in some}
            passed += kept
            if len(found) >= entries_max:
                break
        return found.values(), passed

    def _remove_ordered(
        self,
        transaction: Transaction,
        incidents: Collection[IncidentId],
        lookup_keys: Collection[bytes],
        order: ErasureOrder,
        held: Held,
        now: datetime,
    ) -> Batch:
        self._removal.hold(transaction, incidents, lookup_keys)
        batches: list[Batch] = []
        for incident in incidents:
            # What is held or waits does not count: it keeps nothing behind it.
            if sum(each.incidents for each in batches) >= INCIDENTS_AT_ONCE_MAX:
                break
            found = self._removal.find(transaction, incident)
            if found is not None:
                batches.append(self._remove(transaction, found, held, now, order=order.id))
        return Batch(
            cause=Cause.ORDER,
            entries=sum(each.entries for each in batches),
            incidents=sum(each.incidents for each in batches),
            held=sum(each.held for each in batches),
            waiting=sum(each.waiting for each in batches),
        )

    def _erase_ordered(
        self,
        transaction: Transaction,
        entries: Collection[Settled],
        order: ErasureOrder,
        held: Held,
        now: datetime,
    ) -> Batch:
        makers = {each.opening.member for each in entries if each.opening and each.opening.member}
        erased = self._erasure.erase(
            transaction,
            Log.ACCESS,
            [each.uuid for each in entries],
            cause=Cause.ORDER,
            held=held,
            now=now,
            order=order.id,
        )
        self._forget_beside(transaction, erased.entries, answers_of=makers)
        return _batch(Cause.ORDER, erased)

    def _forget_beside(
        self,
        transaction: Transaction,
        entries: Collection[UUID],
        answers_of: Collection[MemberId] = (),
    ) -> None:
        """Deletes what else is kept of entries of the access log."""
        if entries:
            self._lookups.forget(transaction, entries)
            store.forget(transaction, entries)
        if answers_of:
            idempotency.forget_of(transaction, answers_of)

    def _sweep(self, now: datetime) -> None:
        is_done = False
        while not is_done:
            with self._database.transaction() as transaction:
                is_done = self.sweep_some(transaction, now)
        after: bytes | None = b""
        while after is not None:
            with self._database.transaction() as transaction:
                after = self.forget_some_markers(transaction, now, after)

    def forget_some_markers(
        self, transaction: Transaction, now: datetime, after: bytes
    ) -> bytes | None:
        """Deletes protective markers that have run out; where to go on, None: that was all."""
        held = self._erasure.begin(transaction)
        return self._removal.forget_markers(
            transaction, now, after=after, held=held.lookup_keys, rows_max=_SWEEP_ROWS_MAX
        )

    def sweep_some(self, transaction: Transaction, now: datetime) -> bool:
        """Deletes some answers, cases and marks that are kept no longer; whether that was all."""
        answers = idempotency.forget_expired(transaction, now, _SWEEP_ROWS_MAX)
        cases = case_store.forget_before(transaction, self._accesses_end_at(now), _SWEEP_ROWS_MAX)
        marks = self._removal.sweep(transaction, now, _SWEEP_ROWS_MAX)
        return max(answers, cases, marks) < _SWEEP_ROWS_MAX


def _batch(cause: Cause, erased: Erased) -> Batch:
    return Batch(cause=cause, entries=len(erased.entries), held=erased.held)
