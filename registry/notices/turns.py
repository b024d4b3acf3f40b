"""Whose receivers are slow, so that they keep nobody waiting but their own member.

A few lanes deliver to all members, and a receiver may take its time. One that has not just
answered quickly takes turns with its member's others of that sort: of all of them one is
waited for at a time. What comes by meanwhile is put off, without an attempt.
"""

import threading
from uuid import UUID

from registry.kernel.ids import MemberId

QUICK_SECONDS_MAX = 2.0
_REMEMBERED_MAX = 10_000


class Turns:
    """The turns of one process. In memory: who is not known is slow until it answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quick: set[UUID] = set()
        self._waited_for: dict[MemberId, UUID] = {}

    def take(self, member: MemberId, delivery: UUID, webhook: UUID) -> bool:
        """Whether a delivery may be made now; if so it is given back afterwards."""
        with self._lock:
            if webhook in self._quick:
                return True
            return self._waited_for.setdefault(member, delivery) == delivery

    def give_back(self, member: MemberId, delivery: UUID, webhook: UUID, seconds: float) -> None:
        """Ends a turn that took so long."""
        with self._lock:
            if self._waited_for.get(member) == delivery:
                del self._waited_for[member]
            if seconds > QUICK_SECONDS_MAX:
                self._quick.discard(webhook)
                return
            if len(self._quick) >= _REMEMBERED_MAX:
                self._quick.clear()
            self._quick.add(webhook)
