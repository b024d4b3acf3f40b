"""A person's certificate: what was corrected, who had seen it, and who has answered.

    JWS, typ ccr-certificate+jwt, EdDSA by the node:
    {"iss": origin, "iat", "incident",
     "corrections": [{"correction", "kind", "at", "entry", "is_complete",
                      "told": [{"member", "name", "lookups", "told_at",
                                "acknowledged_at" | null, "did" | null}]}]}

It names nobody but members. `is_complete`: everyone who had looked has been found.
A later certificate says more; an earlier one stays true of its time.
"""

from collections.abc import Sequence
from datetime import datetime

from registry.crypto.signature import PrivateKey, sign_compact
from registry.database.transaction import Transaction
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import IncidentId, MemberId
from registry.members.service import Members
from registry.notices import correction_store as store
from registry.notices.correction_model import Correction, CorrectionNotFound, RecallRecord
from registry.notices.corrections import Corrections

CERTIFICATE_TYPE = "ccr-certificate+jwt"
CORRECTIONS_SHOWN_MAX = 100


class Certificates:
    """Signs what is known of a correction; that it is the person's, the caller knows."""

    def __init__(
        self, *, corrections: Corrections, members: Members, origin: str, key: PrivateKey
    ) -> None:
        self._corrections = corrections
        self._members = members
        self._origin = origin
        self._key = key

    def of(self, transaction: Transaction, incident: IncidentId, now: datetime) -> str:
        """The certificate over every correction of an incident, as of now.

        Raises: CorrectionNotFound, where it was never corrected.
        """
        found = store.of_incident(transaction, incident)
        if not found:
            raise CorrectionNotFound
        return self.over(transaction, incident, found, now)

    def over(
        self,
        transaction: Transaction,
        incident: IncidentId,
        corrections: Sequence[Correction],
        now: datetime,
    ) -> str:
        """The certificate over these corrections of an incident, the first hundred, as of now."""
        found = corrections[:CORRECTIONS_SHOWN_MAX]
        told = self._corrections.of_incident(transaction, found)
        names = {each.id: each.name for each in self._members.list(transaction)}
        claims: dict[str, JsonValue] = {
            "iss": self._origin,
            "iat": int(now.timestamp()),
            "incident": incident,
            "corrections": [_corrected(each, told[each.uuid], names) for each in found],
        }
        header = {
            "alg": self._key.algorithm.value,
            "kid": self._key.public.kid,
            "typ": CERTIFICATE_TYPE,
        }
        return sign_compact(header=header, claims=claims, key=self._key)


def _corrected(
    correction: Correction, told: list[RecallRecord], names: dict[MemberId, str]
) -> JsonValue:
    return {
        "correction": correction.id,
        "kind": correction.kind.value,
        "at": format_instant(correction.at),
        "entry": correction.entry,
        "is_complete": correction.traced_at is not None,
        "told": [_told(each, names) for each in told],
    }


def _told(record: RecallRecord, names: dict[MemberId, str]) -> JsonValue:
    recall = record.recall
    said, at = recall.acknowledgement, recall.acknowledged_at
    return {
        "member": recall.member,
        "name": names[recall.member],
        "lookups": record.lookups_count,
        "told_at": format_instant(recall.told_at),
        "acknowledged_at": None if at is None else format_instant(at),
        "did": None if said is None else said.did.value,
    }
