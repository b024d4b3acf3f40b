"""Enforces the time limits of appeals: what has run out is done, noted, or removes.

    due limits, the oldest first --> incidents nobody holds, locked --> each: all that is due

One step takes a bounded batch; whatever is left makes it come again. Repeated, or run
by two at once, it finds done what is done: a limit that has ended does not end again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from registry.appeals import course, store
from registry.appeals.course import Due
from registry.appeals.docket import Case, Docket
from registry.appeals.drafts import Drafts
from registry.appeals.model import Appeal, Basis, Milestone, Outcome, State
from registry.appeals.ports import Jury
from registry.database.transaction import Transaction
from registry.incidents.model import State as IncidentState
from registry.incidents.recording import registry_itself
from registry.incidents.rulings import Rulings
from registry.jobs.kinds import Periodic, Share
from registry.jobs.model import Again, Job
from registry.ledger.holding import held_now

KIND = "appeals.deadlines"
EVERY = timedelta(minutes=1)
# So few that other writers on SQLite do not wait long.
APPEALS_AT_ONCE_MAX = 20
DRAFTS_AT_ONCE_MAX = 20
DRAFTS_KEPT = timedelta(days=30)
# An incident somebody else holds just now is looked at again this much later.
_HELD_WAIT = timedelta(seconds=2)
_BASIS = {
    Milestone.ANSWER: Basis.SILENCE,
    Milestone.ABSOLUTE_LIMIT: Basis.ABSOLUTE_LIMIT,
    Milestone.PANEL_DECISION: Basis.ABSOLUTE_LIMIT,
}


class Deadlines:
    """What happens when nobody acts."""

    def __init__(self, *, drafts: Drafts, docket: Docket, rulings: Rulings, jury: Jury) -> None:
        self._drafts = drafts
        self._docket = docket
        self._rulings = rulings
        self._jury = jury

    @property
    def kinds(self) -> tuple[Periodic]:
        """The work of enforcing."""
        return (Periodic(kind=KIND, every=EVERY, run=self.enforce, share=Share.URGENT),)

    def enforce(self, transaction: Transaction, _job: Job, now: datetime) -> Again | None:
        """One step: a batch of appeals, then some drafts nobody went on with."""
        due = store.due(transaction, now, appeals_max=APPEALS_AT_ONCE_MAX)
        # Crash point: all of the batch is one transaction; killed in it, none of it happened.
        free = self._rulings.lock_free(transaction, {each.incident for each in due})
        concluded = []
        # By furnisher: notices lock its row, in the same order everywhere.
        for each in sorted(due, key=lambda each: _furnisher_of(free.get(each.incident))):
            incident = free.get(each.incident)
            if incident is None:
                continue
            case = self._docket.open_under(transaction, each.id, incident)
            if case is not None:
                concluded += self._bring_up_to(transaction, case, now)
        self._docket.conclude(transaction, concluded, now)
        drafts = store.drafts_before(
            transaction,
            now - DRAFTS_KEPT,
            appeals_max=DRAFTS_AT_ONCE_MAX,
            held=held_now(transaction),
        )
        for draft in drafts:
            self._drafts.drop(transaction, draft)
        if len(free) < len({each.incident for each in due}):
            return Again(run_at=now + _HELD_WAIT)
        is_full = len(due) == APPEALS_AT_ONCE_MAX or len(drafts) == DRAFTS_AT_ONCE_MAX
        return Again(run_at=now) if is_full else None

    def _bring_up_to(self, transaction: Transaction, case: Case, now: datetime) -> list[Appeal]:
        """Does all that is due of one appeal; it, if it came to its last word."""
        was_open = case.appeal.is_open
        while (milestone := course.next_due(case.appeal, now)) is not None:
            before = case.appeal
            case = self._fall_due(transaction, case, milestone, now)
            assert not case.appeal.deadlines[milestone].is_running, "a limit ends once"
            assert case.appeal.version > before.version, "what was done is on record"
        return [case.appeal] if was_open and not case.appeal.is_open else []

    def _fall_due(
        self, transaction: Transaction, case: Case, milestone: Milestone, now: datetime
    ) -> Case:
        over = self._docket.is_over(case.incident, now)
        if over is IncidentState.EXPIRED and case.appeal.is_open:
            actor = registry_itself(now)
            return self._docket.close(transaction, case, actor, Outcome.EXPIRED, Basis.TIME)
        stored = case
        # Not stored by itself: what follows from it writes it, once.
        case = replace(case, appeal=course.miss(case.appeal, milestone, now))
        match course.DUE[milestone]:
            case Due.RELAY:
                return self._docket.relay(transaction, case, now)
            case Due.BLOCK:
                return self._docket.block(transaction, case, registry_itself(now), course.REGISTRY)
            case Due.CONFIRM_BLOCK:
                return self._docket.confirm_block(
                    transaction, case, registry_itself(now), course.REGISTRY
                )
            case Due.OVERTURN:
                actor = registry_itself(now)
                basis = _BASIS[milestone]
                return self._docket.close(transaction, case, actor, Outcome.OVERTURNED, basis)
            case Due.CLOSE_UPHELD:
                return self._docket.close_upheld(transaction, case, now)
            case Due.CONVENE_PANEL:
                return self._convene_panel(transaction, stored, now)
            case Due.NOTE:
                return self._docket.save(transaction, stored, case.appeal)

    def _convene_panel(self, transaction: Transaction, case: Case, now: datetime) -> Case:
        """The jury ends as it has found, and with it the appeal's waiting for it."""
        self._jury.run_out(transaction, case.appeal.id, now)
        seen = self._docket.open_under(transaction, case.appeal.id, case.incident)
        assert seen is not None, "it is held"
        if seen.appeal.state is not State.JURY:
            return seen
        # A round whose own limit is later, of clocks or rows that somebody changed.
        return self._docket.refer_to_panel(transaction, seen, now)


def _furnisher_of(incident: object) -> str:
    return getattr(incident, "furnisher", "")
