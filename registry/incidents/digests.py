"""What tells one report, and one filing, from any other."""

from collections.abc import Sequence
from hashlib import sha256

from registry.incidents.model import KeptIdentity, Report
from registry.incidents.rows import filing_to_row, recertification_to_json
from registry.kernel.canonical import JsonValue, canonical_json
from registry.rulebook.filing import Filing


def report_digest(report: Report, identities: Sequence[KeptIdentity]) -> bytes:
    """SHA-256 that tells this report from any other.

    Over lookup keys, not tokens: with a digest over tokens, whoever stole the
    database could try tokens without the pepper.
    """
    document: dict[str, JsonValue] = {
        "reference": report.reference,
        "filing": _filing_document(report.filing),
        "adult_attested": report.filing.adult_attested,
        "identities": [
            {
                "type": each.type_name,
                "key_id": each.key_id,
                "lookup_key": each.lookup_key.hex(),
                "last_verified_on": each.last_verified_on.isoformat(),
            }
            for each in identities
        ],
    }
    if report.recertification is not None:
        document["recertification"] = recertification_to_json(report.recertification)
    return sha256(canonical_json(document)).digest()


def content_digest(filing: Filing) -> bytes:
    """SHA-256 of the canonical filing: what the log commits to without showing it."""
    return sha256(canonical_json(_filing_document(filing))).digest()


def _filing_document(filing: Filing) -> dict[str, JsonValue]:
    row = filing_to_row(filing)
    for name in ("occurred_on", "confirmed_on"):
        row[name] = row[name] and row[name].isoformat()
    return row
