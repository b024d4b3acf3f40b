"""`registry screen` and `decide`: nobody is named of whom nothing is known."""

from collections.abc import Sequence
from datetime import date

import click
from rich.panel import Panel

from registry.cli import explaining
from registry.cli.calling import (
    about_a_person,
    about_a_request,
    authorisation_of,
    identifiers_of,
    login,
    verified,
)
from registry.cli.connecting import connects
from registry.cli.rendering import facts, json_option, panel, plain, show
from registry.client.registry import Registry
from registry.client.requests import Identifier
from registry.client.results import Decided, Screening
from registry.kernel.canonical import JsonValue


@click.command()
@about_a_person
@connects
@json_option
def screen(
    registry: Registry,
    phones: Sequence[str],
    emails: Sequence[str],
    others: Sequence[Identifier],
    held_since: date | None,
) -> None:
    """See whether anything is known of one person, without naming them to anybody."""
    screening = registry.screen(identifiers_of(phones, emails, others, held_since))
    show(_screening_document(screening), _screening_panel(screening))


@click.command()
@about_a_person
@about_a_request
@connects
@json_option
def decide(
    registry: Registry,
    phones: Sequence[str],
    emails: Sequence[str],
    others: Sequence[Identifier],
    held_since: date | None,
    order: str,
    purpose: str,
    consent: str | None,
    one_use: str | None,
    agent: str | None,
) -> None:
    """Screen one person, and look them up only if something is known.

    A lookup is on the record; a screening that finds nothing leaves no trace.
    """
    decided = registry.decide(
        identifiers_of(phones, emails, others, held_since),
        purpose=purpose,
        order=order,
        authorisation=authorisation_of(registry, consent, one_use),
        agent=agent or login(),
    )
    _show(registry, decided)


def _show(registry: Registry, decided: Decided) -> None:
    document: dict[str, JsonValue] = {
        "way": decided.way.value,
        "advice": decided.advice.value,
        "screening": _screening_document(decided.screening),
        "lookup": None,
    }
    if decided.lookup is None:
        show(document, _screening_panel(decided.screening))
        return
    receipt = verified(registry, decided.lookup.receipt)
    document["lookup"] = {
        **decided.lookup.document,
        "verified_receipt": explaining.receipt_document(receipt),
    }
    show(
        document,
        _screening_panel(decided.screening),
        explaining.lookup(decided.lookup, receipt),
    )


def _screening_document(screening: Screening) -> dict[str, JsonValue]:
    return {
        "hits": [token.type.value for token in screening.hits],
        "epoch": screening.epoch,
        "sequence": screening.sequence,
        "buckets_fetched": screening.buckets_fetched,
    }


def _screening_panel(screening: Screening) -> Panel:
    hits = ", ".join(token.type.value for token in screening.hits)
    finding = f"something is known under {hits}" if hits else "nothing is known; nobody was named"
    return panel(
        "Screening",
        facts(
            {
                "found": plain(finding, "yellow" if hits else "green"),
                "snapshot": f"{screening.epoch}, {screening.sequence}",
                "buckets fetched": screening.buckets_fetched,
            }
        ),
    )
