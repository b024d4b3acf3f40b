"""Files reports that came together: the rules of a single report, the statements of one."""

from collections.abc import Sequence
from datetime import datetime

from registry.database.bulk import RowTaken
from registry.database.transaction import Transaction
from registry.identity.keyring import Keyring
from registry.incidents.bulk_filing import FilingParts
from registry.incidents.filer import Accepted, Receipts, in_order, member_of
from registry.incidents.intake import Taken
from registry.incidents.model import Incident, Report
from registry.incidents.proving import require_proof
from registry.incidents.recording import Actor
from registry.kernel.problems import Problem
from registry.rulebook.model import Rulebook


class NotAllNew(Exception):
    """One of the reports may have been filed, or its incident removed, before."""


class GatheredFiler:
    """Files new reports of any number of members, each for itself."""

    def __init__(self, *, rulebook: Rulebook, keyring: Keyring, parts: FilingParts) -> None:
        self._rulebook = rulebook
        self._keyring = keyring
        self._parts = parts

    def file(
        self, transaction: Transaction, reports: Sequence[tuple[Actor, Report]], now: datetime
    ) -> list[Incident | Problem]:
        """An incident or a refusal for each report, in their order.

        Raises: NotAllNew; nothing is kept then, and each is for `Incidents.report`, which
        tells a repetition from another report and asks more of what was removed before.
        """
        taken = [(actor, self._parts.intake.take(report)) for actor, report in reports]
        self._require_new(transaction, taken)
        lacking = [self._lacking(each, now) for _, each in taken]
        accepted = [
            (actor, Accepted(taken=each))
            for (actor, each), problem in zip(taken, lacking, strict=True)
            if problem is None
        ]
        batch = self._parts.filer.make(accepted, Receipts.SIGNED, now)
        if accepted:
            try:
                self._parts.filer.file_all(transaction, in_order(batch), now)
            except RowTaken:
                # A call with one of these references was committed since our look.
                raise NotAllNew from None
        filed = iter(batch.news)
        return [problem or next(filed).incident for problem in lacking]

    def _require_new(self, transaction: Transaction, taken: Sequence[tuple[Actor, Taken]]) -> None:
        """Raises: NotAllNew."""
        names = [(member_of(actor), each.report.reference) for actor, each in taken]
        marks = {
            mark
            for actor, each in taken
            for mark in self._parts.reinsertion.marks_asked(
                member_of(actor), each.report.filing, each.lookup_keys
            )
        }
        if (
            len(set(names)) < len(names)
            or self._parts.removal.is_any_reference_known(transaction, names)
            or self._parts.reinsertion.is_any_known(transaction, sorted(marks))
        ):
            raise NotAllNew

    def _lacking(self, taken: Taken, now: datetime) -> Problem | None:
        """What a report lacks to be proved."""
        try:
            require_proof(taken.report, self._rulebook.current, self._keyring, now)
        except Problem as problem:
            return problem
        return None
