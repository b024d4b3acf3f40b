"""Sessions: opened by a proof, found by their bearer, ended by time or by the person.

A bearer is 32 random bytes; the database holds their SHA-256, which opens nothing. Every
proof gives a fresh bearer, so that one planted in a browser before is worth nothing after.
All instants are the machine's clock's: a moved sandbox clock ends no session.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from registry.database.transaction import Transaction
from registry.identity.normalise import IdentifierType
from registry.identity.protection import Protector
from registry.kernel import base64url
from registry.kernel.ids import MemberId, new_uuid
from registry.subjects import session_store as store
from registry.subjects.model import (
    SESSION_MAX,
    Assurance,
    OpenedSession,
    ProvenIdentity,
    Session,
    joined,
)

BEARER_BYTES = 32
ENDED_AT_ONCE_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The sessions of people at their own door."""

    protector: Protector

    def open(
        self, transaction: Transaction, proven: Sequence[ProvenIdentity], wall_now: datetime
    ) -> OpenedSession:
        """A fresh session of whoever proved these identities."""
        identities = joined((), proven)
        session = Session(
            id=new_uuid(wall_now),
            identities=identities,
            seen_at=wall_now,
            expires_at=wall_now + SESSION_MAX,
        )
        bearer = secrets.token_bytes(BEARER_BYTES)
        store.add(
            transaction,
            session.id,
            bearer_hash=_hash(bearer),
            seen_at=wall_now,
            expires_at=session.expires_at,
        )
        store.replace_identities(transaction, session.id, self._rows(identities))
        return OpenedSession(session=session, bearer=base64url.encode(bearer))

    def join(
        self, transaction: Transaction, session: Session, proven: Sequence[ProvenIdentity]
    ) -> OpenedSession:
        """The same session with more identities, under a fresh bearer; it ends no later.

        Raises: SessionFull.
        """
        identities = joined(session.identities, proven)
        bearer = secrets.token_bytes(BEARER_BYTES)
        store.change_bearer(transaction, session.id, _hash(bearer))
        store.replace_identities(transaction, session.id, self._rows(identities))
        joined_session = Session(
            id=session.id,
            identities=identities,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
        )
        return OpenedSession(session=joined_session, bearer=base64url.encode(bearer))

    def find(self, transaction: Transaction, bearer: str, wall_now: datetime) -> Session | None:
        """The session this bearer opens, locked and noted as used; None: none, or it is over."""
        try:
            octets = base64url.decode(bearer)
        except ValueError:
            return None
        # Found by a hash: how long the search takes tells nothing of the bearers there are.
        row = store.find_and_lock(transaction, _hash(octets))
        if row is None:
            return None
        session = Session(
            id=UUID(bytes=bytes(row.id)),
            identities=(),
            seen_at=row.seen_at,
            expires_at=row.expires_at,
        )
        if session.is_over(wall_now):
            return None
        store.touch(transaction, session.id, wall_now)
        rows = store.identities_of(transaction, session.id)
        return Session(
            id=session.id,
            identities=tuple(self._identity(each) for each in rows),
            seen_at=wall_now,
            expires_at=session.expires_at,
        )

    def end(self, transaction: Transaction, session: UUID) -> None:
        """Ends a session; ended already: nothing."""
        store.end(transaction, [session])

    def end_all_of(
        self, transaction: Transaction, lookup_keys: Collection[bytes], *also: UUID
    ) -> int:
        """Ends every session of these identities, up to a limit, and those named; how many.

        Whoever calls holds no session: those that are ended are locked in one order.
        """
        found = store.sessions_of(transaction, lookup_keys, ENDED_AT_ONCE_MAX)
        return store.end(transaction, {*found, *also})

    def forget_subject(self, transaction: Transaction, lookup_keys: Collection[bytes]) -> None:
        """Ends all sessions of a person, whose erasure was ordered, however many."""
        while self.end_all_of(transaction, lookup_keys):
            pass

    def sweep(self, transaction: Transaction, wall_now: datetime, sessions_max: int) -> int:
        """Deletes sessions that are over by age; how many."""
        return store.end(transaction, store.expired(transaction, wall_now, sessions_max))

    def _rows(self, identities: Sequence[ProvenIdentity]) -> list[dict[str, Any]]:
        return [
            {
                "type": each.type.value,
                "key_id": each.key_id,
                "lookup_key": each.lookup_key,
                "seed_sealed": self.protector.seal_seed(each.seed, each.lookup_key),
                "assurance": int(each.assurance),
                "vouched_by": each.vouched_by,
                "held_since_on": each.held_since_on,
                "proof": each.proof.bytes,
                "proven_at": each.proven_at,
            }
            for each in identities
        ]

    def _identity(self, row: Any) -> ProvenIdentity:
        lookup_key = bytes(row.lookup_key)
        return ProvenIdentity(
            type=IdentifierType(row.type),
            key_id=row.key_id,
            lookup_key=lookup_key,
            seed=self.protector.open_seed(bytes(row.seed_sealed), lookup_key),
            assurance=Assurance(row.assurance),
            vouched_by=None if row.vouched_by is None else MemberId(row.vouched_by),
            held_since_on=row.held_since_on,
            proof=UUID(bytes=bytes(row.proof)),
            proven_at=row.proven_at,
        )


def _hash(bearer: bytes) -> bytes:
    return sha256(bearer).digest()
