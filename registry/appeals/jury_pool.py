"""The pool jurors are drawn from: whom members name, and who of them may sit on a case."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from registry.appeals import jury_pool_store as store
from registry.appeals.jury import Composition, Side
from registry.appeals.jury_model import (
    Candidacy,
    Candidate,
    CandidateNamed,
    CandidateNotFound,
    CandidateUnreadable,
    Jury,
    clean_since,
    is_qualified,
    person_mark,
)
from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.identity.keyring import Keyring
from registry.identity.model import IdentityToken
from registry.identity.protection import Protector
from registry.incidents.model import KnownSubject
from registry.incidents.service import Incidents
from registry.kernel.ids import MemberId, new_uuid
from registry.members.service import Directory
from registry.rulebook.model import Edition
from registry.score.model import Doubt

# A list is published whole: so long that its draw is anybody's, so short that it travels.
LIST_LINES_MAX = 2000
CANDIDATES_READ_MAX = 10_000
_CHUNK = 500
_LOTS = 2**63


class Pool:
    """People who would serve, each named once by one member."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        protector: Protector,
        directory: Directory,
        incidents: Incidents,
    ) -> None:
        self._keyring = keyring
        self._protector = protector
        self._directory = directory
        self._incidents = incidents

    def keys_of(self, tokens: Collection[IdentityToken]) -> frozenset[bytes]:
        """The lookup keys of tokens, which are forgotten.

        Raises: CandidateUnreadable.
        """
        if any(self._keyring.find(each.key_id) is None for each in tokens):
            raise CandidateUnreadable
        protector = self._protector
        return frozenset(protector.lookup_key(protector.seed_of(each.token)) for each in tokens)

    def name(self, call: Call, reference: str, candidacy: Candidacy) -> tuple[Candidate, bool]:
        """Takes a person into the pool, or what is attested of them anew; whether they are new.

        Under an identity more than before it may be somebody else: who is drawn by then
        has no seat to hand on, as if the member had withdrawn them.

        Raises: CandidateNamed.
        """
        transaction = call.transaction
        known = store.find_and_lock(transaction, call.caller.member, reference)
        others = store.named_by(transaction, candidacy.keys) - ({known.id} if known else set())
        if others:
            raise CandidateNamed
        if known and not candidacy.keys <= store.keys_of(transaction, [known.id])[known.id]:
            store.remove(transaction, known.id)
            known = None
        candidate = Candidate(
            id=known.id if known else new_uuid(call.now),
            member=call.caller.member,
            reference=reference,
            side=candidacy.side,
            experience=candidacy.experience,
            member_since=candidacy.member_since,
            completed_trades=candidacy.completed_trades,
            qualified_on=candidacy.qualified_on,
            works_for=candidacy.works_for,
            lot=known.lot if known else secrets.randbelow(_LOTS),
            furnished_at=call.now,
        )
        store.put(transaction, candidate, candidacy)
        return candidate, known is None

    def find(self, call: Call, reference: str) -> Candidate:
        """A candidate this member named. Raises: CandidateNotFound."""
        found = store.find_and_lock(call.transaction, call.caller.member, reference)
        if found is None:
            raise CandidateNotFound
        return found

    def withdraw(self, call: Call, reference: str) -> None:
        """Takes a person out of the pool; in a jury they sit on, an alternate will step in.

        Raises: CandidateNotFound.
        """
        store.remove(call.transaction, self.find(call, reference).id)

    def forget_subject(self, transaction: Transaction, lookup_key: bytes) -> None:
        """Deletes all that is kept of a person, whose erasure was ordered."""
        store.forget(transaction, lookup_key)

    def bound_to(self, transaction: Transaction, keys: Collection[bytes]) -> frozenset[UUID]:
        """The candidates who are this person by any of these keys, or traded with them.

        By any identity the person is a candidate under, and by whosever word of the two.
        """
        own = store.named_by(transaction, keys)
        theirs = {key for found in store.keys_of(transaction, own).values() for key in found}
        traded = store.who_traded_with(transaction, theirs | set(keys))
        met = store.named_by(transaction, store.counterparties_of(transaction, own))
        return frozenset(own | traded | met)

    def marks_of(
        self, transaction: Transaction, case: str, candidates: Collection[UUID]
    ) -> frozenset[bytes]:
        """What a case remembers of people in the pool, by each of their identities."""
        every = store.keys_of(transaction, candidates).values()
        return frozenset(person_mark(case, key) for keys in every for key in keys)

    def barred_by(
        self, transaction: Transaction, case: str, proved: Collection[bytes]
    ) -> frozenset[bytes]:
        """What a case remembers of its appellant, by what was proved, and of who is bound to it."""
        own = frozenset(person_mark(case, key) for key in proved)
        return own | self.marks_of(transaction, case, self.bound_to(transaction, proved))

    def may_suffice(self, transaction: Transaction, composition: Composition) -> bool:
        """Whether the pool is large enough to try; who is eligible is seen when it is listed."""
        counts = store.count(transaction, composition.jurors)
        buyers, sellers = counts[Side.BUYER], counts[Side.SELLER]
        return (
            buyers >= composition.buyers_min
            and sellers >= composition.sellers_min
            and buyers + sellers >= composition.jurors
        )

    def eligible(
        self,
        transaction: Transaction,
        jury: Jury,
        edition: Edition,
        parties: Collection[bytes],
        beside: Collection[UUID],
        now: datetime,
    ) -> list[Candidate]:
        """Who may be drawn for a case, at most as many as a list holds; never those `beside`.

        Qualified, clean, no party, no trader with a party, nobody of the furnisher's. A
        large pool is read from a place that the case alone decides.
        """
        place = hashlib.sha256(f"{jury.case}/{jury.round}".encode()).digest()
        start = int.from_bytes(place[:8], "big") % _LOTS
        found: list[Candidate] = []
        read = 0
        for first, last in ((start, _LOTS - 1), (-1, start)):
            after = first
            while len(found) < LIST_LINES_MAX and read < CANDIDATES_READ_MAX:
                chunk = store.walk(transaction, after=after, until=last, candidates_max=_CHUNK)
                if not chunk:
                    break
                after = chunk[-1].lot
                read += len(chunk)
                free = [each for each in chunk if each.id not in beside]
                found += self._fit(transaction, jury, edition, parties, free, now)
        return found[:LIST_LINES_MAX]

    def is_of_furnisher(self, candidate: Candidate, furnisher: MemberId) -> bool:
        """Whether the furnisher, or who is under one control with it, named the candidate."""
        return self._directory.group_of(candidate.member) == self._directory.group_of(furnisher)

    def _fit(
        self,
        transaction: Transaction,
        jury: Jury,
        edition: Edition,
        parties: Collection[bytes],
        chunk: Sequence[Candidate],
        now: datetime,
    ) -> list[Candidate]:
        group = self._directory.group_of(jury.furnisher)
        qualified = [
            each
            for each in chunk
            if is_qualified(each, edition, now)
            and not self._directory.is_suspended(each.member)
            and group not in map(self._group_of, each.works_for)
        ]
        ids = [each.id for each in qualified]
        keys = store.keys_of(transaction, ids)
        traded = store.traded_with(transaction, ids, parties)
        since = clean_since(edition, now)
        every = {key for found in keys.values() for key in found}
        known = self._incidents.standings_of(transaction, every) if every else {}
        stained = {key for key, each in known.items() if _has_incident(each, since, now)}
        barred = stained | set(parties)
        return [
            each
            for each in qualified
            if each.id not in traded
            and barred.isdisjoint(keys.get(each.id, ()))
            and not _is_barred(jury, each, keys.get(each.id, ()))
        ]

    def _group_of(self, member: MemberId) -> str | None:
        """The group of an employer; None where no member has this id."""
        known = self._directory.member(member)
        return None if known is None else known.reporter_group


def _is_barred(jury: Jury, candidate: Candidate, keys: Collection[bytes]) -> bool:
    # Rounds that were convened by earlier versions hold ids of candidates.
    marks = {person_mark(jury.case, key) for key in keys} | {candidate.id.bytes}
    return not jury.barred.isdisjoint(marks)


def _has_incident(known: KnownSubject, since: date, now: datetime) -> bool:
    """Whether an incident of since then counts against the person now."""
    return any(
        each.contribution.occurred_on >= since
        and each.contribution.effective_at <= now
        and each.contribution.doubt is not Doubt.BLOCKED
        for each in known.incidents
    )
