"""What is said of an incident beside its furnisher: disputed, blocked, upheld, overturned.

Each ruling is an entry of the incident log and changes the subject's standing in the
same transaction. Nobody but appeals calls this; who may is decided there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from registry.database.transaction import Transaction
from registry.incidents import removal_store, rulings_store, standings, store
from registry.incidents.model import (
    Block,
    Course,
    Incident,
    IncidentClosed,
    KeptIdentity,
    State,
    is_closed,
    state_of,
)
from registry.incidents.recording import Actor, Recorder
from registry.incidents.reinsertion import Reinsertion
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.model import RecordType
from registry.rulebook.model import Rulebook


class Ruling(StrEnum):
    """What was ruled, as the entry's header says in `ruling`."""

    DISPUTED = "disputed"
    SUPPLEMENTED = "supplemented"
    RELEASED = "released"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"


class Rulings:
    """Changes the course of incidents that the caller holds locked.

    `find_and_lock` comes first: whoever holds an incident may go on to lock what
    hangs on it, never the other way round.
    """

    def __init__(self, *, rulebook: Rulebook, recorder: Recorder, reinsertion: Reinsertion) -> None:
        self._rulebook = rulebook
        self._recorder = recorder
        self._reinsertion = reinsertion

    def find(self, transaction: Transaction, incident: IncidentId) -> Incident | None:
        """The incident of this id, whoever filed it."""
        return store.find(transaction, incident)

    def find_and_lock(self, transaction: Transaction, incident: IncidentId) -> Incident | None:
        """The incident of this id, which nobody else can change until the transaction ends."""
        return store.find_and_lock(transaction, incident)

    def lock_free(
        self, transaction: Transaction, incidents: Collection[IncidentId]
    ) -> dict[IncidentId, Incident]:
        """Those of these incidents that nobody else holds, locked; it waits for no incident.

        And all their standings with them: no ruling on one of them waits for another's.
        """
        free = rulings_store.lock_free(transaction, incidents)
        standings.hold(transaction, store.keys_of_all(transaction, free))
        return free

    def identities_of(self, transaction: Transaction, incident: IncidentId) -> list[KeptIdentity]:
        """The identities an incident was filed under."""
        return list(store.identities_of(transaction, incident))

    def seeds_of(self, transaction: Transaction, incident: IncidentId) -> list[tuple[bytes, bytes]]:
        """Lookup key and seed of each identity an incident was filed under."""
        return [
            (each.lookup_key, self._recorder.seed_of(each))
            for each in store.identities_of(transaction, incident)
        ]

    def under(
        self, transaction: Transaction, lookup_keys: Collection[bytes]
    ) -> Sequence[IncidentId]:
        """The incidents filed under any of these lookup keys, each once, in order."""
        return removal_store.under(transaction, lookup_keys)

    def repeats(
        self,
        transaction: Transaction,
        incident: Incident,
        furnishers: Collection[MemberId],
        now: datetime,
    ) -> bool:
        """Whether one of `furnishers` had filed the same act of the same subject before.

        The same act: code, day and order are the same, and the earlier incident
        still stands.
        """
        edition = self._rulebook.editions[incident.edition]
        return any(
            not is_closed(state_of(each, edition, now))
            for each in rulings_store.earlier_alike(transaction, incident, furnishers)
        )

    def dispute(self, transaction: Transaction, actor: Actor, incident: Incident) -> Incident:
        """Flags an incident as contested; contested already: as it is.

        Raises: IncidentClosed.
        """
        self._require_open(incident, actor.now)
        if incident.course is Course.DISPUTED:
            return incident
        return self._rule(
            transaction,
            actor,
            RecordType.DISPUTE,
            Ruling.DISPUTED,
            incident,
            course=Course.DISPUTED,
        )

    def supplement(self, transaction: Transaction, actor: Actor, incident: Incident) -> Incident:
        """Notes in the log that more was brought forward against a contested incident."""
        assert incident.course is Course.DISPUTED, "what is supplemented is contested"
        said = replace(actor, more={**actor.more, "ruling": Ruling.SUPPLEMENTED.value})
        identities = store.identities_of(transaction, incident.id)
        return self._recorder.record(
            transaction,
            said,
            RecordType.DISPUTE,
            before=incident,
            after=incident,
            identities=identities,
        )

    def block(
        self, transaction: Transaction, actor: Actor, incident: Incident, block: Block
    ) -> Incident:
        """Makes a contested incident count for nothing; blocked like this already: as it is."""
        assert incident.course is Course.DISPUTED, "what is blocked is contested"
        if incident.block is block:
            return incident
        return self._rule(
            transaction, actor, RecordType.DECISION, Ruling.BLOCKED, incident, block=block
        )

    def unblock(self, transaction: Transaction, actor: Actor, incident: Incident) -> Incident:
        """Lifts the block of an incident, which stays contested."""
        if incident.block is None:
            return incident
        return self._rule(transaction, actor, RecordType.DECISION, Ruling.UNBLOCKED, incident)

    def release(
        self, transaction: Transaction, actor: Actor, incident: Incident, *, to: Course
    ) -> Incident:
        """Ends a dispute that nothing came of: the incident is what it was, `to`."""
        assert to in (Course.FILED, Course.UPHELD), "an incident comes from nowhere else"
        return self._decide(transaction, actor, Ruling.RELEASED, incident, to)

    def uphold(self, transaction: Transaction, actor: Actor, incident: Incident) -> Incident:
        """Finds that a contested incident stands."""
        return self._decide(transaction, actor, Ruling.UPHELD, incident, Course.UPHELD)

    def overturn(self, transaction: Transaction, actor: Actor, incident: Incident) -> Incident:
        """Takes a contested incident out of every answer, at once and for ever."""
        decided = self._decide(transaction, actor, Ruling.OVERTURNED, incident, Course.OVERTURNED)
        keys = {each.lookup_key for each in store.identities_of(transaction, incident.id)}
        self._reinsertion.remember(transaction, decided, keys, actor.now)
        return decided

    def state_of(self, incident: Incident, now: datetime) -> State:
        """What an incident is at `now`."""
        return state_of(incident, self._rulebook.editions[incident.edition], now)

    def _require_open(self, incident: Incident, now: datetime) -> None:
        if is_closed(self.state_of(incident, now)):
            raise IncidentClosed

    def _decide(
        self,
        transaction: Transaction,
        actor: Actor,
        ruling: Ruling,
        incident: Incident,
        course: Course,
    ) -> Incident:
        assert incident.course is Course.DISPUTED, "only what is contested is decided"
        return self._rule(transaction, actor, RecordType.DECISION, ruling, incident, course=course)

    def _rule(
        self,
        transaction: Transaction,
        actor: Actor,
        record_type: RecordType,
        ruling: Ruling,
        before: Incident,
        *,
        course: Course | None = None,
        block: Block | None = None,
    ) -> Incident:
        after = replace(
            before,
            course=course or before.course,
            block=block,
            changed_at=actor.now,
            version=before.version + 1,
        )
        said = replace(actor, more={**actor.more, "ruling": ruling.value})
        return self._recorder.change(transaction, said, record_type, before=before, after=after)
