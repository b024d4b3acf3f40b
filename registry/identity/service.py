"""Evaluations: this node's share of a token, against the member's quota."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.crypto import voprf
from registry.crypto.voprf import Evaluation
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.identity import store
from registry.identity.keyring import Keyring
from registry.identity.model import EVALUATED_AT_ONCE_MAX, EvaluationQuotaSpent, KeyUnknown
from registry.kernel.ids import MemberId

SECONDS_PER_HOUR = 3600

# A lease of a hundredth keeps the counter row out of nearly every request; what
# a process has leased and not used is lost to the member until the next hour.
_LEASES_PER_QUOTA = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """An evaluation, and what is left of the member's quota for how long."""

    key_id: str
    evaluation: Evaluation
    quota_remaining: int
    quota_resets_in_seconds: int


@dataclass(slots=True, kw_only=True)
class _Lease:
    """What this process may still evaluate for one member in one hour."""

    hour: int
    left: int
    unleased: int


class Evaluations:
    """Evaluates blinded elements; threads share one of these in each process."""

    def __init__(self, *, keyring: Keyring, database: Database) -> None:
        self._keyring = keyring
        self._database = database
        self._lock = threading.Lock()
        self._leases: dict[MemberId, _Lease] = {}

    def evaluate(
        self,
        *,
        member: MemberId,
        evaluations_per_hour: int,
        key_id: str,
        blinded: Sequence[bytes],
        now: datetime,
    ) -> Evaluated:
        """The evaluated elements with their proof; all of them or none.

        Every element counts, also when the answer never arrives. The quota is
        leased in a transaction of this service's own: the caller must not hold
        one, or SQLite would wait for itself.

        Raises: KeyUnknown, InvalidElement (neither counts), EvaluationQuotaSpent.
        """
        assert 1 <= len(blinded) <= EVALUATED_AT_ONCE_MAX
        key = self._keyring.find(key_id)
        if key is None:
            raise KeyUnknown
        elements = voprf.elements_of(blinded, pointer="/blinded")
        hour, elapsed = divmod(int(now.timestamp()), SECONDS_PER_HOUR)
        resets_in = SECONDS_PER_HOUR - elapsed
        remaining = self._spend(member, hour, evaluations_per_hour, len(elements))
        if remaining is None:
            raise EvaluationQuotaSpent(retry_after_seconds=resets_in)
        return Evaluated(
            key_id=key.key_id,
            evaluation=voprf.evaluate_elements(key.share, elements),
            quota_remaining=remaining,
            quota_resets_in_seconds=resets_in,
        )

    def _spend(self, member: MemberId, hour: int, quota: int, count: int) -> int | None:
        """What is left after `count` are spent; None when so many are not left."""
        remaining = self._spend_leased(member, hour, count)
        if remaining is not None:
            return remaining
        # Outside the lock, so that other threads go on spending what they have.
        wanted = max(count, quota // _LEASES_PER_QUOTA)
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            granted, unleased = store.lease(
                transaction, member, hour=hour, quota=quota, wanted=wanted
            )
        # Crash point: a lease committed and not yet noted here is lost, never given
        # twice.
        return self._spend_granted(member, hour, count, granted, unleased)

    def _spend_leased(self, member: MemberId, hour: int, count: int) -> int | None:
        with self._lock:
            lease = self._leases.get(member)
            if lease is None or lease.hour != hour or lease.left < count:
                return None
            lease.left -= count
            return lease.left + lease.unleased

    def _spend_granted(
        self, member: MemberId, hour: int, count: int, granted: int, unleased: int
    ) -> int | None:
        # Noted and spent in one hold of the lock: nobody takes it in between.
        with self._lock:
            lease = self._leases.get(member)
            if lease is None or lease.hour != hour:
                lease = self._leases[member] = _Lease(hour=hour, left=0, unleased=0)
            lease.left += granted
            lease.unleased = unleased
            if lease.left < count:
                return None
            lease.left -= count
            return lease.left + lease.unleased
