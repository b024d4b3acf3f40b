"""Results of calls as people read them: a lookup explained, a report filed."""

import json
import sys
from datetime import datetime

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text as Styled

from registry.cli.rendering import facts, in_this_language, panel, plain
from registry.client.calls import json_of
from registry.client.problems import AnswerNotUnderstood
from registry.client.results import Advice, Band, Filed, Lookup, Match, Receipt
from registry.client.transport import Answer
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.problems import Text

SCORE_MIN = 350
SCORE_MAX = 950
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
                f"{counts.active} active, {counts.under_appeal} under appeal,"
                f" from {counts.furnishers} furnishers"
                + (f", latest on {counts.latest_on}" if counts.latest_on else "")
            ),
            "protective": ", ".join(answer.protective) or "none",
            "lookup": answer.id,
            "edition": f"{answer.edition}, valid until {_instant(answer.valid_until)}",
            "receipt": receipt_line(receipt),
        }
    )
    parts: list[RenderableType] = [_headline(answer, style), ""]
    if answer.reasons:
        parts += [_reasons(answer), ""]
    parts.append(grid)
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


def _headline(answer: Lookup, style: str) -> RenderableType:
    if answer.score is None:
        return plain(f"{answer.band.value}  no score", f"bold {style}")
    line = Table.grid(padding=(0, 2))
    line.add_row(
        plain(answer.band.value, f"bold {style}"),
        plain(str(answer.score), f"bold {style}"),
        plain(str(SCORE_MIN), "dim"),
        Bar(
            SCORE_MAX - SCORE_MIN,
            0,
            answer.score - SCORE_MIN,
            width=_BAR_WIDTH,
            color=style,
            bgcolor="grey23",
        ),
        plain(str(SCORE_MAX), "dim"),
    )
    return line


def _reasons(answer: Lookup) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for reason in answer.reasons:
        cost = f"−{reason.points}" if reason.points else "0"
        grid.add_row(cost, plain(reason.code), plain(in_this_language(reason.text)))
    return grid


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M UTC")
