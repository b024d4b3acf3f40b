"""What the person of a lookup has to say before it: one-use authorisations, and being told.

The rooms above implement these ports; each takes all the inquiries of a batch at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from registry.database.transaction import Transaction
from registry.kernel.ids import LookupId, MemberId
from registry.rulebook.model import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedCode:
    """A one-use authorisation as an inquirer presents it, and what it is to be good for."""

    reference: str
    member: MemberId
    order: str
    lookup_keys: Sequence[bytes]
    lookup: UUID


class OneUseAuthorisations(Protocol):
    """Who knows the authorisations people gave."""

    def redeem(
        self, transaction: Transaction, presented: Sequence[PresentedCode], now: datetime
    ) -> Sequence[bool]:
        """Of each, whether it was good, and is spent from now on; in their order.

        Whoever presents the same at this moment in another transaction waits, and is
        told no once this one is committed. Presented twice here, the first has it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """That somebody asked for a person who wants to be told."""

    lookup: LookupId
    lookup_keys: Sequence[bytes]
    member: MemberId
    purpose: Purpose
    was_refused: bool
    at: datetime


class Alerts(Protocol):
    """Who tells people that they were looked at."""

    def looked_at(self, transaction: Transaction, lookups: Sequence[LookedAt]) -> None:
        """Promises a message for each, in the transaction of the lookups."""


class NoAuthorisations:
    """A node at which nobody can give one."""

    __slots__ = ()

    def redeem(
        self, transaction: Transaction, presented: Sequence[PresentedCode], now: datetime
    ) -> Sequence[bool]:
        """None is good."""
        return [False] * len(presented)
