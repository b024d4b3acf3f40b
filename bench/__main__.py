"""`python -m bench`: measures this machine in one run; `python -m bench.report` writes it up."""

import signal
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import click
from rich.console import Console

from bench import results
from bench.names import DATABASES, NothingCalledSo, every_name, listed
from bench.suite import FULL, QUICK, Choice, run


def _kinds(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    kinds = tuple(value.split(","))
    unknown = set(kinds) - set(DATABASES)
    if unknown:
        raise click.BadParameter(f"not among {', '.join(DATABASES)}: {', '.join(unknown)}")
    return kinds


def _sizes(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    return None if value is None else tuple(int(float(each)) for each in value.split(","))


@click.command()
@click.option("--quick", is_flag=True, help="A little of everything, in some minutes.")
@click.option("--only", default="*", help="A part, or patterns: 'lookup.*,growth.*'. See --list.")
@click.option("--list", "lists", is_flag=True, help="Say what there is to measure, and end.")
@click.option("--databases", default=",".join(DATABASES), show_default=True, callback=_kinds)
@click.option("--rounds", type=click.IntRange(2, 100), help="Of each operation.")
@click.option("--seconds", type=click.FloatRange(0.2, 20.0), help="Of one round.")
@click.option("--soak", type=click.FloatRange(0, 86_400), help="Seconds of it; 600 for a real one.")
@click.option("--sizes", callback=_sizes, help="Subjects to grow to, such as 1e4,1e6,1e7.")
@click.option("--entries", type=click.IntRange(2_000, 10_000_000), help="Of the log.")
@click.option("--imported", type=click.IntRange(100, 1_000_000), help="Reports of the import.")
@click.option("--name", default="latest", show_default=True, help="Of the file in bench/results.")
def main(
    *,
    quick: bool,
    only: str,
    lists: bool,
    databases: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
    soak: float | None,
    sizes: tuple[int, ...] | None,
    entries: int | None,
    imported: int | None,
    name: str,
) -> None:
    """Measure everything side by side, in interleaved rounds."""
    console = Console()
    asked: dict[str, Any] = {
        "rounds": rounds,
        "seconds": seconds,
        "soak_seconds": soak,
        "sizes": sizes,
        "log_entries": entries,
        "imported": imported,
    }
    extent = replace(
        QUICK if quick else FULL,
        **{each: value for each, value in asked.items() if value is not None},
    )
    names = every_name(extent.grid, databases)
    if lists:
        click.echo(listed(names))
        return
    try:
        choice = Choice.of(extent, only.split(","), databases)
    except NothingCalledSo as error:
        raise click.BadParameter(
            f"nothing is called {error}; there is\n{listed(names)}", param_hint="--only"
        ) from error
    path = results.RESULTS / f"{name}.json"
    with console.status("") as status:
        document = run(choice, status.update, partial(results.write, path))
    results.show(console, document)
    console.print(f"written to {path}")
    for part, reason in document["failed"].items():
        console.print(f"failed: {part}: {reason}", markup=False)
    if document["failed"]:
        raise SystemExit(1)


if __name__ == "__main__":
    # What was begun for it ends with it, as when it is interrupted.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    main()
