"""Holds contents to the entries that commit to them: header, subject, salts, request, subjects."""

import hashlib
from collections.abc import Callable, Collection
from typing import NoReturn
from uuid import UUID

from registry.crypto.sealing import SealBroken, Sealer
from registry.database.transaction import Transaction
from registry.kernel import base64url, strict_json
from registry.kernel.ids import Prefix, with_prefix
from registry.kernel.problems import Kind, Problem, Text
from registry.ledger import fsck_store
from registry.ledger.fsck_store import StoredEntry, WaitingEntry
from registry.ledger.model import RecordType, decode_entry
from registry.ledger.openings import OpeningWrong, Revealed, require_commitments
from registry.ledger.sealing import open_request, seal_context
from registry.ledger.service import Ledger

_ERASURES_KEPT_MAX = 256
# While an entry waits no leaf of the tree says which of the two was changed.
_EITHER = "pending_entries or log_payloads"


class LedgerBroken(Problem):
    """The database does not agree with the log it keeps.

    `table` and `row` name the first place that is wrong.
    """

    kind = Kind.INVALID
    title = Text(en="The database and its log disagree", zh="数据库与日志不一致")
    advice = Text(
        en="Stop the sequencer, keep the database as it is, and compare it with a backup.",
        zh="请停止排序进程，保留数据库现状，并与备份比对。",
    )

    def __init__(self, table: str, row: str, what: str) -> None:
        super().__init__(f"{table}, {row}: {what}.")
        self.table = table
        self.row = row


class ContentCheck:
    """Checks contents one after the other, remembering only recent erasures."""

    def __init__(
        self, *, ledger: Ledger, sealer: Sealer, lookup_key_of: Callable[[bytes], bytes]
    ) -> None:
        self._ledger = ledger
        self._sealer = sealer
        self._lookup_key_of = lookup_key_of
        self._erasures: dict[bytes, frozenset[str]] = {}

    def check(self, transaction: Transaction, rows: Collection[StoredEntry]) -> int:
        """Holds each payload to its entry; how many of them are erased.

        Raises: LedgerBroken.
        """
        erased = 0
        subjects = fsck_store.subjects_of(transaction, [row.entry_id for row in rows])
        for row in rows:
            if not row.has_payload:
                _broken("log_payloads", row.entry_id, "the entry has no payload")
            if row.erased_by is not None:
                self._require_erased(transaction, row, row.erased_by)
                erased += 1
                continue
            keys = self._require_content("log_payloads", row)
            self._require_subjects(row, keys, subjects.get(row.entry_id, set()))
        return erased

    def check_waiting(self, transaction: Transaction, rows: Collection[WaitingEntry]) -> None:
        """Holds each waiting entry to its content, and to not having its place already.

        Raises: LedgerBroken.
        """
        for row in rows:
            try:
                entry = decode_entry(row.entry)
            except ValueError as error:
                _broken("pending_entries", row.entry_id, str(error))
            if (entry.uuid.bytes, entry.log) != (row.entry_id, row.log):
                _broken("pending_entries", row.entry_id, "the entry has another id or log")
            if fsck_store.entry_by_id(transaction, row.entry_id) is not None:
                _broken("pending_entries", row.entry_id, "the entry has its place already")
            if not row.has_payload:
                _broken("log_payloads", row.entry_id, "the entry has no payload")
            keys = self._require_content(_EITHER, row)
            noted = {row.lookup_keys[at : at + 32] for at in range(0, len(row.lookup_keys), 32)}
            if noted != keys:
                _broken("pending_entries", row.entry_id, "it does not note whom it is about")

    def _require_content(self, table: str, row: StoredEntry | WaitingEntry) -> set[bytes]:
        header, sealed = row.header, row.subject_sealed
        header_salt, subject_salt = row.header_salt, row.subject_salt
        if header is None or sealed is None or header_salt is None or subject_salt is None:
            _broken(table, row.entry_id, "a part of the content is gone and no erasure is named")
        uuid = UUID(bytes=row.entry_id)
        try:
            subject = self._sealer.open(sealed, seal_context(uuid))
        except SealBroken:
            _broken(table, row.entry_id, "the sealed subject does not open")
        try:
            request = open_request(self._sealer, uuid, row.signed_request)
        except SealBroken:
            _broken(table, row.entry_id, "the sealed request does not open")
        try:
            require_commitments(
                row.entry,
                Revealed(
                    header=header,
                    subject=subject,
                    header_salt=header_salt,
                    subject_salt=subject_salt,
                ),
            )
        except OpeningWrong as error:
            _broken(table, row.entry_id, str(error))
        # Parsed only now: what was committed to was canonical JSON.
        digest = strict_json.parse(header)["signed_request"]
        if digest != _digest(request):
            _broken(table, row.entry_id, "the signed request is not the one the header names")
        seeds = strict_json.parse(subject).get("seeds", ())
        return {self._lookup_key_of(base64url.decode(seed)) for seed in seeds}

    def _require_subjects(self, row: StoredEntry, keys: set[bytes], noted: set[bytes]) -> None:
        if not noted <= keys:
            _broken("log_subjects", row.entry_id, "it notes a subject the entry is not about")
        # Whoever it is about would not find it: looked at unseen.
        if noted != keys:
            _broken("log_subjects", row.entry_id, "a subject of the entry is not noted")

    def _require_erased(self, transaction: Transaction, row: StoredEntry, by: bytes) -> None:
        content = (row.header, row.subject_sealed, row.header_salt, row.subject_salt)
        if any(part is not None for part in (*content, row.signed_request)):
            _broken("log_payloads", row.entry_id, "it is erased and still has content")
        names = self._erasures.get(by)
        if names is None:
            names = self._names_of(transaction, row, by)
            while len(self._erasures) >= _ERASURES_KEPT_MAX:
                del self._erasures[next(iter(self._erasures))]
            self._erasures[by] = names
        if _name(row.entry_id) not in names:
            _broken("log_payloads", row.entry_id, f"{_name(by)} did not erase it")

    def _names_of(self, transaction: Transaction, row: StoredEntry, by: bytes) -> frozenset[str]:
        try:
            opening = self._ledger.opening(transaction, UUID(bytes=by))
        except (SealBroken, ValueError):
            _broken("log_payloads", by, "the content of the erasure cannot be read")
        if opening is None or decode_entry(opening.entry).record_type is not RecordType.ERASURE:
            _broken("log_payloads", row.entry_id, f"{_name(by)} is no erasure")
        return frozenset(strict_json.parse(opening.subject).get("entries", ()))


def _digest(signed_request: str | None) -> str | None:
    if signed_request is None:
        return None
    return base64url.encode(hashlib.sha256(signed_request.encode()).digest())


def _name(entry_id: bytes) -> str:
    if len(entry_id) != 16:
        return entry_id.hex()
    return with_prefix(Prefix.ENTRY, UUID(bytes=entry_id))


def _broken(table: str, entry_id: bytes, what: str) -> NoReturn:
    raise LedgerBroken(table, _name(entry_id), what)
