"""Severing: "not me". A later holder cuts an identifier off from what an earlier one did.

Only what may not be theirs by the rule of the record can be severed, never what is shown to
them as their own. The incident stays what it was under its other identities. Each severed
link is an entry of the incident log, and the furnisher is told.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from registry.database.transaction import Transaction
from registry.incidents.model import Incident
from registry.incidents.recording import Actor
from registry.incidents.service import Incidents
from registry.kernel.ids import IncidentId, MemberId
from registry.kernel.paging import PAGE_ITEMS_MAX
from registry.subjects.own import SubjectCall
from registry.subjects.recording import OwnViews
from registry.subjects.records import OwnRecords

# A number that more has been filed under is severed in several calls.
SEVERED_AT_ONCE_MAX = 1000


class Furnishers(Protocol):
    """Who tells a furnisher that an identifier is no longer its incident's."""

    def tell_severed(
        self,
        transaction: Transaction,
        severed: Collection[tuple[MemberId, IncidentId]],
        now: datetime,
    ) -> None:
        """Promises a notice for each in the transaction of the severance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Severed:
    """How many incidents were cut off, and the receipt of the person's act."""

    incidents: int
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Severing:
    """Cuts later holders off from what is not theirs."""

    incidents: Incidents
    records: OwnRecords
    own_views: OwnViews
    furnishers: Furnishers

    def sever(self, call: SubjectCall) -> Severed:
        """Severs everything that may be an earlier holder's from the identities of the session.

        Nothing to sever: nothing is done, and said so. Twice is once.
        """
        earlier = self._earlier_holders(call)
        # All at once, and in one order everywhere: whoever changes one of them waits here,
        # and never for something of another.
        self.incidents.own.hold(call.transaction, earlier)
        severed = [self._sever(call, each) for each in earlier]
        cut = [each for each in severed if each is not None]
        self.furnishers.tell_severed(
            call.transaction, [(each.furnisher, each.id) for each in cut], call.now
        )
        receipt = self.own_views.record(
            call.transaction,
            call.subject.identities,
            "severed",
            now=call.now,
            request_id=call.request_id,
            said={
                "held_since": min(
                    each.held_since_on for each in call.subject.identities
                ).isoformat(),
                "incidents": len(cut),
            },
        )
        return Severed(incidents=len(cut), receipt=receipt)

    def _earlier_holders(self, call: SubjectCall) -> list[IncidentId]:
        found: list[IncidentId] = []
        after: str | None = ""
        while after is not None and len(found) < SEVERED_AT_ONCE_MAX:
            page, after = self.incidents.own.page(
                call.transaction, call.subject.lookup_keys, after=after, items_max=PAGE_ITEMS_MAX
            )
            found += [
                each.incident.id
                for each in page
                if not self.records.may_be_theirs(call.subject, each)
            ]
        return sorted(found)

    def _sever(self, call: SubjectCall, incident: IncidentId) -> Incident | None:
        actor = Actor(
            member=None,
            now=call.now,
            request_id=call.request_id,
            more={"act": "severed", "by": "subject"},
        )
        return self.incidents.own.sever(call.transaction, actor, incident, call.subject.lookup_keys)
