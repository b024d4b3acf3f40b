"""`registry screening`: what a node's screening says, and building it anew."""

import click

from registry.app.node import open_node
from registry.cli.rendering import facts, json_option, panel, plain, show
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.lookups.screening_model import Snapshot


@click.group()
def screening() -> None:
    """The buckets in which platforms see whether anything is known, without naming anyone."""


@screening.command()
@json_option
def status() -> None:
    """Show the snapshots that are published."""
    with open_node() as node, node.database.reading() as transaction:
        snapshots = node.screening.screening.published(transaction)
    documents = [_document(each) for each in snapshots]
    if not documents:
        show({"snapshots": []}, plain("No snapshot yet: the worker makes the first one."))
        return
    show(
        {"snapshots": list(documents)},
        *(panel(f"{each['key_id']}, {each['epoch']}", facts(each)) for each in documents),
    )


@screening.command()
@json_option
def rebuild() -> None:
    """Have the shelves built anew from the incidents, after rows were written past the program.

    What is served stays until the worker has made the next snapshot.
    """
    with open_node() as node, node.database.transaction() as transaction:
        node.screening.screening.rebuild(transaction, node.clock.now())
    show({"rebuilding": True}, plain("The worker builds the shelves anew."))


def _document(snapshot: Snapshot) -> dict[str, JsonValue]:
    return {
        "key_id": snapshot.key_id,
        "epoch": snapshot.epoch,
        "buckets": 1 << snapshot.bits,
        "tags_in_each": snapshot.count,
        "sequence": snapshot.sequence,
        "made_at": format_instant(snapshot.made_at),
    }
