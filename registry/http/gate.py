"""The gate: recognises signed calls, and lets each in once, whatever door they come to.

Calls are taken as a list: a door that answers one at a time brings a list of one.
Each is let in or refused alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import Transaction
from registry.http import replay
from registry.http.caller import Caller, KeyDirectory, KeyRecord
from registry.http.limits import Allowance, RequestLimiter, TooManyRequests
from registry.http.signed_request import (
    NotAuthenticated,
    ReceivedCall,
    VerifiedCall,
    verify_signed_request,
)
from registry.kernel.clock import Clock
from registry.kernel.problems import Problem

SEEN_BEFORE = "This signed request has been used before."
NOT_ACTIVE = "The key or its member is not active."


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What became of one call at the gate.

    `caller` and `allowance` are None where the key is not active; `refusal` None:
    it was let in.
    """

    caller: Caller | None
    allowance: Allowance | None
    refusal: Problem | None


class Gate:
    """Checks signatures before, and all the rest inside, a transaction. Threads share one.

    `wall` tells the time signatures are checked against.
    """

    def __init__(
        self, *, database: Database, directory: KeyDirectory, origin: str, wall: Clock
    ) -> None:
        self._database = database
        self._directory = directory
        self._origin = origin
        self._wall = wall
        self._limiter = RequestLimiter()

    def verify(self, received: ReceivedCall) -> VerifiedCall:
        """The call, once every check that needs no database has passed.

        Raises: NotAuthenticated.
        """
        return verify_signed_request(
            received, audience=self._origin, now=self._wall.now(), find_key=self._find_key
        )

    def verify_known(self, received: ReceivedCall) -> VerifiedCall | None:
        """As `verify`; None where that would have to read the database first.

        Raises: NotAuthenticated.
        """
        try:
            return verify_signed_request(
                received, audience=self._origin, now=self._wall.now(), find_key=self._known_key
            )
        except _KeyNotInMemory:
            return None

    def let_in(self, transaction: Transaction, calls: Sequence[VerifiedCall]) -> list[Passage]:
        """What becomes of each call that writes or is logged, in their order.

        The first that brings its (iss, jti) is let in, in any process; a second one
        is refused. Remembered as long as the transaction is kept.
        """
        return self.let_in_later(transaction, calls)()

    def let_in_later(
        self, transaction: Transaction, calls: Sequence[VerifiedCall]
    ) -> Callable[[], list[Passage]]:
        """As `let_in`, told when asked: what is to be executed later meanwhile goes with it."""
        noted = [(call.key.caller.member, call.jti, call.expires_at) for call in calls]
        tell_fresh = replay.remember_all(transaction, noted)

        def tell() -> list[Passage]:
            self._directory.refresh(transaction)
            return [
                self._passage(call)
                if is_fresh
                else Passage(caller=None, allowance=None, refusal=NotAuthenticated(SEEN_BEFORE))
                for call, is_fresh in zip(calls, tell_fresh(), strict=True)
            ]

        return tell

    def recognise(self, transaction: Transaction, call: VerifiedCall) -> Passage:
        """What becomes of a call that only reads, and may so be repeated."""
        self._directory.refresh(transaction)
        return self._passage(call)

    def remember(self, transaction: Transaction, call: VerifiedCall) -> bool:
        """Whether the call was never seen before; from now on it was."""
        return replay.remember(transaction, call.key.caller.member, call.jti, call.expires_at)

    def _passage(self, call: VerifiedCall) -> Passage:
        record = self._directory.find_key(call.key.public_key.kid)
        if record is None or not record.is_active:
            refusal = NotAuthenticated(NOT_ACTIVE)
            return Passage(caller=None, allowance=None, refusal=refusal)
        caller = record.caller
        if not call.counted:
            noted = self._limiter.note(
                caller.member, quota=caller.requests_per_minute, now=self._wall.now()
            )
            call.counted.append(noted)
        (allowance,) = call.counted
        return Passage(
            caller=caller,
            allowance=allowance,
            refusal=(
                TooManyRequests(retry_after_seconds=allowance.reset_seconds)
                if allowance.is_exceeded
                else None
            ),
        )

    def _find_key(self, kid: str) -> KeyRecord | None:
        record = self._directory.find_key(kid)
        if record is None:
            # Perhaps registered a moment ago by another process.
            with self._database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                self._directory.refresh(transaction)
            record = self._directory.find_key(kid)
        return record

    def _known_key(self, kid: str) -> KeyRecord:
        record = self._directory.find_key(kid)
        if record is None:
            raise _KeyNotInMemory
        return record


class _KeyNotInMemory(Exception):
    """The directory in memory has no such key; the database may."""
