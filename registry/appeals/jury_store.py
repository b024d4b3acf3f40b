"""The tables of juries and seats, and the only queries on them."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.appeals.jury import Line, Side, Vote
from registry.appeals.jury_model import Ending, Jury, Seat, Stage
from registry.crypto.merkle import HASH_BYTES
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel import base64url
from registry.kernel.ids import IncidentId, MemberId

juries = sa.Table(
    "juries",
    metadata,
    sa.Column("case_id", sa.String(40), primary_key=True),
    sa.Column("round", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("incident_id", sa.String(40), nullable=False),
    sa.Column("furnisher", sa.String(40), nullable=False),
    sa.Column("edition", sa.String(32), nullable=False),
    sa.Column("stage", sa.String(12), nullable=False),
    sa.Column("convened_at", Instant, nullable=False),
    sa.Column("evidence_until", Instant, nullable=False),
    sa.Column("voting_until", Instant, nullable=False),
    sa.Column("alternates_until", Instant),
    sa.Column("choice_until", Instant),
    # Turns candidates into marks; nobody outside ever has it.
    sa.Column("list_key", sa.LargeBinary(32), nullable=False),
    # Ids, joined, until it is over.
    sa.Column("barred", sa.LargeBinary, nullable=False, server_default=sa.text("''")),
    sa.Column("entry_id", sa.LargeBinary(16)),
    sa.Column("checkpoint", sa.Text),
    sa.Column("entry_index", sa.BigInteger),
    sa.Column("proof", sa.LargeBinary, nullable=False),
    sa.Column("verdict", sa.String(8)),
    sa.Column("ending", sa.String(12)),
    sa.Column("ended_at", Instant),
)

# Apart, since it is long: only who draws or publishes reads it.
jury_lists = sa.Table(
    "jury_lists",
    metadata,
    sa.Column("case_id", sa.String(40), primary_key=True),
    sa.Column("round", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("lines", sa.Text, nullable=False),
    # In the same order; empty once it is drawn.
    sa.Column("candidates", sa.LargeBinary, nullable=False),
    sa.ForeignKeyConstraint(["case_id", "round"], ["juries.case_id", "juries.round"]),
)

jury_seats = sa.Table(
    "jury_seats",
    metadata,
    sa.Column("case_id", sa.String(40), primary_key=True),
    sa.Column("round", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("mark", sa.LargeBinary(32), nullable=False),
    sa.Column("candidate_id", sa.LargeBinary(16), nullable=False),
    sa.Column("side", sa.String(8), nullable=False),
    sa.Column("is_alternate", sa.Boolean, nullable=False),
    sa.Column("seated_at", Instant),
    sa.Column("left_at", Instant),
    sa.Column("commitment", sa.LargeBinary(32)),
    sa.Column("committed_at", Instant),
    sa.Column("vote", sa.String(8)),
    sa.Column("salt", sa.LargeBinary(32)),
    sa.Column("revealed_at", Instant),
    sa.ForeignKeyConstraint(["case_id", "round"], ["juries.case_id", "juries.round"]),
    # One person, one seat.
    sa.UniqueConstraint("case_id", "round", "candidate_id"),
    sa.Index("ix_jury_seats_candidate_id", "candidate_id"),
)


def add(transaction: Transaction, jury: Jury) -> None:
    """Adds a round of a case."""
    transaction.execute(sa.insert(juries).values(_jury_values(jury)))


def put(transaction: Transaction, jury: Jury) -> None:
    """Replaces a round of a case, which this transaction holds locked."""
    update = sa.update(juries).where(_is_of(juries, jury.case, jury.round))
    assert transaction.execute(update.values(_jury_values(jury))).rowcount == 1


def find(transaction: Transaction, case: str, round_: int) -> Jury | None:
    """A round of a case."""
    return _one(transaction, sa.select(juries).where(_is_of(juries, case, round_)))


def find_and_lock(transaction: Transaction, case: str, round_: int) -> Jury | None:
    """A round of a case, which nobody else changes until the transaction ends."""
    select = sa.select(juries).where(_is_of(juries, case, round_))
    return _one(transaction, select.with_for_update())


def rounds_of(transaction: Transaction, case: str) -> Sequence[Jury]:
    """Every round of a case, in order."""
    select = sa.select(juries).where(juries.c.case_id == case).order_by(juries.c.round)
    return [_jury(row) for row in transaction.execute(select)]


def add_list(
    transaction: Transaction, jury: Jury, lines: Sequence[Line], candidates: Sequence[UUID]
) -> None:
    """Fixes the list of a round, once, and who stands behind each line."""
    values = {
        "case_id": jury.case,
        "round": jury.round,
        "lines": json.dumps([each.document() for each in lines], separators=(",", ":")),
        "candidates": b"".join(each.bytes for each in candidates),
    }
    transaction.execute(sa.insert(jury_lists).values(values))


def take_list(transaction: Transaction, jury: Jury) -> tuple[list[Line], dict[bytes, UUID]]:
    """The list of a round and who stands behind which mark, which is forgotten by this."""
    is_it = _is_of(jury_lists, jury.case, jury.round)
    row = transaction.execute(sa.select(jury_lists).where(is_it)).one()
    transaction.execute(sa.update(jury_lists).where(is_it).values(candidates=b""))
    lines = [line_of(each) for each in json.loads(row.lines)]
    ids = _ids(bytes(row.candidates))
    return lines, {line.mark: each for line, each in zip(lines, ids, strict=True)}


def list_of(transaction: Transaction, jury: Jury) -> list[Line]:
    """The list of a round, in the order of its marks; empty before it is fixed."""
    select = sa.select(jury_lists.c.lines).where(_is_of(jury_lists, jury.case, jury.round))
    text = transaction.execute(select).scalar_one_or_none()
    return [line_of(each) for each in json.loads(text or "[]")]


def add_seats(transaction: Transaction, seats: Collection[Seat]) -> None:
    """Seats a jury."""
    transaction.execute(sa.insert(jury_seats), [_seat_values(each) for each in seats])


def put_seat(transaction: Transaction, seat: Seat) -> None:
    """Replaces a seat of a round that this transaction holds locked."""
    update = sa.update(jury_seats).where(
        _is_of(jury_seats, seat.case, seat.round), jury_seats.c.position == seat.position
    )
    assert transaction.execute(update.values(_seat_values(seat))).rowcount == 1


def seats_of(transaction: Transaction, case: str, round_: int) -> Sequence[Seat]:
    """The seats of a round, in the order they were drawn."""
    select = (
        sa.select(jury_seats)
        .where(_is_of(jury_seats, case, round_))
        .order_by(jury_seats.c.position)
    )
    return [_seat(row) for row in transaction.execute(select)]


def seats_held(
    transaction: Transaction, candidates: Collection[UUID], seats_max: int
) -> Sequence[Seat]:
    """The seats of a person in whatever case, the newest first."""
    columns = jury_seats.c
    select = (
        sa.select(jury_seats)
        .where(columns.candidate_id.in_([each.bytes for each in candidates]))
        .order_by(columns.case_id.desc(), columns.round.desc())
        .limit(seats_max)
    )
    return [_seat(row) for row in transaction.execute(select)]


def _ids(octets: bytes) -> list[UUID]:
    return [UUID(bytes=each) for each in _sixteens(octets)]


def _sixteens(octets: bytes) -> list[bytes]:
    """Ids, or marks of persons."""
    return [octets[at : at + 16] for at in range(0, len(octets), 16)]


def _is_of(table: sa.Table, case: str, round_: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.case_id == case, table.c.round == round_)


def _one(transaction: Transaction, select: sa.Select[Any]) -> Jury | None:
    row = transaction.execute(select).one_or_none()
    return None if row is None else _jury(row)


def _jury_values(jury: Jury) -> dict[str, Any]:
    return {
        "case_id": jury.case,
        "round": jury.round,
        "incident_id": jury.incident,
        "furnisher": jury.furnisher,
        "edition": jury.edition,
        "stage": jury.stage.value,
        "convened_at": jury.convened_at,
        "evidence_until": jury.evidence_until,
        "voting_until": jury.voting_until,
        "alternates_until": jury.alternates_until,
        "choice_until": jury.choice_until,
        "list_key": jury.list_key,
        "barred": b"".join(sorted(jury.barred)),
        "entry_id": jury.entry and jury.entry.bytes,
        "checkpoint": jury.checkpoint,
        "entry_index": jury.index,
        "proof": b"".join(jury.proof),
        "verdict": jury.verdict and jury.verdict.value,
        "ending": jury.ending and jury.ending.value,
        "ended_at": jury.ended_at,
    }


def _jury(row: sa.Row[Any]) -> Jury:
    proof = bytes(row.proof)
    return Jury(
        case=row.case_id,
        round=row.round,
        incident=IncidentId(row.incident_id),
        furnisher=MemberId(row.furnisher),
        edition=row.edition,
        stage=Stage(row.stage),
        convened_at=row.convened_at,
        evidence_until=row.evidence_until,
        voting_until=row.voting_until,
        alternates_until=row.alternates_until,
        choice_until=row.choice_until,
        list_key=bytes(row.list_key),
        barred=frozenset(_sixteens(bytes(row.barred))),
        entry=None if row.entry_id is None else UUID(bytes=bytes(row.entry_id)),
        checkpoint=row.checkpoint,
        index=row.entry_index,
        proof=tuple(proof[at : at + HASH_BYTES] for at in range(0, len(proof), HASH_BYTES)),
        verdict=row.verdict and Vote(row.verdict),
        ending=row.ending and Ending(row.ending),
        ended_at=row.ended_at,
    )


def line_of(document: dict[str, Any]) -> Line:
    """The line a published document stands for."""
    return Line(
        mark=base64url.decode(document["mark"]),
        side=Side(document["side"]),
        experience=document["experience"],
        is_named_by_furnisher=document["named_by_furnisher"],
    )


def _seat_values(seat: Seat) -> dict[str, Any]:
    return {
        "case_id": seat.case,
        "round": seat.round,
        "position": seat.position,
        "mark": seat.mark,
        "candidate_id": seat.candidate.bytes,
        "side": seat.side.value,
        "is_alternate": seat.is_alternate,
        "seated_at": seat.seated_at,
        "left_at": seat.left_at,
        "commitment": seat.commitment,
        "committed_at": seat.committed_at,
        "vote": seat.vote and seat.vote.value,
        "salt": seat.salt,
        "revealed_at": seat.revealed_at,
    }


def _seat(row: sa.Row[Any]) -> Seat:
    return Seat(
        case=row.case_id,
        round=row.round,
        position=row.position,
        mark=bytes(row.mark),
        candidate=UUID(bytes=bytes(row.candidate_id)),
        side=Side(row.side),
        is_alternate=row.is_alternate,
        seated_at=row.seated_at,
        left_at=row.left_at,
        commitment=None if row.commitment is None else bytes(row.commitment),
        committed_at=row.committed_at,
        vote=row.vote and Vote(row.vote),
        salt=None if row.salt is None else bytes(row.salt),
        revealed_at=row.revealed_at,
    )
