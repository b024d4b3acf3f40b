"""`registry retention`: erase what is kept no longer, and what was ordered to go."""

from collections import Counter

import click
from rich.console import Group, RenderableType

from registry.app.node import open_node
from registry.cli.rendering import facts, json_option, panel, plain, show
from registry.database.compaction import Compacted, compact
from registry.kernel.canonical import JsonValue
from registry.oversight.kept import TABLES
from registry.oversight.retention import Batch, Survey


@click.group()
def retention() -> None:
    """Erase what is kept no longer, by the edition's time limits and by order."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Count what is due, and erase nothing.")
@click.option(
    "--no-compact",
    is_flag=True,
    help="Leave the database's files as they are; traces of erased content stay in them.",
)
@json_option
def run(dry_run: bool, no_compact: bool) -> None:
    """Erase all that is due now, batch by batch; stopped at any point it can be run again.

    SQLite's file is then rewritten, so that nothing is left in it of what was erased, now
    or by the node's jobs since the last time; on PostgreSQL
    the tables are vacuumed and the command says what is left to do. Backups made
    before hold erased content until they are deleted.
    """
    with open_node() as node:
        now = node.clock.now()
        if dry_run:
            _show_survey(node.auditing.retention.survey(now))
            return
        batches = list(node.auditing.retention.run(now))
        # Always: what the node's jobs erased since the last time is in no batch of this run.
        compacted = None if no_compact else compact(node.database, TABLES)
    _show_run(batches, compacted)


def _show_survey(survey: Survey) -> None:
    due: dict[str, JsonValue] = {
        "accesses": survey.accesses,
        "incidents": sum(survey.incidents.values()),
        "orders": survey.orders,
    }
    by_cause: JsonValue = {cause.value: count for cause, count in survey.incidents.items()}
    show(
        {"due": due, "incidents_by_cause": by_cause},
        panel("Due now, held or not; nothing was erased", facts(due)),
    )


def _show_run(batches: list[Batch], compacted: Compacted | None) -> None:
    totals: Counter[str] = Counter()
    by_cause: dict[str, dict[str, JsonValue]] = {}
    for batch in batches:
        counts = {
            "entries": batch.entries,
            "incidents": batch.incidents,
            "held": batch.held,
            "waiting": batch.waiting,
        }
        totals.update(counts)
        known = by_cause.setdefault(batch.cause.value, dict.fromkeys(counts, 0))
        for name, count in counts.items():
            before = known[name]
            assert isinstance(before, int)
            known[name] = before + count
    counted: dict[str, JsonValue] = {
        name: totals[name] for name in ("entries", "incidents", "held", "waiting")
    }
    document: dict[str, JsonValue] = {
        "erased": counted,
        "by_cause": by_cause,
        "compacted": None if compacted is None else compacted.is_complete,
        "advice": None if compacted is None else compacted.advice,
    }
    parts: list[RenderableType] = [facts(counted)]
    if compacted is not None and not compacted.is_complete:
        parts.append(plain("Another process was reading; run the command again."))
    if compacted is not None and compacted.advice is not None:
        parts.append(plain(f"In a maintenance window: {compacted.advice}"))
    show(document, panel("Erased", Group(*parts), style="green"))
