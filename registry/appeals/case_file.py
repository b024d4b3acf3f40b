"""What was said and shown in an appeal: sealed texts, reviews and evidence files.

All of it is erased with the incident. Each text and file is sealed under a key of its
own, derived from the node's key-encryption key, and bound to its appeal and place.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.appeals.files import Examined
from registry.appeals.model import AppealId, Tier
from registry.crypto.sealing import Sealer
from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.incidents.rulings import Ruling

FILES_MAX = 8
FILES_BYTES_MAX = 32 * 1024 * 1024

appeal_texts = sa.Table(
    "appeal_texts",
    metadata,
    sa.Column("appeal_id", sa.String(40), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

appeal_reviews = sa.Table(
    "appeal_reviews",
    metadata,
    sa.Column("appeal_id", sa.String(40), primary_key=True),
    sa.Column("tier", sa.String(8), primary_key=True),
    sa.Column("reviewer", sa.String(64), primary_key=True),
    sa.Column("ruling", sa.String(16), nullable=False),
    sa.Column("at", Instant, nullable=False),
)

appeal_files = sa.Table(
    "appeal_files",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("appeal_id", sa.String(40), nullable=False, index=True),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("octets", sa.Integer, nullable=False),
    sa.Column("digest", sa.String(71), nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

_CONTENT = (appeal_texts, appeal_reviews, appeal_files)


class TextKind(StrEnum):
    """Whose words they are, and what for."""

    STATEMENT = "statement"
    FACT = "fact"
    ANSWER = "answer"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something that was said. `more` are the words' details, such as a manifest."""

    kind: TextKind
    author: str
    at: datetime
    text: str = field(repr=False)
    more: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One reviewer's word; the reasons are among what was said."""

    tier: Tier
    reviewer: str
    ruling: Ruling
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file as it is listed."""

    id: UUID
    media_type: str
    octets: int
    digest: str
    added_at: datetime


class CaseFiles:
    """The contents of appeals."""

    def __init__(self, *, sealer: Sealer) -> None:
        self._sealer = sealer

    def say(self, transaction: Transaction, appeal: AppealId, said: Said) -> None:
        """Adds what was said."""
        columns = appeal_texts.c
        count = sa.select(sa.func.coalesce(sa.func.max(columns.position), -1))
        position = transaction.execute(count.where(columns.appeal_id == appeal)).scalar_one() + 1
        document = json.dumps([said.text, said.more]).encode()
        transaction.execute(
            sa.insert(appeal_texts).values(
                appeal_id=appeal,
                position=position,
                kind=said.kind.value,
                author=said.author,
                at=said.at,
                sealed=self._sealer.seal(document, _context(appeal, f"text {position}")),
            )
        )

    def unsay(self, transaction: Transaction, appeal: AppealId) -> None:
        """Deletes the words of a draft, to write them anew."""
        transaction.execute(sa.delete(appeal_texts).where(appeal_texts.c.appeal_id == appeal))

    def said(self, transaction: Transaction, appeal: AppealId) -> Sequence[Said]:
        """All that was said, in order."""
        columns = appeal_texts.c
        select = (
            sa.select(appeal_texts).where(columns.appeal_id == appeal).order_by(columns.position)
        )
        return [self._said(appeal, row) for row in transaction.execute(select)]

    def review(self, transaction: Transaction, appeal: AppealId, review: Review) -> None:
        """Adds a reviewer's word."""
        transaction.execute(
            sa.insert(appeal_reviews).values(
                appeal_id=appeal,
                tier=review.tier.value,
                reviewer=review.reviewer,
                ruling=review.ruling.value,
                at=review.at,
            )
        )

    def reviews(self, transaction: Transaction, appeal: AppealId) -> Sequence[Review]:
        """Every reviewer's word, in order."""
        columns = appeal_reviews.c
        select = (
            sa.select(appeal_reviews)
            .where(columns.appeal_id == appeal)
            .order_by(columns.at, columns.reviewer)
        )
        return [
            Review(tier=Tier(row.tier), reviewer=row.reviewer, ruling=Ruling(row.ruling), at=row.at)
            for row in transaction.execute(select)
        ]

    def attach(
        self,
        transaction: Transaction,
        appeal: AppealId,
        file: UUID,
        examined: Examined,
        now: datetime,
    ) -> EvidenceFile:
        """Keeps a file, sealed."""
        kept = EvidenceFile(
            id=file,
            media_type=examined.media_type,
            octets=len(examined.content),
            digest=examined.digest,
            added_at=now,
        )
        transaction.execute(
            sa.insert(appeal_files).values(
                id=file.bytes,
                appeal_id=appeal,
                media_type=kept.media_type,
                octets=kept.octets,
                digest=kept.digest,
                added_at=now,
                sealed=self._sealer.seal(examined.content, _context(appeal, f"file {file}")),
            )
        )
        return kept

    def files(self, transaction: Transaction, appeal: AppealId) -> Sequence[EvidenceFile]:
        """The files of an appeal, without their contents, in order."""
        columns = appeal_files.c
        select = (
            sa.select(
                columns.id, columns.media_type, columns.octets, columns.digest, columns.added_at
            )
            .where(columns.appeal_id == appeal)
            .order_by(columns.id)
        )
        return [
            EvidenceFile(
                id=UUID(bytes=bytes(row.id)),
                media_type=row.media_type,
                octets=row.octets,
                digest=row.digest,
                added_at=row.added_at,
            )
            for row in transaction.execute(select)
        ]

    def open_file(self, transaction: Transaction, appeal: AppealId, file: UUID) -> bytes | None:
        """The bytes of a file of this appeal."""
        columns = appeal_files.c
        select = sa.select(columns.sealed).where(
            columns.id == file.bytes, columns.appeal_id == appeal
        )
        sealed = transaction.execute(select).scalar_one_or_none()
        if sealed is None:
            return None
        return self._sealer.open(bytes(sealed), _context(appeal, f"file {file}"))

    def erase(self, transaction: Transaction, appeal: AppealId) -> None:
        """Deletes all that was said and shown."""
        for table in _CONTENT:
            transaction.execute(sa.delete(table).where(table.c.appeal_id == appeal))

    def _said(self, appeal: AppealId, row: sa.Row[Any]) -> Said:
        sealed = bytes(row.sealed)
        opened = self._sealer.open(sealed, _context(appeal, f"text {row.position}"))
        text, more = json.loads(opened)
        return Said(kind=TextKind(row.kind), author=row.author, at=row.at, text=text, more=more)


def _context(appeal: AppealId, place: str) -> bytes:
    """What sealed content is bound to: in another appeal or place it does not open."""
    return f"ccr-appeal-v1\x00{appeal}\x00{place}".encode()
