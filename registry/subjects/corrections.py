"""What was corrected of a person's record, and the certificate that says who has heard of it.

What may be an earlier holder's has corrections that may be theirs: by the rule the record goes
by, over the day that is kept beside each correction when the incident is gone.
"""

from dataclasses import dataclass
from datetime import datetime

from registry.database.transaction import Transaction
from registry.kernel.ids import IncidentId
from registry.kernel.problems import Kind, Problem, Text
from registry.lookups.model import may_have_changed_hands
from registry.notices.certificates import Certificates
from registry.notices.correction_model import Correction
from registry.notices.corrections import Corrections
from registry.rulebook.model import Edition
from registry.subjects.model import Subject

CORRECTIONS_SHOWN_MAX = 100


class NothingCorrected(Problem):
    """Nothing of this incident was corrected, or it is not this person's."""

    kind = Kind.NOT_FOUND
    title = Text(en="There is no correction of this incident", zh="该事件没有更正记录")
    advice = Text(
        en="GET /v1/subject/corrections lists what was corrected of your record.",
        zh="GET /v1/subject/corrections 可列出您的信用信息中已更正的内容。",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCorrections:
    """Reads corrections for the people they are about."""

    edition: Edition
    corrections: Corrections
    certificates: Certificates

    def of(self, transaction: Transaction, subject: Subject) -> list[Correction]:
        """What was corrected of the person's record, newest first; at most 100 of an identity."""
        return self._own(transaction, subject, None)

    def certificate(
        self, transaction: Transaction, subject: Subject, incident: IncidentId, now: datetime
    ) -> str:
        """The node's word for who was told of an incident's corrections, and who answered.

        Raises: NothingCorrected, also where it may be an earlier holder's.
        """
        own = self._own(transaction, subject, incident)
        if not own:
            raise NothingCorrected
        # Of the same incident another's identifier may have been corrected: who looked by
        # that one asked about somebody else.
        return self.certificates.over(transaction, incident, own[::-1], now)

    def _own(
        self, transaction: Transaction, subject: Subject, incident: IncidentId | None
    ) -> list[Correction]:
        own = {
            each.uuid: each
            for identity in subject.identities
            for each, verified_on in self.corrections.about(
                transaction, identity.lookup_key, CORRECTIONS_SHOWN_MAX, incident=incident
            )
            if verified_on is not None
            and not may_have_changed_hands(
                held_since_on=identity.held_since_on,
                last_verified_on=verified_on,
                edition=self.edition,
            )
        }
        return [own[uuid] for uuid in sorted(own, reverse=True)]
