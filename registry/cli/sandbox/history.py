"""Lets the made-up history happen: every report and lookup over HTTP, the clock moved along."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from registry.cli.sandbox.people import Filing, Happening, Inquiry, Platform
from registry.client import Registry
from registry.kernel.clock import MovableClock


def let_happen(
    happenings: Sequence[Happening],
    connections: Mapping[Platform, Registry],
    clock: MovableClock,
    console: Console,
) -> None:
    """Makes every happening's calls at its time, in order, with a progress bar."""
    steps = sorted(_steps(happenings), key=lambda step: step[0])
    incident_ids: dict[int, str] = {}
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Eighteen months of history", total=len(steps))
        for at, number, withdraws in steps:
            clock.move(at - clock.now())
            happening = happenings[number]
            if withdraws:
                assert isinstance(happening, Filing)
                connections[happening.platform].withdraw(
                    incident_ids[number], reason="Filed in error; the parcel was found."
                )
            elif isinstance(happening, Filing):
                filed = connections[happening.platform].report(happening.report)
                incident_ids[number] = filed.incident.id
            else:
                _inquire(connections[happening.platform], happening)
            progress.advance(task)


def _steps(happenings: Sequence[Happening]) -> list[tuple[datetime, int, bool]]:
    steps = [(happening.at, number, False) for number, happening in enumerate(happenings)]
    return steps + [
        (happening.withdrawn_at, number, True)
        for number, happening in enumerate(happenings)
        if isinstance(happening, Filing) and happening.withdrawn_at is not None
    ]


def _inquire(registry: Registry, inquiry: Inquiry) -> None:
    request = inquiry.request
    found = registry.lookup(
        request.identities,
        purpose=request.purpose,
        order=request.order,
        authorisation=request.authorisation,
        agent=request.agent,
    )
    registry.record_outcome(found.id, inquiry.outcome)
