"""`registry letters`: where a letter is, and that it came back."""

from datetime import datetime
from uuid import UUID

import click

from registry.app.node import open_node
from registry.cli.rendering import facts, json_option, panel, show
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import Prefix, parse_id
from registry.notices.letter_model import Letter, LetterNotFound


@click.group()
def letters() -> None:
    """See where a letter is; say that it came back."""


@letters.command(name="show")
@click.argument("letter")
@json_option
def show_letter(letter: str) -> None:
    """Show where LETTER is; never what it says or whom it goes to."""
    with open_node() as node, node.database.reading() as transaction:
        found = node.noticing.letters.get(transaction, _uuid(letter))
    _show(found, "Letter")


@letters.command()
@click.argument("letter")
@json_option
def bounced(letter: str) -> None:
    """Say that LETTER came back by mail: its messenger carries it now."""
    with open_node() as node, node.database.transaction() as transaction:
        found = node.noticing.letters.bounced(transaction, _uuid(letter), node.clock.now())
    _show(found, "Came back")


def _uuid(text: str) -> UUID:
    try:
        return parse_id(Prefix.LETTER, text.strip("<>").partition("@")[0])
    except ValueError:
        raise LetterNotFound from None


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _show(letter: Letter, title: str) -> None:
    delivery = letter.delivery
    document: dict[str, JsonValue] = {
        "id": letter.id,
        "template": letter.template.value,
        "state": letter.state.value,
        "incident": letter.incident,
        "furnisher": letter.furnisher,
        "created_at": format_instant(letter.created_at),
        "due_at": _instant(letter.due_at),
        "escalated_at": _instant(letter.escalated_at),
        "delivered_at": _instant(None if delivery is None else delivery.delivered_at),
        "channel": None if delivery is None else delivery.channel.value,
    }
    show(document, panel(title, facts({k: v for k, v in document.items() if v is not None})))
