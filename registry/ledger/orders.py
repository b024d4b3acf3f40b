"""Legal holds, and erasure by order: who says what stays and what goes, each an entry.

An erasure takes two persons: one orders it, another confirms (decision 0070). A hold
takes one, and outweighs every clock and every order until it is released.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import Prefix, new_uuid, with_prefix
from registry.ledger import erasure_store, log_store
from registry.ledger.erasure_model import (
    EXPIRING_ACCESSES,
    EntryTarget,
    ErasureOrder,
    HoldNotFound,
    HoldReleased,
    IncidentTarget,
    LegalHold,
    OrderDecided,
    OrderNotFound,
    OrderState,
    Person,
    SecondPersonNeeded,
    SubjectTarget,
    Target,
    TargetNotErasable,
    kind_of,
    subject_mark,
)
from registry.ledger.model import (
    Appended,
    Draft,
    EntryNotFound,
    Header,
    Log,
    RecordType,
    decode_entry,
)
from registry.ledger.service import Ledger
from registry.rulebook.model import Purpose


class LegalHolds:
    """Places and releases holds."""

    def __init__(self, *, ledger: Ledger, edition: str) -> None:
        self._ledger = ledger
        self._edition = edition

    def place(self, call: Call, target: Target, ground: str) -> tuple[LegalHold, str]:
        """Holds something from now on; gives the hold and the receipt of its entry.

        Raises: EntryNotFound.
        """
        erasure_store.lock(call.transaction)
        appended = _append(self._ledger, self._draft(call, target, ground, "placed"), call)
        hold = LegalHold(
            id=appended.uuid,
            kind=kind_of(target),
            target=target,
            ground=ground,
            placed_by=call.caller.member,
            placed_at=call.now,
        )
        erasure_store.add_hold(call.transaction, hold)
        return hold, self._ledger.receipt(appended)

    def release(self, call: Call, hold_id: UUID) -> tuple[LegalHold, str]:
        """Ends a hold; what is due is erased by the next run.

        Raises: HoldNotFound, HoldReleased.
        """
        hold = erasure_store.find_hold(call.transaction, hold_id)
        if hold is None:
            raise HoldNotFound
        by = call.caller.member
        if not erasure_store.release_hold(call.transaction, hold_id, by=by, now=call.now):
            raise HoldReleased
        assert hold.target is not None, "only what is over forgets whom it was about"
        erasure_store.start_over(call.transaction)
        more: dict[str, JsonValue] = {"hold": with_prefix(Prefix.ENTRY, hold_id)}
        draft = self._draft(call, hold.target, hold.ground, "released", more)
        appended = _append(self._ledger, draft, call)
        released = replace(hold, released_by=by, released_at=call.now)
        return released, self._ledger.receipt(appended)

    def page(
        self, transaction: Transaction, after: UUID | None, holds_max: int
    ) -> tuple[Sequence[LegalHold], UUID | None]:
        """Holds there are or were, oldest first, and behind which to go on; None: that was all."""
        found = erasure_store.holds(transaction, after=after, holds_max=holds_max + 1)
        shown = found[:holds_max]
        return shown, shown[-1].id if len(found) > holds_max else None

    def _draft(
        self,
        call: Call,
        target: Target,
        ground: str,
        outcome: str,
        more: dict[str, JsonValue] | None = None,
    ) -> Draft:
        log = _log_of(call.transaction, target)
        said = {"ground": ground, **(more or {})}
        return _draft(call, RecordType.LEGAL_HOLD, log, target, outcome, self._edition, said)


class ErasureOrders:
    """Takes orders and confirmations; the retention run carries them out."""

    def __init__(self, *, ledger: Ledger, edition: str) -> None:
        self._ledger = ledger
        self._edition = edition

    def order(
        self, call: Call, target: Target, ground: str, agent: str | None
    ) -> tuple[ErasureOrder, str]:
        """Orders an erasure, which another person must confirm.

        Raises: EntryNotFound, TargetNotErasable.
        """
        log = _log_of(call.transaction, target)
        if isinstance(target, EntryTarget):
            _require_erasable(call.transaction, target)
        by = _person(call, agent)
        appended = self._append(call, log, target, "ordered", {"ground": ground, **_named(by)})
        order = ErasureOrder(
            id=appended.uuid,
            kind=kind_of(target),
            target=target,
            ground=ground,
            state=OrderState.ORDERED,
            ordered_by=by,
            ordered_at=call.now,
        )
        erasure_store.add_order(call.transaction, order)
        return order, self._ledger.receipt(appended)

    def confirm(self, call: Call, order_id: UUID, agent: str | None) -> tuple[ErasureOrder, str]:
        """Makes an order final.

        Raises: OrderNotFound, OrderDecided, SecondPersonNeeded.
        """
        order = self._get(call.transaction, order_id)
        by = _person(call, agent)
        if not by.is_another_than(order.ordered_by):
            raise SecondPersonNeeded
        return self._decide(call, order, OrderState.CONFIRMED, by)

    def decline(self, call: Call, order_id: UUID, agent: str | None) -> tuple[ErasureOrder, str]:
        """Ends an order that nobody has confirmed; whoever ordered it may do so too.

        Raises: OrderNotFound, OrderDecided.
        """
        order = self._get(call.transaction, order_id)
        return self._decide(call, order, OrderState.DECLINED, _person(call, agent))

    def page(
        self, transaction: Transaction, after: UUID | None, orders_max: int
    ) -> tuple[Sequence[ErasureOrder], UUID | None]:
        """Orders, oldest first, and behind which to go on; None: that was all."""
        found = erasure_store.orders(transaction, after=after, orders_max=orders_max + 1)
        shown = found[:orders_max]
        return shown, shown[-1].id if len(found) > orders_max else None

    def waiting(self, transaction: Transaction) -> Sequence[ErasureOrder]:
        """The confirmed orders that are not carried out yet, oldest first."""
        return erasure_store.confirmed_orders(transaction)

    def finish(self, transaction: Transaction, order: ErasureOrder, now: datetime) -> None:
        """Notes that an order is carried out; of a subject nothing remains in it, nor in others."""
        if isinstance(order.target, SubjectTarget):
            erasure_store.forget_subject(transaction, order.target.lookup_keys)
        erasure_store.finish_order(transaction, order.id, now)

    def _get(self, transaction: Transaction, order_id: UUID) -> ErasureOrder:
        order = erasure_store.find_order(transaction, order_id)
        if order is None:
            raise OrderNotFound
        if order.state is not OrderState.ORDERED:
            raise OrderDecided
        return order

    def _decide(
        self, call: Call, order: ErasureOrder, state: OrderState, by: Person
    ) -> tuple[ErasureOrder, str]:
        if not erasure_store.decide_order(call.transaction, order.id, state, by=by, now=call.now):
            raise OrderDecided
        assert order.target is not None
        log = _log_of(call.transaction, order.target)
        said: dict[str, JsonValue] = {
            "order": with_prefix(Prefix.ENTRY, order.id),
            **_named(by),
        }
        appended = self._append(call, log, order.target, state.value, said)
        decided = replace(order, state=state, decided_by=by, decided_at=call.now)
        return decided, self._ledger.receipt(appended)

    def _append(
        self, call: Call, log: Log, target: Target, outcome: str, said: dict[str, JsonValue]
    ) -> Appended:
        draft = _draft(call, RecordType.ERASURE, log, target, outcome, self._edition, said)
        return _append(self._ledger, draft, call)


def _person(call: Call, agent: str | None) -> Person:
    return Person(member=call.caller.member, kid=call.caller.kid, agent=agent)


def _named(person: Person) -> dict[str, JsonValue]:
    return {} if person.agent is None else {"agent": person.agent}


def _append(ledger: Ledger, draft: Draft, call: Call) -> Appended:
    (appended,) = ledger.append(call.transaction, [draft], call.now)
    return appended


def _draft(
    call: Call,
    record_type: RecordType,
    log: Log,
    target: Target,
    outcome: str,
    edition: str,
    said: dict[str, JsonValue],
) -> Draft:
    return Draft(
        log=log,
        record_type=record_type,
        header=Header(
            member=call.caller.member,
            purpose=Purpose.SUPERVISION,
            at=call.now,
            request_id=call.request_id,
            outcome=outcome,
            edition=edition,
            signed_request=call.request_digest,
            more={"target": kind_of(target).value, **said},
        ),
        subject=_subject(target),
        uuid=new_uuid(call.now),
        signed_request=call.signed_request,
    )


def _subject(target: Target) -> dict[str, JsonValue]:
    match target:
        case EntryTarget():
            return {"entries": [with_prefix(Prefix.ENTRY, target.entry)]}
        case IncidentTarget():
            return {"incidents": [target.incident]}
        case SubjectTarget():
            # Neither seed nor lookup key: this entry outlives the erasure.
            first, *others = (base64url.encode(subject_mark(key)) for key in target.lookup_keys)
            return {"subject": first, "also": [*others]} if others else {"subject": first}


def _log_of(transaction: Transaction, target: Target) -> Log:
    """The log concerned; what is about a subject is said where incidents are."""
    if not isinstance(target, EntryTarget):
        return Log.INCIDENTS
    place = log_store.place_of(transaction, target.entry)
    if place is None:
        raise EntryNotFound
    return place.shard.log


def _require_erasable(transaction: Transaction, target: EntryTarget) -> None:
    place = log_store.place_of(transaction, target.entry)
    assert place is not None
    if decode_entry(place.entry).record_type not in EXPIRING_ACCESSES:
        raise TargetNotErasable
