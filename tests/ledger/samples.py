"""A ledger and drafts for tests."""

from datetime import UTC, datetime
from uuid import UUID

from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.kernel.ids import MemberId
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.rulebook.model import Purpose

ORIGIN = "https://registry.example"
NOW = datetime(2026, 10, 1, 12, 34, 56, 789_012, tzinfo=UTC)
MEMBER = MemberId("mem_01992f5e-7c00-7abc-8def-0123456789ab")
REQUEST_ID = UUID("01992f5e-7c00-7abc-8def-00000000beef")
SEED_TEXT = "c2VlZC1vZi1hLXBlcnNvbi10aGF0LW11c3Qtbm90LWxpZQ"
KEY = PrivateKey.from_seed(bytes(range(32)))


def make_ledger() -> Ledger:
    return Ledger(origin=ORIGIN, key=KEY, sealer=Sealer(b"k" * 32))


def make_header(outcome: str = "match") -> Header:
    return Header(
        member=MEMBER,
        purpose=Purpose.REFUND_ONLY_REVIEW,
        at=NOW,
        request_id=REQUEST_ID,
        outcome=outcome,
        edition="cn-2026.1",
        signed_request=b"\x01" * 32,
        more={"order": "o-1"},
    )


def make_draft(outcome: str = "match", uuid: UUID | None = None) -> Draft:
    return Draft(
        log=Log.ACCESS,
        record_type=RecordType.LOOKUP,
        header=make_header(outcome),
        subject={"seeds": [SEED_TEXT]},
        uuid=uuid,
        signed_request="aaa.bbb.ccc",
    )
