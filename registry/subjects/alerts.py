"""Alerts: people who asked for it are told when somebody looks, and when something is filed.

By letter to the address they proved, promised in the transaction of what they are told of.
Whoever gave no address reads it in their history.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from registry.database.transaction import Transaction
from registry.incidents.changes import Change
from registry.incidents.service import Incidents
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.model import RecordType
from registry.lookups.consent import LookedAt
from registry.lookups.model import may_have_changed_hands
from registry.members.service import Directory
from registry.notices.contacts import Contacts
from registry.notices.letter_model import LetterTemplate
from registry.notices.letters import Letters
from registry.notices.service import Notices
from registry.rulebook.calendar import local_date, local_minute
from registry.rulebook.model import Edition

SEVERED = "identity.severed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterAlerts:
    """Writes the letters of alerts; listens to lookups and to incidents."""

    edition: Edition
    directory: Directory
    incidents: Incidents
    contacts: Contacts
    letters: Letters

    def looked_at(self, transaction: Transaction, lookups: Sequence[LookedAt]) -> None:
        """Tells each person that somebody looked, or tried to."""
        for each in lookups:
            facts = {
                "inquirer": self._name_of(each.member),
                "looked_at": local_minute(each.at, self.edition),
                "purpose": each.purpose.value,
            }
            if self.contacts.find_key(transaction, each.lookup_keys) is not None:
                self.letters.write(
                    transaction,
                    lookup_keys=each.lookup_keys,
                    template=LetterTemplate.LOOKUP_ALERT,
                    facts=facts,
                    incident=None,
                    furnisher=None,
                    now=each.at,
                )

    def incident_changed(self, transaction: Transaction, change: Change) -> None:
        """Tells the person of a filing, if they asked for it."""
        self.incidents_changed(transaction, [change])

    def incidents_changed(self, transaction: Transaction, changes: Sequence[Change]) -> None:
        """As `incident_changed`, of many with one look at their subjects."""
        reports = [each for each in changes if each.record_type is RecordType.REPORT]
        alerted = self._alerted(transaction, {key for each in reports for key in each.lookup_keys})
        for change in reports if alerted else ():
            keys = [key for key in change.lookup_keys if key in alerted]
            # The letter goes by one identity, and says no more than that one may read.
            found = self.contacts.find_key(transaction, keys) if keys else None
            if found is None:
                continue
            if self._may_be_earlier(change, found, alerted[found]):
                self._tell_filed_before(transaction, change, found, alerted[found])
            else:
                self._tell_filed(transaction, change, keys)

    def _alerted(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> dict[bytes, date]:
        """Of each identity that has alerts, the day its holder last proved it."""
        if not lookup_keys:
            return {}
        known = self.incidents.flags_of(transaction, sorted(lookup_keys))
        return {
            key: flags.proven_on for key, flags in known.items() if flags.alerted_at is not None
        }

    def _may_be_earlier(self, change: Change, lookup_key: bytes, proven_on: date) -> bool:
        return may_have_changed_hands(
            held_since_on=proven_on,
            last_verified_on=change.verified_on[lookup_key],
            edition=self.edition,
        )

    def _tell_filed_before(
        self, transaction: Transaction, change: Change, lookup_key: bytes, proven_on: date
    ) -> None:
        self.letters.write(
            transaction,
            lookup_keys=[lookup_key],
            template=LetterTemplate.FILED_UNDER_IDENTIFIER,
            facts={"verified_before": proven_on.isoformat()},
            incident=change.after.id,
            furnisher=None,
            now=change.at,
        )

    def _tell_filed(
        self, transaction: Transaction, change: Change, lookup_keys: Sequence[bytes]
    ) -> None:
        incident = change.after
        facts: Mapping[str, str] = {
            "incident": incident.id,
            "code": incident.filing.code,
            "furnisher": self._name_of(incident.furnisher),
            "effective_on": local_date(incident.effective_at, self.edition).isoformat(),
        }
        self.letters.write(
            transaction,
            lookup_keys=lookup_keys,
            template=LetterTemplate.INCIDENT_FILED,
            facts=facts,
            incident=incident.id,
            furnisher=None,
            now=change.at,
        )

    def _name_of(self, member: MemberId) -> str:
        known = self.directory.member(member)
        return member if known is None else known.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveranceNotices:
    """Tells furnishers that an identifier is no longer found by their incident."""

    notices: Notices

    def tell_severed(
        self,
        transaction: Transaction,
        severed: Collection[tuple[MemberId, IncidentId]],
        now: datetime,
    ) -> None:
        """Promises a notice for each, in the order of the members: each is locked."""
        for member, incident in sorted(severed):
            self.notices.tell_member(
                transaction,
                member=member,
                event_type=SEVERED,
                data={"incident": incident},
                now=now,
            )
