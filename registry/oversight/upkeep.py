"""What retention and the rules that raise cases do by themselves, step by step.

Each step is a small batch: beside the API it takes the embedded database's one turn to
write for as long as it lasts. Where it goes on is in the job's payload.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from registry.database.transaction import Transaction
from registry.incidents.removal import Passed
from registry.jobs.kinds import Kind, Periodic, Share
from registry.jobs.model import Again, Job
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant, parse_instant
from registry.kernel.ids import IncidentId
from registry.oversight.flagging import Flagging, Progress
from registry.oversight.retention import Retention

RETAIN_EVERY = timedelta(hours=1)
MARKERS_EVERY = timedelta(days=1)
FLAGS_EVERY = timedelta(hours=6)
FLAGS_WAIT = timedelta(minutes=1)
ENTRIES_MAX = 100
INCIDENTS_MAX = 10


class Upkeep:
    """The periodic work of this room."""

    def __init__(self, *, retention: Retention, flagging: Flagging) -> None:
        self._retention = retention
        self._flagging = flagging

    @property
    def kinds(self) -> Sequence[Kind]:
        """Each a job of its own, so that a long one delays no other."""
        runs = {
            "retention.orders": (RETAIN_EVERY, self._carry_out_orders),
            "retention.incidents": (RETAIN_EVERY, self._remove_incidents),
            "retention.accesses": (RETAIN_EVERY, self._erase_accesses),
            "retention.answers": (RETAIN_EVERY, self._sweep),
            "retention.markers": (MARKERS_EVERY, self._forget_markers),
            "oversight.flags": (FLAGS_EVERY, self._raise_flags),
        }
        return [
            Periodic(kind=kind, every=every, run=run, share=Share.BULK)
            for kind, (every, run) in runs.items()
        ]

    def _carry_out_orders(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        after = job.payload.get("after")
        order = self._retention.next_order(transaction, None if after is None else UUID(after))
        if order is None:
            return None
        _, is_done = self._retention.carry_out_some(transaction, order, now, ENTRIES_MAX)
        return Again(run_at=now, payload={"after": str(order.id)} if is_done else None)

    def _remove_incidents(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        _, passed = self._retention.remove_some_incidents(
            transaction, now, _passed(job.payload), INCIDENTS_MAX
        )
        return None if passed is None else Again(run_at=now, payload=_passed_document(passed))

    def _erase_accesses(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        _, is_done = self._retention.erase_some_accesses(transaction, now, ENTRIES_MAX)
        return None if is_done else Again(run_at=now)

    def _sweep(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        return None if self._retention.sweep_some(transaction, now) else Again(run_at=now)

    def _forget_markers(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        after = bytes.fromhex(job.payload.get("after", ""))
        further = self._retention.forget_some_markers(transaction, now, after)
        return None if further is None else Again(run_at=now, payload={"after": further.hex()})

    def _raise_flags(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        match self._flagging.step(transaction, now, ENTRIES_MAX):
            case Progress.CAME_FORWARD:
                return Again(run_at=now)
            case Progress.WAITS:
                # The sequencer is behind: nothing is skipped for it.
                return Again(run_at=now + FLAGS_WAIT)
            case Progress.IS_COMPLETE:
                return None


def _passed(payload: Any) -> Passed:
    expired, taken_back = payload.get("expired"), payload.get("taken_back")
    return Passed(
        expired=expired and (date.fromisoformat(expired[0]), IncidentId(expired[1])),
        taken_back=taken_back and (parse_instant(taken_back[0]), IncidentId(taken_back[1])),
    )


def _passed_document(passed: Passed) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {}
    if passed.expired is not None:
        day, incident = passed.expired
        document["expired"] = [day.isoformat(), incident]
    if passed.taken_back is not None:
        at, incident = passed.taken_back
        document["taken_back"] = [format_instant(at), incident]
    return document
