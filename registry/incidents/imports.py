"""Imports: takes in many reports at once, and files them in batches that a kill cannot tear.

    body --> spool --> chunks, sealed, on disk --> 202 --> a job: chunk by chunk
                                                     read -> decide -> file, one transaction

Each line is held to every rule of a single report and succeeds or fails alone. A
report that was filed before is found again by its reference, so that a body sent
twice, or a step run twice, files nothing twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from registry.crypto.sealing import Sealer
from registry.database.bulk import RowTaken
from registry.database.engine import ANSWER_SECONDS_MAX, Database
from registry.database.transaction import DatabaseUnavailable, Transaction
from registry.http.caller import Call, Scope, StreamedCall
from registry.incidents import import_store
from registry.incidents.bulk_filing import BulkFiler, Line
from registry.incidents.import_model import (
    UNFINISHED_MAX,
    Import,
    ImportEmpty,
    ImportNotFound,
    ImportState,
    LineProblem,
    TooManyImports,
    chunks_of,
)
from registry.incidents.recording import Actor
from registry.jobs.kinds import Kind, Periodic, Share, Step
from registry.jobs.model import Again, Job, JobDraft
from registry.jobs.service import Jobs
from registry.kernel.collection import without_collection
from registry.kernel.ids import ImportId, Prefix, new_import_id, uuid7, with_prefix
from registry.kernel.paging import PAGE_ITEMS_MAX, Page
from registry.members.service import Directory

IMPORT_KIND = "incidents.import"
SWEEP_KIND = "incidents.imports-sweep"
KEPT = timedelta(days=30)
# A body that is not accepted by then never will be: its call is over.
ACCEPTED_WITHIN = timedelta(hours=1)
_SWEPT_MAX = 100
# PostgreSQL takes more at once; on SQLite everyone else waits for a step to end.
_CHUNKS_A_STEP = 4
_ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What became of the lines of one step."""

    filed: int
    repeated: int
    refused: Sequence[LineProblem] = field(repr=False)


class Imports:
    """Bulk filing for furnishers.

    `read` makes a line's bytes a report or a problem; it is the wire's part.
    """

    def __init__(
        self,
        *,
        database: Database,
        sealer: Sealer,
        directory: Directory,
        jobs: Jobs,
        filer: BulkFiler,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._directory = directory
        self._jobs = jobs
        self._filer = filer

    def kinds(self) -> Sequence[Kind]:
        """The work that imports bring."""
        return (
            Step(kind=IMPORT_KIND, run=self.work, share=Share.BULK),
            Periodic(kind=SWEEP_KIND, every=timedelta(hours=1), run=self.sweep, share=Share.BULK),
        )

    def accept(self, call: StreamedCall) -> Import:
        """Takes a body in; when this returns it is on disk, sealed, and will be worked off.

        Raises: ImportEmpty, TooManyImports.
        """
        with self._database.reading(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            self._require_place(transaction, call)
        wanted = new_import_id(call.now)
        try:
            accepted = self._take_in(call, wanted)
        except Exception:
            self._forget(wanted)
            raise
        return accepted

    def work(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        """Works off the next lines of an import, with everything they bring, or nothing of it."""
        self._directory.refresh(transaction)
        current = import_store.find_and_lock(transaction, ImportId(job.payload["import"]))
        if current is None or current.ended_at is not None:
            return None
        if not self._directory.has_scope(current.furnisher, Scope.REPORT):
            self._end(transaction, current, ImportState.STOPPED, now)
            return None
        chunks_max = 1 if transaction.is_sqlite else _CHUNKS_A_STEP
        found = import_store.chunks_from(transaction, current.id, current.chunk_next, chunks_max)
        if found:
            with without_collection():
                lines = [line for chunk in found for line in self._lines(current.id, chunk)]
                done = self._file(transaction, current, lines, now)
            current = replace(
                current,
                state=ImportState.RUNNING,
                filed=current.filed + done.filed,
                repeated=current.repeated + done.repeated,
                refused=current.refused + len(done.refused),
                chunk_next=found[-1][0] + 1,
            )
            import_store.add_problems(transaction, current.id, done.refused)
            import_store.drop_chunks(transaction, current.id, before=current.chunk_next)
        if len(found) < chunks_max or current.done >= current.reports:
            self._end(transaction, current, ImportState.FINISHED, now)
            return None
        import_store.keep_progress(transaction, current)
        return Again(run_at=now)

    def sweep(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        """Forgets imports that ended long ago, and bodies whose call never ended."""
        gone = import_store.ended_before(transaction, now - KEPT, _SWEPT_MAX)
        oldest = with_prefix(Prefix.IMPORT, uuid7(now - ACCEPTED_WITHIN, bytes(10)))
        gone += import_store.never_accepted(transaction, oldest, _SWEPT_MAX)
        import_store.drop(transaction, gone)
        return Again(run_at=now) if len(gone) >= _SWEPT_MAX else None

    def get(self, call: Call, wanted: ImportId) -> Import:
        """An import this caller made.

        Raises: ImportNotFound.
        """
        found = import_store.find(call.transaction, wanted)
        if found is None or found.furnisher != call.caller.member:
            raise ImportNotFound
        return found

    def problems(self, call: Call, of: Import, *, after: int, items_max: int) -> Page[LineProblem]:
        """Why lines of an import were refused, in their order, after the line `after`."""
        assert 1 <= items_max <= PAGE_ITEMS_MAX
        return import_store.problems_of(call.transaction, of.id, after=after, items_max=items_max)

    def page(self, call: Call, *, after: str, items_max: int) -> Page[Import]:
        """The caller's imports, oldest first, after the import id `after`."""
        assert 1 <= items_max <= PAGE_ITEMS_MAX
        return import_store.page_of(
            call.transaction, call.caller.member, after=after, items_max=items_max
        )

    def _require_place(self, transaction: Transaction, call: StreamedCall) -> None:
        if import_store.count_unfinished(transaction, call.caller.member) >= UNFINISHED_MAX:
            raise TooManyImports(retry_after_seconds=60)

    def _take_in(self, call: StreamedCall, wanted: ImportId) -> Import:
        chunks, reports = 0, 0
        for position, chunk in enumerate(chunks_of(call.body.pieces())):
            # A transaction each, so that nobody waits for 64 MiB to be written. Crash
            # point: chunks without their import are nothing yet, and are swept.
            with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
                sealed = self._sealer.seal(b"\n".join(chunk.lines), _context(wanted, position))
                import_store.add_chunk(transaction, wanted, position, chunk.line_first, sealed)
            chunks, reports = position + 1, reports + chunk.reports
        if reports == 0:
            raise ImportEmpty
        accepted = Import(
            id=wanted,
            furnisher=call.caller.member,
            state=ImportState.WAITING,
            bytes_total=call.body.bytes_total,
            reports=reports,
            filed=0,
            repeated=0,
            refused=0,
            chunk_next=0,
            request_id=call.request_id,
            signed_request=call.signed_request,
            request_digest=call.request_digest,
            accepted_at=call.now,
            ended_at=None,
        )
        # Crash point: the import and the job that works it off are one transaction.
        # Answered, it will be done; not answered, it may be sent again.
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            self._require_place(transaction, call)
            if import_store.count_chunks(transaction, wanted) != chunks:
                # A moved clock swept them meanwhile.
                raise DatabaseUnavailable
            import_store.add(transaction, accepted)
            draft = JobDraft(
                kind=IMPORT_KIND,
                payload={"import": wanted},
                run_at=call.now,
                deduplication_key=wanted,
            )
            self._jobs.enqueue(transaction, draft)
        return accepted

    def _forget(self, wanted: ImportId) -> None:
        with self._database.transaction(seconds_max=ANSWER_SECONDS_MAX) as transaction:
            import_store.drop_chunks(transaction, wanted)

    def _lines(self, of: ImportId, chunk: tuple[int, int, bytes]) -> Iterable[Line]:
        position, line_first, sealed = chunk
        lines = self._sealer.open(sealed, _context(of, position)).split(b"\n")
        for number, data in enumerate(lines, line_first):
            if data.strip():
                yield Line(number=number, data=data)

    def _file(
        self, transaction: Transaction, current: Import, lines: Sequence[Line], now: datetime
    ) -> _Done:
        actor = Actor(
            member=current.furnisher,
            now=now,
            request_id=current.request_id,
            signed_request=current.signed_request,
            request_digest=current.request_digest,
        )
        prepared = self._filer.prepare(current.furnisher, lines)
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            try:
                filed, repeated, refused = self._filer.file(transaction, actor, prepared)
            except RowTaken:
                # A call filed one of these references between our look and our write:
                # it is committed now, and the next look finds it.
                if attempt == _ATTEMPTS_MAX:
                    raise
            else:
                return _Done(filed=filed, repeated=repeated, refused=refused)
        raise AssertionError("the last attempt ends otherwise")

    def _end(
        self, transaction: Transaction, current: Import, state: ImportState, now: datetime
    ) -> None:
        import_store.keep_progress(transaction, replace(current, state=state, ended_at=now))
        import_store.drop_chunks(transaction, current.id)


def _context(of: ImportId, position: int) -> bytes:
    """What a sealed chunk is bound to: moved to another place it does not open."""
    return f"ccr-import-v1\x00{of}\x00{position}".encode()
