"""The table of jobs: a row while a job waits, runs or is a dead letter, and none afterwards."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.jobs.model import (
    DEDUPLICATION_KEY_CHARACTERS_MAX,
    KIND_CHARACTERS_MAX,
    Again,
    Job,
    JobDraft,
    JobStatus,
    require_small,
)

ERROR_CHARACTERS_MAX = 200

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("kind", sa.String(KIND_CHARACTERS_MAX), nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("deduplication_key", sa.String(DEDUPLICATION_KEY_CHARACTERS_MAX)),
    sa.Column("run_at", Instant, nullable=False),
    # Wanted once more, from then on, by somebody who asked while it ran.
    sa.Column("wanted_at", Instant),
    sa.Column("leased_until", Instant),
    # How often it was claimed: the fence. It never falls.
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("error", sa.String(ERROR_CHARACTERS_MAX)),
    sa.Column("dead_at", Instant),
)
_COLUMNS = jobs.c
_IS_LIVE = _COLUMNS.dead_at.is_(None)
_IS_DEAD = _COLUMNS.dead_at.is_not(None)

# The order of claiming, kind by kind.
sa.Index(None, _COLUMNS.kind, _COLUMNS.run_at, postgresql_where=_IS_LIVE, sqlite_where=_IS_LIVE)
# The oldest that waits, of whatever kind.
sa.Index(None, _COLUMNS.run_at, postgresql_where=_IS_LIVE, sqlite_where=_IS_LIVE)
sa.Index(None, _COLUMNS.dead_at, postgresql_where=_IS_DEAD, sqlite_where=_IS_DEAD)
sa.Index(
    "uq_jobs_kind_deduplication_key",
    _COLUMNS.kind,
    _COLUMNS.deduplication_key,
    unique=True,
    postgresql_where=_IS_LIVE,
    sqlite_where=_IS_LIVE,
)


def add(transaction: Transaction, job: UUID, draft: JobDraft) -> bool:
    """Adds a job; False: one of its key lives, and will see what this transaction wrote.

    The living one comes at the earlier of both instants, and once more when it is running
    now: what this transaction wrote may have come too late for that run.
    """
    values = _values(job, draft)
    if draft.deduplication_key is None:
        transaction.execute(sa.insert(jobs), values)
        return True
    insert = (sqlite.insert if transaction.is_sqlite else postgresql.insert)(jobs).values(values)
    is_free = _COLUMNS.leased_until.is_(None)
    # The row stays locked until this transaction ends: nobody claims it before, so that
    # whoever does sees all of this transaction.
    upsert = insert.on_conflict_do_update(
        index_elements=[_COLUMNS.kind, _COLUMNS.deduplication_key],
        index_where=_IS_LIVE,
        set_={
            "run_at": sa.case(
                (is_free, _earlier(_COLUMNS.run_at, insert.excluded.run_at)),
                else_=_COLUMNS.run_at,
            ),
            "wanted_at": sa.case(
                (is_free, sa.null()),
                else_=_earlier(
                    sa.func.coalesce(_COLUMNS.wanted_at, insert.excluded.run_at),
                    insert.excluded.run_at,
                ),
            ),
        },
    ).returning(_COLUMNS.id)
    return bytes(transaction.execute(upsert).scalar_one()) == job.bytes


def stand(transaction: Transaction, job: UUID, draft: JobDraft, latest: datetime) -> None:
    """Adds a job unless one of its key lives; one that lives comes at `latest` at the latest."""
    insert = sqlite.insert if transaction.is_sqlite else postgresql.insert
    transaction.execute(
        insert(jobs)
        .values(_values(job, draft))
        .on_conflict_do_nothing(
            index_elements=[_COLUMNS.kind, _COLUMNS.deduplication_key], index_where=_IS_LIVE
        )
    )
    transaction.execute(
        sa.update(jobs)
        .where(
            _COLUMNS.kind == draft.kind,
            _COLUMNS.deduplication_key == draft.deduplication_key,
            _IS_LIVE,
            _COLUMNS.run_at > latest,
        )
        .values(run_at=latest)
    )


def due_kinds(
    transaction: Transaction, kinds: Sequence[str], now: datetime, wall: datetime
) -> list[str]:
    """Those of `kinds` that have a job to be claimed; one look into the index for each."""
    if not kinds:
        return []
    found = transaction.execute(_due_statement(tuple(kinds)), {"now": now, "wall": wall})
    return [row.kind for row in found]


def claim(
    transaction: Transaction,
    kind: str,
    *,
    now: datetime,
    wall: datetime,
    until: datetime,
    jobs_max: int,
) -> list[JobStatus]:
    """Leases up to `jobs_max` due jobs of `kind`, the oldest first, each under a new attempt.

    A lease that had run out counts as a failure: whoever held it died with it. Such a job
    is claimed alone, so that one that kills its workers takes no others along again.
    """
    select = (
        sa.select(_COLUMNS.id, _COLUMNS.leased_until)
        .where(_is_due(kind))
        .order_by(_COLUMNS.run_at)
        .limit(jobs_max)
        .with_for_update(skip_locked=True)
    )
    rows = transaction.execute(select, {"now": now, "wall": wall}).all()
    if not rows:
        return []
    lapsed = [row.id for row in rows if row.leased_until is not None]
    found = lapsed[:1] or [row.id for row in rows]
    has_lapsed = _COLUMNS.leased_until.is_not(None)
    update = (
        sa.update(jobs)
        .where(_COLUMNS.id.in_(found))
        .values(
            leased_until=until,
            wanted_at=None,
            attempt=_COLUMNS.attempt + 1,
            failures=_COLUMNS.failures + sa.case((has_lapsed, 1), else_=0),
            error=sa.case((has_lapsed, "its lease ran out"), else_=_COLUMNS.error),
        )
        .returning(*_COLUMNS)
    )
    claimed = [_status_of(row) for row in transaction.execute(update)]
    return sorted(claimed, key=lambda each: (each.run_at, each.id.bytes))


def finish(transaction: Transaction, job: Job) -> bool:
    """Ends `job`, or lets it wait once more when that was wanted; False: it is not held."""
    delete = sa.delete(jobs).where(_is_held(job), _COLUMNS.wanted_at.is_(None))
    if transaction.execute(delete).rowcount == 1:
        return True
    return _release(transaction, job, run_at=_COLUMNS.wanted_at, failures=0, error=None)


def renew(transaction: Transaction, job: Job, again: Again) -> bool:
    """Lets `job` wait once more, as good as new; False: it is not held."""
    renewed_at = sa.bindparam("renewed_at", again.run_at, type_=Instant)
    earliest = sa.case(
        (_COLUMNS.wanted_at.is_(None), renewed_at),
        else_=_earlier(_COLUMNS.wanted_at, renewed_at),
    )
    payload = job.payload if again.payload is None else again.payload
    require_small(payload)
    return _release(
        transaction, job, run_at=earliest, payload=dict(payload), failures=0, error=None
    )


def retry(
    transaction: Transaction, job: Job, *, run_at: datetime, error: str, dead_at: datetime | None
) -> bool:
    """Notes a failure; the job waits until `run_at`, or is set aside at `dead_at`."""
    return _release(
        transaction,
        job,
        run_at=run_at,
        failures=_COLUMNS.failures + 1,
        error=error[:ERROR_CHARACTERS_MAX],
        dead_at=dead_at,
    )


def set_aside(transaction: Transaction, job: Job, dead_at: datetime) -> bool:
    """Makes `job` a dead letter; False: it is not held."""
    return _release(transaction, job, dead_at=dead_at)


def give_back(transaction: Transaction, held: Collection[Job]) -> None:
    """Lets others claim at once what was claimed and not begun."""
    for job in held:
        _release(transaction, job)


def find(transaction: Transaction, job: UUID) -> JobStatus | None:
    """The job of this id."""
    row = transaction.execute(sa.select(jobs).where(_COLUMNS.id == job.bytes)).one_or_none()
    return None if row is None else _status_of(row)


def list_dead(transaction: Transaction, jobs_max: int, kind: str | None) -> list[JobStatus]:
    """Dead letters, of one kind or of all, the oldest first."""
    select = sa.select(jobs).where(_IS_DEAD)
    if kind is not None:
        select = select.where(_COLUMNS.kind == kind)
    rows = transaction.execute(select.order_by(_COLUMNS.dead_at).limit(jobs_max))
    return [_status_of(row) for row in rows]


def list_live(transaction: Transaction, jobs_max: int) -> list[JobStatus]:
    """What waits or runs, in the order it is due."""
    select = sa.select(jobs).where(_IS_LIVE).order_by(_COLUMNS.run_at).limit(jobs_max)
    return [_status_of(row) for row in transaction.execute(select)]


def revive(transaction: Transaction, job: UUID, run_at: datetime) -> bool:
    """Makes a dead letter a job that waits; False: there is none of this id."""
    update = (
        sa.update(jobs)
        .where(_COLUMNS.id == job.bytes, _IS_DEAD)
        .values(dead_at=None, run_at=run_at, failures=0, leased_until=None, wanted_at=None)
    )
    return transaction.execute(update).rowcount == 1


def is_standing(transaction: Transaction, kind: str, deduplication_key: str) -> bool:
    """Whether a job of this key lives."""
    is_it = sa.and_(_COLUMNS.kind == kind, _COLUMNS.deduplication_key == deduplication_key)
    return bool(transaction.execute(sa.select(sa.exists().where(is_it, _IS_LIVE))).scalar_one())


def drop(transaction: Transaction, job: UUID) -> bool:
    """Deletes a dead letter for good; False: there is none of this id."""
    delete = sa.delete(jobs).where(_COLUMNS.id == job.bytes, _IS_DEAD)
    return transaction.execute(delete).rowcount == 1


def count_dead(transaction: Transaction, count_max: int) -> int:
    """How many dead letters there are, counted up to `count_max`."""
    some = sa.select(_COLUMNS.id).where(_IS_DEAD).limit(count_max).subquery()
    count: int = transaction.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    return count


def oldest_due_at(transaction: Transaction, now: datetime) -> datetime | None:
    """When the oldest job that waits and is due could have run, of any kind."""
    select = (
        sa.select(_COLUMNS.run_at)
        .where(_IS_LIVE, _COLUMNS.leased_until.is_(None), _COLUMNS.run_at <= now)
        .order_by(_COLUMNS.run_at)
        .limit(1)
    )
    return transaction.execute(select).scalar_one_or_none()


@cache
def _due_statement(kinds: tuple[str, ...]) -> sa.CompoundSelect[Any]:
    # Built once: it is asked every second, and building it takes longer than running it.
    first = [
        sa.select(
            sa.select(_COLUMNS.kind)
            .where(_is_due(kind))
            .order_by(_COLUMNS.run_at)
            .limit(sa.literal_column("1"))
            .subquery()
        )
        for kind in kinds
    ]
    return sa.union_all(*first)


def _is_due(kind: str) -> sa.ColumnElement[bool]:
    """By `now` of the rules' clock and `wall` of the machine's, both given on execution."""
    return sa.and_(
        _COLUMNS.kind == kind,
        _IS_LIVE,
        _COLUMNS.run_at <= sa.bindparam("now", type_=Instant),
        sa.or_(
            _COLUMNS.leased_until.is_(None),
            _COLUMNS.leased_until <= sa.bindparam("wall", type_=Instant),
        ),
    )


def _is_held(job: Job) -> sa.ColumnElement[bool]:
    """Fencing: only the claim made last may end the job."""
    return sa.and_(
        _COLUMNS.id == job.id.bytes,
        _COLUMNS.attempt == job.attempt,
        _COLUMNS.leased_until.is_not(None),
        _IS_LIVE,
    )


def _release(transaction: Transaction, job: Job, **values: Any) -> bool:
    statement = (
        sa.update(jobs).where(_is_held(job)).values(leased_until=None, wanted_at=None, **values)
    )
    return transaction.execute(statement).rowcount == 1


def _earlier(
    one: sa.ColumnElement[datetime], other: sa.ColumnElement[datetime]
) -> sa.ColumnElement[datetime]:
    return sa.case((one <= other, one), else_=other)


def _values(job: UUID, draft: JobDraft) -> Mapping[str, Any]:
    return {
        "id": job.bytes,
        "kind": draft.kind,
        "payload": dict(draft.payload),
        "deduplication_key": draft.deduplication_key,
        "run_at": draft.run_at,
        "attempt": 0,
        "failures": 0,
    }


def _status_of(row: sa.Row[Any]) -> JobStatus:
    return JobStatus(
        id=UUID(bytes=bytes(row.id)),
        kind=row.kind,
        payload=row.payload,
        deduplication_key=row.deduplication_key,
        run_at=row.run_at,
        attempt=row.attempt,
        failures=row.failures,
        error=row.error,
        leased_until=row.leased_until,
        dead_at=row.dead_at,
    )
