"""What appeals ask of rooms that are not theirs, as narrow as they need it."""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from registry.appeals.model import AppealId
from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, MemberId
from registry.notices.letter_model import LetterTemplate
from registry.rulebook.model import Edition, Severity


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


class Letters(Protocol):
    """Writes to people, in the caller's transaction."""

    def write(
        self,
        transaction: Transaction,
        *,
        lookup_keys: Collection[bytes],
        template: LetterTemplate,
        facts: Mapping[str, str],
        incident: IncidentId | None,
        furnisher: MemberId | None,
        now: datetime,
        given_by: Mapping[bytes, datetime],
    ) -> object:
        """Promises a letter, to a contact the person gave by then or by the furnisher as
        messenger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summons:
    """The case a jury is to decide."""

    appeal: AppealId
    incident: IncidentId
    furnisher: MemberId
    severity: Severity
    edition: Edition
    appellant: Set[bytes] = field(repr=False)


class Jury(Protocol):
    """The second tier; its verdict comes back through `JuryVerdicts`."""

    def convene(self, transaction: Transaction, summons: Summons, now: datetime) -> bool:
        """Begins to draw a jury; False: none can sit for this case, staff decides."""

    def run_out(self, transaction: Transaction, appeal: AppealId, now: datetime) -> None:
        """Ends what has no time left, and sends the appeal to staff where no verdict is."""

    def takes_evidence(self, transaction: Transaction, appeal: AppealId, now: datetime) -> bool:
        """Whether the evidence window of the appeal's jury is open: before anyone may vote."""
