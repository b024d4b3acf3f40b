"""Fills an empty sandbox with numbered, made-up subjects, to see what size does.

Every row is of the form and size that a report leaves: a lookup key found by the
token of the subject's number, a seed that opens, a standing that scores. The logs
hold no entries of them: it is for measuring, and the checks of the logs say so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

import sqlalchemy as sa

from registry.database.bulk import Row, insert_rows
from registry.database.transaction import Transaction
from registry.identity.normalise import IdentifierType
from registry.identity.protection import Protector
from registry.incidents import standings, store
from registry.incidents.model import Course, Incident, KeptIdentity
from registry.incidents.rows import identity_values, incident_values
from registry.kernel.ids import MemberId, new_incident_id
from registry.kernel.money import Money
from registry.kernel.problems import Kind, Problem, Text
from registry.rulebook.calendar import local_date
from registry.rulebook.filing import (
    DecisionKind,
    EvidenceItem,
    Filing,
    LinkedDecision,
    Notice,
    NoticeChannel,
    Reply,
)
from registry.rulebook.model import Edition, EvidenceClass, Role
from registry.rulebook.proof import expiry_of, missing_points

SUBJECTS_MAX = 100_000_000
BATCH_SUBJECTS = 5_000
_CODE = "B101"
_CLASSES = (EvidenceClass.E1, EvidenceClass.E3, EvidenceClass.E7)


class Contents(Enum):
    """What to make of each subject: its standing alone, or the incident behind it too."""

    STANDINGS = "standings"
    INCIDENTS = "incidents"


class NotEmpty(Problem):
    """The database holds incidents; made-up ones are never put among others."""

    kind = Kind.CONFLICT
    title = Text(en="The database is not empty", zh="数据库并非空库")
    advice = Text(
        en="Make a fresh sandbox node with registry init --mode sandbox.",
        zh="请用 registry init --mode sandbox 新建沙箱节点。",
    )


def token_of(subject: int) -> bytes:
    """The identity token of a numbered subject: no registry can tell it from any other."""
    return sha256(b"benchmark subject %d" % subject).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeder:
    """Makes numbered subjects, each reported once by `furnisher`."""

    edition: Edition
    protector: Protector
    key_id: str
    furnisher: MemberId
    contents: Contents

    def batches(self, subjects: int) -> Iterator[range]:
        """The numbers of the subjects to write in one transaction each."""
        for first in range(0, subjects, BATCH_SUBJECTS):
            yield range(first, min(first + BATCH_SUBJECTS, subjects))

    def write(self, transaction: Transaction, subjects: range, now: datetime) -> None:
        """Writes the rows of these subjects."""
        template = self._template(now)
        _, furnisher, _, digest, *rest = incident_values(template)
        incidents: list[Row] = []
        identities: list[Row] = []
        standing: dict[bytes, Row] = {}
        for subject in subjects:
            identity = self._identity(subject, template)
            incident = replace(template, id=new_incident_id(now))
            standing[identity.lookup_key] = standings.row_of(incident, identity)
            if self.contents is Contents.INCIDENTS:
                reference = f"synthetic-{subject}"
                incidents.append((incident.id, furnisher, reference, digest, *rest))
                identities += identity_values(incident.id, [identity])
        insert_rows(transaction, store.incidents, incidents)
        insert_rows(transaction, store.incident_identities, identities)
        rows = [standing[key] for key in sorted(standing)]
        insert_rows(transaction, standings.standings, rows)

    def _identity(self, subject: int, template: Incident) -> KeptIdentity:
        seed = self.protector.seed_of(token_of(subject))
        lookup_key = self.protector.lookup_key(seed)
        is_kept = self.contents is Contents.INCIDENTS
        return KeptIdentity(
            type_name=IdentifierType.PHONE.value,
            key_id=self.key_id,
            lookup_key=lookup_key,
            seed_sealed=self.protector.seal_seed(seed, lookup_key) if is_kept else b"",
            last_verified_on=template.filing.occurred_on,
        )

    def _template(self, now: datetime) -> Incident:
        """An incident in effect, of which each subject's is a copy."""
        filing = _filing(now, self.edition)
        assert not missing_points(filing, self.edition, now), "what is made up is proved too"
        code = self.edition.codes[_CODE]
        filed_on = local_date(now, self.edition)
        return Incident(
            id=new_incident_id(now),
            furnisher=self.furnisher,
            reference="synthetic",
            digest=bytes(32),
            filing=filing,
            severity=code.severity,
            edition=self.edition.name,
            course=Course.FILED,
            effective_at=now,
            expires_on=expiry_of(code, filing.occurred_on, filed_on, self.edition),
            filed_at=now,
            changed_at=now,
            version=1,
            report_receipt="synthetic",
            receipt="synthetic",
        )


def require_empty(transaction: Transaction) -> None:
    """Lets a database pass that holds no incident and no standing.

    Raises: NotEmpty.
    """
    for table in (store.incidents, standings.standings):
        if transaction.execute(sa.select(sa.exists().select_from(table))).scalar_one():
            raise NotEmpty


def analyse(transaction: Transaction) -> None:
    """Tells the database how large its tables are now."""
    transaction.execute(sa.text("ANALYZE"))


def _filing(now: datetime, edition: Edition) -> Filing:
    occurred_on = local_date(now - timedelta(days=20), edition)
    decided_on = local_date(now - timedelta(days=11), edition)
    return Filing(
        code=_CODE,
        role=Role.BUYER,
        occurred_on=occurred_on,
        confirmed_on=decided_on,
        amount=Money(minor_units=12_900, currency="CNY"),
        order="synthetic",
        evidence=tuple(
            EvidenceItem(
                evidence_class=each,
                digest=f"sha256:{number:064x}",
                media_type="image/jpeg",
            )
            for number, each in enumerate(_CLASSES)
        ),
        intent="Made up, to measure what the size of a database does to lookups.",
        reviewers=("synthetic-1", "synthetic-2"),
        decision=LinkedDecision(kind=DecisionKind.REFUND_REFUSED, decided_on=decided_on),
        notice=Notice(
            delivered_at=now - timedelta(days=8), channel=NoticeChannel.IN_APP, reply=Reply.NONE
        ),
        adult_attested=True,
    )
