"""The tables of members and keys, and the one row that says when they changed."""

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.crypto.signature import PublicKey
from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.http.caller import Scope
from registry.kernel.ids import MemberId
from registry.members.model import Member, MemberKey, Role, Withheld
from registry.rulebook.model import Purpose

_VERSION_STEP_MAX = 2**20

members = sa.Table(
    "members",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("roles", Json, nullable=False),
    sa.Column("scopes", Json, nullable=False),
    sa.Column("purposes", Json, nullable=False),
    sa.Column("reporter_group", sa.String(64), nullable=False),
    sa.Column("evaluations_per_hour", sa.Integer, nullable=False),
    sa.Column("requests_per_minute", sa.Integer, nullable=False),
    sa.Column("upheld_ppm", sa.BigInteger, nullable=False),
    sa.Column("overturned_ppm", sa.BigInteger, nullable=False),
    sa.Column("admitted_at", Instant, nullable=False),
    sa.Column("suspended_at", Instant),
    sa.Column("appeals_counted_at", Instant),
)

member_keys = sa.Table(
    "member_keys",
    metadata,
    sa.Column("kid", sa.String(43), primary_key=True),
    sa.Column("member_id", sa.ForeignKey(members.c.id), nullable=False, index=True),
    sa.Column("jwk", Json, nullable=False),
    sa.Column("proof", sa.Text, nullable=False),
    sa.Column("registered_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)

withheld_scopes = sa.Table(
    "withheld_scopes",
    metadata,
    sa.Column("member_id", sa.ForeignKey(members.c.id), primary_key=True),
    sa.Column("scope", sa.String(32), primary_key=True),
    sa.Column("reason", sa.String(64), primary_key=True),
    sa.Column("withheld_at", Instant, nullable=False),
)

directory_version = sa.Table(
    "directory_version",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)


def lock_and_bump(transaction: Transaction) -> None:
    """Gives the directory a new, higher version; other changes of it wait until this one ends.

    Called before anything is read, so that what is read (how many keys a member
    has, whether a name is taken) stays true until the commit.
    """
    # A step of random length: a version that was rolled back is not given again
    # to other contents, so a reader that saw it cannot mistake the one for the other.
    step = 1 + secrets.randbelow(_VERSION_STEP_MAX)
    transaction.execute(
        sa.update(directory_version).values(version=directory_version.c.version + step)
    )


def read_version(transaction: Transaction) -> int:
    """The directory's version; read on every request, so by the hot cursor."""
    cursor = transaction.hot_cursor()
    try:
        cursor.execute("SELECT version FROM directory_version")
        (version,) = cursor.fetchone()
    finally:
        cursor.close()
    assert isinstance(version, int)
    return version


def add_member(transaction: Transaction, member: Member) -> None:
    """Inserts a member."""
    transaction.execute(sa.insert(members), _member_values(member))


def set_suspended_at(transaction: Transaction, member: MemberId, at: datetime | None) -> None:
    """Suspends a member since `at`, or reinstates it (None)."""
    statement = sa.update(members).where(members.c.id == member).values(suspended_at=at)
    assert transaction.execute(statement).rowcount == 1


def set_appeals(transaction: Transaction, member: Member) -> None:
    """Keeps what is counted of the appeals against a member's incidents."""
    statement = sa.update(members).where(members.c.id == member.id)
    counted = {
        "upheld_ppm": member.upheld_ppm,
        "overturned_ppm": member.overturned_ppm,
        "appeals_counted_at": member.appeals_counted_at,
    }
    assert transaction.execute(statement.values(counted)).rowcount == 1


def list_counted_before(
    transaction: Transaction, before: datetime, *, members_max: int
) -> list[Member]:
    """Members of whose appeals something may be forgotten since `before`, the oldest first."""
    columns = members.c
    statement = (
        sa.select(members)
        .where(columns.appeals_counted_at < before)
        .where(columns.upheld_ppm + columns.overturned_ppm > 0)
        .order_by(columns.appeals_counted_at, columns.id)
        .limit(members_max)
    )
    return [_member_of(row) for row in transaction.execute(statement)]


def find_member(transaction: Transaction, member: MemberId) -> Member | None:
    """The member of this id."""
    row = transaction.execute(sa.select(members).where(members.c.id == member)).one_or_none()
    return None if row is None else _member_of(row)


def is_name_taken(transaction: Transaction, name: str) -> bool:
    """Whether a member has exactly this name."""
    statement = sa.select(sa.exists().where(members.c.name == name))
    return bool(transaction.execute(statement).scalar_one())


def list_members(transaction: Transaction) -> list[Member]:
    """Every member, in the order of admission."""
    rows = transaction.execute(sa.select(members).order_by(members.c.id))
    return [_member_of(row) for row in rows]


def add_key(transaction: Transaction, key: MemberKey, proof: str) -> None:
    """Inserts a key with the proof it was registered by."""
    values = {
        "kid": key.kid,
        "member_id": key.member,
        "jwk": key.public_key.to_jwk(),
        "proof": proof,
        "registered_at": key.registered_at,
        "revoked_at": key.revoked_at,
    }
    transaction.execute(sa.insert(member_keys), values)


def set_revoked_at(transaction: Transaction, kid: str, at: datetime) -> None:
    """Ends a key at `at`."""
    statement = sa.update(member_keys).where(member_keys.c.kid == kid).values(revoked_at=at)
    assert transaction.execute(statement).rowcount == 1


def find_key(transaction: Transaction, kid: str) -> MemberKey | None:
    """The key of this kid."""
    row = transaction.execute(sa.select(member_keys).where(member_keys.c.kid == kid)).one_or_none()
    return None if row is None else _key_of(row)


def list_keys(transaction: Transaction, member: MemberId | None = None) -> list[MemberKey]:
    """Every key, or every key of one member, in the order of registration."""
    statement = sa.select(member_keys).order_by(member_keys.c.registered_at, member_keys.c.kid)
    if member is not None:
        statement = statement.where(member_keys.c.member_id == member)
    return [_key_of(row) for row in transaction.execute(statement)]


def add_withheld(transaction: Transaction, withheld: Withheld) -> None:
    """Inserts a reason for which a scope is withheld."""
    values = {
        "member_id": withheld.member,
        "scope": withheld.scope.value,
        "reason": withheld.reason,
        "withheld_at": withheld.withheld_at,
    }
    transaction.execute(sa.insert(withheld_scopes), values)


def remove_withheld(transaction: Transaction, withheld: Withheld) -> None:
    """Deletes a reason for which a scope is withheld."""
    columns = withheld_scopes.c
    statement = sa.delete(withheld_scopes).where(
        columns.member_id == withheld.member,
        columns.scope == withheld.scope.value,
        columns.reason == withheld.reason,
    )
    assert transaction.execute(statement).rowcount == 1


def list_withheld(transaction: Transaction, member: MemberId | None = None) -> list[Withheld]:
    """All that is withheld, from every member or from one, oldest first."""
    columns = withheld_scopes.c
    statement = sa.select(withheld_scopes).order_by(
        columns.withheld_at, columns.member_id, columns.scope, columns.reason
    )
    if member is not None:
        statement = statement.where(columns.member_id == member)
    return [
        Withheld(
            member=MemberId(row.member_id),
            scope=Scope(row.scope),
            reason=row.reason,
            withheld_at=row.withheld_at,
        )
        for row in transaction.execute(statement)
    ]


def _member_values(member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "name": member.name,
        "roles": sorted(member.roles),
        "scopes": sorted(member.scopes),
        "purposes": sorted(member.purposes),
        "reporter_group": member.reporter_group,
        "evaluations_per_hour": member.evaluations_per_hour,
        "requests_per_minute": member.requests_per_minute,
        "upheld_ppm": member.upheld_ppm,
        "overturned_ppm": member.overturned_ppm,
        "admitted_at": member.admitted_at,
        "suspended_at": member.suspended_at,
        "appeals_counted_at": member.appeals_counted_at,
    }


def _member_of(row: sa.Row[Any]) -> Member:
    return Member(
        id=MemberId(row.id),
        name=row.name,
        roles=frozenset(map(Role, row.roles)),
        scopes=frozenset(map(Scope, row.scopes)),
        purposes=frozenset(map(Purpose, row.purposes)),
        reporter_group=row.reporter_group,
        evaluations_per_hour=row.evaluations_per_hour,
        requests_per_minute=row.requests_per_minute,
        upheld_ppm=row.upheld_ppm,
        overturned_ppm=row.overturned_ppm,
        admitted_at=row.admitted_at,
        suspended_at=row.suspended_at,
        appeals_counted_at=row.appeals_counted_at,
    )


def _key_of(row: sa.Row[Any]) -> MemberKey:
    return MemberKey(
        member=MemberId(row.member_id),
        public_key=PublicKey.from_jwk(row.jwk),
        registered_at=row.registered_at,
        revoked_at=row.revoked_at,
    )
