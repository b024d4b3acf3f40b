"""Workers are killed in the middle of jobs; every effect happens once, on both databases."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from registry.database.engine import Database
from registry.jobs.model import JobDraft
from registry.jobs.service import Jobs
from tests.jobs.killed_worker import PROCESSES


def test_killed_anywhere_every_effect_happens_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Before the effect, after it, while performing: two processes, started again when killed."""
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE effects (job VARCHAR(64))"))
        jobs = [
            Jobs().enqueue(
                transaction,
                JobDraft(kind=kind, payload={"dies": dies}, run_at=datetime.now(UTC)),
            )
            for kind, places in (
                ("step", ("before", "after", None)),
                ("errand", ("performing", "before", "after", None)),
            )
            for dies in places * 3
        ]
    file = tmp_path / "attempts.txt"
    command = [sys.executable, "-m", "tests.jobs.killed_worker", database_url, str(file)]
    starts = int(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    with database.reading() as transaction:
        effects = list(transaction.execute(sa.text("SELECT job FROM effects")).scalars())
        assert 0 == transaction.execute(sa.text("SELECT count(*) FROM jobs")).scalar_one()
    assert sorted(map(str, jobs)) == sorted(effects)

    lines = [line.split() for line in file.read_text().splitlines()]
    # No attempt is begun twice, by whomever; it was an attempt that died, each of fifteen.
    for what in ("run", "perform"):
        attempts = Counter((job, attempt) for said, job, attempt in lines if said == what)
        assert set(attempts.values()) == {1}
    assert 15 + PROCESSES <= starts
