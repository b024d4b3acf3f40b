"""What other rooms are told when an incident changes, inside the change's transaction.

Rooms above subscribe when the node is assembled: notices recall what was answered,
screening takes the subject out of its buckets. Whoever listens writes into the same
transaction, or nothing; it never calls the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from registry.database.transaction import Transaction
from registry.incidents.model import Incident
from registry.ledger.model import Appended, RecordType


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One committed-together change of an incident.

    `before` is None for a report. `entry` is the change's own entry in the log of
    incidents; `lookup_keys` are those the incident is filed under, each once.
    """

    record_type: RecordType
    before: Incident | None
    after: Incident
    lookup_keys: Sequence[bytes]
    entry: Appended
    at: datetime


class Listener(Protocol):
    """Who wants to know."""

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """Called once for each change, before its transaction is committed."""


class Listeners:
    """All who want to know, in the order they subscribed."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Tells `listener` of every change from now on; once, at assembly."""
        self._listeners.append(listener)

    def tell(self, transaction: Transaction, change: Change) -> None:
        """Tells everyone of a change."""
        for listener in self._listeners:
            listener.incident_changed(transaction, change)
