"""`python -m bench.report FILE`: writes a run's tables and plots into docs/performance.md.

Only what stands between the two markers is replaced; the prose around it is people's.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import click

from bench.results import RESULTS, number_text, read, spread_text

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "performance.md"
PLOTS = DOCS / "plots"
BEGIN, END = "<!-- figures: written by python -m bench.report -->", "<!-- end of figures -->"

Document = Mapping[str, Any]


class MarkersMissing(Exception):
    """The page has no place for figures, or more than one."""


def replaced(page: str, figures: str) -> str:
    """The page with other figures between its markers.

    Raises: MarkersMissing.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise MarkersMissing
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def tables(document: Document) -> str:
    """Everything measured, as Markdown."""
    parts = [_machine(document)]
    figures = document["figures"]
    for kind in _kinds(figures):
        own = {name: each for name, each in figures.items() if _kind(name) == kind}
        usual = {name: each for name, each in own.items() if "@" not in name}
        other = {name: each for name, each in own.items() if "@" in name}
        if usual:
            parts += [f"### On {_title(kind)}, 32 connections", _figures(usual)]
            parts.append(f"![Ratios on {_title(kind)}](plots/ratios-{kind}.svg)")
        if other:
            parts += [f"### On {_title(kind)}, other connections and disks", _figures(other)]
    parts += _rest(document)
    return "\n\n".join(part for part in parts if part)


def _machine(document: Document) -> str:
    machine, extent = document["machine"], document["extent"]
    return (
        f"Measured {document['measured_at'][:10]} on {machine['cores']} cores "
        f"({machine['processor']}), Python {machine['python']}, {extent['rounds']} rounds of "
        f"{extent['seconds']} seconds, the load on the same machine. A sync of its disk takes "
        f"{machine['fsync_microseconds']:,.0f} µs; the load before was "
        f"{machine['load_before']:.2f}."
    )


def _figures(figures: Mapping[str, Any]) -> str:
    rows = [
        (
            f"`{name}`",
            spread_text(each["ratio_to_flask"]),
            spread_text(each["ratio_to_handwritten"]),
            number_text(each["cpu_ratio_to_flask"], 2),
            number_text(each["rate"], 0),
            number_text(each["p50_ms"], 1),
            number_text(each["p99_ms"], 1),
            number_text(each["cpu_us"], 0),
        )
        for name, each in figures.items()
    ]
    head = (
        "figure",
        "of bare Flask",
        "of handwritten",
        "by CPU",
        "a second",
        "p50 ms",
        "p99 ms",
        "CPU µs",
    )
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, numbers to the right."""
    ruler = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def _rest(document: Document) -> list[str]:
    return [*_servers(document), *_growth(document), *_logs(document), *_deadlines(document)]


def _servers(document: Document) -> list[str]:
    rows = []
    for kind, each in document["servers"].items():
        half = document["half_load"].get(f"lookup.lean.{kind}")
        memory = each["worker_memory_mib"]
        rows.append(
            (
                _title(kind),
                f"{memory['rss']:.0f}",
                f"{memory['pss']:.0f}",
                f"{each['start_seconds']:.1f}",
                "–" if half is None else f"{half['p50_milliseconds']:.1f}",
                "–" if half is None else f"{half['p99_milliseconds']:.1f}",
            )
        )
    if not rows:
        return []
    head = (
        "lean door on",
        "worker MiB resident",
        "proportional",
        "start s",
        "p50 ms at half load",
        "p99 ms at half load",
    )
    plots = [
        f"![Soak on {_title(name.rpartition('.')[2])}](plots/soak-{name.rpartition('.')[2]}.svg)"
        for name, soaked in document["soak"].items()
        if len(soaked) > 1
    ]
    return ["### Servers", table(head, rows), *plots]


def _growth(document: Document) -> list[str]:
    rows = [
        (f"`{name}`", f"{size:,}", f"{seeded:.0f}", f"{rate['median']:,.0f}", spread_text(ratio))
        for name, each in document["growth"].items()
        for size, seeded, rate, ratio in zip(
            each["subjects"],
            each["seed_seconds"],
            each["rates"],
            each["ratios_to_first"],
            strict=True,
        )
    ]
    head = ("figure", "subjects", "seeded in s", "lookups a second", "of the first")
    return ["### Growth", table(head, rows)] if rows else []


def _logs(document: Document) -> list[str]:
    rows = [
        (
            _title(kind),
            f"{each['entries']:,}",
            spread_text(each["lookups_ratio"]),
            f"{each['sequenced']['median']:,.0f}",
            f"{each['indexed']:,.0f}",
            f"{each['proof_p50_milliseconds']:.2f}",
            f"{each['proof_p99_milliseconds']:.2f}",
            f"{each['verify_seconds']:.1f}",
            f"{each['checkpoint_age_p99_seconds']:.2f}",
        )
        for kind, each in document["logs"].items()
    ]
    head = (
        "log on",
        "entries",
        "lookups with, of without",
        "leaves/s",
        "indexed/s",
        "proof p50 ms",
        "p99 ms",
        "verify s",
        "checkpoint age p99 s",
    )
    return ["### The logs", table(head, rows)] if rows else []


def _deadlines(document: Document) -> list[str]:
    rows = [
        (
            _title(kind),
            f"{int(size):,}",
            f"{each['step_ms']:.0f}",
            f"{each['longest_ms']:.0f}",
            f"{each['peak_mib']:.1f}",
        )
        for kind, sizes in document["deadlines"].items()
        for size, each in sizes.items()
    ]
    head = ("deadline job on", "open appeals", "a step ms", "the longest", "peak MiB")
    return ["### A step of the deadline job", table(head, rows)] if rows else []


def plots(document: Document) -> dict[str, str]:
    """The plots by file name, as SVG."""
    figures = document["figures"]
    made = {}
    for kind in _kinds(figures):
        bars = {
            name.rpartition(".")[0]: each["ratio_to_flask"]["median"]
            for name, each in figures.items()
            if _kind(name) == kind and "@" not in name and each["ratio_to_flask"]
        }
        if bars:
            made[f"ratios-{kind}.svg"] = _bars(f"Requests a second, of bare Flask: {kind}", bars)
    for name, soaked in document["soak"].items():
        if len(soaked) > 1:
            kind = name.rpartition(".")[2]
            lines = {
                each: [(one["at_seconds"], one[each]) for one in soaked]
                for each in ("p50_ms", "p99_ms")
            }
            made[f"soak-{kind}.svg"] = _lines(f"Latency in ms over seconds: {name}", lines)
    return made


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
            f'<text x="{left + 10 + number * 90}" y="{top + height + 18}" fill="{colour}">'
            f"{escape(name.replace('_', ' '))}</text>",
        ]
    return _svg(top + height + 30, parts)


def _kind(name: str) -> str:
    return name.partition("@")[0].rpartition(".")[2]


def _kinds(figures: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(map(_kind, figures)))


def _title(kind: str) -> str:
    return {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[kind]


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=RESULTS / "latest.json")
def main(file: Path) -> None:
    """Write the figures of a run into docs/performance.md."""
    document = read(file)
    page = replaced(PAGE.read_text(encoding="utf-8"), tables(document))
    PLOTS.mkdir(exist_ok=True)
    for name, svg in plots(document).items():
        (PLOTS / name).write_text(svg, encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
