"""`python -m bench.report FILE…`: writes runs' tables and plots into docs/performance.md.

Only what stands between the two markers is replaced; the prose around it is people's. Of
several files the parts of the later take the place of the same parts of the earlier.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from bench import aims
from bench.names import database_of, databases_of
from bench.plots import plots
from bench.results import RESULTS, joined, number_text, read, spread_text

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
    """Everything measured, as Markdown: where the aims stand first."""
    parts = [*map(_machine, document["runs"]), *_aims(document)]
    figures = document["figures"]
    for kind in databases_of(figures):
        own = {
            name: each
            for name, each in figures.items()
            if database_of(name) == kind and each["ratio_to_flask"]
        }
        usual = {name: each for name, each in own.items() if "@" not in name}
        other = {name: each for name, each in own.items() if "@" in name}
        if usual:
            parts += [f"### On {_title(kind)}, 32 connections", _figures(usual)]
            parts.append(f"![Ratios on {_title(kind)}](plots/ratios-{kind}.svg)")
        if other:
            parts += [f"### On {_title(kind)}, other connections and disks", _figures(other)]
    parts += _rest(document)
    return "\n\n".join(part for part in parts if part)


def _machine(run: Document) -> str:
    machine, extent = run["machine"], run["extent"]
    took = sum(run["took_seconds"].values())
    by_part = ", ".join(f"{name} {value:,}" for name, value in run["took_seconds"].items())
    lasted = f" It took {took / 60:.0f} minutes (in seconds: {by_part})." if took else ""
    failed = "".join(f" **{name} failed**: {why[:200]}" for name, why in run["failed"].items())
    return (
        f"`bench/results/{run['file']}`: measured {run['measured_at'][:10]} on "
        f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}, "
        f"{extent['rounds']} rounds of {extent['seconds']} seconds, the load on the same "
        f"machine. A sync of its disk takes {machine['fsync_microseconds']:,.0f} µs; the load "
        f"before was {machine['load_before']:.2f}.{lasted}{failed}"
    )


def _aims(document: Document) -> list[str]:
    head = ("what", "figure", "aim", "found", "where it stands")
    return [
        "### Where the aims stand",
        "A ratio is to the bare Flask route of the same rounds where nothing else is said.",
        table(head, aims.rows(document)),
    ]


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
    return [
        *_least_needed(document),
        *_imports(document),
        *_servers(document),
        *_half_load(document),
        *_soaks(document),
        *_growth(document),
        *_logs(document),
        *_deadlines(document),
    ]


def _least_needed(document: Document) -> list[str]:
    """Buckets beside the same bytes served by hand, evaluation beside libsodium's own part."""
    rows = [
        (
            f"`{name}`",
            spread_text(each.get("ratio_to_static")),
            spread_text(each.get("cpu_of_libsodium")),
            number_text(each["cpu_us"], 0),
        )
        for name, each in document["figures"].items()
        if each.get("ratio_to_static") or each.get("cpu_of_libsodium")
    ]
    head = ("figure", "of the static route", "CPU, times libsodium's", "CPU µs")
    return ["### Beside the least that is needed", table(head, rows)] if rows else []


def _imports(document: Document) -> list[str]:
    rows = [
        (f"`{name}`", number_text(each["rate"], 0), number_text(each["cpu_us"], 0))
        for name, each in document["figures"].items()
        if name.startswith("import.")
    ]
    head = ("figure", "incidents a second", "CPU µs, the database's apart")
    return ["### Imports", table(head, rows)] if rows else []


def _servers(document: Document) -> list[str]:
    rows = [
        (
            f"{door}, {_title(kind)}",
            f"{facts['workers']}" if facts["workers"] else "–",
            f"{facts['worker_memory']['rss']:.0f}",
            f"{facts['worker_memory']['pss']:.0f}",
            _companion(facts.get("companion_memory")),
            f"{facts['start_seconds']:.1f}",
        )
        for kind, each in document["servers"].items()
        for door, facts in each["by_door"].items()
    ]
    head = (
        "server",
        "workers",
        "a worker's MiB resident",
        "proportional",
        "its companion's",
        "start s",
    )
    return ["### Servers", table(head, rows)] if rows else []


def _companion(memory: Mapping[str, float] | None) -> str:
    return "–" if memory is None else f"{memory['rss']:.0f}, {memory['pss']:.0f}"


def _half_load(document: Document) -> list[str]:
    rows = [
        (
            f"`{name}`",
            f"{each['rate']:,.0f}",
            spread_text(each["p50_milliseconds"]),
            spread_text(each["p99_milliseconds"]),
        )
        for name, each in document["half_load"].items()
    ]
    head = ("figure", "a second", "p50 ms", "p99 ms")
    return ["### At half load", table(head, rows)] if rows else []


def _soaks(document: Document) -> list[str]:
    """Latency and memory before the soak, every minute of it, and at its end."""
    parts = []
    for name, soaked in document["soak"].items():
        if len(soaked) < 2:
            continue
        kind, before = database_of(name), document["soak_memory_before"].get(name)
        rows = []
        if before:
            rows.append(("before", "–", "–", "–", f"{before['rss']:.0f}", f"{before['pss']:.0f}"))
        rows += [_soak_row(f"{each['at_seconds'] / 60:.0f} min", each) for each in _minutes(soaked)]
        rows.append(_soak_row("the end", soaked[-1]))
        head = ("after", "a second", "p50 ms", "p99 ms", "MiB resident", "proportional")
        parts += [f"### Soak: `{name}`", table(head, rows)]
        parts += [
            f"![Latency of the soak on {_title(kind)}](plots/soak-{kind}.svg)",
            f"![Memory over the soak on {_title(kind)}](plots/soak-memory-{kind}.svg)",
        ]
    return parts


def _minutes(soaked: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """The slices with which a minute begins, but the first."""
    return [
        two for one, two in pairwise(soaked) if one["at_seconds"] // 60 != two["at_seconds"] // 60
    ]


def _soak_row(when: str, each: Mapping[str, float]) -> tuple[str, str, str, str, str, str]:
    return (
        when,
        number_text(each["rate"], 0),
        number_text(each["p50_ms"], 1),
        number_text(each["p99_ms"], 1),
        number_text(each["worker_mib"], 0),
        number_text(each.get("proportional_mib"), 0),
    )


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
    """A row for each figure of the logs, a column for each database."""
    logs = document["logs"]
    rows = [(what, *map(text, logs.values())) for what, text in _LOG_ROWS]
    head = ("the log", *(f"on {_title(kind)}" for kind in logs))
    return ["### The logs", table(head, rows)] if logs else []


def _median(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:,.0f}"


_LOG_ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("entries of the log", lambda found: f"{found['entries']:,}"),
    ("lookups a second with the log", lambda found: _median(found["lookups_with_log"])),
    ("lookups a second without it", lambda found: _median(found["lookups_without_log"])),
    ("with, of without, round by round", lambda found: spread_text(found["lookups_ratio"])),
    ("leaves placed a second", lambda found: _median(found["sequenced"])),
    ("entries indexed a second", lambda found: f"{found['indexed']:,.0f}"),
    ("a receipt's proof, p50 ms", lambda found: f"{found['proof_p50_milliseconds']:.2f}"),
    ("a receipt's proof, p99 ms", lambda found: f"{found['proof_p99_milliseconds']:.2f}"),
    ("all verified from files in s", lambda found: f"{found['verify_seconds']:.1f}"),
    ("the checkpoint's age, p50 s", lambda found: f"{found['checkpoint_age_p50_seconds']:.2f}"),
    ("the checkpoint's age, p99 s", lambda found: f"{found['checkpoint_age_p99_seconds']:.2f}"),
    ("while so many came a second", lambda found: f"{found['appended_meanwhile']:,.0f}"),
)


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


def _title(kind: str) -> str:
    return {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[kind]


@click.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1)
def main(files: tuple[Path, ...]) -> None:
    """Write the figures of one run, or of several parts, into docs/performance.md."""
    document = joined([read(file) for file in files or (RESULTS / "latest.json",)])
    page = replaced(PAGE.read_text(encoding="utf-8"), tables(document))
    PLOTS.mkdir(exist_ok=True)
    for name, svg in plots(document).items():
        (PLOTS / name).write_text(svg, encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
