"""The tables of screening, and the only queries on them.

None of them leads from a lookup key to a tag: a shelf is a set of tags, which
the buckets publish anyway, in the order of their places.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.incidents.effective import SealedIdentity
from registry.kernel.ids import MemberId, new_uuid
from registry.lookups.screening_model import (
    ENTRY_BYTES,
    Build,
    Progress,
    Shelf,
    Snapshot,
)

screening_progress = sa.Table(
    "screening_progress",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("looked_at", Instant),
    sa.Column("begun_at", Instant, nullable=False),
    sa.Column("begun_id", sa.String(40), nullable=False),
    sa.Column("ended_on", sa.Date, nullable=False),
    sa.Column("ended_id", sa.String(40), nullable=False),
    sa.Column("suspended", Json, nullable=False),
    sa.Column("walked_id", sa.String(40), nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

screening_builds = sa.Table(
    "screening_builds",
    metadata,
    sa.Column("epoch", sa.String(8), primary_key=True),
    sa.Column("after", sa.LargeBinary(32), nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("is_whole", sa.Boolean, nullable=False),
)

screening_shelves = sa.Table(
    "screening_shelves",
    metadata,
    sa.Column("epoch", sa.String(8), primary_key=True),
    sa.Column("key_id", sa.String(32), primary_key=True),
    sa.Column("shelf", sa.SmallInteger, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("entries", sa.LargeBinary, nullable=False),
)

screening_changes = sa.Table(
    "screening_changes",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("lookup_key", sa.LargeBinary(32), nullable=False),
    sa.Column("key_id", sa.String(32), nullable=False),
    sa.Column("seed_sealed", sa.LargeBinary, nullable=False),
)

screening_snapshots = sa.Table(
    "screening_snapshots",
    metadata,
    sa.Column("key_id", sa.String(32), primary_key=True),
    sa.Column("epoch", sa.String(8), primary_key=True),
    sa.Column("bits", sa.SmallInteger, nullable=False),
    sa.Column("tags", sa.Integer, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("entry_id", sa.LargeBinary(16), nullable=False),
    sa.Column("made_at", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An identity whose standing changed otherwise than by time."""

    id: bytes
    identity: SealedIdentity


def progress(transaction: Transaction) -> Progress | None:
    """How far screening has got; None before its first step."""
    row = transaction.execute(sa.select(screening_progress)).one_or_none()
    if row is None:
        return None
    return Progress(
        version=row.version,
        sequence=row.sequence,
        looked_at=row.looked_at,
        begun_at=row.begun_at,
        begun_id=row.begun_id,
        ended_on=row.ended_on,
        ended_id=row.ended_id,
        suspended=frozenset(map(MemberId, row.suspended)),
        walked_id=row.walked_id,
    )


def advance(transaction: Transaction, *, seen: Progress | None, to: Progress) -> bool:
    """Moves the progress from `seen` on; False when another hand has moved it."""
    values: dict[str, Any] = {
        "version": to.version,
        "sequence": to.sequence,
        "looked_at": to.looked_at,
        "begun_at": to.begun_at,
        "begun_id": to.begun_id,
        "ended_on": to.ended_on,
        "ended_id": to.ended_id,
        "suspended": sorted(to.suspended),
        "walked_id": to.walked_id,
    }
    if seen is None:
        transaction.execute(sa.insert(screening_progress).values(id=1, **values))
        return True
    update = (
        sa.update(screening_progress)
        .where(screening_progress.c.version == seen.version)
        .values(values)
    )
    return transaction.execute(update).rowcount == 1


def builds(transaction: Transaction) -> Mapping[str, Build]:
    """The epochs there are shelves of, and how far each is built."""
    rows = transaction.execute(sa.select(screening_builds))
    return {
        row.epoch: Build(
            epoch=row.epoch, after=bytes(row.after), parts=row.parts, is_whole=row.is_whole
        )
        for row in rows
    }


def put_build(transaction: Transaction, build: Build) -> None:
    """Notes how far an epoch is built."""
    values = {"after": build.after, "parts": build.parts, "is_whole": build.is_whole}
    table = screening_builds
    update = sa.update(table).where(table.c.epoch == build.epoch).values(values)
    if transaction.execute(update).rowcount == 0:
        transaction.execute(sa.insert(table).values(epoch=build.epoch, **values))


def drop_epochs(transaction: Transaction, epochs: Collection[str]) -> None:
    """Deletes the shelves of these epochs."""
    for table in (screening_builds, screening_shelves):
        transaction.execute(sa.delete(table).where(table.c.epoch.in_(sorted(epochs))))


def drop_all(transaction: Transaction) -> None:
    """Deletes every shelf and how far they were; snapshots stay until others replace them."""
    for table in (screening_builds, screening_shelves, screening_changes):
        transaction.execute(sa.delete(table))


def add_part(
    transaction: Transaction,
    *,
    epoch: str,
    part: int,
    sequence: int,
    entries: Mapping[tuple[str, int], bytes],
) -> None:
    """Adds what one batch of a build brought, by key id and shelf."""
    rows = [
        {
            "epoch": epoch,
            "key_id": key_id,
            "shelf": shelf,
            "part": part,
            "sequence": sequence,
            "entries": joined,
        }
        for (key_id, shelf), joined in sorted(entries.items())
    ]
    if rows:
        transaction.execute(sa.insert(screening_shelves), rows)


def shelves(
    transaction: Transaction, *, epoch: str, key_id: str, wanted: Collection[int]
) -> dict[int, Shelf]:
    """Some shelves of an epoch, each with its parts joined; an empty one may be missing."""
    columns = screening_shelves.c
    select = (
        sa.select(columns.shelf, columns.sequence, columns.entries)
        .where(columns.epoch == epoch, columns.key_id == key_id, columns.shelf.in_(sorted(wanted)))
        .order_by(columns.shelf, columns.part)
    )
    found: dict[int, Shelf] = {}
    for row in transaction.execute(select):
        known = found.get(row.shelf)
        found[row.shelf] = Shelf(
            number=row.shelf,
            sequence=max(row.sequence, known.sequence if known else 0),
            entries=(known.entries if known else b"") + bytes(row.entries),
        )
    return found


def shelf_in(found: Mapping[int, Shelf], number: int) -> Shelf:
    """A shelf among those found; one that is not there is empty."""
    return found.get(number) or Shelf(number=number, sequence=0, entries=b"")


def put_shelves(
    transaction: Transaction, *, epoch: str, key_id: str, changed: Sequence[Shelf]
) -> None:
    """Replaces shelves, whatever parts they had. An empty one stays, to say when it changed."""
    if not changed:
        return
    columns = screening_shelves.c
    transaction.execute(
        sa.delete(screening_shelves).where(
            columns.epoch == epoch,
            columns.key_id == key_id,
            columns.shelf.in_([each.number for each in changed]),
        )
    )
    rows = [
        {
            "epoch": epoch,
            "key_id": key_id,
            "shelf": each.number,
            "part": 0,
            "sequence": each.sequence,
            "entries": each.entries,
        }
        for each in changed
    ]
    transaction.execute(sa.insert(screening_shelves), rows)


def changed_in(transaction: Transaction, *, epoch: str, key_id: str) -> dict[int, int]:
    """The sequence in which each shelf changed last."""
    columns = screening_shelves.c
    select = (
        sa.select(columns.shelf, sa.func.max(columns.sequence).label("newest"))
        .where(columns.epoch == epoch, columns.key_id == key_id)
        .group_by(columns.shelf)
    )
    return {row.shelf: row.newest for row in transaction.execute(select)}


def subjects(transaction: Transaction, *, epoch: str, key_id: str) -> int:
    """N: how many tags the shelves hold."""
    columns = screening_shelves.c
    select = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(columns.entries)), 0)).where(
        columns.epoch == epoch, columns.key_id == key_id
    )
    return int(transaction.execute(select).scalar_one()) // ENTRY_BYTES


def add_changes(
    transaction: Transaction, identities: Sequence[SealedIdentity], now: datetime
) -> None:
    """Notes that what is known under these identities changed."""
    rows = [
        {
            "id": new_uuid(now).bytes,
            "lookup_key": each.lookup_key,
            "key_id": each.key_id,
            "seed_sealed": each.seed_sealed,
        }
        for each in identities
    ]
    if rows:
        transaction.execute(sa.insert(screening_changes), rows)


def changes(transaction: Transaction, changes_max: int) -> list[Queued]:
    """The oldest of what is noted."""
    select = sa.select(screening_changes).order_by(screening_changes.c.id).limit(changes_max)
    return [
        Queued(
            id=bytes(row.id),
            identity=SealedIdentity(
                lookup_key=bytes(row.lookup_key),
                key_id=row.key_id,
                seed_sealed=bytes(row.seed_sealed),
            ),
        )
        for row in transaction.execute(select)
    ]


def has_changes(transaction: Transaction) -> bool:
    """Whether anything is noted."""
    select = sa.select(sa.exists().where(screening_changes.c.id == screening_changes.c.id))
    return bool(transaction.execute(select).scalar_one())


def drop_changes(transaction: Transaction, ids: Sequence[bytes]) -> None:
    """Deletes what was applied."""
    for start in range(0, len(ids), 1000):
        some = ids[start : start + 1000]
        transaction.execute(sa.delete(screening_changes).where(screening_changes.c.id.in_(some)))


def forget_changes(transaction: Transaction, lookup_keys: Collection[bytes]) -> None:
    """Deletes what is noted of these keys; the table is short, so that it needs no index."""
    transaction.execute(
        sa.delete(screening_changes).where(screening_changes.c.lookup_key.in_(sorted(lookup_keys)))
    )


def snapshots(transaction: Transaction) -> list[Snapshot]:
    """Every snapshot that is published."""
    order = (screening_snapshots.c.key_id, screening_snapshots.c.epoch)
    return [
        Snapshot(
            key_id=row.key_id,
            epoch=row.epoch,
            bits=row.bits,
            count=row.tags,
            sequence=row.sequence,
            root=bytes(row.root),
            entry=UUID(bytes=bytes(row.entry_id)),
            made_at=row.made_at,
        )
        for row in transaction.execute(sa.select(screening_snapshots).order_by(*order))
    ]


def publish(transaction: Transaction, snapshot: Snapshot) -> None:
    """Puts a snapshot in the place of the one before it."""
    columns = screening_snapshots.c
    transaction.execute(
        sa.delete(screening_snapshots).where(
            columns.key_id == snapshot.key_id, columns.epoch == snapshot.epoch
        )
    )
    values = {
        "key_id": snapshot.key_id,
        "epoch": snapshot.epoch,
        "bits": snapshot.bits,
        "tags": snapshot.count,
        "sequence": snapshot.sequence,
        "root": snapshot.root,
        "entry_id": snapshot.entry.bytes,
        "made_at": snapshot.made_at,
    }
    transaction.execute(sa.insert(screening_snapshots).values(values))


def withdraw(transaction: Transaction, snapshot: Snapshot) -> None:
    """Takes a snapshot out of what is published."""
    columns = screening_snapshots.c
    transaction.execute(
        sa.delete(screening_snapshots).where(
            columns.key_id == snapshot.key_id, columns.epoch == snapshot.epoch
        )
    )
