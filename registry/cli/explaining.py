"""Results of calls as people read them: a lookup explained, a report filed."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text as Styled

from registry.cli.rendering import facts, in_this_language, panel, plain, table
from registry.client.calls import json_of
from registry.client.problems import AnswerNotUnderstood
from registry.client.results import Advice, Band, Filed, Lookup, Match, Receipt
from registry.client.transport import Answer
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.problems import Text
from registry.rulebook.editions import load_editions

_BAR_WIDTH = 48

_STYLES = {
    Band.N: "cyan",
    Band.A: "green",
    Band.B: "green",
    Band.C: "yellow",
    Band.D: "red",
    Band.E: "red",
}
_ADVICE = {
    Advice.PROCEED: Text(en="proceed", zh="可以办理"),
    Advice.ASK_FOR_RETURN: Text(en="ask for the goods back first", zh="请先要求退货"),
    Advice.HUMAN_REVIEW: Text(en="let a human review the case", zh="请交人工审核"),
}
_MATCHES = {
    Match.NONE: Text(en="nothing is known", zh="没有记录"),
    Match.WEAK: Text(en="the identifier may have changed hands since", zh="该标识可能已更换使用人"),
    Match.MATCH: Text(en="known", zh="有记录"),
}


def lookup(answer: Lookup, receipt: Receipt | None) -> Panel:
    """A lookup with its band, score, reasons, advice and proof."""
    style = _STYLES[answer.band]
    counts = answer.incidents
    grid = facts(
        {
            "advice": plain(in_this_language(_ADVICE[answer.advice]), f"bold {style}"),
            "match": in_this_language(_MATCHES[answer.match]),
            "incidents": (
                f"{counts.active} active, {counts.under_appeal} under appeal;"
                f" furnishers: {counts.furnishers}"
                + (f"; latest on {counts.latest_on}" if counts.latest_on else "")
            ),
            "protective": ", ".join(answer.protective) or "none",
            "lookup": answer.id,
            "edition": f"{answer.edition}, valid until {_instant(answer.valid_until)}",
            "receipt": receipt_line(receipt),
        }
    )
    headline = _headline(answer.band, answer.score, answer.edition)
    parts: list[RenderableType] = [headline, ""]
    if answer.reasons:
        parts += [_reasons([(r.code, r.points, r.text) for r in answer.reasons]), ""]
    parts.append(grid)
    if answer.statement is not None:
        parts += ["", plain("The person says:", "dim"), plain(answer.statement)]
    if answer.adverse_action_notice is not None:
        notice = in_this_language(answer.adverse_action_notice)
        parts += ["", plain("If you decide against the person, tell them:", "dim"), plain(notice)]
    return panel("Lookup", Group(*parts), style)


def filed(result: Filed, receipt: Receipt | None) -> Panel:
    """A report that was filed, and when it takes effect."""
    incident = result.incident
    grid = facts(
        {
            "incident": incident.id,
            "state": f"{incident.state.value}, in effect from {_instant(incident.effective_at)}",
            "severity": incident.severity or "none: it protects the person",
            "kept until": incident.expires_on.isoformat(),
            "edition": incident.edition,
            "receipt": receipt_line(receipt),
        }
    )
    title = "Reported" if result.is_new else "Reported before: this is the same report"
    return panel(title, grid, "green")


def receipt_line(receipt: Receipt | None) -> Styled:
    """Whether the receipt was verified, and what it promises."""
    if receipt is None:
        return plain("✗ NOT VERIFIED: keep it and tell the operator", "bold red")
    line = plain("✓ verified", "green")
    line.append_text(
        plain(f"  {receipt.entry} in the {receipt.log} log by {_instant(receipt.merge_by)}")
    )
    return line


def receipt_document(receipt: Receipt | None) -> JsonValue:
    """A verified receipt as JSON; null for one that is not."""
    if receipt is None:
        return None
    return {
        "log": receipt.log,
        "entry": receipt.entry,
        "issued_at": format_instant(receipt.issued_at),
        "merge_by": format_instant(receipt.merge_by),
    }


def body_shown(answer: Answer) -> bytes:
    """The body of an answer: as it came into a pipe, indented for a terminal."""
    if not sys.stdout.isatty():
        return answer.body
    try:
        value = json_of(answer)
    except AnswerNotUnderstood:
        return answer.body
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def assessment(explained: Mapping[str, Any]) -> RenderableType:
    """A recomputed score with its reasons, its events and the what-ifs.

    Any: the document of `registry.score.explain`.
    """
    band = Band(explained["band"])
    what_if = explained["what_if"]
    parts: list[RenderableType] = [
        _headline(band, explained["score"], explained["edition"]),
        plain(f"edition {explained['edition']}, at {explained['at']}", "dim"),
    ]
    if explained["reasons"]:
        rows = [
            (each["code"], each["points"], Text(**each["text"])) for each in explained["reasons"]
        ]
        parts += ["", _reasons(rows)]
    if explained["events"]:
        parts += ["", _events(explained["events"])]
    parts += ["", _what_ifs(what_if)]
    return panel("Score", Group(*parts), _STYLES[band])


def _events(events: Sequence[Mapping[str, Any]]) -> RenderableType:
    rows = [
        (
            each["occurred_on"],
            each["code"],
            each["severity"],
            each["groups"],
            each["points"],
            ", ".join(each["incidents"]),
        )
        for each in events
    ]
    return table(None, ("on", "code", "severity", "groups", "points", "incidents"), rows)


def _what_ifs(what_if: Mapping[str, Any]) -> RenderableType:
    rows = [(f"without {each['incident']}", each) for each in what_if["without"]]
    rows += [(f"on {each['date']}", each) for each in what_if["on"]]
    cells = [(words, each["band"], each["score"]) for words, each in rows]
    following = what_if["next_band"]
    if following is not None:
        cells.append((f"from {following['date']}, untouched", following["band"], None))
    return table(None, ("what if", "band", "score"), cells)


def _headline(band: Band, score: int | None, edition_name: str) -> RenderableType:
    style = _STYLES[band]
    if score is None:
        return plain(f"{band.value}  no score", f"bold {style}")
    line = Table.grid(padding=(0, 2))
    cells: list[RenderableType] = [
        plain(band.value, f"bold {style}"),
        plain(str(score), f"bold {style}"),
    ]
    edition = load_editions().get(edition_name)
    if edition is not None:
        # An edition this version does not know has a scale it does not know either.
        least, most = edition.scorecard.score_min, edition.scorecard.score_max
        bar = Bar(
            most - least, 0, score - least, width=_BAR_WIDTH, color=style, bgcolor="bright_black"
        )
        cells += [plain(str(least), "dim"), bar, plain(str(most), "dim")]
    line.add_row(*cells)
    return line


def _reasons(rows: Sequence[tuple[str, int, Text]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for code, points, text in rows:
        grid.add_row(f"−{points}" if points else "0", plain(code), plain(in_this_language(text)))
    return grid


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M UTC")
