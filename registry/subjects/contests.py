"""What a person's record says of their open appeals; whoever hears appeals brings it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from registry.database.transaction import Transaction
from registry.kernel.ids import IncidentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The next time limit of an appeal, and what happens when it runs out."""

    milestone: str
    due_at: datetime
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAppeal:
    """An appeal of the person's that is not closed."""

    id: str
    state: str
    next_limit: Limit | None


class Hearing(Protocol):
    """Who hears appeals."""

    def open_appeals(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        incidents: Collection[IncidentId],
    ) -> Mapping[IncidentId, OpenAppeal]:
        """The open appeals lodged under these keys against these incidents."""
