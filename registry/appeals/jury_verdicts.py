"""How a jury's verdict reaches the appeal it was asked for."""

from collections.abc import Collection, Mapping
from datetime import datetime

from registry.appeals import course, store
from registry.appeals.docket import Docket
from registry.appeals.model import AppealId, Basis, Outcome, Stance, State
from registry.database.transaction import Transaction
from registry.incidents.recording import registry_itself
from registry.incidents.rulings import Ruling

_RULING_OF = {
    Outcome.UPHELD: Ruling.UPHELD,
    Outcome.AMENDED: Ruling.UPHELD,
    Outcome.OVERTURNED: Ruling.OVERTURNED,
}


class JuryVerdicts:
    """The appeals, as far as a jury goes back to them."""

    def __init__(self, *, docket: Docket) -> None:
        self._docket = docket

    def awaits_jury(self, transaction: Transaction, case: str) -> bool:
        """Whether an appeal still waits for its jury; it, and its incident, are locked then."""
        opened = self._docket.open(transaction, AppealId(case))
        return opened is not None and opened.appeal.state is State.JURY

    def offer_choice(
        self, transaction: Transaction, case: str, due_at: datetime, now: datetime
    ) -> None:
        """After a close verdict: the person says until `due_at` who decides, and is told so."""
        opened = self._docket.open(transaction, AppealId(case))
        assert opened is not None, "it was seen to wait"
        self._docket.offer_choice(transaction, opened, due_at, now)

    def expect_verdict(
        self, transaction: Transaction, case: str, due_at: datetime, now: datetime
    ) -> None:
        """Gives the larger panel the person asked for until `due_at`."""
        opened = self._docket.open(transaction, AppealId(case))
        assert opened is not None, "it was seen to wait"
        after = course.ask_larger_panel(opened.appeal, due_at, now)
        self._docket.save(transaction, opened, after)

    def receive_verdict(
        self, transaction: Transaction, case: str, verdict: Ruling | None, now: datetime
    ) -> None:
        """Closes the appeal by what the jury found; None: nothing safe, staff decides."""
        opened = self._docket.open(transaction, AppealId(case))
        assert opened is not None, "it was seen to wait"
        if verdict is None:
            self._docket.refer_to_panel(transaction, opened, now)
            return
        outcome = Outcome.OVERTURNED
        if verdict is Ruling.UPHELD:
            is_amended = opened.appeal.stance is Stance.AMEND
            outcome = Outcome.AMENDED if is_amended else Outcome.UPHELD
        actor = registry_itself(now)
        closed = self._docket.close(transaction, opened, actor, outcome, Basis.JURY).appeal
        self._docket.conclude(transaction, [closed], now)

    def outcomes_of(
        self, transaction: Transaction, cases: Collection[str]
    ) -> Mapping[str, Ruling | None]:
        """How each of these appeals ended; None or absent: not yet, or without a ruling."""
        ended = store.outcomes_of(transaction, [AppealId(each) for each in cases])
        return {case: _RULING_OF.get(outcome) for case, outcome in ended.items()}
