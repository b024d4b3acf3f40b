"""What each role of a PostgreSQL may do: the owner migrates, one serves, one may sequence.

Granted anew after every migration: a table that came with it has no grants yet.
Triggers refuse what must never be, whoever asks; roles refuse it before that, and
keep a serving process that was taken over from writing into the logs.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from registry.database.engine import Database
from registry.kernel.problems import Kind, Problem, Text

_SCHEMA = "alembic_version"
_FACTS = "node_facts"
# What only whoever sequences writes.
_PLACES = ("log_entries", "log_heads", "log_tiles", "sequencer_lease")


class RolesUnknown(Problem):
    """Grants are for roles of a PostgreSQL, and by the role that owns the tables."""

    kind = Kind.INVALID
    title = Text(en="These roles cannot be granted to", zh="无法为这些角色授权")
    advice = Text(
        en="Make the roles first, and run this with the database URL of the role that owns them.",
        zh="请先创建角色，并使用拥有数据表的角色的数据库地址运行。",
    )


def grant(database: Database, *, serving: str, sequencing: str | None) -> list[str]:
    """Gives the roles what they need and nothing else; the statements that did.

    Without `sequencing` the serving role sequences too. Raises: RolesUnknown;
    DatabaseUnavailable.
    """
    if database.is_sqlite or serving == sequencing:
        raise RolesUnknown
    with database.transaction() as transaction:
        roles = [serving] if sequencing is None else [serving, sequencing]
        for role in roles:
            found = sa.select(sa.func.count()).select_from(sa.table("pg_roles"))
            named = found.where(sa.column("rolname") == role)
            if not transaction.execute(named).scalar_one():
                raise RolesUnknown(f"There is no role {role}.")
        quote = database.engine.dialect.identifier_preparer.quote
        statements = list(
            _statements(quote(serving), None if sequencing is None else quote(sequencing))
        )
        for statement in statements:
            transaction.execute(sa.text(statement))
    return statements


def _statements(serving: str, sequencing: str | None) -> Iterator[str]:
    for role in (serving, sequencing):
        if role is not None:
            yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {serving}"
    yield from _revoke(serving, "INSERT, UPDATE, DELETE", [_SCHEMA])
    yield from _revoke(serving, "UPDATE", ["pending_entries"])
    yield from _revoke(serving, "UPDATE, DELETE", ["log_entries"])
    yield from _revoke(serving, "DELETE", ["log_heads", "log_tiles", "log_payloads"])
    if sequencing is None:
        return
    yield from _revoke(serving, "DELETE", ["pending_entries"])
    yield from _revoke(serving, "INSERT, UPDATE, DELETE", _PLACES)
    yield from _revoke(serving, "INSERT", ["log_subjects"])
    yield from _revoke(serving, "UPDATE", ["first_checkpoints"])
    yield from _grant(sequencing, "SELECT", [_SCHEMA])
    # A node says whose database it is whenever it starts.
    yield from _grant(sequencing, "SELECT, INSERT", [_FACTS])
    yield from _grant(sequencing, "SELECT, DELETE", ["pending_entries"])
    yield from _grant(sequencing, "SELECT, INSERT", ["log_entries"])
    yield from _grant(
        sequencing, "SELECT, INSERT, UPDATE", ["log_heads", "log_tiles", "sequencer_lease"]
    )
    yield from _grant(sequencing, "INSERT", ["log_subjects"])
    yield from _grant(sequencing, "SELECT, UPDATE", ["first_checkpoints"])


def _grant(role: str, rights: str, tables: Sequence[str]) -> Iterator[str]:
    yield f"GRANT {rights} ON {', '.join(tables)} TO {role}"


def _revoke(role: str, rights: str, tables: Sequence[str]) -> Iterator[str]:
    yield f"REVOKE {rights} ON {', '.join(tables)} FROM {role}"
