"""Admits and suspends members, registers and revokes keys, and knows them all in memory."""

import threading
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.database.transaction import Transaction
from registry.http.caller import Caller, KeyRecord, Scope
from registry.kernel.clock import Clock
from registry.kernel.ids import MemberId, new_member_id
from registry.ledger.service import Ledger
from registry.members import store
from registry.members.key_proof import read_key_proof
from registry.members.model import (
    ACTIVE_KEYS_MAX,
    OVERLAP_MAX,
    Admission,
    KeyNotFound,
    KeyRegistered,
    KeyRevoked,
    Member,
    MemberKey,
    MemberNameTaken,
    MemberNotFound,
    MemberNotSuspended,
    MemberSuspended,
    NoKeyToRotate,
    OverlapInvalid,
    ScopeNotWithheld,
    TooManyKeys,
    Withheld,
    admit,
    reliability_ppm,
    withhold,
)
from registry.members.recording import MemberLog, grant_subject, withheld_subject
from registry.rulebook.model import ReliabilityPrior, Rulebook


class Members:
    """The operator's hand over who takes part; every change is a log entry.

    `origin` is the address key proofs must be made for. `now` is the time of the
    clock that signatures are checked against.
    """

    def __init__(self, *, ledger: Ledger, rulebook: Rulebook, origin: str) -> None:
        self._log = MemberLog(ledger=ledger, edition=rulebook.current.name)
        self._origin = origin

    def admit(
        self,
        transaction: Transaction,
        admission: Admission,
        key_proofs: Sequence[str],
        now: datetime,
    ) -> Member:
        """Admits a member with the keys that `key_proofs` prove, at most two.

        Raises: AdmissionInvalid, MemberNameTaken, KeyProofInvalid, KeyRegistered,
        TooManyKeys.
        """
        store.lock_and_bump(transaction)
        member = admit(admission, new_member_id(now), now)
        if store.is_name_taken(transaction, member.name):
            raise MemberNameTaken
        store.add_member(transaction, member)
        keys = [self._register(transaction, member.id, proof, now) for proof in key_proofs]
        self._log.member_changed(transaction, "admitted", grant_subject(member), now)
        for key, proof in zip(keys, key_proofs, strict=True):
            self._log.key_changed(transaction, "added", key, now, proof)
        return member

    def suspend(self, transaction: Transaction, member: MemberId, now: datetime) -> Member:
        """Keeps a member out from now on; what it filed is without effect, and stays.

        Raises: MemberNotFound, MemberSuspended.
        """
        store.lock_and_bump(transaction)
        if self.get(transaction, member).is_suspended:
            raise MemberSuspended
        store.set_suspended_at(transaction, member, now)
        self._log.member_changed(transaction, "suspended", {"member": member}, now)
        return self.get(transaction, member)

    def reinstate(self, transaction: Transaction, member: MemberId, now: datetime) -> Member:
        """Lets a suspended member take part again; what it filed has effect again.

        Raises: MemberNotFound, MemberNotSuspended.
        """
        store.lock_and_bump(transaction)
        if not self.get(transaction, member).is_suspended:
            raise MemberNotSuspended
        store.set_suspended_at(transaction, member, None)
        self._log.member_changed(transaction, "reinstated", {"member": member}, now)
        return self.get(transaction, member)

    def withhold(
        self,
        transaction: Transaction,
        member: MemberId,
        scope: Scope,
        reason: str,
        now: datetime,
    ) -> Withheld:
        """Takes a scope from a member, for a reason, until it is restored for that reason.

        Withheld for this reason already: as it was then, and nothing is written.
        Raises: MemberNotFound, ScopeStays, ReasonInvalid.
        """
        withheld = withhold(member, scope, reason, now)
        store.lock_and_bump(transaction)
        self.get(transaction, member)
        standing = self._standing(transaction, withheld)
        if standing is not None:
            return standing
        store.add_withheld(transaction, withheld)
        self._log.member_changed(transaction, "withheld", withheld_subject(withheld), now)
        return withheld

    def restore(
        self,
        transaction: Transaction,
        member: MemberId,
        scope: Scope,
        reason: str,
        now: datetime,
    ) -> Withheld:
        """Ends one reason for which a scope is withheld; the last one gives it back.

        Raises: MemberNotFound, ScopeStays, ReasonInvalid, ScopeNotWithheld.
        """
        withheld = withhold(member, scope, reason, now)
        store.lock_and_bump(transaction)
        self.get(transaction, member)
        standing = self._standing(transaction, withheld)
        if standing is None:
            raise ScopeNotWithheld
        store.remove_withheld(transaction, standing)
        self._log.member_changed(transaction, "restored", withheld_subject(standing), now)
        return standing

    def withheld_from(self, transaction: Transaction, member: MemberId) -> Sequence[Withheld]:
        """What is withheld from a member, and why, in the order it was."""
        return store.list_withheld(transaction, member)

    def add_key(
        self, transaction: Transaction, member: MemberId, key_proof: str, now: datetime
    ) -> MemberKey:
        """Registers the key that `key_proof` proves.

        Raises: MemberNotFound, KeyProofInvalid, KeyRegistered, TooManyKeys.
        """
        store.lock_and_bump(transaction)
        self.get(transaction, member)
        key = self._register(transaction, member, key_proof, now)
        self._log.key_changed(transaction, "added", key, now, key_proof)
        return key

    def revoke_key(self, transaction: Transaction, kid: str, now: datetime) -> MemberKey:
        """Ends a key now, or sooner than a rotation would have; the last one too.

        Raises: KeyNotFound, KeyRevoked.
        """
        store.lock_and_bump(transaction)
        key = store.find_key(transaction, kid)
        if key is None:
            raise KeyNotFound
        if not key.is_active(now):
            raise KeyRevoked
        return self._revoke(transaction, key, revoked_at=now, now=now)

    def rotate_key(
        self,
        transaction: Transaction,
        member: MemberId,
        key_proof: str,
        overlap: timedelta,
        now: datetime,
    ) -> tuple[MemberKey, MemberKey]:
        """Registers the new key and ends the old one after `overlap`; (new, old).

        Raises: MemberNotFound, KeyProofInvalid, KeyRegistered, TooManyKeys,
        NoKeyToRotate, OverlapInvalid.
        """
        if not timedelta(0) <= overlap <= OVERLAP_MAX:
            raise OverlapInvalid
        store.lock_and_bump(transaction)
        self.get(transaction, member)
        active = self._active_keys(transaction, member, now)
        if not active:
            raise NoKeyToRotate
        new = self._register(transaction, member, key_proof, now)
        self._log.key_changed(transaction, "added", new, now, key_proof)
        old = self._revoke(transaction, active[0], revoked_at=now + overlap, now=now)
        return new, old

    def get(self, transaction: Transaction, member: MemberId) -> Member:
        """The member of this id.

        Raises: MemberNotFound.
        """
        found = store.find_member(transaction, member)
        if found is None:
            raise MemberNotFound
        return found

    def list(self, transaction: Transaction) -> Sequence[Member]:
        """Every member, in the order of admission."""
        return store.list_members(transaction)

    def keys_of(self, transaction: Transaction, member: MemberId) -> Sequence[MemberKey]:
        """Every key of a member, revoked ones too, in the order of registration."""
        return store.list_keys(transaction, member)

    def _standing(self, transaction: Transaction, asked: Withheld) -> Withheld | None:
        for each in store.list_withheld(transaction, asked.member):
            if (each.scope, each.reason) == (asked.scope, asked.reason):
                return each
        return None

    def _register(
        self, transaction: Transaction, member: MemberId, key_proof: str, now: datetime
    ) -> MemberKey:
        public_key = read_key_proof(key_proof, audience=self._origin, now=now)
        if store.find_key(transaction, public_key.kid) is not None:
            raise KeyRegistered
        if len(self._active_keys(transaction, member, now)) >= ACTIVE_KEYS_MAX:
            raise TooManyKeys
        key = MemberKey(member=member, public_key=public_key, registered_at=now, revoked_at=None)
        store.add_key(transaction, key, key_proof)
        return key

    def _revoke(
        self, transaction: Transaction, key: MemberKey, *, revoked_at: datetime, now: datetime
    ) -> MemberKey:
        ended = MemberKey(
            member=key.member,
            public_key=key.public_key,
            registered_at=key.registered_at,
            revoked_at=revoked_at,
        )
        store.set_revoked_at(transaction, key.kid, revoked_at)
        self._log.key_changed(transaction, "revoked", ended, now)
        return ended

    def _active_keys(
        self, transaction: Transaction, member: MemberId, now: datetime
    ) -> Sequence[MemberKey]:
        return [key for key in store.list_keys(transaction, member) if key.is_active(now)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownKey:
    """A key with the record for each of the two answers to: is it active?"""

    active: KeyRecord
    inactive: KeyRecord
    key: MemberKey
    is_suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """All members and keys as one version of the directory has them."""

    version: int
    members: Mapping[MemberId, Member]
    keys: Mapping[str, _KnownKey]
    scopes: Mapping[MemberId, Set[Scope]]
    reliability_ppm: Mapping[MemberId, int]
    groups: Mapping[str, Set[MemberId]]


class Directory:
    """Every member and key, in memory; what the door asks on each call.

    It knows nothing before the first `refresh`. Questions about a member that
    does not exist are broken invariants: members are never removed.
    """

    def __init__(self, *, clock: Clock, prior: ReliabilityPrior) -> None:
        self._clock = clock
        self._prior = prior
        self._lock = threading.Lock()
        self._snapshot = _Snapshot(
            version=-1, members={}, keys={}, scopes={}, reliability_ppm={}, groups={}
        )

    def refresh(self, transaction: Transaction) -> None:
        """Makes this process see every change of members and keys committed so far.

        Reads one row; the rest only when that row has changed. Called before a
        transaction that writes nothing reads anything else: SQLite shows it the past
        from then on.
        """
        seen = self._snapshot
        # The version first: rows that are newer than it are read again next time,
        # rows older than it would stay.
        version = store.read_version(transaction)
        if version == seen.version:
            return
        loaded = self._load(transaction, version)
        with self._lock:
            # Another thread may have loaded a newer version meanwhile. A lower
            # version is taken only when nobody did: the database was restored.
            if self._snapshot is seen or self._snapshot.version < version:
                self._snapshot = loaded

    def find_key(self, kid: str) -> KeyRecord | None:
        """The key of this kid, active or not; revoked at the minute it was to be."""
        known = self._snapshot.keys.get(kid)
        if known is None:
            return None
        if known.is_suspended or (
            known.key.revoked_at is not None and not known.key.is_active(self._clock.now())
        ):
            return known.inactive
        return known.active

    def member(self, member: MemberId) -> Member | None:
        """The member of this id."""
        return self._snapshot.members.get(member)

    def group_of(self, member: MemberId) -> str:
        """The reporter group a member's filings count under."""
        return self._snapshot.members[member].reporter_group

    def members_of(self, group: str) -> Set[MemberId]:
        """The members whose filings count under this reporter group."""
        return self._snapshot.groups.get(group, frozenset())

    def reliability_ppm_of(self, member: MemberId) -> int:
        """How far a member's word counts, in millionths."""
        return self._snapshot.reliability_ppm[member]

    def is_suspended(self, member: MemberId) -> bool:
        """Whether what the member filed is without effect."""
        return self._snapshot.members[member].is_suspended

    def suspended(self) -> frozenset[MemberId]:
        """The members that are kept out."""
        members = self._snapshot.members.values()
        return frozenset(member.id for member in members if member.is_suspended)

    def has_scope(self, member: MemberId, scope: Scope) -> bool:
        """Whether a member may do this now, whichever key it signed with."""
        return scope in self._snapshot.scopes.get(member, frozenset())

    def _load(self, transaction: Transaction, version: int) -> _Snapshot:
        members = {member.id: member for member in store.list_members(transaction)}
        groups: dict[str, set[MemberId]] = {}
        for member in members.values():
            groups.setdefault(member.reporter_group, set()).add(member.id)
        withheld: dict[MemberId, set[Scope]] = {}
        for each in store.list_withheld(transaction):
            withheld.setdefault(each.member, set()).add(each.scope)
        return _Snapshot(
            version=version,
            members=members,
            keys={
                key.kid: _known_key(key, members[key.member], withheld.get(key.member, set()))
                for key in store.list_keys(transaction)
            },
            scopes={
                member.id: member.scopes - withheld.get(member.id, set())
                for member in members.values()
                if not member.is_suspended
            },
            reliability_ppm={
                member.id: reliability_ppm(
                    upheld_ppm=member.upheld_ppm,
                    overturned_ppm=member.overturned_ppm,
                    prior=self._prior,
                )
                for member in members.values()
            },
            groups=groups,
        )


def _known_key(key: MemberKey, member: Member, withheld: Set[Scope]) -> _KnownKey:
    caller = Caller(
        member=member.id,
        kid=key.kid,
        scopes=member.scopes - withheld,
        purposes=member.purposes,
        requests_per_minute=member.requests_per_minute,
        evaluations_per_hour=member.evaluations_per_hour,
    )
    return _KnownKey(
        active=KeyRecord(public_key=key.public_key, is_active=True, caller=caller),
        inactive=KeyRecord(public_key=key.public_key, is_active=False, caller=caller),
        key=key,
        is_suspended=member.is_suspended,
    )
