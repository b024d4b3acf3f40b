"""What the jury asks of the appeal it decides, and of whoever summons jurors."""

from collections.abc import Collection, Mapping, Set
from datetime import datetime
from typing import Protocol

from registry.database.transaction import Transaction
from registry.incidents.rulings import Ruling
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, MemberId
from registry.rulebook.model import Edition, Severity


class Case(Protocol):
    """What an appeal tells of itself when its second tier is asked for."""

    @property
    def appeal(self) -> str:
        """The appeal's id."""

    @property
    def incident(self) -> IncidentId:
        """What is contested; the caller holds it locked."""

    @property
    def furnisher(self) -> MemberId:
        """Who reported it."""

    @property
    def severity(self) -> Severity:
        """How grave it is."""

    @property
    def appellant(self) -> Set[bytes]:
        """The lookup keys of whoever asks: more, as a rule, than the incident names."""

    @property
    def edition(self) -> Edition:
        """The rules it was filed under."""


class Verdicts(Protocol):
    """The appeals, as far as a jury goes back to them."""

    def awaits_jury(self, transaction: Transaction, case: str) -> bool:
        """Whether a case still waits for its jury; it, and its incident, are locked then."""

    def offer_choice(
        self, transaction: Transaction, case: str, due_at: datetime, now: datetime
    ) -> None:
        """After a close verdict: tells the person that who decides is theirs to say."""

    def expect_verdict(
        self, transaction: Transaction, case: str, due_at: datetime, now: datetime
    ) -> None:
        """Gives the larger panel the person asked for until `due_at`."""

    def receive_verdict(
        self, transaction: Transaction, case: str, verdict: Ruling | None, now: datetime
    ) -> object:
        """Takes what the jury found; None: nothing safe, staff decides."""

    def outcomes_of(
        self, transaction: Transaction, cases: Collection[str]
    ) -> Mapping[str, Ruling | None]:
        """How each of these cases ended; None or absent: not yet, or without a ruling."""


class MemberNotices(Protocol):
    """Tells members, in the caller's transaction."""

    def tell_member(
        self,
        transaction: Transaction,
        *,
        member: MemberId,
        event_type: str,
        data: Mapping[str, JsonValue],
        now: datetime,
    ) -> object:
        """Promises a notice: ids only."""
