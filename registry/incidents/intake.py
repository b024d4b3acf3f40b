"""What makes a report an incident, one by one or a thousand at a time.

Everything here needs no database: a report, the rulebook and the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from registry.identity.protection import Protector
from registry.incidents.digests import filing_json, report_digest
from registry.incidents.model import (
    Course,
    Incident,
    KeptIdentity,
    Report,
    effective_from,
)
from registry.kernel.ids import IncidentId, MemberId
from registry.rulebook.calendar import local_date
from registry.rulebook.filing import Filing
from registry.rulebook.model import Edition, Rulebook
from registry.rulebook.proof import expiry_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A report without its tokens.

    `seeds` and `lookup_keys` are of its identities, in their order; `filing` is
    the canonical JSON of its filing; `digest` tells it from any other.
    """

    report: Report
    seeds: tuple[bytes, ...] = field(repr=False)
    lookup_keys: tuple[bytes, ...]
    filing: bytes = field(repr=False)
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an incident is known by from the beginning: id, furnisher, receipt of its report."""

    id: IncidentId
    furnisher: MemberId
    receipt: str


class Intake:
    """Turns reports into incidents, once they are proved."""

    def __init__(self, *, rulebook: Rulebook, protector: Protector) -> None:
        self._rulebook = rulebook
        self._protector = protector

    def take(self, report: Report) -> Taken:
        """The report with seeds and lookup keys in place of its tokens."""
        protector = self._protector
        seeds = tuple([protector.seed_of(each.identity.token) for each in report.identities])
        lookup_keys = tuple(map(protector.lookup_key, seeds))
        filing = filing_json(report.filing)
        return Taken(
            report=report,
            seeds=seeds,
            lookup_keys=lookup_keys,
            filing=filing,
            digest=report_digest(report, lookup_keys, filing),
        )

    def incident(
        self, taken: Taken, named: Named, not_before: datetime | None, now: datetime
    ) -> Incident:
        """The incident a proved report makes.

        `not_before` is when it has effect at the earliest, where it was removed before.
        """
        report, edition = taken.report, self._rulebook.current
        code = edition.codes[report.filing.code]
        effective_at = effective_from(report.filing, code, edition, now)
        return Incident(
            id=named.id,
            furnisher=named.furnisher,
            reference=report.reference,
            digest=taken.digest,
            filing=report.filing,
            severity=code.severity,
            edition=edition.name,
            course=Course.FILED,
            effective_at=max(effective_at, not_before or effective_at),
            expires_on=expiry_on(report.filing, edition, now),
            filed_at=now,
            changed_at=now,
            version=1,
            report_receipt=named.receipt,
            receipt=named.receipt,
            recertification=report.recertification,
        )

    def kept(self, taken: Sequence[Taken]) -> list[list[KeptIdentity]]:
        """The identities of reports as they are kept together, their seeds sealed."""
        identities = sum(len(each.seeds) for each in taken)
        seal = self._protector.seal_seed if identities == 1 else self._protector.seed_sealer()
        return [
            [
                KeptIdentity(
                    type_name=reported.identity.type.value,
                    key_id=reported.identity.key_id,
                    lookup_key=lookup_key,
                    seed_sealed=seal(seed, lookup_key),
                    last_verified_on=reported.last_verified_on,
                )
                for reported, seed, lookup_key in zip(
                    each.report.identities, each.seeds, each.lookup_keys, strict=True
                )
            ]
            for each in taken
        ]


def expiry_on(filing: Filing, edition: Edition, filed_at: datetime) -> date:
    """The day an incident of this filing leaves the registry."""
    code = edition.codes[filing.code]
    return expiry_of(code, filing.occurred_on, local_date(filed_at, edition), edition)
