"""What was measured, as a table for people and as JSON for comparing."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import Round, Spread, cpu_ratios, ratios, spread
from bench.machine import Machine
from bench.rounds import BARE, Measured, Plan

RESULTS = Path(__file__).parent / "results"


def show(console: Console, machine: Machine, measured: Sequence[Measured]) -> None:
    """Prints a table for each database."""
    console.print(
        f"{machine.cores} cores, {machine.processor}, Python {machine.python}, "
        f"fsync {machine.fsync_microseconds:.0f} µs (on), load before {machine.load_before:.2f}"
    )
    for each in measured:
        console.print(_table(each))
        console.print(
            f"memory of a worker: {each.worker_memory.rss:.0f} MiB resident, "
            f"{each.worker_memory.pss:.0f} MiB proportional; "
            f"{each.entries_acknowledged} acknowledged entries found on disk"
        )


def write(path: Path, plan: Plan, machine: Machine, measured: Sequence[Measured]) -> None:
    """Writes everything, rounds included, to `path`."""
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": asdict(plan),
        "machine": asdict(machine),
        "fsync": "on",
        "databases": [_document(each) for each in measured],
    }
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _table(measured: Measured) -> Table:
    table = Table(
        title=f"{measured.database} {measured.version}: "
        f"{measured.workers} workers of {measured.threads} threads",
        title_justify="left",
        caption="server and database: processor time of one request, SQLite's in the server's",
        caption_justify="left",
    )
    table.add_column("operation")
    for name in (
        "of bare Flask",
        "min–max",
        "by CPU",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "server µs",
        "database µs",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for name, rounds in measured.rounds.items():
        ratio = ratios(rounds, measured.rounds[BARE])
        table.add_row(
            name,
            f"{ratio.median:.3f}",
            f"{ratio.least:.3f}–{ratio.most:.3f}",
            f"{cpu_ratios(rounds, measured.rounds[BARE]).median:.3f}",
            f"{spread([each.rate for each in rounds]).median:.0f}",
            f"{_median(rounds, 'p50_milliseconds'):.1f}",
            f"{_median(rounds, 'p99_milliseconds'):.1f}",
            f"{_median(rounds, 'server_cpu_microseconds'):.0f}",
            f"{_median(rounds, 'database_cpu_microseconds'):.0f}",
        )
    return table


def _median(rounds: Sequence[Round], name: str) -> float:
    return spread([getattr(each, name) for each in rounds]).median


def _document(measured: Measured) -> dict[str, Any]:
    bare = measured.rounds[BARE]
    return {
        "database": measured.database,
        "version": measured.version,
        "workers": measured.workers,
        "threads": measured.threads,
        "worker_memory_mib": _rounded(asdict(measured.worker_memory)),
        "entries_acknowledged": measured.entries_acknowledged,
        "operations": {
            f"{name}.{measured.database}": {
                "ratio_to_bare": _spread_document(ratios(rounds, bare)),
                "cpu_ratio_to_bare": _spread_document(cpu_ratios(rounds, bare)),
                "rate": _spread_document(spread([each.rate for each in rounds])),
                "rounds": [_rounded(asdict(each)) for each in rounds],
            }
            for name, rounds in measured.rounds.items()
        },
    }


def _spread_document(values: Spread) -> dict[str, float]:
    return _rounded(asdict(values))


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
