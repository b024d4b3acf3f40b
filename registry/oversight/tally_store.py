"""What the rules that raise cases count in the index."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.kernel.ids import MemberId
from registry.ledger.model import RecordType
from registry.oversight.store import made_within, oversight_index, oversight_subjects

_ENTRIES_AT_ONCE_MAX = 1000
_index = oversight_index.c
_subjects = oversight_subjects.c
_about = oversight_index.join(oversight_subjects, _subjects.entry_id == _index.entry_id)


def first_at(
    transaction: Transaction, record_types: Iterable[RecordType], from_at: datetime
) -> datetime | None:
    """When the first entry of these types was made, from an instant on; None: there is none."""
    # One look into the index for each type; over several at once it would read them all.
    found = [
        transaction.execute(
            sa.select(_index.at)
            .where(_index.record_type == int(each), _index.at >= from_at)
            .order_by(_index.at)
            .limit(1)
        ).scalar()
        for each in record_types
    ]
    return min((each for each in found if each is not None), default=None)


def count_by_member(
    transaction: Transaction,
    record_types: Iterable[RecordType],
    windows: Sequence[tuple[datetime, datetime]],
    match: str | None = None,
) -> Mapping[MemberId, int]:
    """How many entries of these types each member made in these windows together."""
    within = sa.or_(*(sa.and_(_index.at >= low, _index.at < high) for low, high in windows))
    select = sa.select(_index.member_id, sa.func.count().label("entries")).where(
        _index.record_type.in_([int(each) for each in record_types]),
        _index.member_id.is_not(None),
        within,
    )
    if match is not None:
        select = select.where(_index.match == match)
    rows = transaction.execute(select.group_by(_index.member_id))
    return {MemberId(row.member_id): row.entries for row in rows}


def usual_by_member(
    transaction: Transaction,
    record_types: Iterable[RecordType],
    *,
    from_at: datetime,
    until_at: datetime,
) -> Mapping[MemberId, tuple[int, datetime]]:
    """How many entries of these types each member made in a window, and when the first."""
    select = (
        sa.select(
            _index.member_id,
            sa.func.count().label("entries"),
            sa.func.min(_index.at).label("first_at"),
        )
        .where(*made_within(record_types, from_at, until_at), _index.member_id.is_not(None))
        .group_by(_index.member_id)
    )
    return {
        MemberId(row.member_id): (row.entries, row.first_at) for row in transaction.execute(select)
    }


def agents_with_many_subjects(
    transaction: Transaction, *, from_at: datetime, until_at: datetime, subjects_max: int
) -> list[tuple[MemberId, str, int]]:
    """Member, agent and count where an agent asked for more different subjects than this."""
    subjects = sa.func.count(_index.subject.distinct())
    select = (
        sa.select(_index.member_id, _index.agent, subjects.label("subjects"))
        .where(*made_within([RecordType.LOOKUP], from_at, until_at), _index.agent.is_not(None))
        .group_by(_index.member_id, _index.agent)
        .having(subjects > subjects_max)
        .order_by(_index.member_id, _index.agent)
    )
    return [
        (MemberId(row.member_id), row.agent, row.subjects) for row in transaction.execute(select)
    ]


def subjects_asked_often(
    transaction: Transaction, *, from_at: datetime, until_at: datetime, lookups_max: int
) -> list[tuple[MemberId, bytes, int]]:
    """Member, subject and count where one member asked for one subject more often than this."""
    lookups = sa.func.count()
    select = (
        sa.select(_index.member_id, _subjects.subject, lookups.label("lookups"))
        .select_from(_about)
        .where(*made_within([RecordType.LOOKUP], from_at, until_at))
        .group_by(_index.member_id, _subjects.subject)
        .having(lookups > lookups_max)
        .order_by(_index.member_id, lookups.desc(), _subjects.subject)
    )
    return [
        (MemberId(row.member_id), bytes(row.subject), row.lookups)
        for row in transaction.execute(select)
    ]


def subjects_asked_by_many(
    transaction: Transaction, *, from_at: datetime, until_at: datetime, members_max: int
) -> list[tuple[bytes, int]]:
    """Subject and count where more different members asked for one subject than this."""
    members = sa.func.count(_index.member_id.distinct())
    select = (
        sa.select(_subjects.subject, members.label("members"))
        .select_from(_about)
        .where(*made_within([RecordType.LOOKUP], from_at, until_at))
        .group_by(_subjects.subject)
        .having(members > members_max)
        .order_by(sa.func.count().desc(), _subjects.subject)
    )
    return [(bytes(row.subject), row.members) for row in transaction.execute(select)]


def is_within_another(
    transaction: Transaction,
    subject: bytes,
    *,
    from_at: datetime,
    until_at: datetime,
    member: MemberId | None = None,
) -> bool:
    """Whether every lookup of a subject in a window was about another one too, that has more.

    Of two that were asked for together every time, the second is within the first.
    """
    own, other = oversight_subjects.alias("own"), oversight_subjects.alias("other")
    within = made_within([RecordType.LOOKUP], from_at, until_at)
    if member is not None:
        within = [*within, _index.member_id == member]
    named = sa.func.count()
    select = (
        sa.select(other.c.subject, named.label("named"))
        .select_from(own)
        .join(oversight_index, _index.entry_id == own.c.entry_id)
        .join(other, other.c.entry_id == own.c.entry_id)
        .where(own.c.subject == subject, *within)
        .group_by(other.c.subject)
    )
    together = {bytes(row.subject): int(row.named) for row in transaction.execute(select)}
    lookups = together.pop(subject, 0)
    always = [each for each, times in together.items() if times == lookups]
    if any(each < subject for each in always):
        return True
    about = sa.select(named).select_from(_about).where(*within)
    return any(
        transaction.execute(about.where(_subjects.subject == each)).scalar_one() > lookups
        for each in always
    )


def looked_at_after_dispute(
    transaction: Transaction, *, from_at: datetime, until_at: datetime, lookups_max: int
) -> list[tuple[bytes, MemberId, int]]:
    """Dispute, member and count where a member asked more often than this after the dispute.

    By any identity that the dispute names; most lookups first, then the oldest dispute.
    """
    dispute, after = oversight_index.alias("dispute"), oversight_index.alias("after")
    named, asked = oversight_subjects.alias("named"), oversight_subjects.alias("asked")
    lookups = sa.func.count(after.c.entry_id.distinct())
    select = (
        sa.select(dispute.c.entry_id, after.c.member_id, lookups.label("lookups"))
        .select_from(dispute)
        .join(named, named.c.entry_id == dispute.c.entry_id)
        .join(asked, asked.c.subject == named.c.subject)
        .join(after, after.c.entry_id == asked.c.entry_id)
        .where(
            dispute.c.record_type == int(RecordType.DISPUTE),
            dispute.c.at >= from_at,
            dispute.c.at < until_at,
            after.c.record_type == int(RecordType.LOOKUP),
            after.c.at >= dispute.c.at,
            after.c.at < until_at,
        )
        .group_by(dispute.c.entry_id, after.c.member_id)
        .having(lookups > lookups_max)
        .order_by(lookups.desc(), dispute.c.entry_id, after.c.member_id)
    )
    return [
        (bytes(row.entry_id), MemberId(row.member_id), row.lookups)
        for row in transaction.execute(select)
    ]


def subjects_of(transaction: Transaction, entries: Collection[bytes]) -> Mapping[bytes, set[bytes]]:
    """Whom each of these entries is about."""
    select = sa.select(_subjects.entry_id, _subjects.subject)
    found: dict[bytes, set[bytes]] = {}
    wanted = sorted(entries)
    for start in range(0, len(wanted), _ENTRIES_AT_ONCE_MAX):
        some = wanted[start : start + _ENTRIES_AT_ONCE_MAX]
        for row in transaction.execute(select.where(_subjects.entry_id.in_(some))):
            found.setdefault(bytes(row.entry_id), set()).add(bytes(row.subject))
    return found
