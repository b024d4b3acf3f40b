"""Who has something in effect: asked by screening, in batches, of many or of all.

Someone has, exactly when a lookup would show something: an incident or a protective
marker that counts by now, is not expired, not blocked, and of a furnisher that is
not suspended. Time alone changes it, so that there is no list to keep.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from registry.database.transaction import Transaction
from registry.incidents import effective_store, standings
from registry.incidents.effective_store import KEYS_MAX
from registry.incidents.standing_lines import StandingLine
from registry.kernel.ids import IncidentId, MemberId
from registry.members.service import Directory
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Rulebook
from registry.score.model import Doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedIdentity:
    """An identity somebody is known by; the seed opens with its lookup key."""

    lookup_key: bytes
    key_id: str
    seed_sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a walk through incidents has got: behind this one."""

    at: datetime
    incident: IncidentId


class Effective:
    """What screening asks of the incidents' room; every answer is bounded."""

    def __init__(self, *, rulebook: Rulebook, directory: Directory) -> None:
        self._edition = rulebook.current
        self._directory = directory

    def today(self, now: datetime) -> date:
        """The day by which incidents expire."""
        return local_date(now, self._edition)

    def suspended(self, transaction: Transaction) -> frozenset[MemberId]:
        """The members whose filings are without effect; asked before anything else is read."""
        self._directory.refresh(transaction)
        return self._directory.suspended()

    def among(
        self, transaction: Transaction, lookup_keys: Collection[bytes], now: datetime
    ) -> set[bytes]:
        """Those of these keys that have something in effect."""
        keys = sorted(set(lookup_keys))
        found: set[bytes] = set()
        for start in range(0, len(keys), KEYS_MAX):
            rows = standings.read(transaction, keys[start : start + KEYS_MAX])
            found |= self._counting(transaction, rows.items(), now)
        return found

    def page(
        self, transaction: Transaction, *, after: bytes, keys_max: int, now: datetime
    ) -> tuple[list[SealedIdentity], bytes | None]:
        """Of the next `keys_max` keys those that have something in effect.

        And the key to go on after; None: all have been seen.
        """
        rows = standings.page(transaction, after=after, rows_max=keys_max)
        counting = self._counting(transaction, rows, now)
        last = rows[-1][0] if len(rows) == keys_max else None
        return self.identities(transaction, counting), last

    def identities(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> list[SealedIdentity]:
        """One identity for each of these keys, in the order of the keys."""
        return [
            SealedIdentity(lookup_key=key, key_id=key_id, seed_sealed=sealed)
            for key, key_id, sealed in effective_store.identities(transaction, lookup_keys)
        ]

    def begun(
        self, transaction: Transaction, *, after: Place, until: datetime, incidents_max: int
    ) -> tuple[set[bytes], Place | None]:
        """The keys of incidents that took effect after a place and by `until`.

        At most of `incidents_max`, and the place to go on after; None: that was all.
        """
        rows = effective_store.begun(
            transaction,
            after_at=after.at,
            after=after.incident,
            until=until,
            incidents_max=incidents_max,
        )
        keys = effective_store.keys_of(transaction, [each for _, each in rows])
        if len(rows) < incidents_max:
            return keys, None
        at, incident = rows[-1]
        return keys, Place(at=at, incident=incident)

    def ended(
        self, transaction: Transaction, *, after: date, until: date, behind: str, incidents_max: int
    ) -> tuple[set[bytes], str | None]:
        """The keys of incidents that expired after a day and by `until`, from an id on."""
        ids = effective_store.ended(
            transaction, after=after, until=until, behind=behind, incidents_max=incidents_max
        )
        return effective_store.keys_of(transaction, ids), _last(ids, incidents_max)

    def of_member(
        self, transaction: Transaction, member: MemberId, *, behind: str, incidents_max: int
    ) -> tuple[set[bytes], str | None]:
        """The keys of what a member filed, from an id on."""
        ids = effective_store.of_member(
            transaction, member, behind=behind, incidents_max=incidents_max
        )
        return effective_store.keys_of(transaction, ids), _last(ids, incidents_max)

    def keys_of(self, transaction: Transaction, incidents: Collection[IncidentId]) -> set[bytes]:
        """The keys of some incidents."""
        return effective_store.keys_of(transaction, incidents)

    def _counting(
        self,
        transaction: Transaction,
        rows: Iterable[tuple[bytes, Sequence[StandingLine]]],
        now: datetime,
    ) -> set[bytes]:
        today, known = self.today(now), list(rows)
        furnishers = {line.furnisher for _, lines in known for line in lines}
        if any(self._directory.member(each) is None for each in furnishers):
            # Admitted, and its filing committed, since the directory was read.
            self._directory.refresh(transaction)
        return {
            key
            for key, lines in known
            if any(
                line.effective_at <= now
                and today < line.expires_on
                and line.doubt is not Doubt.BLOCKED
                and not self._directory.is_suspended(line.furnisher)
                for line in lines
            )
        }


def _last(ids: Sequence[IncidentId], incidents_max: int) -> str | None:
    return ids[-1] if len(ids) == incidents_max else None
