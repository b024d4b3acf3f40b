"""How reliable furnishers have proved: appeals counted, and forgotten month by month.

In whole millionths, so that everyone who holds the numbers computes the same. Source:
RULEBOOK 4 (reliability).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from registry.database.transaction import Transaction
from registry.http.caller import Scope
from registry.jobs.kinds import Periodic, Share
from registry.jobs.model import Again, Job
from registry.kernel.ids import MemberId
from registry.members import store
from registry.members.model import PPM, Member, reliability_ppm
from registry.members.service import Members
from registry.rulebook.model import ReliabilityPrior

UNRELIABLE = "appeals: too many incidents overturned"
FORGET = "members.forget_appeals"
_MEMBERS_AT_ONCE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Decided appeals against one furnisher's incidents."""

    upheld: int = 0
    overturned: int = 0


class Reliability:
    """Counts decided appeals, and takes reporting from whom they show to be unreliable."""

    def __init__(self, *, members: Members, prior: ReliabilityPrior) -> None:
        self._members = members
        self._prior = prior

    @property
    def kinds(self) -> tuple[Periodic]:
        """The work of forgetting."""
        return (Periodic(kind=FORGET, every=timedelta(days=1), run=self._forget, share=Share.BULK),)

    def count(
        self, transaction: Transaction, counted: Mapping[MemberId, Counted], now: datetime
    ) -> None:
        """Counts decided appeals; nothing is written after it that others wait for.

        It holds the directory's row: it comes last in its transaction.
        """
        if not counted:
            return
        store.lock_and_bump(transaction)
        for member in sorted(counted):
            before = forgotten(self._members.get(transaction, member), self._prior, now)
            after = replace(
                before,
                upheld_ppm=before.upheld_ppm + counted[member].upheld * PPM,
                overturned_ppm=before.overturned_ppm + counted[member].overturned * PPM,
                appeals_counted_at=now,
            )
            store.set_appeals(transaction, after)
            # Whom the operator has let report again is not stopped by what speaks for it.
            is_worse = counted[member].overturned > 0
            if is_worse and self._ppm(after) < self._prior.reporting_min_ppm:
                self._members.withhold(transaction, member, Scope.REPORT, UNRELIABLE, now)

    def _forget(self, transaction: Transaction, _job: Job, now: datetime) -> Again | None:
        """Forgets what the turn of the month has made older."""
        turn = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        due = store.list_counted_before(transaction, turn, members_max=_MEMBERS_AT_ONCE_MAX)
        if not due:
            return None
        store.lock_and_bump(transaction)
        for each in due:
            # Read again under the lock: an appeal may have been counted meanwhile.
            standing = self._members.get(transaction, each.id)
            store.set_appeals(transaction, forgotten(standing, self._prior, now))
        return Again(run_at=now) if len(due) == _MEMBERS_AT_ONCE_MAX else None

    def _ppm(self, member: Member) -> int:
        return reliability_ppm(
            upheld_ppm=member.upheld_ppm,
            overturned_ppm=member.overturned_ppm,
            prior=self._prior,
        )


def forgotten(member: Member, prior: ReliabilityPrior, now: datetime) -> Member:
    """The member with what every turn of a month since the last count has left of its appeals.

    Months turn in UTC, so that it makes no difference when, or how often, this is done.
    """
    since = member.appeals_counted_at
    months = 0 if since is None else _month(now) - _month(since)
    if months <= 0:
        return member
    upheld, overturned = member.upheld_ppm, member.overturned_ppm
    while months > 0 and upheld + overturned > 0:
        months -= 1
        upheld = upheld * prior.monthly_forgetting_ppm // PPM
        overturned = overturned * prior.monthly_forgetting_ppm // PPM
    return replace(member, upheld_ppm=upheld, overturned_ppm=overturned, appeals_counted_at=now)


def _month(instant: datetime) -> int:
    utc = instant.astimezone(UTC)
    return utc.year * 12 + utc.month
