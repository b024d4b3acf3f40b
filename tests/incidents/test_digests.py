"""What tells reports apart is canonical JSON, though it is written out by hand."""

from dataclasses import replace
from datetime import UTC, date
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.incidents.digests import content_digest, filing_json, report_digest
from registry.incidents.model import Report, ReportedIdentity
from registry.incidents.rows import filing_to_row
from registry.kernel.canonical import canonical_json
from registry.kernel.money import MINOR_UNITS_MAX, Money
from registry.rulebook.filing import (
    Adjudicator,
    DecisionKind,
    EvidenceItem,
    Filing,
    LinkedDecision,
    Notice,
    NoticeChannel,
    Reply,
)
from registry.rulebook.model import EvidenceClass, Role
from tests.incidents.world import identity

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.just(
    '"\\/\u2028é'
)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
INSTANTS = st.datetimes(timezones=st.just(UTC))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


FILINGS = st.builds(
    Filing,
    code=TEXTS,
    role=st.sampled_from(Role),
    occurred_on=DAYS,
    confirmed_on=maybe(DAYS),
    amount=maybe(
        st.builds(
            Money,
            minor_units=st.integers(0, MINOR_UNITS_MAX),
            currency=st.sampled_from(["CNY", "USD"]),
        )
    ),
    order=maybe(TEXTS),
    evidence=st.lists(
        st.builds(
            EvidenceItem,
            evidence_class=st.sampled_from(EvidenceClass),
            digest=st.sampled_from([f"sha256:{number:064x}" for number in range(3)]),
            media_type=st.sampled_from(["image/jpeg", "application/vnd.x+json"]),
            adjudicator=maybe(st.sampled_from(Adjudicator)),
        ),
        max_size=4,
    ).map(tuple),
    intent=maybe(TEXTS),
    reviewers=st.lists(TEXTS, max_size=3).map(tuple),
    decision=maybe(st.builds(LinkedDecision, kind=st.sampled_from(DecisionKind), decided_on=DAYS)),
    notice=maybe(
        st.builds(
            Notice,
            delivered_at=INSTANTS,
            channel=st.sampled_from(NoticeChannel),
            reply=st.sampled_from(Reply),
        )
    ),
    adult_attested=st.booleans(),
)


def document_of(filing: Filing) -> dict[str, Any]:
    """The columns of a filing as JSON values."""
    row = filing_to_row(filing)
    for name in ("occurred_on", "confirmed_on"):
        row[name] = row[name] and row[name].isoformat()
    return row


@given(FILINGS)
def test_a_filing_is_the_canonical_json_of_its_columns(filing: Filing) -> None:
    """RFC 8785, to the byte."""
    expected = canonical_json(document_of(filing))
    assert expected == filing_json(filing)
    assert sha256(expected).digest() == content_digest(filing)


@given(FILINGS, TEXTS, st.lists(TEXTS, min_size=1, max_size=3), DAYS)
def test_a_report_is_told_by_the_canonical_json_of_all_it_says(
    filing: Filing, reference: str, key_ids: list[str], day: date
) -> None:
    """With lookup keys in place of tokens."""
    identities = tuple(
        ReportedIdentity(
            identity=replace(identity("ming").identity, key_id=key_id), last_verified_on=day
        )
        for key_id in key_ids
    )
    report = Report(reference=reference, identities=identities, filing=filing)
    lookup_keys = [bytes([number]) * 32 for number in range(len(identities))]
    document: dict[str, Any] = {
        "reference": reference,
        "filing": document_of(filing),
        "adult_attested": filing.adult_attested,
        "identities": [
            {
                "type": "phone/1",
                "key_id": each.identity.key_id,
                "lookup_key": lookup_key.hex(),
                "last_verified_on": day.isoformat(),
            }
            for each, lookup_key in zip(identities, lookup_keys, strict=True)
        ],
    }
    digest = report_digest(report, lookup_keys, filing_json(filing))
    assert sha256(canonical_json(document)).digest() == digest
