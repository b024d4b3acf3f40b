"""Erases the contents of entries: header, subject and salts go, the commitment stays.

Without the salts the 92 bytes tell nothing; leaf, tile, checkpoint and receipt
are as before, so that every proof goes on working. Each erasure is an entry
of the log concerned, which names what it erased and by which time limit or order.
Source: RULEBOOK 3; docs/protocol.md, section 6.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import IncidentId, Prefix, new_uuid, with_prefix
from registry.ledger import content_store, erasure_store, holding
from registry.ledger.contents import Contents, Settled, subject_of
from registry.ledger.erasure_model import (
    EXPIRING_ACCESSES,
    RECORDS_OF_INCIDENTS,
    Cause,
    Held,
)
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger

BATCH_ENTRIES_MAX = 500
_ACCESS_CLOCK = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What a batch did. `by` None: there was nothing to erase."""

    by: UUID | None
    entries: tuple[UUID, ...]
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A batch of a clock: what it erased, and whether more may be due."""

    erased: Erased
    is_done: bool


class Erasure:
    """The one hand that erases. The caller commits each batch by itself."""

    def __init__(self, *, ledger: Ledger, contents: Contents, edition: str) -> None:
        self._ledger = ledger
        self._contents = contents
        self._edition = edition

    def begin(self, transaction: Transaction) -> Held:
        """What may not be erased in this transaction; nothing is added to it meanwhile."""
        return holding.begin(transaction)

    def erase_accesses(
        self,
        transaction: Transaction,
        *,
        made_before: datetime,
        now: datetime,
        entries_max: int = BATCH_ENTRIES_MAX,
    ) -> Scanned:
        """Erases the next entries of the access log that were made before an instant.

        Goes on where the batch before it ended, across restarts; a hold that is
        released makes it begin anew.
        """
        held = self.begin(transaction)
        after = erasure_store.position(transaction, _ACCESS_CLOCK)
        found = erasure_store.unerased_before(
            transaction,
            Log.ACCESS,
            after=after,
            before=_first_id(made_before),
            entries_max=entries_max,
        )
        due = [uuid for uuid, record_type in found if record_type in EXPIRING_ACCESSES]
        erased = self.erase(
            transaction, Log.ACCESS, due, cause=Cause.ACCESS_LOG_KEPT, held=held, now=now
        )
        if found:
            erasure_store.move_position(transaction, _ACCESS_CLOCK, found[-1][0].bytes)
        return Scanned(erased=erased, is_done=len(found) < entries_max)

    def erase(
        self,
        transaction: Transaction,
        log: Log,
        entries: Collection[UUID],
        *,
        cause: Cause,
        held: Held,
        now: datetime,
        order: UUID | None = None,
        incidents: Sequence[IncidentId] = (),
    ) -> Erased:
        """Erases those of `entries` that have content and are not held.

        `incidents` are those whose own content the caller removes in this
        transaction: the entry of the erasure names them too.
        """
        known = self._contents.of(transaction, entries) if entries else {}
        keys = {
            uuid: self._contents.lookup_keys_of(each.opening)
            for uuid, each in known.items()
            if each.opening is not None
        }
        free = [uuid for uuid in keys if not _is_held(uuid, keys[uuid], held)]
        if not free and not incidents:
            return Erased(by=None, entries=(), held=len(keys))
        by = self._record(transaction, log, free, cause, now, order, incidents)
        assert len(free) == erasure_store.erase(transaction, free, by=by), "nobody else erases"
        pairs = [(key, uuid) for uuid in free for key in keys[uuid]]
        erasure_store.forget_subjects(transaction, pairs)
        return Erased(by=by, entries=tuple(free), held=len(keys) - len(free))

    def entries_of_incident(
        self, transaction: Transaction, incident: IncidentId, lookup_keys: Collection[bytes]
    ) -> list[UUID] | None:
        """The entries with content that are about an incident; None while one may be waiting."""
        if content_store.waiting_about(transaction, sorted(lookup_keys)):
            return None
        found = {
            each.uuid
            for key in lookup_keys
            for each in self._of_incidents(transaction, key)
            if each.opening is not None and subject_of(each.opening).get("incident") == incident
        }
        return sorted(found)

    def accesses_about(
        self, transaction: Transaction, lookup_key: bytes, *, held: Held, entries_max: int
    ) -> tuple[list[Settled], int]:
        """The next entries of the access log about a subject that may go, oldest first.

        And how many were passed because they are held: they keep nothing behind them.
        """
        if lookup_key in held.lookup_keys:
            return [], 1
        found: list[Settled] = []
        passed = 0
        after: UUID | None = None
        while len(found) < entries_max:
            uuids = content_store.about(
                transaction, lookup_key, after=after, entries_max=entries_max, log=Log.ACCESS
            )
            for uuid, each in sorted(self._contents.of(transaction, uuids).items()):
                keys = self._contents.lookup_keys_of(each.opening) if each.opening else ()
                if _is_held(uuid, keys, held):
                    passed += 1
                elif each.opening is not None:
                    found.append(each)
            if len(uuids) < entries_max:
                break
            after = uuids[-1]
        return found[:entries_max], passed

    def is_waiting_about(self, transaction: Transaction, lookup_key: bytes) -> bool:
        """Whether an entry about a subject waits for its place, and so cannot be erased yet."""
        return content_store.waiting_about(transaction, [lookup_key]) > 0

    def count_accesses(self, transaction: Transaction, *, made_before: datetime) -> int:
        """How many entries of the access log made before an instant have content, held or not."""
        return erasure_store.count_unerased_before(
            transaction,
            Log.ACCESS,
            before=_first_id(made_before),
            record_types=EXPIRING_ACCESSES,
        )

    def _of_incidents(self, transaction: Transaction, lookup_key: bytes) -> list[Settled]:
        found: list[Settled] = []
        after: UUID | None = None
        while True:
            uuids = content_store.about(
                transaction, lookup_key, after=after, entries_max=BATCH_ENTRIES_MAX
            )
            found += self._contents.of(transaction, uuids, RECORDS_OF_INCIDENTS).values()
            if len(uuids) < BATCH_ENTRIES_MAX:
                return found
            after = uuids[-1]

    def _record(
        self,
        transaction: Transaction,
        log: Log,
        entries: Sequence[UUID],
        cause: Cause,
        now: datetime,
        order: UUID | None,
        incidents: Sequence[IncidentId],
    ) -> UUID:
        more: dict[str, JsonValue] = {"cause": cause.value, "entries": len(entries)}
        if order is not None:
            more["order"] = with_prefix(Prefix.ENTRY, order)
        subject: dict[str, JsonValue] = {
            "entries": [with_prefix(Prefix.ENTRY, each) for each in entries]
        }
        if incidents:
            subject["incidents"] = list(incidents)
        draft = Draft(
            log=log,
            record_type=RecordType.ERASURE,
            header=Header(
                member=None,
                purpose=None,
                at=now,
                request_id=uuid4(),
                outcome="erased",
                edition=self._edition,
                signed_request=None,
                more=more,
            ),
            subject=subject,
            uuid=new_uuid(now),
        )
        (appended,) = self._ledger.append(transaction, [draft], now)
        return appended.uuid


def _is_held(uuid: UUID, lookup_keys: Collection[bytes], held: Held) -> bool:
    return uuid in held.entries or not held.lookup_keys.isdisjoint(lookup_keys)


def _first_id(instant: datetime) -> UUID:
    """Lower than every id made at `instant` or later. Source: RFC 9562 §5.7."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)
