"""What a person's own record says of their appeals: how far they are, and what is due next."""

from collections.abc import Collection, Mapping

from registry.appeals import course, store
from registry.appeals.model import Appeal
from registry.database.transaction import Transaction
from registry.kernel.ids import IncidentId
from registry.subjects.contests import Limit, OpenAppeal


class Hearings:
    """Tells the person's record of open appeals."""

    def open_appeals(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        incidents: Collection[IncidentId],
    ) -> Mapping[IncidentId, OpenAppeal]:
        """The open appeals lodged under these keys against these incidents."""
        if not incidents:
            return {}
        found = store.open_against(transaction, lookup_keys, incidents)
        return {each.incident: _shown(each) for each in found}


def _shown(appeal: Appeal) -> OpenAppeal:
    running = [
        (each.due_at, milestone) for milestone, each in appeal.deadlines.items() if each.is_running
    ]
    limit = None
    if running:
        due_at, milestone = min(running)
        then = course.DUE[milestone].value
        limit = Limit(milestone=milestone.value, due_at=due_at, then=then)
    return OpenAppeal(id=appeal.id, state=appeal.state.value, next_limit=limit)
