"""What a juror sees of the case: what was filed, said and shown, and not of whom or by whom.

Each look is an entry of the access log, under the juror's mark, in the history of the
person whose case it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from registry.appeals import store
from registry.appeals.case_file import CaseFiles, EvidenceFile, Said, TextKind
from registry.appeals.jury_model import JuryNotFound, Stage
from registry.appeals.jury_voting import Duty
from registry.appeals.model import Appeal, AppealId
from registry.database.transaction import Transaction
from registry.incidents.model import Incident
from registry.incidents.rulings import Rulings
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.rulebook.model import Purpose

VIEWED = "jury_viewed"
# What the first decision said is not among it: the jury finds for itself.
_SHOWN = frozenset({TextKind.STATEMENT, TextKind.FACT, TextKind.ANSWER})


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseForJurors:
    """A case without its parties; `receipt` is of the entry that says it was seen."""

    appeal: Appeal
    filed: Incident
    said: Sequence[Said]
    files: Sequence[EvidenceFile]
    receipt: str


class Sight:
    """Shows cases to those who sit on them, while they sit."""

    def __init__(self, *, files: CaseFiles, rulings: Rulings, ledger: Ledger) -> None:
        self._files = files
        self._rulings = rulings
        self._ledger = ledger

    def show(
        self, transaction: Transaction, duty: Duty, now: datetime, request_id: UUID
    ) -> CaseForJurors:
        """What was filed, what the parties said about it, and which files there are.

        Raises: JuryNotFound: the jury is over.
        """
        appeal = self._appeal(transaction, duty)
        incident = self._rulings.find(transaction, appeal.incident)
        if incident is None:
            raise JuryNotFound
        return CaseForJurors(
            appeal=appeal,
            filed=incident,
            said=[each for each in self._files.said(transaction, appeal.id) if each.kind in _SHOWN],
            files=self._files.files(transaction, appeal.id),
            receipt=self._record(transaction, duty, appeal, now, request_id, {}),
        )

    def open_file(
        self, transaction: Transaction, duty: Duty, file: UUID, now: datetime, request_id: UUID
    ) -> bytes:
        """The bytes of a file of the case. Raises: JuryNotFound."""
        appeal = self._appeal(transaction, duty)
        content = self._files.open_file(transaction, appeal.id, file)
        if content is None:
            raise JuryNotFound
        self._record(transaction, duty, appeal, now, request_id, {"file": str(file)})
        return content

    def _appeal(self, transaction: Transaction, duty: Duty) -> Appeal:
        appeal = store.find(transaction, AppealId(duty.seat.case))
        if appeal is None or duty.jury.stage in (Stage.CLOSE, Stage.OVER):
            raise JuryNotFound
        return appeal

    def _record(
        self,
        transaction: Transaction,
        duty: Duty,
        appeal: Appeal,
        now: datetime,
        request_id: UUID,
        more: Mapping[str, JsonValue],
    ) -> str:
        identities = self._rulings.seeds_of(transaction, appeal.incident)
        mark = base64url.encode(duty.seat.mark)
        draft = Draft(
            log=Log.ACCESS,
            record_type=RecordType.SUPERVISOR_VIEW,
            header=Header(
                member=None,
                purpose=Purpose.APPEAL_HANDLING,
                at=now,
                request_id=request_id,
                outcome=VIEWED,
                edition=appeal.edition,
                signed_request=None,
                more={"agent": mark, "appeal": appeal.id, "by": "juror", **more},
            ),
            subject={
                "incident": appeal.incident,
                "seeds": sorted(base64url.encode(seed) for _, seed in identities),
            },
            lookup_keys=tuple(key for key, _ in identities),
        )
        (entry,) = self._ledger.append(transaction, [draft], now)
        return self._ledger.receipt(entry)
