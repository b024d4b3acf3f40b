"""Files the lines of an import: the rules of a single report, the statements of a thousand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from registry.database.transaction import Transaction
from registry.identity.keyring import Keyring
from registry.incidents import removal_store, store
from registry.incidents.filer import Accepted, Filer, Receipts, in_order
from registry.incidents.import_model import LINE_BYTES_MAX, LineProblem, LineTooLong
from registry.incidents.intake import Intake, Taken
from registry.incidents.model import ReferenceTaken, Report
from registry.incidents.proving import require_proof
from registry.incidents.recording import Actor
from registry.incidents.reinsertion import Reinsertion
from registry.incidents.removal import REFERENCE_ERASED, Removal
from registry.kernel.ids import MemberId
from registry.kernel.problems import Problem
from registry.rulebook.model import Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an import, and its number from 1."""

    number: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A line, read: what it takes to file it, or what is wrong with it.

    `removal_mark` and `reinsertion_marks` are by what it is known whether something like
    it was removed.
    """

    number: int
    read: Taken | Problem
    removal_mark: bytes = b""
    reinsertion_marks: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingParts:
    """What single reports are filed with, and many alike."""

    intake: Intake
    filer: Filer
    removal: Removal
    reinsertion: Reinsertion


class BulkFiler:
    """Decides on many reports with a few looks, and files those that may be.

    `read` is the wire: a line's bytes as a report. It raises a Problem.
    """

    def __init__(
        self,
        *,
        read: Callable[[bytes], Report],
        rulebook: Rulebook,
        keyring: Keyring,
        parts: FilingParts,
    ) -> None:
        self._read = read
        self._rulebook = rulebook
        self._keyring = keyring
        self._intake = parts.intake
        self._filer = parts.filer
        self._removal = parts.removal
        self._reinsertion = parts.reinsertion

    def prepare(self, furnisher: MemberId, lines: Sequence[Line]) -> list[Prepared]:
        """All of the work that needs neither database nor time."""
        return [self._prepare(furnisher, line) for line in lines]

    def file(
        self, transaction: Transaction, actor: Actor, prepared: Sequence[Prepared]
    ) -> tuple[int, int, list[LineProblem]]:
        """Files what may be filed: how many were, how many had been before, what is refused.

        Lines are decided on in their order: of two with one reference the later is a
        repetition, or refused. Raises: RowTaken, where another call just took a
        reference; nothing is filed then.
        """
        assert actor.member is not None, "members report, the registry never does"
        taken = [each for each in prepared if isinstance(each.read, Taken)]
        known = store.digests_by_reference(
            transaction, actor.member, sorted({_taken(each).report.reference for each in taken})
        )
        marks = sorted({each.removal_mark for each in taken})
        erased = removal_store.marks_removed(transaction, actor.member, marks)
        removed = self._reinsertion.removed_among(
            transaction, sorted({mark for each in taken for mark in each.reinsertion_marks})
        )
        accepted: list[Accepted] = []
        refused: list[LineProblem] = []
        repeated = 0
        for each in prepared:
            try:
                report = _taken(each).report
                digest = known.get(report.reference)
                if digest is not None:
                    if digest != _taken(each).digest:
                        raise ReferenceTaken
                    repeated += 1
                    continue
                if each.removal_mark in erased:
                    raise ReferenceTaken(REFERENCE_ERASED)
                accepted.append(self._accept(each, actor, removed))
                known[report.reference] = _taken(each).digest
            except Problem as problem:
                refused.append(_line_problem(each, problem))
        if accepted:
            filings = [(actor, each) for each in accepted]
            batch = self._filer.make(filings, Receipts.PROMISED, actor.now)
            self._filer.file_all(transaction, in_order(batch), actor.now)
        return len(accepted), repeated, refused

    def _prepare(self, furnisher: MemberId, line: Line) -> Prepared:
        try:
            if len(line.data) > LINE_BYTES_MAX:
                raise LineTooLong
            report = self._read(line.data)
        except Problem as problem:
            return Prepared(number=line.number, read=problem)
        taken = self._intake.take(report)
        return Prepared(
            number=line.number,
            read=taken,
            removal_mark=self._removal.mark_of(furnisher, report.reference),
            reinsertion_marks=self._reinsertion.marks_asked(
                furnisher, report.filing, taken.lookup_keys
            ),
        )

    def _accept(
        self, prepared: Prepared, actor: Actor, removed: Mapping[bytes, datetime]
    ) -> Accepted:
        """The line as one that may be filed. Raises: FilingIncomplete, ReinsertionRefused."""
        taken, edition = _taken(prepared), self._rulebook.current
        require_proof(taken.report, edition, self._keyring, actor.now)
        removed_at = max(
            (removed[mark] for mark in prepared.reinsertion_marks if mark in removed), default=None
        )
        if removed_at is None:
            return Accepted(taken=taken)
        not_before = self._reinsertion.effective_not_before(taken.report, removed_at, edition)
        return Accepted(taken=taken, not_before=not_before)


def _taken(prepared: Prepared) -> Taken:
    """The report of a line. Raises: the problem it has instead."""
    if isinstance(prepared.read, Problem):
        raise prepared.read
    return prepared.read


def _line_problem(prepared: Prepared, problem: Problem) -> LineProblem:
    is_read = isinstance(prepared.read, Taken)
    return LineProblem(
        line=prepared.number,
        reference=_taken(prepared).report.reference if is_read else None,
        slug=problem.slug(),
        detail=problem.detail,
        errors=problem.errors,
    )
