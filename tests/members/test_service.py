"""Members and keys come and go by rules, and every change stands in the log."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from registry.crypto.signature import Algorithm
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.http.caller import Scope
from registry.kernel.ids import new_member_id
from registry.kernel.problems import Problem
from registry.ledger.model import Log, RecordType, decode_entry
from registry.ledger.store import log_payloads, pending_entries
from registry.members.key_proof import KeyProofInvalid
from registry.members.model import (
    OVERLAP_MAX,
    KeyNotFound,
    KeyRegistered,
    KeyRevoked,
    MemberNameTaken,
    MemberNotFound,
    MemberNotSuspended,
    MemberSuspended,
    NoKeyToRotate,
    OverlapInvalid,
    ReasonInvalid,
    ScopeNotWithheld,
    ScopeStays,
    TooManyKeys,
)
from tests.members.samples import (
    NOW,
    PLATFORM,
    admit,
    make_key,
    make_ledger,
    make_members,
    prove,
)

LATER = NOW + timedelta(hours=1)
NOBODY = new_member_id(NOW)


def logged(database: Database) -> list[tuple[RecordType, str]]:
    """Type and outcome of every entry, in the order they were made."""
    with database.reading() as transaction:
        select = sa.select(pending_entries.c.entry, log_payloads.c.header).join(
            log_payloads, log_payloads.c.entry_id == pending_entries.c.entry_id
        )
        rows = transaction.execute(select).all()
    entries = [(decode_entry(bytes(row.entry)), json.loads(bytes(row.header))) for row in rows]
    assert all(entry.log is Log.INCIDENTS for entry, _ in entries)
    return sorted(
        ((entry.record_type, header["outcome"]) for entry, header in entries),
        key=lambda pair: (pair[0], pair[1]),
    )


def attempt(database: Database, act: Callable[[Transaction], object]) -> None:
    with database.transaction() as transaction:
        act(transaction)


def test_an_admitted_member_is_found_as_it_was_admitted(database: Database) -> None:
    """With its keys, of either algorithm, in their order."""
    keys = [make_key(Algorithm.EDDSA), make_key(Algorithm.ES256)]
    member = admit(database, *keys)
    members = make_members()
    with database.reading() as transaction:
        assert member == members.get(transaction, member.id)
        assert [member] == members.list(transaction)
        registered = members.keys_of(transaction, member.id)
    assert {key.public for key in keys} == {key.public_key for key in registered}
    assert all(key.is_active(NOW) for key in registered)


def test_an_admission_and_each_of_its_keys_is_an_entry(database: Database) -> None:
    """In the incidents log, by the operator, with what was granted and the proof."""
    key = make_key()
    member = admit(database, key)
    assert [(RecordType.MEMBER, "admitted"), (RecordType.KEY, "added")] == logged(database)
    with database.reading() as transaction:
        rows = transaction.execute(sa.select(pending_entries.c.entry_id)).scalars()
        openings = [
            make_ledger().opening(transaction, UUID(bytes=bytes(entry_id))) for entry_id in rows
        ]
    subjects = [json.loads(opening.subject) for opening in openings if opening]
    assert {None} == {opening.member for opening in openings if opening}
    assert all(subject["member"] == member.id for subject in subjects)
    assert {key.public.kid} == {subject["kid"] for subject in subjects if "kid" in subject}
    assert {PLATFORM.name} == {subject["name"] for subject in subjects if "name" in subject}
    proofs = [opening.signed_request for opening in openings if opening and opening.signed_request]
    assert 1 == len(proofs)


def test_two_members_cannot_have_one_name(database: Database) -> None:
    """People read names, not ids."""
    admit(database)
    with pytest.raises(MemberNameTaken):
        admit(database)


def test_a_refused_admission_leaves_nothing(database: Database) -> None:
    """Neither a member nor an entry, when one of its proofs is bad."""
    members = make_members()
    proofs = [prove(make_key()), "not.a.proof"]
    with pytest.raises(KeyProofInvalid):
        attempt(database, lambda transaction: members.admit(transaction, PLATFORM, proofs, NOW))
    with database.reading() as transaction:
        assert [] == members.list(transaction)
    assert [] == logged(database)


def test_a_member_has_two_active_keys_at_most(database: Database) -> None:
    """Enough to rotate, too few to lose track of."""
    member = admit(database, make_key(), make_key())
    with pytest.raises(TooManyKeys):
        attempt(
            database,
            lambda transaction: make_members().add_key(
                transaction, member.id, prove(make_key()), NOW
            ),
        )
    with pytest.raises(TooManyKeys):
        admit(database, make_key(), make_key(), make_key(), name="Three keys")


def test_a_revoked_key_makes_room_and_never_comes_back(database: Database) -> None:
    """Not for its member and not for another."""
    first, second = make_key(), make_key()
    member = admit(database, first, second)
    other = admit(database, name="Other")
    members = make_members()
    with database.transaction() as transaction:
        revoked = members.revoke_key(transaction, first.public.kid, LATER)
        assert LATER == revoked.revoked_at
        members.add_key(transaction, member.id, prove(make_key(), LATER), LATER)
    for holder in (member, other):
        with pytest.raises(KeyRegistered):
            attempt(
                database,
                lambda transaction, holder=holder: members.add_key(
                    transaction, holder.id, prove(first, LATER), LATER
                ),
            )


def test_the_last_key_may_be_revoked(database: Database) -> None:
    """A stolen key is worse than none."""
    key = make_key()
    admit(database, key)
    members = make_members()
    with database.transaction() as transaction:
        members.revoke_key(transaction, key.public.kid, LATER)
    with pytest.raises(KeyRevoked):
        attempt(
            database,
            lambda transaction: members.revoke_key(transaction, key.public.kid, LATER),
        )
    assert [
        (RecordType.MEMBER, "admitted"),
        (RecordType.KEY, "added"),
        (RecordType.KEY, "revoked"),
    ] == logged(database)


def test_a_rotation_overlaps_as_long_as_asked(database: Database) -> None:
    """Both keys work until the old one is out."""
    old_key, new_key = make_key(), make_key()
    member = admit(database, old_key)
    overlap = timedelta(hours=48)
    with database.transaction() as transaction:
        new, old = make_members().rotate_key(
            transaction, member.id, prove(new_key, LATER), overlap, LATER
        )
    assert (new_key.public.kid, old_key.public.kid) == (new.kid, old.kid)
    assert new.is_active(LATER)
    assert old.is_active(LATER + overlap - timedelta(seconds=1))
    assert not old.is_active(LATER + overlap)


def test_a_rotation_can_be_cut_short(database: Database) -> None:
    """A key on its way out may be revoked at once."""
    old_key = make_key()
    member = admit(database, old_key)
    members = make_members()
    with database.transaction() as transaction:
        members.rotate_key(transaction, member.id, prove(make_key()), timedelta(hours=48), NOW)
        revoked = members.revoke_key(transaction, old_key.public.kid, LATER)
    assert LATER == revoked.revoked_at


def test_a_key_on_its_way_out_still_counts(database: Database) -> None:
    """Two rotations at once would make three active keys."""
    member = admit(database, make_key())
    members = make_members()
    with database.transaction() as transaction:
        members.rotate_key(transaction, member.id, prove(make_key()), timedelta(hours=48), NOW)
    with pytest.raises(TooManyKeys):
        attempt(
            database,
            lambda transaction: members.rotate_key(
                transaction, member.id, prove(make_key()), timedelta(0), NOW
            ),
        )
    after = NOW + timedelta(hours=48)
    with database.transaction() as transaction:
        members.rotate_key(transaction, member.id, prove(make_key(), after), timedelta(0), after)


def test_there_must_be_a_key_to_rotate(database: Database) -> None:
    """Otherwise it is an addition."""
    member = admit(database)
    with pytest.raises(NoKeyToRotate):
        attempt(
            database,
            lambda transaction: make_members().rotate_key(
                transaction, member.id, prove(make_key()), timedelta(0), NOW
            ),
        )


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), OVERLAP_MAX + timedelta(seconds=1)])
def test_an_overlap_has_limits(database: Database, overlap: timedelta) -> None:
    """Not backwards and not for ever."""
    member = admit(database, make_key())
    with pytest.raises(OverlapInvalid):
        attempt(
            database,
            lambda transaction: make_members().rotate_key(
                transaction, member.id, prove(make_key()), overlap, NOW
            ),
        )


def test_a_member_is_suspended_and_reinstated(database: Database) -> None:
    """Each once; the second time is said to be so."""
    member = admit(database)
    members = make_members()
    with database.transaction() as transaction:
        assert members.suspend(transaction, member.id, LATER).is_suspended
        assert LATER == members.get(transaction, member.id).suspended_at
        with pytest.raises(MemberSuspended):
            members.suspend(transaction, member.id, LATER)
        assert not members.reinstate(transaction, member.id, LATER).is_suspended
        with pytest.raises(MemberNotSuspended):
            members.reinstate(transaction, member.id, LATER)
    assert [
        (RecordType.MEMBER, "admitted"),
        (RecordType.MEMBER, "reinstated"),
        (RecordType.MEMBER, "suspended"),
    ] == logged(database)


def test_a_scope_is_withheld_for_each_reason_by_itself(database: Database) -> None:
    """Twice for one reason is once; the entries say each reason that came and went."""
    member, members = admit(database), make_members()
    with database.transaction() as transaction:
        first = members.withhold(transaction, member.id, Scope.LOOK_UP, "R904", NOW)
        assert first == members.withhold(transaction, member.id, Scope.LOOK_UP, "R904", LATER)
        members.withhold(transaction, member.id, Scope.LOOK_UP, "R903", LATER)
        assert ["R904", "R903"] == [
            each.reason for each in members.withheld_from(transaction, member.id)
        ]
        assert first == members.restore(transaction, member.id, Scope.LOOK_UP, "R904", LATER)
        with pytest.raises(ScopeNotWithheld):
            members.restore(transaction, member.id, Scope.LOOK_UP, "R904", LATER)
        assert ["R903"] == [each.reason for each in members.withheld_from(transaction, member.id)]
    assert [
        (RecordType.MEMBER, "admitted"),
        (RecordType.MEMBER, "restored"),
        (RecordType.MEMBER, "withheld"),
        (RecordType.MEMBER, "withheld"),
    ] == logged(database)


@pytest.mark.parametrize("scope", sorted(set(Scope) - {Scope.REPORT, Scope.LOOK_UP}))
def test_what_a_member_owes_others_is_never_withheld(database: Database, scope: Scope) -> None:
    """Who could not answer an appeal any more could never make good."""
    member = admit(database)
    with pytest.raises(ScopeStays):
        attempt(
            database,
            lambda transaction: make_members().withhold(transaction, member.id, scope, "R1", NOW),
        )


@pytest.mark.parametrize("reason", ["", " R904", "R904\n", "x" * 65, "two\nlines"])
def test_a_reason_is_one_short_line(database: Database, reason: str) -> None:
    """It is shown to people, and stored."""
    member = admit(database)
    with pytest.raises(ReasonInvalid):
        attempt(
            database,
            lambda transaction: make_members().withhold(
                transaction, member.id, Scope.REPORT, reason, NOW
            ),
        )


def test_what_is_not_there_is_said_not_to_be(database: Database) -> None:
    """For every command that names a member or a key."""
    members = make_members()
    acts: list[tuple[type[Problem], Callable[[Transaction], object]]] = [
        (MemberNotFound, lambda transaction: members.get(transaction, NOBODY)),
        (MemberNotFound, lambda transaction: members.suspend(transaction, NOBODY, NOW)),
        (MemberNotFound, lambda transaction: members.reinstate(transaction, NOBODY, NOW)),
        (
            MemberNotFound,
            lambda transaction: members.withhold(transaction, NOBODY, Scope.REPORT, "R901", NOW),
        ),
        (
            MemberNotFound,
            lambda transaction: members.restore(transaction, NOBODY, Scope.REPORT, "R901", NOW),
        ),
        (
            MemberNotFound,
            lambda transaction: members.add_key(transaction, NOBODY, prove(make_key()), NOW),
        ),
        (
            MemberNotFound,
            lambda transaction: members.rotate_key(
                transaction, NOBODY, prove(make_key()), timedelta(0), NOW
            ),
        ),
        (KeyNotFound, lambda transaction: members.revoke_key(transaction, "x" * 43, NOW)),
    ]
    for problem, act in acts:
        with pytest.raises(problem):
            attempt(database, act)


def test_of_two_keys_added_at_once_one_is_refused(database: Database) -> None:
    """Two operators at two desks do not make three active keys."""
    member = admit(database, make_key())
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def add(now: datetime) -> None:
        proof = prove(make_key())
        start.wait()
        try:
            with database.transaction() as transaction:
                make_members().add_key(transaction, member.id, proof, now)
            outcomes.append("added")
        except TooManyKeys:
            outcomes.append("refused")

    threads = [threading.Thread(target=add, args=(NOW,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ["added", "refused"] == sorted(outcomes)
