"""Finds what is worth a look, by versioned rules over the index.

Counts only, and over whole days: the same day always gives the same finds, once the
index covers it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from registry.database.transaction import Transaction
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.ids import MemberId
from registry.ledger.model import RecordType
from registry.oversight import tally_store
from registry.oversight.model import Flag
from registry.oversight.rules_reading import Rules
from registry.rulebook.calendar import day_begins_at, hour_strikes_at, local_date
from registry.rulebook.model import Edition

FINDS_MAX = 500
_DAY = timedelta(days=1)
_LOOKUPS = (RecordType.LOOKUP,)
_ATTEMPTS = (RecordType.LOOKUP, RecordType.REFUSED_LOOKUP)
_VIEWS = (RecordType.SUPERVISOR_VIEW, RecordType.EXPORT)
_MISS = "none"
# Without any of these in its window a rule finds nothing.
_COUNTED: Mapping[str, Sequence[RecordType]] = {
    "volume": _ATTEMPTS,
    "distinct_subjects": _LOOKUPS,
    "same_subject_again": _LOOKUPS,
    "same_subject_by_many": _LOOKUPS,
    "miss_rate": _LOOKUPS,
    "off_hours": _LOOKUPS,
    "after_dispute": _LOOKUPS,
    "supervisor_views": _VIEWS,
}
# A person who is asked for by two identities is one find of these.
_BY_IDENTITY = frozenset({"same_subject_again", "same_subject_by_many"})
# Which fact says how much was found.
_MEASURES = {
    "volume": "lookups",
    "distinct_subjects": "subjects",
    "same_subject_again": "lookups",
    "same_subject_by_many": "members",
    "miss_rate": "misses",
    "off_hours": "lookups_off_hours",
    "after_dispute": "lookups",
    "supervisor_views": "views",
}
_BESIDE = {"after_dispute": frozenset({RecordType.DISPUTE})}

_Numbers = Mapping[str, int]
# Who, about whom, and the counts.
_Finds = Iterator[tuple[MemberId | None, bytes | None, Mapping[str, JsonValue]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Whole days of the edition's zone, the last one complete."""

    first: date
    days: int
    edition: Edition

    @property
    def from_at(self) -> datetime:
        return day_begins_at(self.first, self.edition)

    @property
    def until_at(self) -> datetime:
        return day_begins_at(self.first + self.days * _DAY, self.edition)

    def hours(self, low: int, high: int) -> list[tuple[datetime, datetime]]:
        """The same hours of each of its days, as clocks there show them."""
        days = [self.first + n * _DAY for n in range(self.days)]
        return [
            (hour_strikes_at(day, low, self.edition), hour_strikes_at(day, high, self.edition))
            for day in days
        ]

    def before(self, days: int) -> "_Window":
        """The days that came before it."""
        return _Window(first=self.first - days * _DAY, days=days, edition=self.edition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule finds in a part of a window: `seen` are the finds looked at for it.

    `is_all`: nothing of the window is left.
    """

    flags: tuple[Flag, ...]
    seen: int
    is_all: bool


def is_more(flag: Flag, than: Flag) -> bool:
    """Whether a rule found more, or as much, in the window of one find than in another's."""
    name = _MEASURES[flag.rule]
    found, before = flag.facts[name], than.facts[name]
    assert isinstance(found, int), "what is measured is counted"
    assert isinstance(before, int), "what is measured is counted"
    return found >= before


class Flagger:
    """Applies one version of the rules."""

    def __init__(self, *, rules: Rules, edition: Edition) -> None:
        self._rules = rules
        self._edition = edition

        self._finders = {
            "volume": self._volume,
            "distinct_subjects": self._distinct_subjects,
            "same_subject_again": self._same_subject_again,
            "same_subject_by_many": self._same_subject_by_many,
            "miss_rate": self._miss_rate,
            "off_hours": self._off_hours,
            "after_dispute": self._after_dispute,
            "supervisor_views": self._supervisor_views,
        }

    @property
    def version(self) -> str:
        """The version of the rules."""
        return self._rules.version

    def counted(self, rule: str) -> frozenset[RecordType]:
        """The types of all entries that a rule looks at."""
        return frozenset(_COUNTED[rule]) | _BESIDE.get(rule, frozenset())

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules."""
        return tuple(self._finders)

    def find(
        self,
        transaction: Transaction,
        rule: str,
        day: date,
        *,
        after: int = 0,
        finds_max: int = FINDS_MAX,
    ) -> Found:
        """The next finds of a rule in its window that ends with `day`, behind the first `after`.

        They come in one order, but for what is erased between two calls.
        """
        numbers = self._rules.numbers[rule]
        window = self._window(rule, day)
        finds = self._finders[rule](transaction, window, numbers)
        some = list(islice(finds, after, after + finds_max + 1))
        looked_at = some[:finds_max]
        flags = [
            self._flag(rule, window, member, subject, facts)
            for member, subject, facts in looked_at
            if rule not in _BY_IDENTITY
            or not _is_told_by_another(transaction, window, member, subject)
        ]
        return Found(flags=tuple(flags), seen=len(looked_at), is_all=len(some) == len(looked_at))

    def next_day(self, transaction: Transaction, rule: str, day: date, before: date) -> date:
        """The next day after `day` with anything for a rule in its window; at most `before`."""
        window = self._window(rule, day + _DAY)
        at = tally_store.first_at(transaction, _COUNTED[rule], window.from_at)
        if at is None:
            return before
        return min(max(day + _DAY, self._day(at)), before)

    def _day(self, at: datetime) -> date:
        return local_date(at, self._edition)

    def _window(self, rule: str, last: date) -> _Window:
        days = self._rules.numbers[rule]["window_days"]
        return _Window(first=last - (days - 1) * _DAY, days=days, edition=self._edition)

    def _flag(
        self,
        rule: str,
        window: _Window,
        member: MemberId | None,
        subject: bytes | None,
        facts: Mapping[str, JsonValue],
    ) -> Flag:
        def key(first: date) -> bytes:
            told_apart: list[JsonValue] = [
                self._rules.version,
                rule,
                first.isoformat(),
                member,
                facts.get("agent"),
                None if subject is None else base64url.encode(subject),
            ]
            return hashlib.sha256(canonical_json(told_apart)).digest()

        # The subject is in the keys alone, as a digest: a case names nobody.
        return Flag(
            rules=self._rules.version,
            rule=rule,
            member=member,
            key=key(window.first),
            facts=facts,
            window_from=window.from_at,
            window_until=window.until_at,
            overlapping=tuple(key(window.first - n * _DAY) for n in range(1, window.days)),
        )

    def _volume(self, transaction: Transaction, window: _Window, numbers: _Numbers) -> _Finds:
        counts = _counted(transaction, _ATTEMPTS, [window])
        before = window.before(numbers["baseline_days"])
        usual = tally_store.usual_by_member(
            transaction, _ATTEMPTS, from_at=before.from_at, until_at=before.until_at
        )
        for member, lookups in sorted(counts.items()):
            usually, first_at = usual.get(member, (0, None))
            # Whoever began ten days ago has a baseline of ten days, not a thinner one of 28.
            days = 0 if first_at is None else (window.first - self._day(first_at)).days
            # Compared as whole numbers: lookups / window > times × usually / days.
            is_much = lookups * max(days, 1) > usually * window.days * numbers["times_max"]
            if lookups >= numbers["lookups_min"] and is_much:
                facts = {"lookups": lookups, "lookups_before": usually, "days_before": days}
                yield member, None, facts

    def _distinct_subjects(
        self, transaction: Transaction, window: _Window, numbers: _Numbers
    ) -> _Finds:
        for member, agent, subjects in tally_store.agents_with_many_subjects(
            transaction,
            from_at=window.from_at,
            until_at=window.until_at,
            subjects_max=numbers["subjects_max"],
        ):
            yield member, None, {"agent": agent, "subjects": subjects}

    def _same_subject_again(
        self, transaction: Transaction, window: _Window, numbers: _Numbers
    ) -> _Finds:
        for member, subject, lookups in tally_store.subjects_asked_often(
            transaction,
            from_at=window.from_at,
            until_at=window.until_at,
            lookups_max=numbers["lookups_max"],
        ):
            yield member, subject, {"lookups": lookups}

    def _same_subject_by_many(
        self, transaction: Transaction, window: _Window, numbers: _Numbers
    ) -> _Finds:
        for subject, members in tally_store.subjects_asked_by_many(
            transaction,
            from_at=window.from_at,
            until_at=window.until_at,
            members_max=numbers["members_max"],
        ):
            yield None, subject, {"members": members}

    def _miss_rate(self, transaction: Transaction, window: _Window, numbers: _Numbers) -> _Finds:
        counts = _counted(transaction, _LOOKUPS, [window])
        spans = [(window.from_at, window.until_at)]
        misses = tally_store.count_by_member(transaction, _LOOKUPS, spans, _MISS)
        yield from _shares(counts, misses, numbers, "misses")

    def _off_hours(self, transaction: Transaction, window: _Window, numbers: _Numbers) -> _Finds:
        counts = _counted(transaction, _LOOKUPS, [window])
        spans = window.hours(numbers["hours_from"], numbers["hours_until"])
        off = tally_store.count_by_member(transaction, _LOOKUPS, spans)
        yield from _shares(counts, off, numbers, "lookups_off_hours")

    def _after_dispute(
        self, transaction: Transaction, window: _Window, numbers: _Numbers
    ) -> _Finds:
        found = tally_store.looked_at_after_dispute(
            transaction,
            from_at=window.from_at,
            until_at=window.until_at,
            lookups_max=numbers["lookups_max"],
        )
        subjects = tally_store.subjects_of(transaction, {dispute for dispute, _, _ in found})
        told: dict[MemberId, set[bytes]] = {}
        for dispute, member, lookups in found:
            # Two disputes of one person are one find of a member: that of the most lookups.
            if told.setdefault(member, set()).isdisjoint(subjects[dispute]):
                yield member, min(subjects[dispute]), {"lookups": lookups}
            told[member] |= subjects[dispute]

    def _supervisor_views(
        self, transaction: Transaction, window: _Window, numbers: _Numbers
    ) -> _Finds:
        for member, views in sorted(_counted(transaction, _VIEWS, [window]).items()):
            if views > numbers["views_max"]:
                yield member, None, {"views": views}


def _is_told_by_another(
    transaction: Transaction, window: _Window, member: MemberId | None, subject: bytes | None
) -> bool:
    """Whether a find says nothing that is not said by that of another identity of the person."""
    assert subject is not None, "rules that find by identity name one"
    return tally_store.is_within_another(
        transaction, subject, from_at=window.from_at, until_at=window.until_at, member=member
    )


def _counted(
    transaction: Transaction, record_types: Sequence[RecordType], windows: Sequence[_Window]
) -> Mapping[MemberId, int]:
    spans = [(each.from_at, each.until_at) for each in windows]
    return tally_store.count_by_member(transaction, record_types, spans)


def _shares(
    counts: Mapping[MemberId, int],
    parts: Mapping[MemberId, int],
    numbers: Mapping[str, int],
    name: str,
) -> _Finds:
    for member, lookups in sorted(counts.items()):
        part = parts.get(member, 0)
        is_enough = lookups >= numbers["lookups_min"]
        if is_enough and part * 100 > lookups * numbers["percent_max"]:
            yield member, None, {"lookups": lookups, name: part}
