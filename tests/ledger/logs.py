"""A small log in a database, made by the program's own hands, for tests that damage it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from registry.crypto.note import VerifierKey
from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.kernel import base64url
from registry.kernel.clock import MovableClock
from registry.ledger.contents import Contents
from registry.ledger.fsck import Fsck
from registry.ledger.fsck_contents import ContentCheck
from registry.ledger.high_water import HighWaterMarks
from registry.ledger.model import Appended, Draft, Header, Log, RecordType, Shard
from registry.ledger.sequencer import Sequencer
from registry.ledger.service import Ledger

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
AUTHORITY = "registry.example"
SHARD = Shard(log=Log.ACCESS, half_year="2026h2")
ORIGIN = f"{AUTHORITY}/log/{SHARD.name}"
KEY = PrivateKey.generate()
VERIFIER = VerifierKey(name=ORIGIN, public_key=KEY.public)
REQUEST = "aaa.bbb.ccc"


def lookup_key_of(seed: bytes) -> bytes:
    return sha256(b"pepper" + seed).digest()


def draft(number: int = 0) -> Draft:
    """A lookup of a person of its own, as the program would record it."""
    seed = sha256(str(number).encode()).digest()
    header = Header(
        member=None,
        purpose=None,
        at=NOW,
        request_id=UUID(int=number),
        outcome="answered",
        edition="cn-2026.1",
        signed_request=sha256(REQUEST.encode()).digest(),
    )
    return Draft(
        log=Log.ACCESS,
        record_type=RecordType.LOOKUP,
        header=header,
        subject={"seeds": [base64url.encode(seed)]},
        signed_request=REQUEST,
        lookup_keys=(lookup_key_of(seed),),
    )


@dataclass(kw_only=True)
class LittleNode:
    """Ledger, sequencer and checks over one database; `home` keeps the marks."""

    database: Database
    home: Path

    def __post_init__(self) -> None:
        sealer = Sealer(secrets.token_bytes(32))
        marks = HighWaterMarks(self.home / "marks")
        self.ledger = Ledger(origin=f"https://{AUTHORITY}", key=KEY, sealer=sealer)
        self.contents = Contents(sealer=sealer, lookup_key_of=lookup_key_of)
        self.sequencer = Sequencer(
            database=self.database,
            key=KEY,
            authority=AUTHORITY,
            marks=marks,
            clock=MovableClock(NOW),
        )
        self.fsck = Fsck(
            database=self.database,
            contents=ContentCheck(ledger=self.ledger, sealer=sealer, lookup_key_of=lookup_key_of),
            key=KEY.public,
            authority=AUTHORITY,
            marks=marks,
        )

    def append(self, count: int) -> list[Appended]:
        """Makes `count` entries that wait for their place."""
        appended: list[Appended] = []
        while len(appended) < count:
            drafts = [draft(len(appended) + n) for n in range(min(500, count - len(appended)))]
            appended += self.append_drafts(drafts)
        return appended

    def append_drafts(self, drafts: Sequence[Draft]) -> list[Appended]:
        with self.database.transaction() as transaction:
            return self.ledger.append(transaction, drafts, NOW)

    def sequence(self) -> None:
        """Gives all that waits its place, and publishes."""
        while self.sequencer.step().sequenced:
            pass

    def grow(self, count: int) -> list[Appended]:
        """Appends and sequences; the entries in the order of the log."""
        appended = self.append(count)
        self.sequence()
        return sorted(appended, key=lambda each: each.uuid)

    def erase(self, appended: Appended) -> UUID:
        """Erases the content of an entry, as an erasure does."""
        record = draft()
        erasure = replace(
            record,
            record_type=RecordType.ERASURE,
            header=replace(record.header, outcome="erased", signed_request=None),
            subject={"entries": [appended.entry_id]},
            signed_request=None,
            lookup_keys=(),
        )
        [by] = self.append_drafts([erasure])
        self.execute(
            "UPDATE log_payloads SET header = NULL, subject_sealed = NULL, header_salt = NULL,"
            " subject_salt = NULL, signed_request = NULL, erased_by = {} WHERE entry_id = {}",
            by.uuid.bytes,
            appended.uuid.bytes,
        )
        return by.uuid

    def execute(self, statement: str, *values: object) -> None:
        """Runs a statement with `{}` for each value."""
        with self.database.transaction() as transaction:
            mark = "?" if transaction.is_sqlite else "%s"
            transaction.raw_cursor().execute(statement.replace("{}", mark), values)
