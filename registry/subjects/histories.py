"""A person's history: who looked, why, what became of it; what was filed; each with its proof.

Of an identifier held only since a day, entries from before are an earlier holder's and not
shown; of an incident that may be an earlier holder's, no entry is, whenever it was made. An
entry about several identities is opened whole only to whoever has proved them all: the seeds
of others stay closed, and so do ids of incidents that are not the person's.
"""

import heapq
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from registry.database.transaction import Transaction
from registry.incidents.service import Incidents
from registry.kernel.clock import parse_instant
from registry.kernel.ids import IncidentId
from registry.ledger.contents import Contents, Settled, header_of, seeds_of, subject_of
from registry.ledger.history import History, SubjectHistory
from registry.ledger.model import Log, Opening
from registry.lookups.model import may_have_changed_hands
from registry.members.service import Directory
from registry.rulebook.calendar import day_begins_at, exact_duration, local_date
from registry.rulebook.model import Edition
from registry.subjects.model import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An entry about the person; `is_opened_whole` False: only who acted is shown."""

    settled: Settled
    opening: Opening
    member_name: str | None
    is_opened_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Some entries, oldest first, and the id to go on after."""

    entries: tuple[HistoryEntry, ...]
    next_after: UUID | None
    earlier_holder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """Reads the logs for the people they are about."""

    edition: Edition
    contents: Contents
    incidents: Incidents
    directory: Directory
    history: SubjectHistory

    def page(
        self, transaction: Transaction, subject: Subject, *, after: UUID | None, items_max: int
    ) -> HistoryPage:
        """The next entries about the person that have their place in a log."""
        self.directory.refresh(transaction)
        # Of each identity as many as the page has: together they hold its first ones.
        found = [
            self.contents.about(transaction, key, after=after, entries_max=items_max + 1)
            for key in subject.lookup_keys
        ]
        merged = list(dict.fromkeys(heapq.merge(*found)))[: items_max + 1]
        shown = merged[:items_max]
        settled = self.contents.of(transaction, shown)
        openings = [
            (settled[each], opening)
            for each in shown
            if each in settled and (opening := settled[each].opening) is not None
        ]
        named = [_incidents_in(opening) for _, opening in openings]
        others = self._not_theirs(transaction, subject, set().union(*named))
        opened = [
            self._entry(each, opening, subject, about & others)
            for (each, opening), about in zip(openings, named, strict=True)
        ]
        own = tuple(each for each in opened if each is not None)
        return HistoryPage(
            entries=own,
            next_after=shown[-1] if len(merged) > items_max else None,
            earlier_holder=len(own) < len(opened),
        )

    def statements(
        self, transaction: Transaction, subject: Subject, now: datetime
    ) -> Sequence[History]:
        """Everything about the person, signed: one statement for each day they hold since."""
        trusted = self.edition.deadlines.verification_trusted
        return [
            self.history.of(
                transaction,
                sorted(
                    {each.seed for each in subject.identities if each.held_since_on == held_since}
                ),
                now,
                since=day_begins_at(held_since - exact_duration(trusted), self.edition),
            )
            for held_since in sorted({each.held_since_on for each in subject.identities})
        ]

    def _not_theirs(
        self, transaction: Transaction, subject: Subject, named: Set[IncidentId]
    ) -> set[IncidentId]:
        """Those of these incidents that may be an earlier holder's of every identity."""
        filed = self.incidents.own.verified_of(transaction, subject.lookup_keys, named)
        return {
            incident
            for incident, verified_on in filed.items()
            if all(
                may_have_changed_hands(
                    held_since_on=each.held_since_on,
                    last_verified_on=verified_on[each.lookup_key],
                    edition=self.edition,
                )
                for each in subject.identities
                if each.lookup_key in verified_on
            )
        }

    def _entry(
        self, settled: Settled, opening: Opening, subject: Subject, others: Set[IncidentId]
    ) -> HistoryEntry | None:
        """`others` are the incidents it names that are not theirs; None: nor is the entry."""
        seeds, header = set(seeds_of(opening)), header_of(opening)
        # "Not me" is the person's own act, though the incident never was.
        is_own_act = header.get("by") == "subject"
        if others and not is_own_act and settled.place.shard.log is Log.INCIDENTS:
            return None
        made_on = local_date(parse_instant(header["at"]), self.edition)
        is_theirs = any(
            each.seed in seeds
            and not may_have_changed_hands(
                held_since_on=each.held_since_on, last_verified_on=made_on, edition=self.edition
            )
            for each in subject.identities
        )
        if not is_theirs:
            return None
        member = None if opening.member is None else self.directory.member(opening.member)
        return HistoryEntry(
            settled=settled,
            opening=opening,
            member_name=None if member is None else member.name,
            is_opened_whole=seeds <= set(subject.seeds) and not others,
        )


def _incidents_in(opening: Opening) -> set[IncidentId]:
    """The incidents an entry says it is about, or was answered with."""
    about = subject_of(opening)
    many = about.get("incidents", [])
    return {IncidentId(each) for each in [about.get("incident"), *many] if each is not None}
