"""The work of this room that is done beside the calls: codes sent, rows swept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.jobs.kinds import Errand, Kind, Periodic, Share
from registry.jobs.model import Again, Job
from registry.kernel.clock import Clock
from registry.subjects.authorisations import Authorisations
from registry.subjects.senders import Senders
from registry.subjects.sessions import Sessions
from registry.subjects.sign_ins import SEND_CODE, SignIns

SWEEP = "subjects.sweep"
SWEEP_EVERY = timedelta(minutes=5)
SWEEP_ROWS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chores:
    """Jobs of the person's door. `wall` says which codes and sessions are over."""

    database: Database
    wall: Clock
    senders: Senders
    sign_ins: SignIns
    sessions: Sessions
    authorisations: Authorisations

    def kinds(self) -> tuple[Kind, ...]:
        """What the app registers."""
        send: Errand[UUID] = Errand(
            kind=SEND_CODE, perform=self._send, settle=self._forget, share=Share.URGENT
        )
        return (send, Periodic(kind=SWEEP, every=SWEEP_EVERY, run=self._sweep))

    def _send(self, job: Job) -> UUID:
        message_id = UUID(job.payload["message"])
        with self.database.reading() as transaction:
            message = self.sign_ins.message(transaction, message_id, self.wall.now())
        if message is not None:
            self.senders.send(message)
        # Crash point: sent and not settled it is sent again, under the same id.
        return message_id

    def _forget(
        self, transaction: Transaction, _job: Job, message: UUID, _now: datetime
    ) -> Again | None:
        self.sign_ins.forget_message(transaction, message)
        return None

    def _sweep(self, transaction: Transaction, _job: Job, now: datetime) -> Again | None:
        wall_now = self.wall.now()
        swept = self.sign_ins.sweep(transaction, wall_now, SWEEP_ROWS_MAX)
        swept += self.sessions.sweep(transaction, wall_now, SWEEP_ROWS_MAX)
        swept += self.authorisations.sweep(transaction, now, SWEEP_ROWS_MAX)
        return Again(run_at=now) if swept >= SWEEP_ROWS_MAX else None
