"""What was measured, as JSON for comparing and as a table on the terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a run's document to `path`."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def read(path: Path) -> dict[str, Any]:
    """The document of an earlier run."""
    document = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def show(console: Console, document: Mapping[str, Any]) -> None:
    """Prints the figures of all doors."""
    table = Table("figure", "of bare Flask", "of handwritten", "a second", "p50 ms", "p99 ms")
    table.add_column("processors µs", justify="right")
    for name, figure in document["figures"].items():
        table.add_row(
            name,
            spread_text(figure["ratio_to_flask"]),
            spread_text(figure["ratio_to_handwritten"]),
            f"{figure['rate']:,.0f}",
            *(number_text(figure[each], 1) for each in ("p50_ms", "p99_ms")),
            number_text(figure["cpu_us"], 0),
        )
    console.print(table)


def spread_text(value: Mapping[str, float] | None) -> str:
    """Median, least and most of a ratio."""
    if value is None:
        return "–"
    return f"{value['median']:.2f} ({value['least']:.2f}–{value['most']:.2f})"


def number_text(value: float | None, decimals: int) -> str:
    """A number as people read it; a dash where there is none."""
    return "–" if value is None else f"{value:,.{decimals}f}"
