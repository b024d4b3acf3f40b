"""Holds a report, and an amendment, to the standard of proof and to what the node knows."""

from collections.abc import Iterator
from datetime import datetime

from registry.identity.keyring import Keyring
from registry.incidents.model import (
    FilingIncomplete,
    Incident,
    Report,
    ReportedIdentity,
    is_newer_notice,
)
from registry.kernel.problems import FieldError
from registry.rulebook.calendar import local_date
from registry.rulebook.filing import Filing
from registry.rulebook.model import Edition
from registry.rulebook.proof import missing_points, requires_new_notice

_NEW_NOTICE_MISSING = FieldError(
    pointer="/notice",
    code="new_notice_missing",
    detail="The amendment weighs more: notify the subject again, then amend with that notice.",
)


def require_proof(report: Report, edition: Edition, keyring: Keyring, now: datetime) -> None:
    """Lets a report pass that lacks nothing.

    Raises: FilingIncomplete, with everything that is missing.
    """
    errors = missing_points(report.filing, edition, now)
    for position, each in enumerate(report.identities):
        errors += _identity_errors(position, each, report, edition, keyring, now)
    if errors:
        raise FilingIncomplete(errors=errors)


def require_proof_again(before: Incident, filing: Filing, edition: Edition, now: datetime) -> None:
    """Lets an amendment to `filing` pass; what weighs more needs a newer notice.

    Raises: FilingIncomplete.
    """
    errors = missing_points(filing, edition, now, first_filed_at=before.filed_at)
    if (
        not errors
        and requires_new_notice(before.filing, filing, edition)
        and not is_newer_notice(before.filing, filing)
    ):
        errors = [_NEW_NOTICE_MISSING]
    if errors:
        raise FilingIncomplete(errors=errors)


def _identity_errors(
    position: int,
    each: ReportedIdentity,
    report: Report,
    edition: Edition,
    keyring: Keyring,
    now: datetime,
) -> Iterator[FieldError]:
    pointer = f"/identities/{position}"
    if keyring.find(each.identity.key_id) is None:
        yield FieldError(
            pointer=f"{pointer}/key_id",
            code="key_unknown",
            detail="This registry has no key of this id; see the well-known document.",
        )
    earlier = report.identities[:position]
    if each.identity.token in [other.identity.token for other in earlier]:
        yield FieldError(
            pointer=pointer, code="repeated", detail="The identity is listed more than once."
        )
    if each.last_verified_on > local_date(now, edition):
        yield FieldError(
            pointer=f"{pointer}/last_verified_on",
            code="in_the_future",
            detail="last_verified_on lies in the future.",
        )
