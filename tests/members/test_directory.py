"""The directory: in memory, and never behind the database."""

from datetime import timedelta

import pytest

from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.http.caller import Scope
from registry.kernel.clock import MovableClock
from registry.kernel.ids import new_member_id
from registry.members.service import Directory
from tests.members.samples import (
    NOW,
    admit,
    make_directory,
    make_key,
    make_members,
    prove,
    refreshed,
)


def is_active(directory: Directory, kid: str) -> bool:
    record = directory.find_key(kid)
    return record is not None and record.is_active


def test_a_registered_key_is_found_with_its_caller(database: Database) -> None:
    """By exact kid, with the grant of its member."""
    key = make_key()
    member = admit(database, key)
    record = refreshed(database, make_directory()).find_key(key.public.kid)
    assert record is not None
    assert record.is_active
    assert key.public == record.public_key
    assert (member.id, key.public.kid) == (record.caller.member, record.caller.kid)
    assert Scope.REPORT in record.caller.scopes
    assert member.purposes == record.caller.purposes
    assert member.requests_per_minute == record.caller.requests_per_minute
    assert member.evaluations_per_hour == record.caller.evaluations_per_hour


def test_a_key_that_nobody_registered_is_not_found(database: Database) -> None:
    """Nor one that differs by a letter."""
    key = make_key()
    admit(database, key)
    directory = refreshed(database, make_directory())
    assert None is directory.find_key(make_key().public.kid)
    assert None is directory.find_key(key.public.kid[:-1])


def test_a_revocation_counts_from_the_next_refresh(database: Database) -> None:
    """In a process that knew the key as active."""
    key = make_key()
    admit(database, key)
    directory = refreshed(database, make_directory())
    assert is_active(directory, key.public.kid)
    with database.transaction() as transaction:
        make_members().revoke_key(transaction, key.public.kid, NOW)
    assert not is_active(refreshed(database, directory), key.public.kid)


def test_a_suspension_takes_every_key_of_the_member(database: Database) -> None:
    """And a reinstatement gives them back."""
    key, others = make_key(), make_key()
    member = admit(database, key)
    admit(database, others, name="Other")
    directory = make_directory()
    members = make_members()
    with database.transaction() as transaction:
        members.suspend(transaction, member.id, NOW)
    refreshed(database, directory)
    assert directory.is_suspended(member.id)
    assert not is_active(directory, key.public.kid)
    assert is_active(directory, others.public.kid)
    with database.transaction() as transaction:
        members.reinstate(transaction, member.id, NOW)
    refreshed(database, directory)
    assert not directory.is_suspended(member.id)
    assert is_active(directory, key.public.kid)


def test_a_withheld_scope_is_back_when_the_last_reason_has_ended(database: Database) -> None:
    """No other scope and no other member is touched."""
    key, others = make_key(), make_key()
    member = admit(database, key)
    admit(database, others, name="Other")
    directory, members = make_directory(), make_members()
    expected = {Scope.REPORT: False, Scope.LOOK_UP: True, Scope.ANSWER_APPEALS: True}

    def granted(of: PrivateKey) -> dict[Scope, bool]:
        record = refreshed(database, directory).find_key(of.public.kid)
        assert record is not None
        assert record.is_active
        return {scope: scope in record.caller.scopes for scope in expected}

    with database.transaction() as transaction:
        for reason in ("R901", "R902"):
            members.withhold(transaction, member.id, Scope.REPORT, reason, NOW)
    assert expected == granted(key)
    assert expected | {Scope.REPORT: True} == granted(others)
    with database.transaction() as transaction:
        members.restore(transaction, member.id, Scope.REPORT, "R901", NOW)
    assert expected == granted(key)
    with database.transaction() as transaction:
        members.restore(transaction, member.id, Scope.REPORT, "R902", NOW)
    assert expected | {Scope.REPORT: True} == granted(key)


def test_an_overlap_ends_by_the_clock_alone(database: Database) -> None:
    """Nothing has to be written at the instant the old key goes out."""
    old, new = make_key(), make_key()
    member = admit(database, old)
    with database.transaction() as transaction:
        make_members().rotate_key(transaction, member.id, prove(new), timedelta(hours=1), NOW)
    clock = MovableClock(NOW)
    directory = refreshed(database, make_directory(clock))
    assert (True, True) == (
        is_active(directory, old.public.kid),
        is_active(directory, new.public.kid),
    )
    clock.move(timedelta(hours=1))
    assert (False, True) == (
        is_active(directory, old.public.kid),
        is_active(directory, new.public.kid),
    )


def test_what_was_rolled_back_is_unlearned(database: Database) -> None:
    """A directory that read inside a transaction that failed is right after the next refresh."""
    directory = make_directory()
    undone, kept = make_key(), make_key()

    def admit_and_fail() -> None:
        with database.transaction() as transaction:
            make_members().add_key(transaction, member.id, prove(undone), NOW)
            directory.refresh(transaction)
            raise ZeroDivisionError

    member = admit(database)
    with pytest.raises(ZeroDivisionError):
        admit_and_fail()
    assert is_active(directory, undone.public.kid)
    with database.transaction() as transaction:
        make_members().add_key(transaction, member.id, prove(kept), NOW)
    refreshed(database, directory)
    assert not is_active(directory, undone.public.kid)
    assert is_active(directory, kept.public.kid)


def test_members_are_known_by_id(database: Database) -> None:
    """Group and reliability, as the score needs them."""
    member = admit(database)
    directory = refreshed(database, make_directory())
    assert member == directory.member(member.id)
    assert None is directory.member(new_member_id(NOW))
    assert member.id == directory.group_of(member.id)
    assert 800_000 == directory.reliability_ppm_of(member.id)


def test_a_refresh_without_a_change_keeps_what_is_known(database: Database) -> None:
    """The same objects: one row was read and nothing else."""
    key = make_key()
    admit(database, key)
    directory = refreshed(database, make_directory())
    before = directory.find_key(key.public.kid)
    assert before is refreshed(database, directory).find_key(key.public.kid)
