"""The tables of imports: what has come and waits, sealed; how far it is; what was refused."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant, Json, metadata
from registry.incidents.import_model import Import, ImportState, LineProblem
from registry.kernel.ids import ImportId, MemberId
from registry.kernel.paging import Page
from registry.kernel.problems import FieldError

_ENDED = (ImportState.FINISHED.value, ImportState.STOPPED.value)

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("furnisher", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("bytes_total", sa.BigInteger, nullable=False),
    sa.Column("reports", sa.Integer, nullable=False),
    sa.Column("filed", sa.Integer, nullable=False),
    sa.Column("repeated", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("chunk_next", sa.Integer, nullable=False),
    sa.Column("request_id", sa.LargeBinary(16), nullable=False),
    sa.Column("signed_request", sa.Text, nullable=False),
    sa.Column("request_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("accepted_at", Instant, nullable=False),
    sa.Column("ended_at", Instant, index=True),
    # A furnisher reads its own imports in order.
    sa.Index("ix_imports_furnisher_id", "furnisher", "id"),
)

# Chunks are written before the import they belong to is accepted: no foreign key.
import_chunks = sa.Table(
    "import_chunks",
    metadata,
    sa.Column("import_id", sa.String(40), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("line_first", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

import_problems = sa.Table(
    "import_problems",
    metadata,
    sa.Column("import_id", sa.String(40), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    # They go with the incident of this reference.
    sa.Column("reference", sa.String(64), index=True),
    sa.Column("slug", sa.String(64), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("errors", Json, nullable=False),
)


def add_chunk(
    transaction: Transaction, of: ImportId, position: int, line_first: int, sealed: bytes
) -> None:
    """Keeps a chunk of an import that may still be under way."""
    values = {"import_id": of, "position": position, "line_first": line_first, "sealed": sealed}
    transaction.execute(sa.insert(import_chunks), values)


def count_chunks(transaction: Transaction, of: ImportId) -> int:
    """How many chunks of an import there are."""
    count = sa.select(sa.func.count()).where(import_chunks.c.import_id == of)
    return int(transaction.execute(count).scalar_one())


def chunks_from(
    transaction: Transaction, of: ImportId, position: int, chunks_max: int
) -> list[tuple[int, int, bytes]]:
    """The next chunks of an import: position, first line and sealed lines."""
    columns = import_chunks.c
    select = (
        sa.select(columns.position, columns.line_first, columns.sealed)
        .where(columns.import_id == of, columns.position >= position)
        .order_by(columns.position)
        .limit(chunks_max)
    )
    return [
        (row.position, row.line_first, bytes(row.sealed)) for row in transaction.execute(select)
    ]


def drop_chunks(transaction: Transaction, of: ImportId, *, before: int | None = None) -> None:
    """Deletes the chunks of an import, all or those before a position."""
    delete = sa.delete(import_chunks).where(import_chunks.c.import_id == of)
    if before is not None:
        delete = delete.where(import_chunks.c.position < before)
    transaction.execute(delete)


def add(transaction: Transaction, accepted: Import) -> None:
    """Adds an import; from now on its chunks belong to it."""
    transaction.execute(
        sa.insert(imports),
        {
            "id": accepted.id,
            "furnisher": accepted.furnisher,
            "bytes_total": accepted.bytes_total,
            "reports": accepted.reports,
            "request_id": accepted.request_id.bytes,
            "signed_request": accepted.signed_request,
            "request_digest": accepted.request_digest,
            "accepted_at": accepted.accepted_at,
            **_progress(accepted),
        },
    )


def keep_progress(transaction: Transaction, current: Import) -> None:
    """Writes how far an import is."""
    update = sa.update(imports).where(imports.c.id == current.id)
    transaction.execute(update.values(_progress(current)))


def find(transaction: Transaction, wanted: ImportId) -> Import | None:
    """The import of this id."""
    select = sa.select(imports).where(imports.c.id == wanted)
    row = transaction.execute(select).one_or_none()
    return None if row is None else _from_row(row)


def find_and_lock(transaction: Transaction, wanted: ImportId) -> Import | None:
    """The import of this id, which other transactions wait for from now on."""
    select = sa.select(imports).where(imports.c.id == wanted).with_for_update()
    row = transaction.execute(select).one_or_none()
    return None if row is None else _from_row(row)


def count_unfinished(transaction: Transaction, furnisher: MemberId) -> int:
    """How many imports of a furnisher have not ended."""
    columns = imports.c
    count = sa.select(sa.func.count()).where(
        columns.furnisher == furnisher, columns.state.not_in(_ENDED)
    )
    return int(transaction.execute(count).scalar_one())


def page_of(
    transaction: Transaction, furnisher: MemberId, *, after: str, items_max: int
) -> Page[Import]:
    """A furnisher's imports in the order of their ids, after the id `after`."""
    select = (
        sa.select(imports)
        .where(imports.c.furnisher == furnisher, imports.c.id > after)
        .order_by(imports.c.id)
        .limit(items_max + 1)
    )
    found = [_from_row(row) for row in transaction.execute(select)]
    shown = found[:items_max]
    return Page(shown, shown[-1].id if len(found) > items_max else None)


def add_problems(transaction: Transaction, of: ImportId, refused: Sequence[LineProblem]) -> None:
    """Notes why lines were refused."""
    if not refused:
        return
    rows = [
        {
            "import_id": of,
            "line": each.line,
            "reference": each.reference,
            "slug": each.slug,
            "detail": each.detail,
            "errors": [
                {"pointer": error.pointer, "code": error.code, "detail": error.detail}
                for error in each.errors
            ],
        }
        for each in refused
    ]
    transaction.execute(sa.insert(import_problems), rows)


def problems_of(
    transaction: Transaction, of: ImportId, *, after: int, items_max: int
) -> Page[LineProblem]:
    """The problems of an import in the order of its lines, after the line `after`."""
    columns = import_problems.c
    select = (
        sa.select(import_problems)
        .where(columns.import_id == of, columns.line > after)
        .order_by(columns.line)
        .limit(items_max + 1)
    )
    found = [_problem_from_row(row) for row in transaction.execute(select)]
    shown = found[:items_max]
    return Page(shown, str(shown[-1].line) if len(found) > items_max else None)


def forget_problems(transaction: Transaction, furnisher: MemberId, reference: str) -> None:
    """Deletes why lines of this reference were refused, in whichever import of the furnisher."""
    columns = import_problems.c
    own = sa.select(imports.c.id).where(imports.c.furnisher == furnisher)
    delete = sa.delete(import_problems)
    transaction.execute(delete.where(columns.reference == reference, columns.import_id.in_(own)))


def ended_before(transaction: Transaction, instant: datetime, imports_max: int) -> list[ImportId]:
    """Imports that ended before an instant."""
    select = (
        sa.select(imports.c.id)
        .where(imports.c.ended_at < instant)
        .order_by(imports.c.ended_at)
        .limit(imports_max)
    )
    return [ImportId(row.id) for row in transaction.execute(select)]


def never_accepted(transaction: Transaction, before: str, imports_max: int) -> list[ImportId]:
    """Ids before `before` of which there are chunks and no import."""
    columns = import_chunks.c
    belongs = sa.exists().where(imports.c.id == columns.import_id)
    select = (
        sa.select(columns.import_id)
        .where(columns.import_id < before, columns.position == 0, ~belongs)
        .limit(imports_max)
    )
    return [ImportId(row.import_id) for row in transaction.execute(select)]


def drop(transaction: Transaction, gone: Collection[ImportId]) -> None:
    """Deletes imports with all that is theirs."""
    ids = sorted(gone)
    transaction.execute(sa.delete(import_chunks).where(import_chunks.c.import_id.in_(ids)))
    transaction.execute(sa.delete(import_problems).where(import_problems.c.import_id.in_(ids)))
    transaction.execute(sa.delete(imports).where(imports.c.id.in_(ids)))


def _progress(current: Import) -> dict[str, Any]:
    return {
        "state": current.state.value,
        "filed": current.filed,
        "repeated": current.repeated,
        "refused": current.refused,
        "chunk_next": current.chunk_next,
        "ended_at": current.ended_at,
    }


def _from_row(row: sa.Row[Any]) -> Import:
    return Import(
        id=ImportId(row.id),
        furnisher=MemberId(row.furnisher),
        state=ImportState(row.state),
        bytes_total=row.bytes_total,
        reports=row.reports,
        filed=row.filed,
        repeated=row.repeated,
        refused=row.refused,
        chunk_next=row.chunk_next,
        request_id=UUID(bytes=bytes(row.request_id)),
        signed_request=row.signed_request,
        request_digest=bytes(row.request_digest),
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
    )


def _problem_from_row(row: sa.Row[Any]) -> LineProblem:
    return LineProblem(
        line=row.line,
        reference=row.reference,
        slug=row.slug,
        detail=row.detail,
        errors=tuple(
            FieldError(pointer=each["pointer"], code=each["code"], detail=each["detail"])
            for each in row.errors
        ),
    )
