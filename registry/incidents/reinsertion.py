"""What was removed does not come back unseen.

An incident that was overturned, withdrawn or erased by order may be filed again, under
whatever reference and by whichever member of the reporter group, only when somebody
certifies it anew and the subject has been told since; it then has effect when that notice
has run. So may the very same act, order and all, by any member. No amendment makes it of
another incident. It is known again by marks under the pepper, which tell nothing to whoever
has the database.
Source: RULEBOOK 3 (reinsertion); FCRA 611(a)(5)(B); docs/decisions/0087.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.identity.protection import Protector
from registry.incidents.model import Incident, ReinsertionRefused, Report
from registry.kernel.ids import MemberId
from registry.kernel.problems import FieldError
from registry.members.service import Directory
from registry.rulebook.calendar import due_at, local_date
from registry.rulebook.filing import Filing
from registry.rulebook.model import Edition

reinsertion_marks = sa.Table(
    "reinsertion_marks",
    metadata,
    sa.Column("mark", sa.LargeBinary(32), primary_key=True),
    sa.Column("removed_at", Instant, nullable=False),
    # From then on the same act is too old to be filed.
    sa.Column("expires_on", sa.Date, nullable=False, index=True),
)

_AMENDED_TO_IT = FieldError(
    pointer="",
    code="amended_to_removed",
    detail="What the amendment makes of it was removed before: report that, certified anew.",
)
_ASKED_MAX = 500
_KNOWN = "SELECT 1 FROM reinsertion_marks WHERE mark {is_one} LIMIT 1"


class Reinsertion:
    """Remembers what was removed, and asks for more before it is filed again."""

    def __init__(self, *, protector: Protector, directory: Directory) -> None:
        self._protector = protector
        self._directory = directory

    def remember(
        self,
        transaction: Transaction,
        incident: Incident,
        lookup_keys: Collection[bytes],
        now: datetime,
    ) -> None:
        """Notes that an incident was removed; noted before: the later time counts."""
        marks = self.marks_of(incident.furnisher, incident.filing, lookup_keys)
        later = sa.update(reinsertion_marks).where(reinsertion_marks.c.mark.in_(marks))
        transaction.execute(later.values(removed_at=now, expires_on=incident.expires_on))
        for mark in marks:
            values = {"mark": mark, "removed_at": now, "expires_on": incident.expires_on}
            transaction.execute(insert_if_absent(transaction, reinsertion_marks, values))

    def marks_of(
        self, furnisher: MemberId, filing: Filing, lookup_keys: Collection[bytes]
    ) -> list[bytes]:
        """The marks a filing leaves when it is removed."""
        return sorted(set(self._marks([furnisher], filing, lookup_keys)))

    def marks_asked(
        self, furnisher: MemberId, filing: Filing, lookup_keys: Collection[bytes]
    ) -> list[bytes]:
        """The marks of all that a filing would bring back if it had been removed."""
        group = self._directory.members_of(self._directory.group_of(furnisher))
        return sorted(set(self._marks(group, filing, lookup_keys)))

    def removed_among(
        self, transaction: Transaction, marks: Sequence[bytes]
    ) -> Mapping[bytes, datetime]:
        """When what left these marks was removed; as a rule nothing did."""
        found: dict[bytes, datetime] = {}
        for start in range(0, len(marks), _ASKED_MAX):
            some = marks[start : start + _ASKED_MAX]
            if not _is_any_known(transaction, some):
                continue
            columns = reinsertion_marks.c
            select = sa.select(columns.mark, columns.removed_at).where(columns.mark.in_(some))
            found.update((bytes(row.mark), row.removed_at) for row in transaction.execute(select))
        return found

    def is_any_known(self, transaction: Transaction, marks: Sequence[bytes]) -> bool:
        """Whether something that left one of these marks was removed."""
        some = (marks[at : at + _ASKED_MAX] for at in range(0, len(marks), _ASKED_MAX))
        return any(_is_any_known(transaction, each) for each in some)

    def require_not_brought_back(
        self,
        transaction: Transaction,
        before: Incident,
        filing: Filing,
        lookup_keys: Collection[bytes],
    ) -> None:
        """Lets an incident be amended to `filing` that is not what was removed.

        Nothing certifies an amendment anew. What the incident was before, certified by then,
        it may stay, and be more like. Raises: ReinsertionRefused.
        """
        asked = self.marks_asked(before.furnisher, filing, lookup_keys)
        found = self.removed_among(transaction, asked)
        if not found:
            return
        known = self.marks_asked(before.furnisher, before.filing, lookup_keys)
        # The marks of one removal are of one instant.
        if set(found.values()) - set(self.removed_among(transaction, known).values()):
            raise ReinsertionRefused(errors=[_AMENDED_TO_IT])

    def effective_not_before(
        self, report: Report, removed_at: datetime, edition: Edition
    ) -> datetime:
        """When a report has effect at the earliest that brings back what was removed then.

        Raises: ReinsertionRefused.
        """
        errors = list(_lacking(report, removed_at, edition))
        if errors:
            raise ReinsertionRefused(errors=errors)
        assert report.filing.notice is not None, "the proof has seen the notice"
        span = edition.deadlines.reinsertion_notice
        return due_at(report.filing.notice.delivered_at, span, edition)

    def forget_expired(self, transaction: Transaction, today: date, rows_max: int) -> int:
        """Deletes up to `rows_max` marks of acts too old by `today` to be filed again; how many."""
        columns = reinsertion_marks.c
        old = sa.select(columns.mark).where(columns.expires_on <= today)
        old = old.order_by(columns.expires_on).limit(rows_max)
        delete = sa.delete(reinsertion_marks).where(columns.mark.in_(old))
        return transaction.execute(delete).rowcount

    def _marks(
        self, furnishers: Collection[MemberId], filing: Filing, lookup_keys: Collection[bytes]
    ) -> Iterator[bytes]:
        """One mark for each way in which a filing may be the same act of the same person."""
        act = f"\x00act\x00{filing.code}\x00{filing.occurred_on.isoformat()}"
        order = None if filing.order is None else f"\x00order\x00{filing.order}"
        for key in lookup_keys:
            for furnisher in furnishers:
                who = f"reinsertion\x00{furnisher}\x00".encode() + key
                yield self._protector.mark(who + act.encode())
                if order is not None:
                    yield self._protector.mark(who + order.encode())
            if order is not None:
                anyone = b"reinsertion by anyone\x00" + key
                yield self._protector.mark(anyone + act.encode() + order.encode())


def _is_any_known(transaction: Transaction, marks: Sequence[bytes]) -> bool:
    cursor = transaction.hot_cursor()
    if transaction.is_sqlite:
        places = ", ".join("?" * len(marks))
        cursor.execute(_KNOWN.format(is_one=f"IN ({places})"), marks)
    else:
        cursor.execute(_KNOWN.format(is_one="= ANY(%s)"), [list(marks)])
    return cursor.fetchone() is not None


def _lacking(report: Report, removed_at: datetime, edition: Edition) -> Iterator[FieldError]:
    certified = report.recertification
    if certified is None:
        yield FieldError(
            pointer="/recertification",
            code="recertification_missing",
            detail="This was removed before: who certifies anew that it is accurate and complete?",
        )
    elif certified.certified_on < local_date(removed_at, edition):
        yield FieldError(
            pointer="/recertification/certified_on",
            code="certified_before_removal",
            detail="The certification is older than the removal.",
        )
    notice = report.filing.notice
    if notice is None or notice.delivered_at < removed_at:
        yield FieldError(
            pointer="/notice/delivered_at",
            code="notice_before_removal",
            detail="The subject must have been told since the removal that it is filed again.",
        )
