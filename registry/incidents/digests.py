"""What tells one report, and one filing, from any other."""

from collections.abc import Sequence
from hashlib import sha256
from json.encoder import encode_basestring

from registry.incidents.model import Report
from registry.incidents.rows import (
    decision_json,
    evidence_json,
    notice_json,
    recertification_json,
    reviewers_json,
)
from registry.rulebook.filing import Filing


def report_digest(report: Report, lookup_keys: Sequence[bytes], filing: bytes) -> bytes:
    """SHA-256 that tells this report from any other; `filing` is its `filing_json`.

    Over lookup keys, not tokens: with a digest over tokens, whoever stole the
    database could try tokens without the pepper. The bytes are the canonical JSON
    of a document with `adult_attested`, `filing`, `identities`, `recertification`
    where there is one, and `reference`.
    """
    identities = ",".join(
        f'{{"key_id":{encode_basestring(each.identity.key_id)},'
        f'"last_verified_on":"{each.last_verified_on.isoformat()}",'
        f'"lookup_key":"{lookup_key.hex()}","type":"{each.identity.type.value}"}}'
        for each, lookup_key in zip(report.identities, lookup_keys, strict=True)
    )
    attested = b"true" if report.filing.adult_attested else b"false"
    certified = ""
    if report.recertification is not None:
        certified = f'"recertification":{recertification_json(report.recertification)},'
    reference = encode_basestring(report.reference)
    return sha256(
        b'{"adult_attested":%b,"filing":%b,"identities":[%b],%b"reference":%b}'
        % (attested, filing, identities.encode(), certified.encode(), reference.encode())
    ).digest()


def content_digest(filing: Filing) -> bytes:
    """SHA-256 of the canonical filing: what the log commits to without showing it."""
    return content_digest_of(filing_json(filing))


def content_digest_of(filing: bytes) -> bytes:
    """The content digest of a filing whose canonical JSON is at hand."""
    return sha256(filing).digest()


def filing_json(filing: Filing) -> bytes:
    """The canonical JSON of a filing's columns; what content digests are made of.

    Written out by hand, member by member, since every filing passes here; the
    tests hold it to RFC 8785.
    """
    amount, confirmed_on = filing.amount, filing.confirmed_on
    currency = "null" if amount is None else f'"{amount.currency}"'
    minor_units = "null" if amount is None else str(amount.minor_units)
    confirmed = "null" if confirmed_on is None else f'"{confirmed_on.isoformat()}"'
    text = (
        f'{{"amount_currency":{currency},"amount_minor_units":{minor_units},'
        f'"code":{encode_basestring(filing.code)},'
        f'"confirmed_on":{confirmed},'
        f'"decision":{decision_json(filing.decision)},'
        f'"evidence":{evidence_json(filing.evidence)},'
        f'"intent":{_text(filing.intent)},'
        f'"notice":{notice_json(filing.notice)},'
        f'"occurred_on":"{filing.occurred_on.isoformat()}",'
        f'"order_reference":{_text(filing.order)},'
        f'"reviewers":{reviewers_json(filing.reviewers)},'
        f'"role":"{filing.role.value}"}}'
    )
    return text.encode()


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)
