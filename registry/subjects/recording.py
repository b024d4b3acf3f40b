"""Records what people do at their own door: every view and act is an entry before its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from registry.database.transaction import Transaction
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.ids import MemberId
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.rulebook.model import Purpose
from registry.subjects.model import Assurance, ProvenIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnViews:
    """Writes the entries of own views; they have no member, and say so: `by` is the subject."""

    ledger: Ledger
    edition: str

    def record(
        self,
        transaction: Transaction,
        identities: Sequence[ProvenIdentity],
        act: str,
        *,
        now: datetime,
        request_id: UUID,
        said: Mapping[str, JsonValue] | None = None,
        touched: Mapping[str, JsonValue] | None = None,
        vouch: str | None = None,
    ) -> str:
        """The receipt of the entry that says what these people saw or did.

        `touched` are more members of its subject part; `vouch` is the member's JWT that a
        session began with, kept as the signed request.
        """
        more: dict[str, JsonValue] = {
            "act": act,
            "assurance": min(each.assurance for each in identities).name.lower(),
            "by": "subject",
            **(said or {}),
        }
        vouchers = sorted({each.vouched_by for each in identities if each.vouched_by})
        if vouchers:
            more["vouched_by"] = [*map(str, vouchers)]
        draft = Draft(
            log=Log.ACCESS,
            record_type=RecordType.OWN_VIEW,
            header=Header(
                member=None,
                purpose=Purpose.OWN_RECORD,
                at=now,
                request_id=request_id,
                outcome="answered",
                edition=self.edition,
                signed_request=None if vouch is None else sha256(vouch.encode("ascii")).digest(),
                more=more,
            ),
            subject={
                **(touched or {}),
                "seeds": sorted({base64url.encode(each.seed) for each in identities}),
            },
            signed_request=vouch,
            lookup_keys=tuple(sorted({each.lookup_key for each in identities})),
        )
        (appended,) = self.ledger.append(transaction, [draft], now)
        return self.ledger.receipt(appended)


def is_vouched_only(identities: Sequence[ProvenIdentity]) -> bool:
    """Whether nothing here but a member's word says who it is."""
    return all(each.assurance is Assurance.VOUCHED for each in identities)


def vouchers_of(identities: Sequence[ProvenIdentity]) -> frozenset[MemberId]:
    """The members by whose word somebody is here."""
    return frozenset(each.vouched_by for each in identities if each.vouched_by)
