"""`registry bench`: databases of any size, to measure with."""

import click
from rich.progress import track

from registry.app.node import Node, open_node
from registry.cli.rendering import facts, json_option, panel, show, wants_json
from registry.incidents.synthetic import (
    SUBJECTS_MAX,
    Contents,
    Seeder,
    analyse,
    require_empty,
)
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import MemberId
from registry.kernel.problems import Kind, Problem, Text
from registry.members.model import Admission, Role
from registry.settings import Mode

FURNISHER_NAME = "Synthetic furnisher"


class LiveNode(Problem):
    """The node holds real people, or is to; made-up ones are for sandboxes."""

    kind = Kind.CONFLICT
    title = Text(en="This node is live", zh="该节点为正式节点")
    advice = Text(
        en="Seed a sandbox: registry init --mode sandbox.",
        zh="请使用沙箱节点：registry init --mode sandbox。",
    )


@click.group()
def bench() -> None:
    """Make databases to measure with; sandboxes only."""


@bench.command()
@click.option(
    "--subjects",
    type=click.IntRange(1, SUBJECTS_MAX),
    required=True,
    help="How many numbered, made-up subjects.",
)
@click.option(
    "--contents",
    type=click.Choice([each.value for each in Contents]),
    default=Contents.INCIDENTS.value,
    show_default=True,
    help="Standings alone are all that a lookup reads.",
)
@json_option
def seed(subjects: int, contents: str) -> None:
    """Fill this node's empty database with made-up subjects.

    Each is reported once, with a seed that opens and a standing that scores; the logs
    hold nothing of them. A live node, or one that holds an incident, is refused.
    """
    with open_node() as node:
        if node.settings.mode is Mode.LIVE:
            raise LiveNode
        seed_node(node, subjects, Contents(contents))
    document: dict[str, JsonValue] = {"subjects": subjects, "contents": contents}
    show(document, panel("The database is seeded", facts(document), style="green"))


def seed_node(node: Node, subjects: int, contents: Contents) -> MemberId:
    """Fills the database of `node`; gives the member that reported them all.

    A transaction for some thousand subjects: killed, it leaves a database to delete.
    Raises: NotEmpty.
    """
    now = node.clock.now()
    admission = Admission(name=FURNISHER_NAME, roles=frozenset({Role.FURNISHER}))
    with node.database.transaction() as transaction:
        require_empty(transaction)
        furnisher = node.members.admit(transaction, admission, [], now).id
    seeder = Seeder(
        edition=node.rulebook.current,
        protector=node.protector,
        key_id=node.keyring.current().key_id,
        furnisher=furnisher,
        contents=contents,
    )
    batches = list(seeder.batches(subjects))
    for numbers in track(batches, "subjects", disable=wants_json(), transient=True):
        with node.database.transaction() as transaction:
            seeder.write(transaction, numbers, now)
    with node.database.transaction() as transaction:
        analyse(transaction)
    return furnisher
