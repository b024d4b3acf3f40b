"""Entries are taken in once, for good, and unreadable without the keys."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy.exc import DBAPIError

from registry.crypto.merkle import verify_inclusion
from registry.crypto.sealing import SealBroken, Sealer
from registry.crypto.signature import Algorithm, PrivateKey
from registry.database.engine import Database
from registry.kernel import base64url
from registry.ledger import log_store
from registry.ledger.model import (
    Draft,
    Log,
    RecordType,
    decode_entry,
    header_commitment,
    subject_commitment,
)
from registry.ledger.service import Ledger
from registry.ledger.store import log_payloads, pending_entries
from tests.database.noting import Noting
from tests.ledger.logs import SHARD, LittleNode
from tests.ledger.samples import KEY, MEMBER, NOW, ORIGIN, SEED_TEXT, make_draft, make_ledger

LOOKUP_UUID = UUID("01992f5e-7c00-7abc-8def-0123456789ff")


def test_an_entry_opens_to_what_was_committed(database: Database) -> None:
    """The bytes kept are the bytes the 92 bytes commit to."""
    ledger = make_ledger()
    with database.transaction() as transaction:
        [appended] = ledger.append(transaction, [make_draft()], NOW)
    with database.reading() as transaction:
        opening = ledger.opening(transaction, appended.uuid)
    assert opening is not None
    entry = decode_entry(opening.entry)
    assert (Log.ACCESS, RecordType.LOOKUP) == (entry.log, entry.record_type)
    assert appended.uuid == entry.uuid
    assert NOW.replace(minute=0, second=0, microsecond=0) == entry.hour
    assert MEMBER == opening.member
    assert {"seeds": [SEED_TEXT]} == json.loads(opening.subject)
    assert "aaa.bbb.ccc" == opening.signed_request
    assert entry.header_commitment == header_commitment(opening.header_salt, opening.header)
    assert entry.subject_commitment == subject_commitment(opening.subject_salt, opening.subject)


def test_an_entry_shares_the_uuid_it_is_given(database: Database) -> None:
    """lkp_X and ent_X are one UUID, so that neither needs a pointer to the other."""
    with database.transaction() as transaction:
        [appended] = make_ledger().append(transaction, [make_draft(uuid=LOOKUP_UUID)], NOW)
    assert f"ent_{LOOKUP_UUID}" == appended.entry_id


def test_a_list_is_appended_in_its_order(database: Database) -> None:
    """Many drafts are one statement, and each is an entry of its own."""
    ledger = make_ledger()
    outcomes = [f"outcome-{number}" for number in range(100)]
    with database.transaction() as transaction:
        appended = ledger.append(transaction, [make_draft(outcome) for outcome in outcomes], NOW)
        openings = [ledger.opening(transaction, each.uuid) for each in appended]
    assert outcomes == [json.loads(each.header)["outcome"] for each in openings if each]
    assert 100 == len({each.uuid for each in appended})
    assert 100 == len({each.header_salt for each in openings if each})


def test_nothing_is_appended_for_nothing(database: Database) -> None:
    """An empty list is no statement at all."""
    with database.transaction() as transaction:
        assert [] == make_ledger().append(transaction, [], NOW)


def test_an_undone_transaction_leaves_no_entry(database: Database) -> None:
    """The log says what happened, and nothing that did not."""

    def append_and_fail() -> None:
        with database.transaction() as transaction:
            make_ledger().append(transaction, [make_draft(uuid=LOOKUP_UUID)], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_and_fail()
    with database.reading() as transaction:
        assert None is make_ledger().opening(transaction, LOOKUP_UUID)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (sa.update(pending_entries).values(entry=bytes(92)), "append-only"),
        (sa.update(pending_entries).values(lookup_keys=b""), "append-only"),
        (sa.delete(pending_entries), "append-only"),
        (sa.update(log_payloads).values(signed_request=None), "may only be erased"),
        (sa.update(log_payloads).values(header=b"{}"), "may only be erased"),
        (sa.delete(log_payloads), "append-only"),
    ],
    ids=["entry", "lookup keys", "delete", "request", "header", "delete of the payload"],
)
def test_the_database_refuses_to_change_or_delete_an_entry(
    database: Database, statement: sa.Executable, why: str
) -> None:
    """Not even with the program's own credentials."""
    ledger = make_ledger()
    with database.transaction() as transaction:
        [appended] = ledger.append(transaction, [make_draft()], NOW)
    with (
        pytest.raises(DBAPIError, match=why),
        database.transaction() as transaction,
    ):
        transaction.execute(statement)
    with database.reading() as transaction:
        assert ledger.opening(transaction, appended.uuid) is not None


def test_postgresql_refuses_to_truncate_the_entries(postgresql_url: str) -> None:
    """TRUNCATE fires no row triggers; it is refused all the same."""
    database = Database(postgresql_url)
    with (
        pytest.raises(DBAPIError, match="append-only"),
        database.transaction() as transaction,
    ):
        transaction.execute(sa.text("TRUNCATE pending_entries"))
    database.close()


def test_whom_an_entry_is_about_cannot_be_read_in_the_database(database: Database) -> None:
    """A stolen disk holds no seed in clear."""
    with database.transaction() as transaction:
        make_ledger().append(transaction, [make_draft()], NOW)
        rows = [
            transaction.execute(sa.select(table)).one() for table in (pending_entries, log_payloads)
        ]
    values = [value for row in rows for value in row]
    kept = b"".join(bytes(value) for value in values if isinstance(value, bytes | memoryview))
    assert SEED_TEXT.encode() not in kept
    assert base64url.decode(SEED_TEXT) not in kept


def test_another_key_does_not_open_an_entry(database: Database) -> None:
    """The key-encryption key is needed, not only the database."""
    other = Ledger(origin=ORIGIN, key=KEY, sealer=Sealer(b"x" * 32))
    with database.transaction() as transaction:
        [appended] = make_ledger().append(transaction, [make_draft()], NOW)
        with pytest.raises(SealBroken):
            other.opening(transaction, appended.uuid)


# RFC 9864 prefers the name "Ed25519"; the published protocol says "EdDSA".
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_receipt_is_verified_by_another_library(database: Database) -> None:
    """joserfc, the published key and the published claims; nothing of ours."""
    ledger = make_ledger()
    with database.transaction() as transaction:
        [appended] = ledger.append(transaction, [make_draft()], NOW)
    token = jwt.decode(
        ledger.receipt(appended), OKPKey.import_key(KEY.public.to_jwk()), algorithms=["EdDSA"]
    )
    assert {"alg": "EdDSA", "typ": "ccr-receipt+jwt", "kid": KEY.public.kid} == token.header
    assert {
        "iss": ORIGIN,
        "log": "access",
        "entry": appended.entry_id,
        "leaf": base64url.encode(hashlib.sha256(b"\x00" + appended.entry).digest()),
        "iat": int(NOW.timestamp()),
        "merge_by": int((NOW + timedelta(seconds=60)).timestamp()),
    } == token.claims


def test_receipts_are_signed_with_ed25519_only() -> None:
    """Verifiers need one algorithm; another key stops the start."""
    with pytest.raises(AssertionError, match="Ed25519"):
        Ledger(origin=ORIGIN, key=PrivateKey.generate(Algorithm.ES256), sealer=Sealer(bytes(32)))


def test_an_entry_may_stand_in_either_log(database: Database) -> None:
    """The log is part of the entry and of its receipt."""
    draft = Draft(
        log=Log.INCIDENTS,
        record_type=RecordType.MEMBER,
        header=make_draft().header,
        subject={"member": MEMBER},
    )
    with database.transaction() as transaction:
        [appended] = make_ledger().append(transaction, [draft], NOW)
    assert "incidents" == appended.log.wire_name
    assert Log.INCIDENTS == decode_entry(appended.entry).log


def test_a_promised_receipt_is_the_receipt_whenever_it_is_signed(database: Database) -> None:
    """To the byte: the entry's id holds the second it was made in."""
    ledger = make_ledger()
    for microseconds in (0, 1, 999_999):
        now = NOW + timedelta(microseconds=microseconds)
        draft = replace(make_draft(), log=Log.INCIDENTS)
        with database.transaction() as transaction:
            [appended] = ledger.append(transaction, [draft], now)
        assert ledger.receipt(appended) == ledger.signed_receipt(ledger.promise(appended))
        assert ledger.receipt(appended) == ledger.signed_receipt(ledger.receipt(appended))


def test_a_long_list_is_appended_like_a_short_one(database: Database) -> None:
    """Each entry opens, though they came as a stream."""
    ledger = make_ledger()
    drafts = [make_draft()] * 300
    with database.transaction() as transaction:
        made = ledger.make(drafts, NOW)
        ledger.write(transaction, made)
    with database.reading() as transaction:
        for each in made.appended:
            opening = ledger.opening(transaction, each.uuid)
            assert opening is not None
            assert {"seeds": [SEED_TEXT]} == json.loads(opening.subject)
            assert each.entry == opening.entry


def test_a_proof_reads_its_tiles_with_one_query(database: Database, tmp_path: Path) -> None:
    """However many tiles on however many levels it takes; one more for its place; it holds."""
    little = LittleNode(database=database, home=tmp_path)
    entries = little.grow(700)
    with database.reading() as transaction:
        head = log_store.head(transaction, SHARD)
        assert head is not None
        noting = Noting(transaction)
        others: list[str] = []
        sa.event.listen(
            transaction.connection, "before_cursor_execute", lambda *call: others.append(call[2])
        )
        proof = little.ledger.proof(noting, entries[300].uuid)
    assert proof is not None
    leaf = entries[300].leaf
    assert verify_inclusion(index=300, size=700, leaf=leaf, proof=proof.hashes, root=head.root)
    assert [False, True] == [" log_tiles " in each for each in noting.asked]
    assert [] == others


def test_no_proof_before_the_checkpoint(database: Database, tmp_path: Path) -> None:
    """Neither of an entry that waits, nor of one no published checkpoint covers."""
    little = LittleNode(database=database, home=tmp_path)
    little.grow(3)
    [waiting] = little.append(1)
    with database.transaction() as transaction:
        assert little.ledger.proof(transaction, waiting.uuid) is None
        transaction.execute(sa.update(log_store.log_heads).values(published_size=0))
        assert little.ledger.proof(transaction, waiting.uuid) is None
    little.sequencer.step()
    with database.transaction() as transaction:
        assert little.ledger.proof(transaction, waiting.uuid) is not None
        transaction.execute(sa.update(log_store.log_heads).values(published_size=3))
        assert little.ledger.proof(transaction, waiting.uuid) is None
