"""Watches whether the logs keep up: a promise that cannot be kept soon is not made.

Looks at most once a second in each process, so that a request pays nothing.
"""

import logging
import math
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from registry.database.transaction import Transaction
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger import log_store

logger = logging.getLogger("registry.ledger")

LOOK_EVERY_SECONDS = 1.0
SEEN_ENTRIES_MAX = 64
_MEBIBYTE = 1024 * 1024


class LogBehind(Problem):
    """Entries wait too long for their place in the log, so that nothing more is promised."""

    kind = Kind.UNAVAILABLE
    title = Text(en="The log is behind", zh="日志处理滞后")
    advice = Text(
        en="Nothing was recorded. Try again after the time in Retry-After.",
        zh="本次请求未留下任何记录。请按 Retry-After 给出的时间后重试。",
    )


class LogFull(Problem):
    """There is no room left to keep a promise in."""

    kind = Kind.UNAVAILABLE
    title = Text(en="There is no room for more entries", zh="存储空间不足")
    advice = Text(
        en="Nothing was recorded. The operator makes room.",
        zh="本次请求未留下任何记录。请运营者清理存储空间。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """When to warn, to report unready, to refuse lookups; and how much room must be left."""

    lag_warn_seconds: int
    lag_degrade_seconds: int
    lag_refuse_seconds: int
    disk_free_min_mebibytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A waiting entry, and when it was first seen to be the last in the queue."""

    entry: UUID
    since: float


class LogWatch:
    """How long an entry has been seen waiting that still waits, and the room left.

    Each look remembers the entry at the end of the queue. It has its place only
    when all before it have theirs, so that a sequencer slower than what comes in
    shows as surely as one that stands still.
    """

    def __init__(
        self, *, home: Path, limits: LogLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_at = -math.inf
        self._seen: list[_Seen] = []
        self._has_room = True
        self._warned = False

    def require_keeping_up(self, transaction: Transaction) -> None:
        """Raises: LogBehind, LogFull: a lookup must not be answered now."""
        self._require(transaction, self._limits.lag_refuse_seconds)

    def require_healthy(self, transaction: Transaction) -> None:
        """Raises: LogBehind, LogFull: the node should get no traffic where another can."""
        self._require(transaction, self._limits.lag_degrade_seconds)

    def _require(self, transaction: Transaction, seconds_max: int) -> None:
        now = self._monotonic()
        if now - self._looked_at >= LOOK_EVERY_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._look(transaction, now)
            finally:
                self._lock.release()
        if not self._has_room:
            raise LogFull(retry_after_seconds=60)
        if self._waited(now) > seconds_max:
            raise LogBehind(retry_after_seconds=10)

    def _waited(self, now: float) -> float:
        seen = self._seen
        return now - seen[0].since if seen else 0.0

    def _look(self, transaction: Transaction, now: float) -> None:
        # Seen waiting, not the entry's own time: a sandbox's clock may be moved.
        waiting = log_store.still_pending(transaction, [each.entry for each in self._seen])
        seen = [each for each in self._seen if each.entry in waiting]
        last = log_store.last_pending(transaction)
        if last is not None and last not in waiting:
            seen.append(_Seen(entry=last, since=now))
        # Of many every other one, the first among them: the look stays as cheap, and
        # the wait is told as well as before.
        self._seen = seen if len(seen) <= SEEN_ENTRIES_MAX else seen[::2]
        free = shutil.disk_usage(self._home).free
        self._has_room = free >= self._limits.disk_free_min_mebibytes * _MEBIBYTE
        self._looked_at = now
        waited = self._waited(now)
        is_slow = waited > self._limits.lag_warn_seconds
        if is_slow and not self._warned:
            logger.warning("an entry has waited %d s for its place in the log", int(waited))
        self._warned = is_slow
