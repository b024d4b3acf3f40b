"""What other rooms are told when an incident changes, inside the change's transaction.

Rooms above subscribe when the node is assembled: notices recall what was answered,
screening takes the subject out of its buckets. Whoever listens writes into the same
transaction, or nothing; it never calls the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from registry.database.transaction import Transaction
from registry.incidents.model import Incident, KeptIdentity
from registry.ledger.model import Appended, RecordType


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One committed-together change of an incident.

    `before` is None for a report. `entry` is the change's own entry in the log of
    incidents; `lookup_keys` are those the incident is filed under, each once, and
    `verified_on` says when each was verified last to be the subject's. A
    severance changes nothing but that it is not found by `lookup_keys` any more.
    """

    record_type: RecordType
    before: Incident | None
    after: Incident
    lookup_keys: Sequence[bytes]
    verified_on: Mapping[bytes, date]
    entry: Appended
    at: datetime
    is_severance: bool = False


class Listener(Protocol):
    """Who wants to know."""

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """Called once for each change, before its transaction is committed."""


@runtime_checkable
class SetListener(Listener, Protocol):
    """Who wants to know, and takes a thousand changes with a few statements."""

    def incidents_changed(self, transaction: Transaction, changes: Sequence[Change]) -> None:
        """Called in place of `incident_changed` where many change together."""


class RemovalListener(Protocol):
    """Who wants to know of incidents whose time has come, and may keep nothing of them."""

    def incident_removed(
        self, transaction: Transaction, identities: Sequence[KeptIdentity], now: datetime
    ) -> None:
        """Called after an incident filed under these was deleted, in its transaction."""


class Listeners:
    """All who want to know, in the order they subscribed."""

    __slots__ = ("_listeners", "_removal_listeners")

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._removal_listeners: list[RemovalListener] = []

    @property
    def is_empty(self) -> bool:
        """Whether nobody listens."""
        return not self._listeners

    def subscribe(self, listener: Listener) -> None:
        """Tells `listener` of every change from now on; once, at assembly."""
        self._listeners.append(listener)

    def subscribe_to_removals(self, listener: RemovalListener) -> None:
        """Tells `listener` of every removal from now on; once, at assembly."""
        self._removal_listeners.append(listener)

    def tell_of_removal(
        self, transaction: Transaction, identities: Sequence[KeptIdentity], now: datetime
    ) -> None:
        """Tells of an incident that has just been deleted."""
        for listener in self._removal_listeners:
            listener.incident_removed(transaction, identities, now)

    def tell(self, transaction: Transaction, change: Change) -> None:
        """Tells everyone of a change."""
        for listener in self._listeners:
            listener.incident_changed(transaction, change)

    def tell_of_all(self, transaction: Transaction, changes: Sequence[Change]) -> None:
        """Tells everyone of changes that are made together, each of another incident.

        Who takes them as a set is told once, anyone else of each in its turn.
        """
        for listener in self._listeners:
            if isinstance(listener, SetListener):
                listener.incidents_changed(transaction, changes)
            else:
                for change in changes:
                    listener.incident_changed(transaction, change)
