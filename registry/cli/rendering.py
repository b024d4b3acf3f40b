"""What commands show: tables, panels and JSON; problems on stderr.

Text from the outside is shown with its control characters made visible, so that
an answer cannot steer the terminal.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click
from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text as Styled

from registry.client.problems import RegistryError, RegistryProblem
from registry.kernel.canonical import JsonValue
from registry.kernel.plain_text import shown
from registry.kernel.problems import FieldError, Problem, Text

Command = TypeVar("Command", bound=Callable[..., Any])

_JSON_WANTED = "registry.cli.json"
_WIDTH_MAX = 100


def json_option(command: Command) -> Command:
    """Gives a command `--json`; what it shows by `show` is then JSON on stdout."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[_JSON_WANTED] = value

    option = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        # First of all, so that a wrong use of the command is told as JSON too.
        is_eager=True,
        callback=remember,
        help="Show JSON instead of text.",
    )
    return option(command)


def wants_json() -> bool:
    """Whether the command at hand was called with `--json`."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(_JSON_WANTED))


def show(document: JsonValue, *human: RenderableType) -> None:
    """Prints `document` where JSON is wanted, else what is for people."""
    if wants_json():
        click.echo(_json(document))
    else:
        console().print(*human, sep="\n")


def console() -> Console:
    """Standard output; plain where it is no terminal."""
    return _console(stderr=False)


def table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table of texts; a cell of None is a dash."""
    made = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(plain("–" if cell is None else str(cell)) for cell in row))
    return made


def table_of_ids(
    title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> Table:
    """A table whose first column is never broken, so that it can be copied."""
    made = table(title, columns, rows)
    made.columns[0].no_wrap = True
    return made


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values in two columns; values that are renderable stay as they are."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        grid.add_row(name, value if isinstance(value, Styled | Group) else plain(str(value)))
    return grid


def panel(title: str, content: RenderableType, style: str = "cyan") -> Panel:
    """`content` in a frame."""
    return Panel(
        content, title=plain(title, "bold"), title_align="left", border_style=style, box=ROUNDED
    )


def plain(text: str, style: str = "") -> Styled:
    """Text as it is: no markup is read in it, control characters are made visible."""
    return Styled(shown(text, "\N{REPLACEMENT CHARACTER}"), style=style)


def in_this_language(text: Text) -> str:
    """The one of the two languages that the terminal's locale asks for."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return text.zh if value.lower().startswith("zh") else text.en
    return text.en


def show_problem(error: Exception) -> bool:
    """Prints a problem on stderr for people, or as JSON; False when it is none of ours."""
    if isinstance(error, RegistryProblem):
        title, status = error.title, str(error.status)
        detail, errors, request_id = error.detail, error.errors, error.request_id
        document = dict(error.document) or {"title": title, "status": error.status}
    elif isinstance(error, Problem):
        title, status, request_id = in_this_language(error.title), "", None
        detail, errors = error.detail, error.errors
        if detail == error.title.en:
            detail = in_this_language(error.advice)
        document = _problem_document(error)
    elif isinstance(error, RegistryError):
        title, status, request_id = _words(type(error).__name__), "", None
        detail, errors = str(error), ()
        document = {"title": title, "detail": detail}
    else:
        return False
    if wants_json():
        click.echo(_json(document), err=True)
    else:
        _print_problem(f"{status} {title}".strip(), detail, errors, request_id)
    return True


def _print_problem(
    heading: str, detail: str, errors: Sequence[FieldError], request_id: str | None
) -> None:
    # What the heading or the detail has said is not said again.
    parts: list[RenderableType] = [plain(detail)] if detail and detail not in heading else []
    errors = [each for each in errors if each.pointer or each.detail != detail]
    if errors:
        parts += [""] if parts else []
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for error in errors:
            grid.add_row(plain(error.pointer or "/"), plain(f"{error.detail} ({error.code})"))
        parts.append(grid)
    if request_id:
        parts += ["", plain(f"request {request_id}", "dim")]
    _console(stderr=True).print(panel(heading, Group(*parts), "red"))


def _problem_document(problem: Problem) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {"title": problem.title.en, "detail": problem.detail}
    if problem.errors:
        document["errors"] = [
            {"pointer": each.pointer, "code": each.code, "detail": each.detail}
            for each in problem.errors
        ]
    return document


def _console(*, stderr: bool) -> Console:
    # Made anew each time: tests and pipes replace the streams. Wide terminals do not
    # make lines that are hard to read.
    made = Console(file=sys.stderr if stderr else sys.stdout, highlight=False, markup=False)
    made.width = min(made.width, _WIDTH_MAX)
    return made


def _json(document: JsonValue) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
