"""What a database says of the node it belongs to, so that it serves no other.

Made-up people never share a database with real ones, and tokens of one
federation mean nothing in another.
"""

import sqlalchemy as sa

from registry.database.statements import insert_if_absent
from registry.database.transaction import Transaction
from registry.database.types import metadata
from registry.kernel.problems import Kind, Problem, Text
from registry.settings import Settings

node_facts = sa.Table(
    "node_facts",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(253), nullable=False),
)


class DatabaseOfAnotherNode(Problem):
    """The database belongs to a node of another mode, federation or key."""

    kind = Kind.UNAVAILABLE
    title = Text(en="The database belongs to another node", zh="数据库属于另一节点")
    advice = Text(
        en="The operator points the node at its own database.",
        zh="请运营者为节点配置其自己的数据库。",
    )


def claim(transaction: Transaction, settings: Settings, *, pepper_id: str) -> None:
    """Marks a fresh database as this node's, and accepts no other node's.

    `pepper_id` names the pepper without telling it: under another pepper every
    subject would look clean. Raises: DatabaseOfAnotherNode.
    """
    facts = {
        "mode": settings.mode.value,
        "federation": settings.federation,
        "pepper": pepper_id,
    }
    for name, value in facts.items():
        transaction.execute(
            insert_if_absent(transaction, node_facts, {"name": name, "value": value})
        )
    known = {row.name: row.value for row in transaction.execute(sa.select(node_facts))}
    strange = [name for name, value in facts.items() if known[name] != value]
    if strange:
        raise DatabaseOfAnotherNode(f"The database is of another {', '.join(sorted(strange))}.")
