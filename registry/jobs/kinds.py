"""The kinds of work there are; each room brings its own, and the app registers them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Generic, TypeVar

from registry.database.transaction import Transaction
from registry.jobs.model import Again, Job

T = TypeVar("T")


class Share(Enum):
    """How many jobs of a kind one round takes, so that none starves and some go first."""

    URGENT = 16
    NORMAL = 8
    BULK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Work inside the database: its effect and the job's end are one transaction.

    `run` does a bounded batch, and returns `Again` when more is left.
    """

    kind: str
    run: Callable[[Transaction, Job, datetime], Again | None]
    share: Share = Share.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand(Generic[T]):
    """Work outside: `perform` without a transaction, then `settle` with the job's end.

    A crash between them, or a lease that ran out, repeats `perform`: the receiver must
    tell that by an id (the job's, for instance). It ends within LEASE, raises what should
    be tried again, and returns what `settle` is to know.
    """

    kind: str
    perform: Callable[[Job], T]
    settle: Callable[[Transaction, Job, T, datetime], Again | None]
    share: Share = Share.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """A step that comes again `every` so often: one row, which renews itself.

    It is never set aside: what fails is tried again, at most as long later as `every`.
    """

    kind: str
    every: timedelta
    run: Callable[[Transaction, Job, datetime], Again | None]
    share: Share = Share.NORMAL


Kind = Step | Errand[Any] | Periodic
