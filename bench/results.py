"""What was measured, as JSON for comparing and as a table on the terminal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
_SECTIONS = (
    "figures",
    "servers",
    "half_load",
    "soak",
    "soak_memory_before",
    "growth",
    "logs",
    "deadlines",
)


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a run's document to `path`."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def read(path: Path) -> dict[str, Any]:
    """The document of an earlier run, also of one that noted less."""
    document = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    document["file"] = path.name
    for section in ("took_seconds", "failed", *_SECTIONS):
        document.setdefault(section, {})
    for each in document["servers"].values():
        if "by_door" not in each:
            # Of the lean door alone, then.
            lean = {
                "start_seconds": each["start_seconds"],
                "workers": each["workers"],
                "worker_memory": each["worker_memory_mib"],
            }
            each["by_door"] = {"lean": lean}
    return document


def joined(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several runs as one document: what a later one measured is its; `runs` says whose facts.

    Each ratio stays the one of its own run.
    """
    whole: dict[str, Any] = {section: {} for section in _SECTIONS}
    for document in documents:
        for section in _SECTIONS:
            whole[section].update(document[section])
    runs = ("file", "measured_at", "machine", "extent", "took_seconds", "failed")
    whole["runs"] = [{each: document[each] for each in runs} for document in documents]
    return whole


def show(console: Console, document: Mapping[str, Any]) -> None:
    """Prints the figures of all doors."""
    table = Table()
    table.add_column("figure", no_wrap=True)
    for title in ("of bare Flask", "of handwritten", "a second", "p50 ms", "p99 ms", "CPU µs"):
        table.add_column(title, justify="right")
    for name, figure in document["figures"].items():
        table.add_row(
            name,
            *(_median_text(figure[f"ratio_to_{other}"]) for other in ("flask", "handwritten")),
            f"{figure['rate']:,.0f}",
            *(number_text(figure[each], 1) for each in ("p50_ms", "p99_ms")),
            number_text(figure["cpu_us"], 0),
        )
    console.print(table)


def _median_text(value: Mapping[str, float] | None) -> str:
    return number_text(None if value is None else value["median"], 2)


def spread_text(value: Mapping[str, float] | None) -> str:
    """Median, least and most of a ratio."""
    if value is None:
        return "–"
    return f"{value['median']:.2f} ({value['least']:.2f}–{value['most']:.2f})"


def number_text(value: float | None, decimals: int) -> str:
    """A number as people read it; a dash where there is none."""
    return "–" if value is None else f"{value:,.{decimals}f}"
