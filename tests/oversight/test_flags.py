"""Each rule finds what it is for, on the day after, and nothing less."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.kernel.ids import MemberId, new_uuid
from registry.ledger.model import Log, RecordType, Shard
from registry.oversight import store
from registry.oversight.flags import Flagger
from registry.oversight.model import AccessQuery, Flag, IndexedEntry
from registry.oversight.rules_reading import RulesInvalid, load_rules, rules_of
from registry.rulebook.editions import load_rulebook
from registry.rulebook.model import Purpose

SHARD = Shard(log=Log.ACCESS, half_year="2026h2")
# Noon in Shanghai of the day the windows end with.
YESTERDAY = datetime(2026, 11, 17, 4, tzinfo=UTC)
LAST_DAY = date(2026, 11, 17)
RULES = load_rules()
FLAGGER = Flagger(rules=RULES, edition=load_rulebook("cn-2026.1").current)
ALPHA = MemberId("mem_alpha")


def numbered(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def lookup(
    number: int = 0,
    *others: int,
    member: MemberId = ALPHA,
    at: datetime = YESTERDAY,
    agent: str = "staff-1",
    match: str = "match",
    record_type: RecordType = RecordType.LOOKUP,
) -> IndexedEntry:
    return IndexedEntry(
        uuid=new_uuid(at),
        shard=SHARD,
        position=0,
        record_type=record_type,
        at=at,
        outcome="answered",
        member=member,
        purpose=Purpose.REFUND_ONLY_REVIEW,
        agent=agent,
        match=match,
        subjects=tuple(map(numbered, (number, *others))),
    )


def find_all(transaction: Transaction, day: date = LAST_DAY) -> list[Flag]:
    """What every rule finds in its window that ends with a day."""
    found = [FLAGGER.find(transaction, rule, day) for rule in FLAGGER.rules]
    assert all(each.is_all for each in found)
    return [flag for each in found for flag in each.flags]


def find(database: Database, entries: Sequence[IndexedEntry]) -> list[Flag]:
    with database.transaction() as transaction:
        store.hold_position(transaction, SHARD)
        store.add(transaction, SHARD, entries, size=len(entries))
        return find_all(transaction)


def rules_found(database: Database, entries: Sequence[IndexedEntry]) -> set[str]:
    return {flag.rule for flag in find(database, entries)}


def test_nothing_is_found_in_nothing(database: Database) -> None:
    """And a quiet day raises no flag."""
    assert [] == find(database, [lookup(number) for number in range(5)])


def test_much_more_than_usual_is_found(database: Database) -> None:
    """More than four times a member's own baseline, and enough to matter."""
    usual = [
        lookup(number, at=YESTERDAY - timedelta(days=1 + number % 28)) for number in range(28 * 60)
    ]
    entries = [lookup(number % 290) for number in range(241)]
    flags = [each for each in find(database, usual + entries) if each.rule == "volume"]
    assert [(ALPHA, {"lookups": 241, "lookups_before": 1680, "days_before": 28})] == [
        (each.member, each.facts) for each in flags
    ]


def test_four_times_the_usual_is_not_much(database: Database) -> None:
    """The limit itself is within the limit."""
    usual = [
        lookup(number, at=YESTERDAY - timedelta(days=1 + number % 28)) for number in range(28 * 60)
    ]
    assert "volume" not in rules_found(database, usual + [lookup(n) for n in range(240)])


def test_a_young_member_has_a_baseline_of_its_own_days(database: Database) -> None:
    """Who has asked as much as today for three days is not asked about; nor compared with 28."""
    steady = [lookup(n, at=YESTERDAY - timedelta(days=1 + n % 3)) for n in range(3 * 250)]
    assert "volume" not in rules_found(database, steady + [lookup(n % 290) for n in range(250)])


def test_a_member_without_any_days_is_asked_about(database: Database) -> None:
    """Nothing before, and at once enough to matter."""
    [flag] = find(database, [lookup(n) for n in range(200)])
    assert ("volume", {"lookups": 200, "lookups_before": 0, "days_before": 0}) == (
        flag.rule,
        flag.facts,
    )


def test_two_disputes_of_one_person_are_one_find(database: Database) -> None:
    """Of each member that of the most lookups; another person's is another."""
    days = [timedelta(days=3), timedelta(days=2), timedelta(days=2)]
    people = [(7, 8), (8,), (9,)]
    disputes = [
        lookup(*numbers, record_type=RecordType.DISPUTE, at=YESTERDAY - day)
        for numbers, day in zip(people, days, strict=True)
    ]
    after = [lookup(8) for _ in range(4)] + [lookup(7, at=YESTERDAY - timedelta(days=2.5))]
    others = [lookup(9) for _ in range(4)]
    found = find(database, [*disputes, *after, *others])
    assert [("after_dispute", {"lookups": 5}), ("after_dispute", {"lookups": 4})] == [
        (each.rule, each.facts) for each in found
    ]
    assert 2 == len({each.key for each in found})


def test_an_agent_who_asks_for_very_many_is_found(database: Database) -> None:
    """By agent, not by member: two who share the work are two."""
    one = [lookup(number) for number in range(301)]
    assert "distinct_subjects" in rules_found(database, one)


def test_the_same_person_again_and_again_is_found(database: Database) -> None:
    """By one member, in a week."""
    entries = [lookup(7, at=YESTERDAY - timedelta(hours=12 * number)) for number in range(11)]
    [flag] = find(database, entries)
    assert ("same_subject_again", {"lookups": 11}) == (flag.rule, flag.facts)
    assert numbered(7) != flag.key
    assert numbered(7).hex() not in repr(flag)


def test_many_members_after_one_person_are_found(database: Database) -> None:
    """More than five in a week; the flag is of no member."""
    entries = [lookup(7, member=MemberId(f"mem_{number}")) for number in range(6)]
    [flag] = find(database, entries)
    assert ("same_subject_by_many", None) == (flag.rule, flag.member)


def test_a_person_asked_for_by_another_identity_each_time_is_one_person(
    database: Database,
) -> None:
    """In whatever order a lookup names them: found, and found once, by one member and by many."""
    phone, email = 7, 8
    by_one = [lookup(*((phone, email) if n % 2 else (email, phone))) for n in range(11)]
    [flag] = find(database, by_one)
    assert ("same_subject_again", {"lookups": 11}) == (flag.rule, flag.facts)
    members = [MemberId(f"mem_{number}") for number in range(6)]
    pairs = [(phone + 10, email + 10), (email + 10, phone + 10)]
    by_many = [lookup(*pairs[n % 2], member=each) for n, each in enumerate(members)]
    with database.transaction() as transaction:
        store.add(transaction, SHARD, by_many, size=17)
        found = find_all(transaction)
    assert ["same_subject_again", "same_subject_by_many"] == [each.rule for each in found]
    assert {"members": 6} == found[1].facts


def test_who_disputed_is_known_by_every_identity(database: Database) -> None:
    """The dispute names two; lookups that name the second first are of the same person."""
    dispute = lookup(7, 8, record_type=RecordType.DISPUTE, at=YESTERDAY - timedelta(days=2))
    after = [lookup(8), lookup(8, 7), lookup(7, 8), lookup(7)]
    [flag] = find(database, [dispute, *after])
    assert ("after_dispute", {"lookups": 4}) == (flag.rule, flag.facts)


def test_asking_for_strangers_only_is_found(database: Database) -> None:
    """Over 95 in a hundred unknown."""
    entries = [lookup(n, match="none" if n < 96 else "match") for n in range(100)]
    assert {"miss_rate"} == rules_found(database, entries)


def test_asking_by_night_is_found(database: Database) -> None:
    """Of the edition's own nights, not of UTC's."""
    night = datetime(2026, 11, 16, 18, tzinfo=UTC)
    entries = [lookup(n, at=night if n < 16 else YESTERDAY) for n in range(50)]
    assert {"off_hours"} == rules_found(database, entries)


def test_looking_at_who_disputed_is_found(database: Database) -> None:
    """After the dispute, not before it."""
    dispute = lookup(7, record_type=RecordType.DISPUTE, at=YESTERDAY - timedelta(days=2))
    before = [lookup(7, at=YESTERDAY - timedelta(days=3)) for _ in range(4)]
    after = [lookup(7) for _ in range(3)]
    assert set() == rules_found(database, [dispute, *before, *after])
    with database.transaction() as transaction:
        store.add(transaction, SHARD, [lookup(7)], size=9)
        [flag] = find_all(transaction)
    assert ("after_dispute", {"lookups": 4}) == (flag.rule, flag.facts)


def test_a_supervisor_who_looks_at_very_much_is_found(database: Database) -> None:
    """Views and exports together."""
    kinds = (RecordType.SUPERVISOR_VIEW, RecordType.EXPORT)
    entries = [lookup(n, record_type=kinds[n % 2]) for n in range(501)]
    assert {"supervisor_views"} == rules_found(database, entries)


def test_the_same_day_gives_the_same_finds(database: Database) -> None:
    """By key, whenever it is looked at; on another day by another key."""
    entries = [lookup(7) for _ in range(11)]
    first = find(database, entries)
    with database.reading() as transaction:
        later = find_all(transaction)
        tomorrow = find_all(transaction, LAST_DAY + timedelta(days=1))
    assert [each.key for each in first] == [each.key for each in later]
    assert {each.key for each in first}.isdisjoint(each.key for each in tomorrow)


def test_rules_that_lack_a_number_are_refused() -> None:
    """Or have one too many, or one that is none."""
    whole = {"version": "x", **{name: dict(each) for name, each in RULES.numbers.items()}}
    assert "x" == rules_of(whole, "x").version
    for wrong in (
        {**whole, "version": "y"},
        {name: each for name, each in whole.items() if name != "volume"},
        {**whole, "volume": {}},
        {**whole, "volume": {**RULES.numbers["volume"], "times_max": -1}},
    ):
        with pytest.raises(RulesInvalid):
            rules_of(wrong, "x")


def test_an_entry_keeps_what_it_was_indexed_with(database: Database) -> None:
    """Written and read back the same."""
    entry = replace(lookup(3), lookup=UUID(int=5), purpose=None)
    with database.transaction() as transaction:
        store.hold_position(transaction, SHARD)
        store.add(transaction, SHARD, [entry], size=1)
    with database.reading() as transaction:
        assert [entry] == store.among(transaction, AccessQuery(), [entry.uuid])
