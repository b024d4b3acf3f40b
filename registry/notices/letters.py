"""Writes to people: by mail to a contact they gave, else by the furnisher as messenger.

write --> mailing --taken--> delivered          a bounce, a refusal, no relay:
   |          '--refused--> with_messenger --proof--> delivered
   '--no contact-----------------^     '--not by due--> escalated, and still to be delivered
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import SystemRandom
from uuid import UUID

from registry.crypto.sealing import Sealer
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.jobs.kinds import Errand, Periodic, Share, Step
from registry.jobs.model import Again, Job, JobDraft
from registry.jobs.service import Jobs
from registry.kernel import strict_json
from registry.kernel.canonical import canonical_json
from registry.kernel.clock import Clock
from registry.kernel.ids import IncidentId, MemberId, new_uuid
from registry.kernel.paging import Page
from registry.ledger.holding import begin
from registry.members.model import Role
from registry.notices import letter_store as store
from registry.notices.catalogue import Catalogue, Rendered
from registry.notices.contacts import Contacts
from registry.notices.letter_model import (
    BOUNCE_WAIT,
    CODE_LIFETIME,
    FACTS_BYTES_MAX,
    LETTER_OVERDUE,
    LETTER_TO_DELIVER,
    LETTERS_KEPT,
    DeliveryImpossible,
    Letter,
    LetterChannel,
    LetterDelivered,
    LetterDelivery,
    LetterId,
    LetterNotFound,
    LetterState,
    LetterTemplate,
    MailResult,
)
from registry.notices.mail import Mail, Relay
from registry.notices.model import retry_at
from registry.notices.service import Notices
from registry.rulebook.calendar import due_at
from registry.rulebook.model import Edition, Span

MAIL = "letters.mail"
CHASE = "letters.chase"
SWEEP = "letters.sweep"
_SWEPT_MAX = 500
_TO_WATCH = frozenset({Role.OPERATOR, Role.SUPERVISOR})
_random = SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLetter:
    """A letter a furnisher is to deliver, with what it says."""

    letter: Letter
    text: Rendered


class Letters:
    """Every letter of this node. `authority` ends its Message-IDs; `relay` None: no mail."""

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        notices: Notices,
        contacts: Contacts,
        catalogue: Catalogue,
        sealer: Sealer,
        relay: Relay | None,
        edition: Edition,
        authority: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._notices = notices
        self._contacts = contacts
        self._catalogue = catalogue
        self._sealer = sealer
        self._relay = relay
        self._edition = edition
        self._authority = authority.replace(":", ".")
        self._clock = clock

    @property
    def kinds(self) -> tuple[Errand[MailResult | None], Step, Periodic]:
        """The work letters make."""
        return (
            Errand(kind=MAIL, perform=self._perform, settle=self._settle, share=Share.URGENT),
            Step(kind=CHASE, run=self._chase),
            Periodic(kind=SWEEP, every=timedelta(hours=1), run=self._sweep, share=Share.BULK),
        )

    def write(
        self,
        transaction: Transaction,
        *,
        lookup_keys: Collection[bytes],
        template: LetterTemplate,
        facts: Mapping[str, str],
        incident: IncidentId | None,
        furnisher: MemberId | None,
        now: datetime,
        due: Span | None = None,
        given_by: Mapping[bytes, datetime] | None = None,
    ) -> LetterId:
        """Promises a letter to the person of these lookup keys.

        `furnisher` carries it where the person gave no contact or mail fails; None:
        nobody else may know of it. `due`: within which span the messenger delivers;
        that of a result's letter if not given. `given_by`: as `Contacts.find_key`.
        """
        contact_key = self._contacts.find_key(transaction, lookup_keys, given_by)
        letter = self._letter(template, facts, now)
        letter = replace(
            letter,
            contact_key=contact_key,
            incident=incident,
            furnisher=furnisher,
            due_at=due_at(now, due or self._edition.deadlines.result_letter, self._edition),
        )
        store.add(transaction, letter, lookup_keys)
        if contact_key is None:
            self._hand_over(transaction, letter, now)
        else:
            self._promise_mail(transaction, letter, now)
        return letter.id

    def write_to(
        self,
        transaction: Transaction,
        *,
        address: str,
        template: LetterTemplate,
        facts: Mapping[str, str],
        now: datetime,
    ) -> LetterId:
        """Promises a letter to an address in hand: a code at sign-in, a member's own contact.

        The address is sealed, and gone when the letter is.
        """
        letter = self._letter(template, facts, now)
        sealed = self._sealer.seal(address.encode(), _address_context(letter.uuid))
        letter = replace(letter, address_sealed=sealed)
        store.add(transaction, letter, ())
        self._promise_mail(transaction, letter, now)
        return letter.id

    def waiting(
        self,
        transaction: Transaction,
        furnisher: MemberId,
        *,
        after: UUID | None,
        items_max: int,
    ) -> Page[WaitingLetter]:
        """The letters a furnisher is to deliver, oldest first."""
        found = store.page_with_messenger(
            transaction, furnisher, after=after, letters_max=items_max + 1
        )
        shown = found[:items_max]
        return Page(
            items=[WaitingLetter(letter=each, text=self._render(each)) for each in shown],
            next_after=shown[-1].id if len(found) > items_max else None,
        )

    def record_delivery(
        self,
        transaction: Transaction,
        furnisher: MemberId,
        uuid: UUID,
        delivery: LetterDelivery,
        now: datetime,
    ) -> Letter:
        """Takes a messenger's word, and its proof, that a letter has reached the person.

        The same again is the one that stands. Raises: LetterNotFound, LetterDelivered,
        DeliveryImpossible.
        """
        letter = store.find_and_lock(transaction, uuid)
        if letter is None or letter.furnisher != furnisher:
            raise LetterNotFound
        if letter.state is LetterState.DELIVERED:
            if letter.delivery == delivery:
                return letter
            raise LetterDelivered
        if letter.state is not LetterState.WITH_MESSENGER:
            raise LetterNotFound
        if not letter.created_at <= delivery.delivered_at <= now:
            raise DeliveryImpossible
        delivered = replace(
            letter, state=LetterState.DELIVERED, delivery=delivery, facts_sealed=None
        )
        store.put(transaction, delivered)
        return delivered

    def get(self, transaction: Transaction, uuid: UUID) -> Letter:
        """A letter, as the operator sees it. Raises: LetterNotFound."""
        letter = store.find(transaction, uuid)
        if letter is None:
            raise LetterNotFound
        return letter

    def bounced(self, transaction: Transaction, uuid: UUID, now: datetime) -> Letter:
        """Takes back that mail was delivered: it came back. The messenger carries it then.

        Raises: LetterNotFound, where it was not mailed, or too long ago.
        """
        letter = store.find_and_lock(transaction, uuid)
        is_mailed = (
            letter is not None
            and letter.facts_sealed is not None
            and letter.delivery is not None
            and letter.delivery.channel is LetterChannel.EMAIL
            and letter.delivery.proof is None
        )
        if letter is None or not is_mailed:
            raise LetterNotFound
        return self._hand_over(transaction, replace(letter, delivery=None), now)

    def forget_subject(self, transaction: Transaction, lookup_key: bytes) -> int:
        """Deletes the letters to a person, whose erasure was ordered; how many said something."""
        return store.forget_subject(transaction, lookup_key)

    def forget_incident(
        self,
        transaction: Transaction,
        incident: IncidentId,
        *,
        written_before: datetime | None = None,
    ) -> int:
        """Deletes the letters about an incident whose content goes; how many.

        `written_before`: those from then on stay. They say that it was taken back, and are
        the person's to read.
        """
        return store.forget_incident(transaction, incident, written_before)

    def _letter(self, template: LetterTemplate, facts: Mapping[str, str], now: datetime) -> Letter:
        assert facts.keys() == self._catalogue.facts_of(template), f"{template}: wrong facts"
        octets = canonical_json(dict(facts))
        assert len(octets) <= FACTS_BYTES_MAX, "a letter has its limits"
        uuid = new_uuid(now)
        return Letter(
            uuid=uuid,
            template=template,
            state=LetterState.MAILING,
            facts_sealed=self._sealer.seal(octets, _facts_context(uuid)),
            contact_key=None,
            address_sealed=None,
            incident=None,
            furnisher=None,
            created_at=now,
            due_at=None,
            mail_failures=0,
            delivery=None,
            escalated_at=None,
        )

    def _promise_mail(self, transaction: Transaction, letter: Letter, now: datetime) -> None:
        draft = JobDraft(kind=MAIL, payload={"letter": str(letter.uuid)}, run_at=now)
        self._jobs.enqueue(transaction, draft)

    def _hand_over(self, transaction: Transaction, letter: Letter, now: datetime) -> Letter:
        """Gives a letter to its messenger; without one it cannot be delivered."""
        if letter.furnisher is None:
            lost = replace(
                letter, state=LetterState.UNDELIVERABLE, facts_sealed=None, address_sealed=None
            )
            store.put(transaction, lost)
            return lost
        handed = replace(letter, state=LetterState.WITH_MESSENGER, contact_key=None)
        store.put(transaction, handed)
        data = {"letter": handed.id, "incident": handed.incident}
        self._notices.tell_member(
            transaction,
            member=letter.furnisher,
            event_type=LETTER_TO_DELIVER,
            data={name: value for name, value in data.items() if value is not None},
            now=now,
        )
        payload = {"letter": str(letter.uuid)}
        run_at = max(now, letter.due_at or now)
        self._jobs.enqueue(transaction, JobDraft(kind=CHASE, payload=payload, run_at=run_at))
        return handed

    def _render(self, letter: Letter) -> Rendered:
        assert letter.facts_sealed is not None, "who still delivers a letter has its facts"
        facts = strict_json.parse(
            self._sealer.open(letter.facts_sealed, _facts_context(letter.uuid))
        )
        assert isinstance(facts, dict)
        return self._catalogue.render(letter.template, facts)

    def _perform(self, job: Job) -> MailResult | None:
        """One try by mail; None where it is not to be mailed any more."""
        with self._database.reading() as transaction:
            letter = store.find(transaction, UUID(job.payload["letter"]))
            if letter is None or letter.state is not LetterState.MAILING:
                return None
            address = self._address(transaction, letter)
        if address is None or self._relay is None or self._is_too_late(letter):
            return MailResult.NO_RELAY
        rendered = self._render(letter)
        mail = Mail(
            address=address,
            subject=rendered.whole_subject,
            text=rendered.whole_text,
            message_id=f"{letter.id}@{self._authority}",
            at=letter.created_at,
        )
        # Crash point: taken and not settled is sent again, with the same Message-ID.
        return self._relay.send(mail)

    def _address(self, transaction: Transaction, letter: Letter) -> str | None:
        if letter.address_sealed is not None:
            context = _address_context(letter.uuid)
            return self._sealer.open(letter.address_sealed, context).decode()
        assert letter.contact_key is not None
        return self._contacts.address(transaction, letter.contact_key, letter.created_at)

    def _is_too_late(self, letter: Letter) -> bool:
        is_code = letter.template is LetterTemplate.ONE_TIME_CODE
        return is_code and self._clock.now() > letter.created_at + CODE_LIFETIME

    def _settle(
        self, transaction: Transaction, job: Job, result: MailResult | None, now: datetime
    ) -> Again | None:
        letter = store.find_and_lock(transaction, UUID(job.payload["letter"]))
        if result is None or letter is None or letter.state is not LetterState.MAILING:
            return None
        if result is MailResult.TAKEN:
            delivery = LetterDelivery(delivered_at=now, channel=LetterChannel.EMAIL, proof=None)
            is_code = letter.template is LetterTemplate.ONE_TIME_CODE
            store.put(
                transaction,
                replace(
                    letter,
                    state=LetterState.DELIVERED,
                    delivery=delivery,
                    # A code is of no more use here; others may bounce and go by messenger.
                    facts_sealed=None if is_code else letter.facts_sealed,
                    address_sealed=None,
                ),
            )
            return None
        failures = letter.mail_failures + 1
        at = retry_at(now, failures, _random.random(), None)
        if result is MailResult.NOT_NOW and at is not None and not self._is_too_late(letter):
            store.put(transaction, replace(letter, mail_failures=failures))
            return Again(run_at=at)
        self._hand_over(transaction, letter, now)
        return None

    def _chase(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        letter = store.find_and_lock(transaction, UUID(job.payload["letter"]))
        if letter is None or letter.state is not LetterState.WITH_MESSENGER:
            return None
        if letter.escalated_at is not None or letter.furnisher is None:
            return None
        store.put(transaction, replace(letter, escalated_at=now))
        data = {"letter": letter.id, "furnisher": letter.furnisher}
        self._notices.tell_with_roles(
            transaction,
            roles=_TO_WATCH,
            beside=letter.furnisher,
            event_type=LETTER_OVERDUE,
            data=data,
            now=now,
        )
        return None

    def _sweep(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        held = begin(transaction)
        emptied = store.forget_facts(transaction, now - BOUNCE_WAIT, _SWEPT_MAX, held)
        deleted = store.forget_letters(transaction, now - LETTERS_KEPT, _SWEPT_MAX, held)
        return Again(run_at=now) if _SWEPT_MAX in (emptied, deleted) else None


def _facts_context(uuid: UUID) -> bytes:
    return b"ccr-letter-facts\x00" + uuid.bytes


def _address_context(uuid: UUID) -> bytes:
    return b"ccr-letter-address\x00" + uuid.bytes
