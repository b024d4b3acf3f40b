"""Promising work, and what an operator sees and does of it."""

from datetime import datetime
from uuid import UUID

from registry.database.transaction import Transaction
from registry.jobs import store
from registry.jobs.model import Backlog, JobDraft, JobStatus, NoSuchJob
from registry.kernel.ids import new_uuid

DEAD_COUNTED_MAX = 1000


class Jobs:
    """The jobs of one node."""

    def enqueue(self, transaction: Transaction, draft: JobDraft) -> UUID | None:
        """Promises `draft` in the caller's transaction; None: a job of its key lives already.

        That one then comes at the earlier of both instants, and runs after this transaction
        is committed, once more if it is running now. Its row stays locked until then:
        whoever enqueues several with keys does so in the order of the keys.
        """
        job = new_uuid(draft.run_at)
        return job if store.add(transaction, job, draft) else None

    def dead_letters(
        self, transaction: Transaction, jobs_max: int, kind: str | None = None
    ) -> list[JobStatus]:
        """What was set aside, of one kind or of all, the oldest first."""
        return store.list_dead(transaction, jobs_max, kind)

    def waiting(self, transaction: Transaction, jobs_max: int) -> list[JobStatus]:
        """What waits or runs, in the order it is due."""
        return store.list_live(transaction, jobs_max)

    def find(self, transaction: Transaction, job: UUID) -> JobStatus:
        """One job.

        Raises: NoSuchJob: it is done, or never was.
        """
        found = store.find(transaction, job)
        if found is None:
            raise NoSuchJob
        return found

    def requeue(self, transaction: Transaction, job: UUID, now: datetime) -> JobStatus:
        """Gives a dead letter all its attempts again, from now on.

        Where a job of its key lives meanwhile, that one does the work, and the dead letter
        goes. Raises: NoSuchJob.
        """
        dead = self.find(transaction, job)
        key = dead.deduplication_key
        if dead.dead_at is None:
            raise NoSuchJob
        if key is not None and store.is_standing(transaction, dead.kind, key):
            self.enqueue(
                transaction,
                JobDraft(kind=dead.kind, payload=dead.payload, run_at=now, deduplication_key=key),
            )
            store.drop(transaction, job)
        else:
            store.revive(transaction, job, now)
        return dead

    def drop(self, transaction: Transaction, job: UUID) -> None:
        """Deletes a dead letter: its work is not done.

        Raises: NoSuchJob.
        """
        if not store.drop(transaction, job):
            raise NoSuchJob

    def backlog(self, transaction: Transaction, now: datetime) -> Backlog:
        """How jobs stand; two looks into an index."""
        return Backlog(
            dead_letters=store.count_dead(transaction, DEAD_COUNTED_MAX),
            oldest_due_at=store.oldest_due_at(transaction, now),
        )
