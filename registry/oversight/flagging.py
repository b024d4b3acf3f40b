"""Judges every day once by every rule, in order, as soon as the index covers it.

Whoever was away for days finds them where they were left: each step is a few windows of
a rule and a day, and goes on where the last one committed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto

from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.kernel.ids import new_uuid
from registry.ledger.model import RecordType
from registry.oversight import case_store, day_store, tally_store
from registry.oversight.flags import Flagger, is_more
from registry.oversight.indexing import COMMITTED_AFTER, Indexer
from registry.oversight.model import Case, Coverage, Disposition, Flag
from registry.oversight.recording import Recorder, require_supervision
from registry.rulebook.calendar import day_begins_at, local_date
from registry.rulebook.model import Edition

# How far back a version of the rules looks when it is new.
LOOK_BACK_DAYS_MAX = 31
# What one call of a supervisor judges: four days by eight rules; and a step of the job.
WINDOWS_AT_ONCE_MAX = 32
WINDOWS_A_STEP_MAX = 8
# And how many finds: a day may have more than a job's lease is long, or an answer.
FINDS_AT_ONCE_MAX = 500
FINDS_A_STEP_MAX = 200
_DAY = timedelta(days=1)


class Progress(Enum):
    """What a step did, and so when the next one comes."""

    CAME_FORWARD = auto()
    WAITS = auto()
    IS_COMPLETE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The cases a supervisor's call opened, and how far the rules have judged.

    Every rule has judged every day before `until_at`; `is_complete`: no day that has
    ended is left.
    """

    cases: tuple[Case, ...]
    until_at: datetime
    is_complete: bool
    coverage: tuple[Coverage, ...]
    covered_until: datetime
    receipt: str


class Flagging:
    """Applies the rules to the days that have ended, and opens cases for what they find."""

    def __init__(
        self, *, flagger: Flagger, indexer: Indexer, recorder: Recorder, edition: Edition
    ) -> None:
        self._flagger = flagger
        self._indexer = indexer
        self._recorder = recorder
        self._edition = edition

    def step(self, transaction: Transaction, now: datetime, entries_max: int) -> Progress:
        """Judges some windows; indexes up to `entries_max` entries where none is covered yet.

        It waits for no more of the index than the window needs: a log that grows all the
        time keeps no rule from its day.
        """
        days = day_store.next_days(transaction, self._flagger.version)
        is_begun = days.keys() >= set(self._flagger.rules)
        if is_begun and self._is_complete(days, now):
            return Progress.IS_COMPLETE
        covered = self._covered(transaction, now)
        # The index comes forward only where no day is held: nobody waits crosswise.
        if is_begun and not _is_any_ready(days, covered):
            if self._indexer.step(transaction, entries_max):
                return Progress.CAME_FORWARD
            # Another may have indexed what was left while this one waited for its turn.
            is_ready = _is_any_ready(days, self._covered(transaction, now))
            return Progress.CAME_FORWARD if is_ready else Progress.WAITS
        # Crash point: cases and the day they are of are one transaction; nothing is judged twice.
        self._judge(
            transaction,
            now,
            covered,
            windows_max=WINDOWS_A_STEP_MAX,
            finds_max=FINDS_A_STEP_MAX,
        )
        return Progress.CAME_FORWARD

    def run(self, call: Call) -> Judged:
        """At a supervisor's wish and on the record: the next windows, as far as is covered."""
        require_supervision(call)
        transaction, now = call.transaction, call.now
        self._indexer.catch_up(transaction)
        covered = self._covered(transaction, now)
        cases = self._judge(
            transaction,
            now,
            covered,
            windows_max=WINDOWS_AT_ONCE_MAX,
            finds_max=FINDS_AT_ONCE_MAX,
        )
        days = day_store.next_days(transaction, self._flagger.version)
        counted = frozenset[RecordType]().union(*map(self._flagger.counted, covered))
        return Judged(
            cases=tuple(cases),
            until_at=day_begins_at(min(days[rule] for rule in covered), self._edition),
            is_complete=self._is_complete(days, now),
            coverage=tuple(self._indexer.coverage(transaction)),
            covered_until=self._indexer.covered_until(transaction, now, counted),
            receipt=self._recorder.record(call, "flags", {"results": len(cases)}),
        )

    def _judge(
        self,
        transaction: Transaction,
        now: datetime,
        covered: Mapping[str, date],
        *,
        windows_max: int,
        finds_max: int,
    ) -> list[Case]:
        """The cases of the next windows that are covered; each rule's days in order.

        Where there are more finds than `finds_max`, the next step goes on behind them.
        """
        version = self._flagger.version
        days = day_store.hold(transaction, version)
        if not days.keys() >= covered.keys():
            first = self._first_day(transaction, now, min(covered.values()))
            day_store.begin(transaction, version, list(covered), first)
            days = day_store.hold(transaction, version)
        cases: list[Case] = []
        for _ in range(windows_max):
            ready = [rule for rule in covered if days[rule] < covered[rule]]
            if not ready:
                break
            rule = min(ready, key=lambda each: days[each])
            seen = day_store.seen(transaction, version, rule)
            found = self._flagger.find(
                transaction, rule, days[rule], after=seen, finds_max=finds_max
            )
            cases += self._raise(transaction, found.flags, now)
            if not found.is_all:
                day_store.move(transaction, version, rule, days[rule], seen=seen + found.seen)
                break
            days[rule] = self._flagger.next_day(transaction, rule, days[rule], covered[rule])
            day_store.move(transaction, version, rule, days[rule])
            finds_max -= found.seen
            if not finds_max:
                break
        return cases

    def _raise(
        self, transaction: Transaction, flags: Collection[Flag], now: datetime
    ) -> list[Case]:
        """The cases that these finds open.

        What was found in a window that shares days with theirs is the same find: its case
        becomes longer while it is open, and once it is disposed of it is not opened anew
        for the very same facts.
        """
        wanted = {key for flag in flags for key in flag.overlapping}
        earlier = case_store.raised(transaction, wanted)
        opened = []
        for flag in flags:
            before = next((earlier[key] for key in flag.overlapping if key in earlier), None)
            if before is not None and before.disposition is Disposition.OPEN:
                # The facts are those of the window in which most was found.
                most = flag if is_more(flag, before.flag) else before.flag
                case_store.extend(transaction, before.id, replace(flag, facts=most.facts))
            elif before is None or before.flag.facts != flag.facts:
                case = Case(
                    id=new_uuid(now), flag=flag, opened_at=now, disposition=Disposition.OPEN
                )
                if case_store.add(transaction, case):
                    opened.append(case)
        return opened

    def _first_day(self, transaction: Transaction, now: datetime, covered: date) -> date:
        """Where new rules begin: with the oldest entry, but not for ever back."""
        oldest_at = tally_store.first_at(transaction, RecordType, datetime.fromtimestamp(0, UTC))
        oldest = covered if oldest_at is None else local_date(oldest_at, self._edition)
        return max(min(oldest, covered), self._end(now) - LOOK_BACK_DAYS_MAX * _DAY)

    def _end(self, now: datetime) -> date:
        """The first day that has not ended, with all that is still on its way into the log."""
        return local_date(now - COMMITTED_AFTER, self._edition)

    def _is_complete(self, days: Mapping[str, date], now: datetime) -> bool:
        end = self._end(now)
        return all(days[rule] >= end for rule in self._flagger.rules)

    def _covered(self, transaction: Transaction, now: datetime) -> dict[str, date]:
        """By rule the first day of which the index may lack something that it counts."""
        kinds = {rule: self._flagger.counted(rule) for rule in self._flagger.rules}
        until = self._indexer.covered_untils(transaction, now, set(kinds.values()))
        return {rule: local_date(until[each], self._edition) for rule, each in kinds.items()}


def _is_any_ready(days: Mapping[str, date], covered: Mapping[str, date]) -> bool:
    return any(days[rule] < covered[rule] for rule in covered)
