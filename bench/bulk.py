"""How fast an import is worked off: from what waits on disk to committed incidents.

One process, every rule checked, entries and standings written; the answer to the
upload is timed apart. Nothing else runs but the database.
"""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.calls import report_document
from bench.nodes import entries_in, place_of, prepare
from registry.app.jobs import assemble_worker
from registry.app.node import assemble
from registry.http.caller import Caller, Scope, StreamedCall
from registry.http.spool import Spool
from registry.incidents.import_model import IMPORT_BYTES_MAX
from registry.kernel.ids import MemberId, new_uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFigures:
    """One import; `processor_seconds` are of the process that files, the database's apart."""

    database: str
    reports: int
    bytes_total: int
    accepted_seconds: float
    filed_seconds: float
    processor_seconds: float

    @property
    def incidents_per_second(self) -> float:
        """From the spool to committed incidents."""
        return self.reports / self.filed_seconds


def measure_import(kind: str, home: Path, reports: int) -> ImportFigures:
    """Imports so many reports, each of another person, into an empty node of this kind."""
    home.mkdir(parents=True, exist_ok=True)
    with place_of(kind, home) as place:
        prepared = prepare(home / "node", place)
        member = MemberId(prepared.desk.callers[0].member)
        node = assemble(prepared.settings)
        try:
            before = entries_in(place)
            # Of all that a worker does, imports alone.
            worker = assemble_worker(
                node.database, node.clock, node.directory, node.imports.kinds()
            )
            worker.run_due()
            began = time.perf_counter()
            for number, body in enumerate(_bodies(reports)):
                with Spool(home) as spool:
                    spool.take(io.BytesIO(body), bytes_max=IMPORT_BYTES_MAX)
                    node.imports.accept(_call(member, spool, number))
            accepted = time.perf_counter()
            processor = time.process_time()
            worker.run_due()
            filed, processor = time.perf_counter(), time.process_time() - processor
        finally:
            node.database.close()
        found = entries_in(place) - before
        assert found == reports, f"{found} entries are on disk for {reports} reports"
    return ImportFigures(
        database=kind,
        reports=reports,
        bytes_total=sum(map(len, _bodies(reports))),
        accepted_seconds=accepted - began,
        filed_seconds=filed - accepted,
        processor_seconds=processor,
    )


def _bodies(reports: int) -> Iterator[bytes]:
    """Bodies of at most 50,000 reports."""
    now = datetime.now(UTC)
    for start in range(0, reports, 50_000):
        some = range(start, min(reports, start + 50_000))
        lines = [json.dumps(report_document(number, now), separators=(",", ":")) for number in some]
        yield "\n".join(lines).encode()


def _call(member: MemberId, spool: Spool, number: int) -> StreamedCall:
    now = datetime.now(UTC)
    caller = Caller(
        member=member,
        kid="bench",
        scopes=frozenset({Scope.REPORT}),
        purposes=frozenset(),
        requests_per_minute=1,
        evaluations_per_hour=1,
    )
    return StreamedCall(
        caller=caller,
        now=now,
        request_id=new_uuid(now),
        signed_request=f"header.claims-{number}." + "s" * 600,
        request_digest=bytes(32),
        body=spool,
    )
