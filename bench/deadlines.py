"""A step of the deadline job beside many open appeals: one function, `measure`.

Real rows: one incident is reported and contested through the services, then copied until
so many appeals are open. Some of them fall due; each step is timed, and its memory taken
once more under tracemalloc. What matters is that neither grows with what is open.
"""

import time
import tracemalloc
from datetime import timedelta
from statistics import median

import sqlalchemy as sa

from registry.appeals.deadlines import APPEALS_AT_ONCE_MAX
from registry.appeals.model import new_appeal_id
from registry.appeals.store import appeal_deadlines, appeal_events, appeals
from registry.database.engine import Database
from registry.incidents.store import incident_identities, incidents
from registry.kernel.ids import new_incident_id
from tests.appeals.world import AppealsWorld

COPIED_AT_ONCE = 2_000
STEPS = 6


def copies(world: AppealsWorld, incident_id: str, appeal_id: str, count: int) -> None:
    """`count` more incidents with their open appeals, each of another person."""
    with world.database.reading() as transaction:
        rows = {
            table.name: [
                dict(row._mapping)
                for row in transaction.execute(sa.select(table).where(column == name))
            ]
            for table, column, name in (
                (incidents, incidents.c.id, incident_id),
                (incident_identities, incident_identities.c.incident_id, incident_id),
                (appeals, appeals.c.id, appeal_id),
                (appeal_deadlines, appeal_deadlines.c.appeal_id, appeal_id),
                (appeal_events, appeal_events.c.appeal_id, appeal_id),
            )
        }
    now = world.clock.now()
    for start in range(0, count, COPIED_AT_ONCE):
        made: dict[str, list[dict[str, object]]] = {name: [] for name in rows}
        for number in range(start, min(start + COPIED_AT_ONCE, count)):
            incident, appeal = new_incident_id(now), new_appeal_id(now)
            seed = number.to_bytes(32, "big")
            key = world.protector.lookup_key(seed)
            changed: dict[str, dict[str, object]] = {
                "incidents": {"id": incident, "reference": str(number)},
                "incident_identities": {
                    "incident_id": incident,
                    "lookup_key": key,
                    "seed_sealed": world.protector.seal_seed(seed, key),
                },
                "appeals": {"id": appeal, "incident_id": incident, "lookup_key": key},
                "appeal_deadlines": {"appeal_id": appeal},
                "appeal_events": {"appeal_id": appeal},
            }
            for name, originals in rows.items():
                made[name] += [{**each, **changed[name]} for each in originals]
        with world.database.transaction() as transaction:
            for table in (incidents, incident_identities, appeals, appeal_deadlines, appeal_events):
                transaction.execute(sa.insert(table), made[table.name])


def fall_due(world: AppealsWorld, count: int) -> None:
    """Lets the answer to so many of the appeals be late by a moment."""
    columns = appeal_deadlines.c
    some = (
        sa.select(columns.appeal_id)
        .where(columns.milestone == "answer", columns.ended_at.is_(None))
        .limit(count)
    )
    late = world.clock.now() - timedelta(seconds=1)
    with world.database.transaction() as transaction:
        transaction.execute(
            sa.update(appeal_deadlines)
            .where(columns.milestone == "answer", columns.appeal_id.in_(some))
            .values(due_at=late)
        )


def measure(database: Database, open_appeals: int) -> tuple[float, float, float]:
    """Median and longest time of a step in milliseconds, and a step's peak memory in MiB."""
    due = (STEPS + 1) * APPEALS_AT_ONCE_MAX
    assert open_appeals >= due, "each step has as much to do, however many are open"
    world = AppealsWorld(database)
    incident = world.filed("B110")
    appeal = world.lodge(incident)
    copies(world, incident.id, appeal.id, open_appeals - 1)
    if database.is_sqlite:
        with database.transaction() as transaction:
            transaction.raw_cursor().execute("ANALYZE")
    fall_due(world, due)
    world.enforce_once()
    times = []
    for _ in range(STEPS - 1):
        begun = time.perf_counter()
        world.enforce_once()
        times.append((time.perf_counter() - begun) * 1000)
    tracemalloc.start()
    world.enforce_once()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return median(times), max(times), peak / 2**20
