"""Letters and contacts: what they say and where they go is sealed."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from registry.database.transaction import Transaction
from registry.database.types import Instant, metadata
from registry.kernel.ids import IncidentId, MemberId
from registry.ledger.erasure_model import Held
from registry.notices.letter_model import (
    Letter,
    LetterChannel,
    LetterDelivery,
    LetterState,
    LetterTemplate,
)

letters = sa.Table(
    "letters",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("template", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("facts_sealed", sa.LargeBinary),
    sa.Column("contact_key", sa.LargeBinary(32)),
    sa.Column("address_sealed", sa.LargeBinary),
    sa.Column("incident_id", sa.String(40)),
    sa.Column("furnisher", sa.String(40)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("mail_failures", sa.SmallInteger, nullable=False),
    sa.Column("delivered_at", Instant),
    sa.Column("channel", sa.String(8)),
    sa.Column("proof", sa.LargeBinary(32)),
    sa.Column("escalated_at", Instant),
    sa.Index("ix_letters_furnisher_state_id", "furnisher", "state", "id"),
    sa.Index("ix_letters_created_at", "created_at"),
    sa.Index("ix_letters_incident_id", "incident_id"),
)
# Whom a letter is to, by every identity; gone when what it says is.
letter_subjects = sa.Table(
    "letter_subjects",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("letter_id", sa.LargeBinary(16), primary_key=True),
    sa.Index("ix_letter_subjects_letter_id", "letter_id"),
)
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("lookup_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("channel", sa.String(8), nullable=False),
    sa.Column("address_sealed", sa.LargeBinary, nullable=False),
    sa.Column("kept_at", Instant, nullable=False),
)


def add(transaction: Transaction, letter: Letter, lookup_keys: Collection[bytes]) -> None:
    """Inserts a letter to the person of these lookup keys."""
    transaction.execute(sa.insert(letters).values(_values(letter)))
    rows = [{"lookup_key": key, "letter_id": letter.uuid.bytes} for key in sorted(set(lookup_keys))]
    if rows:
        transaction.execute(sa.insert(letter_subjects), rows)


def put(transaction: Transaction, letter: Letter) -> None:
    """Writes a letter over what it was; one that says nothing any more is to nobody."""
    if letter.facts_sealed is None:
        letter = replace(letter, contact_key=None, address_sealed=None)
        _forget_subjects(transaction, [letter.uuid.bytes])
    statement = sa.update(letters).where(letters.c.id == letter.uuid.bytes)
    assert transaction.execute(statement.values(_values(letter))).rowcount == 1


def find(transaction: Transaction, uuid: UUID) -> Letter | None:
    """The letter of this id."""
    row = transaction.execute(sa.select(letters).where(letters.c.id == uuid.bytes)).one_or_none()
    return None if row is None else _letter_of(row)


def find_and_lock(transaction: Transaction, uuid: UUID) -> Letter | None:
    """The letter of this id, which nobody else changes until this transaction ends."""
    statement = sa.select(letters).where(letters.c.id == uuid.bytes).with_for_update()
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _letter_of(row)


def page_with_messenger(
    transaction: Transaction, furnisher: MemberId, *, after: UUID | None, letters_max: int
) -> list[Letter]:
    """The letters that wait with a furnisher, oldest first."""
    columns = letters.c
    statement = sa.select(letters).where(
        columns.furnisher == furnisher, columns.state == LetterState.WITH_MESSENGER.value
    )
    if after is not None:
        statement = statement.where(columns.id > after.bytes)
    rows = transaction.execute(statement.order_by(columns.id).limit(letters_max))
    return [_letter_of(row) for row in rows]


def forget_facts(
    transaction: Transaction, delivered_before: datetime, letters_max: int, held: Held
) -> int:
    """Takes out what some delivered letters said, unless it is held; how many."""
    columns = letters.c
    is_old = sa.and_(columns.facts_sealed.is_not(None), columns.delivered_at < delivered_before)
    old = sa.select(columns.id).where(is_old, *_is_free(held)).limit(letters_max)
    ids = [bytes(each) for each in transaction.execute(old).scalars()]
    if ids:
        emptied = sa.update(letters).where(columns.id.in_(ids))
        nothing = {"facts_sealed": None, "address_sealed": None, "contact_key": None}
        transaction.execute(emptied.values(nothing))
        _forget_subjects(transaction, ids)
    return len(ids)


def forget_letters(
    transaction: Transaction, created_before: datetime, letters_max: int, held: Held
) -> int:
    """Deletes some letters from before an instant, unless they are held; how many."""
    columns = letters.c
    old = sa.select(columns.id).where(columns.created_at < created_before, *_is_free(held))
    old = old.limit(letters_max)
    return _delete(transaction, old)


def forget_subject(transaction: Transaction, lookup_key: bytes) -> int:
    """Deletes every letter to a person that still says something; how many."""
    columns = letter_subjects.c
    return _delete(
        transaction, sa.select(columns.letter_id).where(columns.lookup_key == lookup_key)
    )


def forget_incident(
    transaction: Transaction, incident: IncidentId, written_before: datetime | None
) -> int:
    """Deletes the letters about an incident, or those of them from before an instant; how many."""
    columns = letters.c
    about = sa.select(columns.id).where(columns.incident_id == incident)
    if written_before is not None:
        about = about.where(columns.created_at < written_before)
    return _delete(transaction, about)


def keep_contact(
    transaction: Transaction, lookup_key: bytes, channel: str, sealed: bytes, now: datetime
) -> None:
    """Writes a contact, over an earlier one of the same key."""
    forget_contact(transaction, lookup_key)
    values = {
        "lookup_key": lookup_key,
        "channel": channel,
        "address_sealed": sealed,
        "kept_at": now,
    }
    transaction.execute(sa.insert(contacts).values(values))


def forget_contact(transaction: Transaction, lookup_key: bytes) -> bool:
    """Deletes a contact; whether there was one."""
    statement = sa.delete(contacts).where(contacts.c.lookup_key == lookup_key)
    return transaction.execute(statement).rowcount == 1


def contacts_of(
    transaction: Transaction, lookup_keys: Collection[bytes]
) -> list[tuple[bytes, bytes, datetime]]:
    """(lookup key, sealed address, since when) of each contact under these keys, newest first."""
    columns = contacts.c
    rows = transaction.execute(
        sa.select(columns.lookup_key, columns.address_sealed, columns.kept_at)
        .where(columns.lookup_key.in_(sorted(lookup_keys)))
        .order_by(columns.kept_at.desc(), columns.lookup_key)
    )
    return [(bytes(row.lookup_key), bytes(row.address_sealed), row.kept_at) for row in rows]


def _is_free(held: Held) -> list[sa.ColumnElement[bool]]:
    columns = letter_subjects.c
    to_held = sa.exists().where(
        columns.letter_id == letters.c.id, columns.lookup_key.in_(sorted(held.lookup_keys))
    )
    # Null is of no incident: NOT IN would leave it out.
    about_held = sa.func.coalesce(letters.c.incident_id, "").in_(sorted(held.incidents))
    return [sa.not_(to_held), sa.not_(about_held)]


def _delete(transaction: Transaction, wanted: sa.Select[Any]) -> int:
    ids = [bytes(each) for each in transaction.execute(wanted).scalars()]
    if ids:
        _forget_subjects(transaction, ids)
        transaction.execute(sa.delete(letters).where(letters.c.id.in_(ids)))
    return len(ids)


def _forget_subjects(transaction: Transaction, ids: Collection[bytes]) -> None:
    delete = sa.delete(letter_subjects).where(letter_subjects.c.letter_id.in_(ids))
    transaction.execute(delete)


def _values(letter: Letter) -> dict[str, Any]:
    delivery = letter.delivery
    return {
        "id": letter.uuid.bytes,
        "template": letter.template.value,
        "state": letter.state.value,
        "facts_sealed": letter.facts_sealed,
        "contact_key": letter.contact_key,
        "address_sealed": letter.address_sealed,
        "incident_id": letter.incident,
        "furnisher": letter.furnisher,
        "created_at": letter.created_at,
        "due_at": letter.due_at,
        "mail_failures": letter.mail_failures,
        "delivered_at": delivery and delivery.delivered_at,
        "channel": delivery and delivery.channel.value,
        "proof": delivery and delivery.proof,
        "escalated_at": letter.escalated_at,
    }


def _letter_of(row: sa.Row[Any]) -> Letter:
    delivery = None
    if row.delivered_at is not None:
        delivery = LetterDelivery(
            delivered_at=row.delivered_at,
            channel=LetterChannel(row.channel),
            proof=_bytes(row.proof),
        )
    return Letter(
        uuid=UUID(bytes=bytes(row.id)),
        template=LetterTemplate(row.template),
        state=LetterState(row.state),
        facts_sealed=_bytes(row.facts_sealed),
        contact_key=_bytes(row.contact_key),
        address_sealed=_bytes(row.address_sealed),
        incident=None if row.incident_id is None else IncidentId(row.incident_id),
        furnisher=None if row.furnisher is None else MemberId(row.furnisher),
        created_at=row.created_at,
        due_at=row.due_at,
        mail_failures=row.mail_failures,
        delivery=delivery,
        escalated_at=row.escalated_at,
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
