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


class LogWatch:
    """How long the oldest waiting entry has been seen waiting, and the room left."""

    def __init__(
        self, *, home: Path, limits: LogLimits, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_at = -math.inf
        self._oldest: UUID | None = None
        self._waiting_since = 0.0
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
        if self._oldest is not None and now - self._waiting_since > seconds_max:
            raise LogBehind(retry_after_seconds=10)

    def _look(self, transaction: Transaction, now: float) -> None:
        # Seen waiting, not the entry's own time: a sandbox's clock may be moved.
        oldest = log_store.oldest_pending(transaction)
        if oldest != self._oldest:
            self._oldest, self._waiting_since, self._warned = oldest, now, False
        free = shutil.disk_usage(self._home).free
        self._has_room = free >= self._limits.disk_free_min_mebibytes * _MEBIBYTE
        self._looked_at = now
        waited = now - self._waiting_since
        if oldest is not None and waited > self._limits.lag_warn_seconds and not self._warned:
            self._warned = True
            logger.warning("an entry has waited %d s for its place in the log", int(waited))
