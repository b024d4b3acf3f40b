"""What goes of appeals with the incident, or with the person whose erasure was ordered.

What stays is how each went, without whom it was about.
"""

from datetime import datetime

from registry.appeals import course, store
from registry.appeals.case_file import CaseFiles
from registry.appeals.drafts import Drafts
from registry.appeals.model import Appeal, State
from registry.database.transaction import Transaction
from registry.kernel.ids import IncidentId
from registry.kernel.paging import PAGE_ITEMS_MAX


class Forgetting:
    """Erases what was said and shown in appeals."""

    def __init__(self, *, files: CaseFiles, drafts: Drafts) -> None:
        self._files = files
        self._drafts = drafts

    def erase(self, transaction: Transaction, incident: IncidentId, now: datetime) -> int:
        """Erases all that was said and shown in appeals against an incident that goes.

        What stays is how each went, without whom it was about. Gives how many there were.
        """
        found = store.of_incident(transaction, incident)
        for appeal in found:
            if appeal.state is State.DRAFT:
                self._drafts.drop(transaction, appeal.id)
                continue
            self._files.erase(transaction, appeal.id)
            if appeal.is_open:
                ended = course.expire(appeal, now)
                store.change(transaction, appeal, ended)
            store.forget_subject(transaction, appeal.id)
        return len(found)

    def forget_subject(self, transaction: Transaction, lookup_key: bytes) -> int:
        """Erases all that a person said and showed, whose erasure was ordered.

        For appeals against what goes with them `erase` has done it; here are those against
        incidents that stay, since they are another's. Gives how many are open: each is
        decided first, or removed by silence, within days.
        """
        still_open = 0
        for appeal in self._every_of(transaction, lookup_key):
            if appeal.state is State.DRAFT and store.hold_draft(transaction, appeal.id):
                self._drafts.drop(transaction, appeal.id)
            elif appeal.state is State.DRAFT or appeal.is_open:
                # A draft somebody holds is being lodged: it is looked at again.
                still_open += 1
            else:
                self._files.erase(transaction, appeal.id)
                store.forget_subject(transaction, appeal.id)
        return still_open

    def _every_of(self, transaction: Transaction, lookup_key: bytes) -> list[Appeal]:
        found: list[Appeal] = []
        after: str | None = ""
        while after is not None:
            page = store.of_subject(
                transaction, [lookup_key], after=after, items_max=PAGE_ITEMS_MAX
            )
            found += page.items
            after = page.next_after
        return found
