"""`registry score`: recompute a score from its inputs, without a registry."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import click

from registry.cli import explaining
from registry.cli.parameters import day, read_at_most
from registry.cli.rendering import json_option, show
from registry.kernel import strict_json
from registry.kernel.canonical import JsonValue
from registry.rulebook.editions import load_editions
from registry.score.explain import explain as explain_document

INPUT_BYTES_MAX = 1024 * 1024


@click.group()
def score() -> None:
    """Recompute and explain scores offline."""


@score.command()
@click.argument("file", metavar="FILE")
@click.option("--on", "days", type=day, multiple=True, metavar="DATE", help="The score on a day.")
@click.option("--without", metavar="INCIDENT", help="The score without one incident.")
@json_option
def explain(file: str, days: tuple[date, ...], without: str | None) -> None:
    """Explain the score of the inputs in FILE, to the point.

    FILE is JSON, - for standard input:

    \b
      {"edition": "cn-2026.1", "now": "2026-11-21T08:00:00Z",
       "contributions": [
         {"incident": "inc_…", "code": "B110", "severity": "S2",
          "occurred_on": "2026-10-01", "effective_at": "2026-10-13T03:00:00Z",
          "expires_on": "2028-10-01", "furnisher": "mem_…", "reporter_group": "…",
          "reliability_ppm": 800000, "doubt": "none|disputed|blocked",
          "adjudicated": false}],
       "protective": [
         {"incident": "inc_…", "code": "V401", "effective_at": "…", "expires_on": "…"}]}
    """
    document = strict_json.parse(read_at_most(file, INPUT_BYTES_MAX))
    if days and isinstance(document, dict):
        document = {**document, "on": [each.isoformat() for each in days]}
    explained = explain_document(document, load_editions())
    if without is not None:
        explained = _only_without(explained, without)
    show(explained, explaining.assessment(explained))


def _only_without(explained: Mapping[str, Any], incident: str) -> dict[str, JsonValue]:
    """The explanation, of whose what-ifs only the one without `incident` remains."""
    what_if = explained["what_if"]
    chosen = [each for each in what_if["without"] if each["incident"] == incident]
    if not chosen:
        raise click.BadParameter("there is no such incident in FILE", param_hint="--without")
    return {**explained, "what_if": {**what_if, "without": chosen}}
