"""Sign-ins: a code to an identifier, and what its reader asked for, opened.

A sign-in tells nothing: the answer is the same and so is the work, whoever is asked for and
whatever is known or under way. Between its two calls the identifier is there only as a mark
under the pepper, sealed under a key made of its own element (only who shows the blind of
that identifier opens it), and in the sealed message until that is sent.
"""

import hmac
import json
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from registry.crypto import ristretto255, voprf
from registry.crypto.ristretto255 import Element, NotAScalar
from registry.crypto.sealing import SealBroken, Sealer
from registry.database.transaction import Transaction
from registry.identity.normalise import IdentifierType, normalise
from registry.identity.protection import Protector
from registry.jobs.model import JobDraft
from registry.jobs.service import Jobs
from registry.kernel.ids import new_uuid
from registry.subjects import sign_in_store as store
from registry.subjects.codes import (
    CODE_LIFE,
    FORGOTTEN_AFTER,
    TRIES_PER_SIGN_IN_MAX,
    Code,
    is_short,
    new_code,
)
from registry.subjects.evaluating import Identifiers
from registry.subjects.model import (
    Assurance,
    BlindNotOpened,
    NoSender,
    NotProvable,
    ProofNotAccepted,
    ProvenIdentity,
)
from registry.subjects.sending import CHANNELS, Channel, CodeMessage

SEND_CODE = "subjects.send_code"
_MESSAGE_CONTEXT = b"ccr-sign-in-message-v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a caller asks to prove: an identifier, and the element it hides for it."""

    type: IdentifierType
    identifier: str = field(repr=False)
    region: str
    blinded: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a caller shows: the code it received and the blind of its element."""

    code: str = field(repr=False)
    blind: bytes = field(repr=False)
    held_since_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Who brought the code back; `address` is what was proven, for whoever is to write there."""

    identities: list[ProvenIdentity]
    type: IdentifierType
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSignIn:
    """A sign-in under way."""

    id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIns:
    """Sends codes, and says who brought one back. `wall_now` is the machine's clock's."""

    identifiers: Identifiers
    protector: Protector
    sealer: Sealer
    jobs: Jobs
    channels: Set[Channel]

    def start(
        self, transaction: Transaction, asked: Asked, *, now: datetime, wall_now: datetime
    ) -> StartedSignIn:
        """Begins a sign-in, and sends a code unless one went out a moment ago.

        Raises: NotProvable, NoSender, InvalidIdentifier, InvalidElement.
        """
        channel = CHANNELS.get(asked.type)
        if channel is None:
            raise NotProvable
        if channel not in self.channels:
            raise NoSender
        canonical = normalise(asked.type, asked.identifier, region=asked.region)
        voprf.elements_of([asked.blinded], pointer="/blinded")
        mark = self._mark(asked.type, canonical)
        code, message, sign_in = new_code(), new_uuid(wall_now), new_uuid(wall_now)
        expires_at = wall_now + CODE_LIFE
        tries = store.lock_identifier(transaction, mark, wall_now)
        is_due = tries.may_send(wall_now)
        if is_due:
            tries = tries.with_sent(wall_now)
        # The same statements whether it goes out or not, so that time tells nobody that
        # somebody else asked. A code that is never sent is one that nobody has.
        store.add_code(
            transaction,
            message,
            mark=mark,
            short_mark=self._code_mark(mark, code.short if is_due else code.long),
            long_mark=self._code_mark(mark, code.long),
            expires_at=expires_at if is_due else wall_now,
        )
        store.add_message(
            transaction,
            message,
            sealed=self._seal_message(message, channel, canonical, code),
            is_due=is_due,
            expires_at=expires_at,
        )
        store.keep_identifier(transaction, mark, tries, wall_now)
        store.add_sign_in(
            transaction,
            sign_in,
            {
                "mark": mark,
                "type": asked.type.value,
                "blinded": asked.blinded,
                "canonical_sealed": self._seal_canonical(sign_in, asked.type, canonical),
                "expires_at": expires_at,
            },
        )
        self.jobs.enqueue(
            transaction, JobDraft(kind=SEND_CODE, payload={"message": str(message)}, run_at=now)
        )
        return StartedSignIn(id=sign_in, expires_at=expires_at)

    def prove(
        self, transaction: Transaction, sign_in: UUID, proof: Proof, *, wall_now: datetime
    ) -> Proven | ProofNotAccepted | BlindNotOpened:
        """The identities of whoever brought the code back, or why not.

        A refusal is a value: the attempt stays counted. A code is good once.
        """
        found = store.find_sign_in(transaction, sign_in)
        if found is None:
            return ProofNotAccepted()
        mark = bytes(found.mark)
        # All attempts of one identifier wait here for each other, in every process: what is
        # counted below is read after whoever was before has committed.
        tries = store.lock_identifier(transaction, mark, wall_now)
        found = store.find_sign_in(transaction, sign_in)
        if found is None or found.expires_at <= wall_now:
            return ProofNotAccepted()
        # Guesses spend the short form only: whoever mistyped it is let in by the long one.
        if is_short(proof.code):
            if found.tries >= TRIES_PER_SIGN_IN_MAX or not tries.may_guess(wall_now):
                return ProofNotAccepted()
            store.count_try(transaction, sign_in)
        if not self._is_live(transaction, mark, proof.code, wall_now):
            if is_short(proof.code):
                tries = tries.with_wrong(wall_now)
            store.keep_identifier(transaction, mark, tries, wall_now)
            return ProofNotAccepted()
        opened = self._open(sign_in, found, proof.blind)
        if opened is None:
            return BlindNotOpened()
        store.forget_codes(transaction, mark)
        store.forget_sign_in(transaction, sign_in)
        store.keep_identifier(transaction, mark, tries.answered(), wall_now)
        type, canonical = IdentifierType(found.type), opened
        proof_id = new_uuid(wall_now)
        identities = [
            ProvenIdentity(
                type=each.type,
                key_id=each.key_id,
                lookup_key=each.lookup_key,
                seed=each.seed,
                assurance=Assurance.PROVEN,
                vouched_by=None,
                held_since_on=proof.held_since_on,
                proof=proof_id,
                proven_at=wall_now,
            )
            for each in self.identifiers.identities_of(
                type, canonical, Element(bytes(found.blinded)), ristretto255.scalar(proof.blind)
            )
        ]
        return Proven(identities=identities, type=type, address=canonical)

    def message(
        self, transaction: Transaction, message: UUID, wall_now: datetime
    ) -> CodeMessage | None:
        """A message that is to be sent; None: it was, need not be, or came too late."""
        row = store.find_message(transaction, message)
        if row is None or not row.is_due or row.expires_at <= wall_now:
            return None
        document = json.loads(self.sealer.open(bytes(row.sealed), _MESSAGE_CONTEXT + message.bytes))
        return CodeMessage(
            id=message,
            channel=Channel(document["channel"]),
            address=document["address"],
            code=Code(short=document["short"], long=document["long"]),
            at=row.expires_at - CODE_LIFE,
        )

    def forget_message(self, transaction: Transaction, message: UUID) -> None:
        """Deletes a message once it was sent."""
        store.forget_message(transaction, message)

    def sweep(self, transaction: Transaction, wall_now: datetime, rows_max: int) -> int:
        """Deletes what is of no use any more; how many rows."""
        return store.sweep(
            transaction,
            expired_at=wall_now,
            unseen_since=wall_now - FORGOTTEN_AFTER - timedelta(hours=1),
            rows_max=rows_max,
        )

    def _is_live(
        self, transaction: Transaction, mark: bytes, code: str, wall_now: datetime
    ) -> bool:
        shown = self._code_mark(mark, code)
        is_live = False
        # Every code is compared, each in constant time.
        for short_mark, long_mark in store.live_codes(transaction, mark, wall_now):
            expected = short_mark if is_short(code) else long_mark
            is_live |= hmac.compare_digest(expected, shown)
        return is_live

    def _open(self, sign_in: UUID, found: Any, blind: bytes) -> str | None:
        """The identifier that the blind opens; None: another blind, or of another identifier.

        `blinded = blind · H(x)` is what opening proves: the key of the seal is made of
        `blind⁻¹ · blinded`, and only H(x) of the proven identifier makes the right one.
        """
        try:
            scalar = ristretto255.scalar(blind)
        except NotAScalar:
            return None
        element = voprf.unblind(Element(bytes(found.blinded)), scalar)
        try:
            canonical = self._seal_of(element).open(bytes(found.canonical_sealed), sign_in.bytes)
        except SealBroken:
            return None
        text = canonical.decode()
        expected = self.identifiers.element_of(IdentifierType(found.type), text)
        assert hmac.compare_digest(expected, element), "only the identifier's own element opens it"
        return text

    def _seal_canonical(self, sign_in: UUID, type: IdentifierType, canonical: str) -> bytes:
        element = self.identifiers.element_of(type, canonical)
        return self._seal_of(element).seal(canonical.encode(), sign_in.bytes)

    def _seal_of(self, element: Element) -> Sealer:
        return Sealer(self.protector.mark(b"sign-in-seal\x00" + element))

    def _seal_message(self, message: UUID, channel: Channel, address: str, code: Code) -> bytes:
        document = {
            "channel": channel.value,
            "address": address,
            "short": code.short,
            "long": code.long,
        }
        text = json.dumps(document).encode()
        return self.sealer.seal(text, _MESSAGE_CONTEXT + message.bytes)

    def _mark(self, type: IdentifierType, canonical: str) -> bytes:
        return self.protector.mark(f"sign-in\x00{type.value}\x00{canonical}".encode())

    def _code_mark(self, mark: bytes, code: str) -> bytes:
        return self.protector.mark(b"sign-in-code\x00" + mark + code.encode())
