"""`python -m bench`: measures this machine in one run."""

import tempfile
from pathlib import Path

import click
from rich.console import Console

from bench import results
from bench.machine import machine_at
from bench.nodes import DATABASES
from bench.rounds import BARE, OPERATIONS, Plan, measure

# A signed request lives for a minute, and is signed before its round.
SECONDS_MAX = 30


def _kinds(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    kinds = tuple(value.split(","))
    unknown = set(kinds) - set(DATABASES)
    if unknown:
        raise click.BadParameter(f"not among {', '.join(DATABASES)}: {', '.join(unknown)}")
    return kinds


@click.command()
@click.option("--seconds", type=click.FloatRange(0.5, SECONDS_MAX), default=4.0, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 100), default=7, show_default=True)
@click.option("--connections", type=click.IntRange(1, 512), default=32, show_default=True)
@click.option("--databases", default=",".join(DATABASES), show_default=True, callback=_kinds)
@click.option("--subjects", type=click.IntRange(1, 100_000), default=2000, show_default=True)
@click.option("--operations", default=",".join(OPERATIONS), help="Such as lookup.lean.")
@click.option("--name", default="latest", show_default=True, help="Of the file in bench/results.")
def main(
    *,
    seconds: float,
    rounds: int,
    connections: int,
    databases: tuple[str, ...],
    subjects: int,
    operations: str,
    name: str,
) -> None:
    """Measure each door beside a bare Flask route, in interleaved rounds."""
    console = Console()
    chosen = tuple(each for each in OPERATIONS if each in {BARE, *operations.split(",")})
    plan = Plan(
        seconds=seconds,
        rounds=rounds,
        connections=connections,
        subjects=subjects,
        operations=chosen,
    )
    with tempfile.TemporaryDirectory(prefix="registry-bench-") as place:
        home = Path(place)
        machine = machine_at(home)
        with console.status("") as status:
            measured = [measure(kind, plan, home / kind, status.update) for kind in databases]
    results.show(console, machine, measured)
    path = results.RESULTS / f"{name}.json"
    results.write(path, plan, machine, measured)
    console.print(f"written to {path}")


if __name__ == "__main__":
    main()
