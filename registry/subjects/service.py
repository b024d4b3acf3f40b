"""Lets people in: by a code they received, or by a member's word; and sees them out."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from uuid import UUID

from registry.database.transaction import Transaction
from registry.http import replay
from registry.http.limits import RequestLimiter
from registry.http.problems import RequestInvalid
from registry.identity.keyring import Keyring
from registry.identity.model import IdentityToken
from registry.identity.normalise import IdentifierType
from registry.kernel.ids import new_uuid
from registry.kernel.problems import FieldError, Kind, Problem, Text
from registry.members.service import Directory
from registry.notices.contacts import Contacts
from registry.notices.letter_model import ContactChannel
from registry.rulebook.calendar import local_date
from registry.rulebook.model import Edition
from registry.subjects.covering import Covering
from registry.subjects.evaluating import Identifiers
from registry.subjects.model import Assurance, OpenedSession, ProvenIdentity, Session
from registry.subjects.recording import OwnViews
from registry.subjects.sessions import Sessions
from registry.subjects.sign_ins import Asked, Proof, Proven, SignIns, StartedSignIn
from registry.subjects.vouches import VouchNotAccepted, read_vouch

# Of all callers together, in one process: nobody's address is known here. Whoever runs the
# node limits by address in front of it.
STARTS_PER_MINUTE = 600
PROOFS_PER_MINUTE = 3000
VOUCHES_PER_MINUTE = 600
VOUCHES_PER_MEMBER_AND_MINUTE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a call is made, by both clocks, and under which id."""

    now: datetime
    wall_now: datetime
    request_id: UUID


class Letters(Enum):
    """Whether the person wants to be written to at the address they prove."""

    HERE = "here"
    NOT_HERE = "not_here"


class NoLettersThere(Problem):
    """Letters go to mail addresses only."""

    kind = Kind.INVALID
    title = Text(en="Letters cannot go there", zh="无法向该处寄送信函")
    advice = Text(en="Prove a mail address for letters.", zh="如需接收信函，请验证电子邮箱。")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session with its bearer, and the receipt of the entry that says it began."""

    opened: OpenedSession
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectAccess:
    """The way in and out of the person's door."""

    origin: str
    edition: Edition
    keyring: Keyring
    directory: Directory
    identifiers: Identifiers
    sign_ins: SignIns
    sessions: Sessions
    own_views: OwnViews
    contacts: Contacts
    covering: Covering
    limiter: RequestLimiter = field(default_factory=RequestLimiter)

    def start(self, transaction: Transaction, asked: Asked, at: Moment) -> StartedSignIn:
        """Begins a sign-in; tells nothing of anyone.

        Raises: TooManyRequests, NotProvable, NoSender, InvalidIdentifier, InvalidElement.
        """
        self.limiter.count_quietly("sign-ins", quota=STARTS_PER_MINUTE, now=at.wall_now)
        return self.sign_ins.start(transaction, asked, now=at.now, wall_now=at.wall_now)

    def prove(
        self,
        transaction: Transaction,
        sign_in: UUID,
        proof: Proof,
        at: Moment,
        session: Session | None,
        letters: Letters,
    ) -> SignedIn | Problem:
        """The session of whoever brought the code back, or why not (that is kept).

        `letters`: whether letters about the person go to this address from now on; it is
        theirs, since they just read it. Raises: TooManyRequests, SessionFull, NoLettersThere.
        """
        self.limiter.count_quietly("proofs", quota=PROOFS_PER_MINUTE, now=at.wall_now)
        self._require_past(proof.held_since_on, at)
        proven = self.sign_ins.prove(transaction, sign_in, proof, wall_now=at.wall_now)
        if isinstance(proven, Problem):
            return proven
        signed_in = self._let_in(transaction, proven.identities, at, session, vouch=None)
        if letters is Letters.HERE:
            self._keep_contact(transaction, proven, signed_in, at)
        return signed_in

    def accept_vouch(
        self,
        transaction: Transaction,
        text: str,
        identity: IdentityToken,
        at: Moment,
        session: Session | None,
    ) -> SignedIn:
        """The session of the person a member vouches for.

        Raises: VouchNotAccepted, TooManyRequests, SessionFull.
        """
        self.limiter.count_quietly("vouches", quota=VOUCHES_PER_MINUTE, now=at.wall_now)
        self.directory.refresh(transaction)
        vouch = read_vouch(
            text,
            identity,
            audience=self.origin,
            now=at.wall_now,
            find_key=self.directory.find_key,
        )
        self.limiter.count_quietly(
            f"vouches:{vouch.member}", quota=VOUCHES_PER_MEMBER_AND_MINUTE, now=at.wall_now
        )
        key = self.keyring.find(identity.key_id)
        if key is None:
            raise VouchNotAccepted("The identity was made with a key that is not of this node.")
        # Requests and vouches share this memory: both are JWTs of a member with a jti.
        if not replay.remember(transaction, vouch.member, vouch.jti, vouch.expires_at):
            raise VouchNotAccepted("It has been used before.")
        today = local_date(at.now, self.edition)
        own = self.identifiers.identity_of_token(identity.type, identity.key_id, identity.token)
        proven = ProvenIdentity(
            type=own.type,
            key_id=own.key_id,
            lookup_key=own.lookup_key,
            seed=own.seed,
            assurance=Assurance.VOUCHED,
            vouched_by=vouch.member,
            held_since_on=min(vouch.held_since_on or today, today),
            proof=new_uuid(at.wall_now),
            proven_at=at.wall_now,
        )
        return self._let_in(transaction, [proven], at, session, vouch=text)

    def today(self, at: Moment) -> date:
        """The day of the edition's zone."""
        return local_date(at.now, self.edition)

    def _let_in(
        self,
        transaction: Transaction,
        proven: list[ProvenIdentity],
        at: Moment,
        session: Session | None,
        *,
        vouch: str | None,
    ) -> SignedIn:
        if session is None:
            opened = self.sessions.open(transaction, proven, at.wall_now)
        else:
            opened = self.sessions.join(transaction, session, proven)
        receipt = self.own_views.record(
            transaction,
            proven,
            "sign_in",
            now=at.now,
            request_id=at.request_id,
            said={"held_since": proven[0].held_since_on.isoformat()},
            vouch=vouch,
        )
        self.covering.cover(
            transaction, opened.session.identities, now=at.now, request_id=at.request_id
        )
        return SignedIn(opened=opened, receipt=receipt)

    def _keep_contact(
        self, transaction: Transaction, proven: Proven, signed_in: SignedIn, at: Moment
    ) -> None:
        if proven.type is not IdentifierType.EMAIL:
            raise NoLettersThere
        for each in signed_in.opened.session.identities:
            if each.assurance is Assurance.PROVEN:
                self.contacts.keep(
                    transaction,
                    lookup_key=each.lookup_key,
                    channel=ContactChannel.EMAIL,
                    address=proven.address,
                    now=at.now,
                )

    def _require_past(self, held_since_on: date, at: Moment) -> None:
        if held_since_on > self.today(at):
            error = FieldError(
                pointer="/held_since", code="in_the_future", detail="It lies in the future."
            )
            raise RequestInvalid(errors=[error])
