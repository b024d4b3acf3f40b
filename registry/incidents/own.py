"""What a person may read of incidents, and cut off: the part of the room for their own door."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from registry.database.transaction import Transaction
from registry.incidents import own_store, standings, store
from registry.incidents.flags import Flags
from registry.incidents.model import Incident
from registry.incidents.recording import Actor, Recorder
from registry.kernel.ids import IncidentId
from registry.kernel.paging import PAGE_ITEMS_MAX

# Parameters of one statement, well within what both databases take.
_ASKED_AT_ONCE_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledUnder:
    """An incident, and by which of the asked keys it is found, with when each was verified."""

    incident: Incident
    verified_on: Mapping[bytes, date]


class OwnIncidents:
    """Incidents by the identities of the person they are about; who that is, the caller knows."""

    def __init__(self, *, recorder: Recorder) -> None:
        self._recorder = recorder

    def page(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        *,
        after: str,
        items_max: int,
    ) -> tuple[Sequence[FiledUnder], str | None]:
        """The incidents found by these keys, oldest first, after the incident id `after`.

        And the id to go on after; None: that was all.
        """
        assert 1 <= items_max <= PAGE_ITEMS_MAX
        rows = own_store.under(transaction, lookup_keys, after=after, incidents_max=items_max + 1)
        shown = list(rows)[:items_max]
        incidents = own_store.incidents_of(transaction, shown)
        found = [
            FiledUnder(incident=incidents[each], verified_on=rows[each])
            for each in shown
            if each in incidents
        ]
        return found, shown[-1] if len(rows) > items_max else None

    def find(
        self, transaction: Transaction, lookup_keys: Collection[bytes], incident: IncidentId
    ) -> FiledUnder | None:
        """One incident, if it is found by any of these keys."""
        verified_on = own_store.links_of(transaction, lookup_keys, incident)
        known = store.find(transaction, incident) if verified_on else None
        return None if known is None else FiledUnder(incident=known, verified_on=verified_on)

    def verified_of(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        wanted: Collection[IncidentId],
    ) -> Mapping[IncidentId, Mapping[bytes, date]]:
        """Of each wanted incident that was filed under these keys: when each was verified.

        Also where the link has been severed; not of what is erased.
        """
        found: dict[IncidentId, Mapping[bytes, date]] = {}
        ordered = sorted(wanted)
        for begin in range(0, len(ordered), _ASKED_AT_ONCE_MAX):
            some = ordered[begin : begin + _ASKED_AT_ONCE_MAX]
            found |= own_store.verified_of(transaction, lookup_keys, some)
        return found

    def hold(self, transaction: Transaction, incidents: Collection[IncidentId]) -> None:
        """Locks all of these incidents and their standings, for whoever severs several."""
        store.lock_all(transaction, incidents)
        standings.hold(transaction, store.keys_of_all(transaction, incidents))

    def sever(
        self,
        transaction: Transaction,
        actor: Actor,
        incident: IncidentId,
        lookup_keys: Collection[bytes],
    ) -> Incident | None:
        """Cuts an incident off from these keys, and from nothing else; None: it was not linked.

        An entry of the incident log says so; whoever listens is told of these keys alone.
        """
        found = store.find_and_lock(transaction, incident)
        if found is None:
            return None
        linked = [
            each
            for each in store.identities_of(transaction, incident)
            if each.lookup_key in set(lookup_keys)
        ]
        if not linked:
            return None
        own_store.sever(transaction, incident, [each.lookup_key for each in linked], actor.now)
        return self._recorder.sever(transaction, actor, found, linked)

    def change_flags(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        change: Callable[[Flags | None], Flags | None],
    ) -> Mapping[bytes, Flags | None]:
        """Replaces what the person says of these identities; gives it as it is from now on."""
        return standings.change_flags(transaction, lookup_keys, change)
