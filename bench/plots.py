"""Plots of a run, as SVG written by hand: bars of ratios, and lines over a soak."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bench.names import IN_PROCESS, database_of, databases_of

Document = Mapping[str, Any]


def plots(document: Document) -> dict[str, str]:
    """The plots by file name, as SVG."""
    figures = document["figures"]
    made = {}
    for kind in databases_of(figures):
        bars = {
            name.rpartition(".")[0]: each["ratio_to_flask"]["median"]
            for name, each in figures.items()
            if database_of(name) == kind and "@" not in name and each["ratio_to_flask"]
        }
        for each in IN_PROCESS:
            # No server: their rate is one thread's.
            bars.pop(each, None)
        if bars:
            made[f"ratios-{kind}.svg"] = _bars(f"Requests a second, of bare Flask: {kind}", bars)
    for name, soaked in document["soak"].items():
        if len(soaked) > 1:
            kind = database_of(name)
            for file, what, fields in _SOAK_PLOTS:
                lines = {
                    field: [(each["at_seconds"], each[field]) for each in soaked]
                    for field in fields
                    # Earlier runs noted less.
                    if field in soaked[0]
                }
                made[f"{file}-{kind}.svg"] = _lines(f"{what} over seconds: {name}", lines)
    return made


_SOAK_PLOTS = (
    ("soak", "Latency in ms", ("p50_ms", "p99_ms")),
    ("soak-memory", "A worker's memory in MiB", ("worker_mib", "proportional_mib")),
)
_WIDTH, _LEFT, _ROW = 720, 180, 24
_COLOURS = ("#3b6ea5", "#c0504d")


def _svg(height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bars(title: str, bars: Mapping[str, float]) -> str:
    most = max(*bars.values(), 1.0)
    scale = (_WIDTH - _LEFT - 70) / most
    parts = [f'<text x="10" y="20" font-weight="bold">{escape(title)}</text>']
    for row, (name, value) in enumerate(bars.items()):
        y = 36 + row * _ROW
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 2}" width="{value * scale:.1f}" height="16" '
            f'fill="{_COLOURS[0]}"/>',
            f'<text x="{_LEFT + value * scale + 6:.1f}" y="{y + 15}">{value:.2f}</text>',
        ]
    height = 44 + len(bars) * _ROW
    x = _LEFT + scale
    parts.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="30" y2="{height - 6}" stroke="#555" '
        'stroke-dasharray="4 3"/>'
    )
    return _svg(height, parts)


def _lines(title: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    points = [point for line in lines.values() for point in line]
    x_most, y_most = max(x for x, _ in points) or 1.0, max(y for _, y in points) or 1.0
    left, top, width, height = 60, 36, _WIDTH - 90, 200
    parts = [
        f'<text x="10" y="20" font-weight="bold">{escape(title)}</text>',
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>',
        f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{y_most:.0f}</text>',
        f'<text x="{left - 6}" y="{top + height}" text-anchor="end">0</text>',
        f'<text x="{left + width}" y="{top + height + 18}" text-anchor="end">{x_most:.0f} s</text>',
    ]
    for number, (name, line) in enumerate(lines.items()):
        path = " ".join(
            f"{left + x / x_most * width:.1f},{top + height - y / y_most * height:.1f}"
            for x, y in line
        )
        colour = _COLOURS[number]
        parts += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<text x="{left + 10 + number * 130}" y="{top + height + 18}" fill="{colour}">'
            f"{escape(name.replace('_', ' '))}</text>",
        ]
    return _svg(top + height + 30, parts)
