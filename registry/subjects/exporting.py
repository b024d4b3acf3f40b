"""A person's record and history as one document, signed.

{"document": {"iss", "at", "identities", "score": {…}, "sayings": {…}, "incidents": […],
              "history": […], "statements": [JWS], "complete": bool},
 "proof": JWS, typ ccr-own-export+jwt, EdDSA by the node:
          {"iss", "iat", "sha256": b64u SHA-256 of the RFC 8785 form of document}}
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from registry.crypto.signature import PrivateKey, sign_compact
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue, canonical_json
from registry.kernel.clock import format_instant
from registry.kernel.paging import PAGE_ITEMS_MAX
from registry.ledger.service import Ledger
from registry.rulebook.model import Edition
from registry.subjects.documents import (
    history_document,
    identities_document,
    incident_document,
    sayings_document,
    score_document,
)
from registry.subjects.histories import Histories
from registry.subjects.own import SubjectCall
from registry.subjects.recording import OwnViews
from registry.subjects.records import OwnRecords

EXPORT_TYPE = "ccr-own-export+jwt"
# Beyond these a person reads on page by page; `complete` says so.
PAGES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnExport:
    """The document, the node's word for it, and the receipt of the act."""

    document: dict[str, Any]
    proof: str
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnExports:
    """Exports for the people they are about."""

    origin: str
    edition: Edition
    key: PrivateKey
    ledger: Ledger
    records: OwnRecords
    histories: Histories
    own_views: OwnViews

    def export(self, call: SubjectCall) -> OwnExport:
        """Everything a person may read, in one signed document; its digest is in the log."""
        incidents, all_incidents = self._incidents(call)
        history, all_history = self._history(call)
        score = self.records.score(call.transaction, call.subject, call.now)
        document: dict[str, Any] = {
            "iss": self.origin,
            "at": format_instant(call.now),
            "identities": identities_document(call.subject),
            "score": score_document(score, call.subject, self.edition),
            "sayings": sayings_document(self.records.flags(call.transaction, call.subject)),
            "incidents": incidents,
            "history": history,
            "statements": [
                each.statement
                for each in self.histories.statements(call.transaction, call.subject, call.now)
            ],
            "complete": all_incidents and all_history,
        }
        digest = base64url.encode(sha256(canonical_json(document)).digest())
        receipt = self.own_views.record(
            call.transaction,
            call.subject.identities,
            "export",
            now=call.now,
            request_id=call.request_id,
            said={"sha256": digest},
        )
        header = {
            "alg": self.key.algorithm.value,
            "kid": self.key.public.kid,
            "typ": EXPORT_TYPE,
        }
        claims: dict[str, JsonValue] = {
            "iss": self.origin,
            "iat": int(call.now.timestamp()),
            "sha256": digest,
        }
        proof = sign_compact(header=header, claims=claims, key=self.key)
        return OwnExport(document=document, proof=proof, receipt=receipt)

    def _incidents(self, call: SubjectCall) -> tuple[list[dict[str, Any]], bool]:
        after = ""
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            page = self.records.page(
                call.transaction,
                call.subject,
                after=after,
                items_max=PAGE_ITEMS_MAX,
                now=call.now,
            )
            found += [incident_document(each, self.edition) for each in page.incidents]
            if page.next_after is None:
                return found, True
            after = page.next_after
        return found, False

    def _history(self, call: SubjectCall) -> tuple[list[dict[str, Any]], bool]:
        after: UUID | None = None
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            page = self.histories.page(
                call.transaction, call.subject, after=after, items_max=PAGE_ITEMS_MAX
            )
            found += [
                history_document(each, self.ledger.proof(call.transaction, each.settled.uuid))
                for each in page.entries
            ]
            after = page.next_after
            if after is None:
                return found, True
        return found, False
