"""What the size of the database does to a lookup: the same calls at each size.

A node for each size, seeded with standings (all that a lookup reads), served in
turn, in interleaved rounds; the ratio is of the rates of one round. Jobs are left to a
process that is not there: the first of them would be to put everybody who was seeded on
the shelves of screening, which a node that grew has long done.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Spread, spread
from bench.load import Load, Task
from bench.nodes import place_of, prepare
from bench.servers import served
from registry.app.node import assemble
from registry.cli.bench import seed_node
from registry.incidents.synthetic import Contents
from registry.settings import Place

WARM_UP_REQUESTS = 200
_RATE_GUESSED = 6000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthFigures:
    """Lookups at several sizes: seconds to seed, rates, and each rate to that of the first."""

    database: str
    subjects: Sequence[int]
    seed_seconds: Sequence[float]
    rates: Sequence[Spread]
    ratios_to_first: Sequence[Spread]


def measure_growth(
    kind: str,
    home: Path,
    sizes: Sequence[int],
    *,
    seconds: float,
    rounds: int,
    connections: int,
    door: str = "lean",
) -> GrowthFigures:
    """Measures lookups, one in five a hit, at each of `sizes`."""
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        took, desks, servers = [], [], []
        for number, subjects in enumerate(sizes):
            own = home / f"{number}"
            own.mkdir(parents=True)
            prepared = prepare(own / "node", stack.enter_context(place_of(kind, own)))
            node = assemble(prepared.settings)
            began = time.perf_counter()
            seed_node(node, subjects, Contents.STANDINGS)
            took.append(time.perf_counter() - began)
            node.database.close()
            prepared.desk.known = subjects
            desks.append(prepared.desk)
            servers.append(
                stack.enter_context(
                    served(
                        prepared.settings,
                        own / "node.txt",
                        door=door,
                        told={"REGISTRY_JOBS": Place.SEPARATE},
                    )
                )
            )
        rates: list[list[float]] = [[] for _ in sizes]
        for _ in range(rounds):
            for desk, server, found in zip(desks, servers, rates, strict=True):
                rate = found[-1] if found else _RATE_GUESSED
                wanted = WARM_UP_REQUESTS + int(rate * seconds * 1.5) + connections
                calls = [each.data for each in desk.lookups(wanted)]
                task = Task(
                    port=server.port,
                    connections=connections,
                    seconds=seconds,
                    warm_up=calls[:WARM_UP_REQUESTS],
                    timed=calls[WARM_UP_REQUESTS:],
                )
                answers = load.drive(task, begun=_nothing, ended=_nothing)
                assert set(answers.statuses) == {200}, set(answers.statuses)
                found.append(len(answers.latencies) / answers.seconds)
    return GrowthFigures(
        database=kind,
        subjects=list(sizes),
        seed_seconds=took,
        rates=[spread(each) for each in rates],
        ratios_to_first=[
            spread([one / first for one, first in zip(each, rates[0], strict=True)])
            for each in rates
        ],
    )


def _nothing() -> None:
    """Nobody notes anything around the timed part."""
