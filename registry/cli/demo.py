"""`registry demo`: a sandbox node, its history, and the main job step by step."""

import signal
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console

from registry.app.node import assemble
from registry.cli.rendering import console as make_console
from registry.cli.rendering import panel, plain, table
from registry.cli.sandbox.history import let_happen
from registry.cli.sandbox.people import HISTORY_DAYS, PEOPLE_MAX, Platform, happenings
from registry.cli.sandbox.published import PUBLISHED, published_filings
from registry.cli.sandbox.serving import served_by_gunicorn, served_here
from registry.cli.sandbox.setting_up import (
    SandboxMember,
    admit_members,
    prepare_home,
    write_profiles,
)
from registry.cli.sandbox.walk import Walk
from registry.client import Registry
from registry.kernel.clock import MovableClock, SystemClock
from registry.settings import Settings


@click.command()
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where the sandbox lies; an older one there is replaced.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--people",
    type=click.IntRange(0, PEOPLE_MAX),
    default=120,
    show_default=True,
    help="How many people have a history.",
)
@click.option("--once", is_flag=True, help="End after the main job instead of serving on.")
def demo(home: Path, port: int, people: int, once: bool) -> None:
    """Run a complete sandbox node with made-up members, people and history."""
    signal.signal(signal.SIGTERM, _stop)
    console = make_console()
    console.print(plain("A sandbox registry", "bold"), f"in {home}, on http://127.0.0.1:{port}")
    settings = prepare_home(home, port)
    members = _fill(settings, people, console)
    path = write_profiles(settings, members)
    with ExitStack() as stack:
        stack.enter_context(served_by_gunicorn(settings))
        connections = _connect(stack, members, settings.origin)
        Walk(console=console, connections=connections, now=SystemClock().now()).take()
        _show_what_to_try(console, settings, path)
        if not once:
            _serve_on(console)


def _fill(settings: Settings, people: int, console: Console) -> list[SandboxMember]:
    """Admits the members and lets the history happen at its own times."""
    now = SystemClock().now()
    clock = MovableClock(now - timedelta(days=HISTORY_DAYS))
    node = assemble(settings, clock)
    try:
        members = admit_members(node, now)
        with served_here(node), ExitStack() as stack:
            connections = _connect(stack, members, settings.origin)
            history = [*happenings(people=people, now=now), *published_filings(now)]
            let_happen(history, connections, clock, console)
    finally:
        node.database.close()
    return members


def _connect(
    stack: ExitStack, members: list[SandboxMember], origin: str
) -> dict[Platform, Registry]:
    names = {platform.value for platform in Platform}
    return {
        Platform(each.member.name): stack.enter_context(each.connect(origin))
        for each in members
        if each.member.name in names
    }


def _show_what_to_try(console: Console, settings: Settings, path: Path) -> None:
    rows = [(each.identifier.value, each.outcome, each.meaning) for each in PUBLISHED]
    console.print()
    console.print(
        table("Identifiers to try", ("identifier", "outcome", "what a lookup finds"), rows)
    )
    commands = (
        f"registry lookup --profile {settings.home}/profiles/kite-resale.json \\\n"
        f"    --phone '{PUBLISHED[2].identifier.value}' --purpose refund_only_review \\\n"
        "    --order A-1 --consent C-1\n"
        f"registry call GET /v1/members/me --profile {settings.home}/profiles/kite-resale.json"
    )
    console.print(panel("Try it from another terminal", commands))
    console.print(f"Members, keys and identifiers for any client: {path}")
    console.print(f"Pages: {settings.origin}/  {settings.origin}/docs  {settings.origin}/problems")


def _serve_on(console: Console) -> None:
    console.print(plain("\nServing.", "bold"), "Ctrl-C ends it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("Ended.")


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
