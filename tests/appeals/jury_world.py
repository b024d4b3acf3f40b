"""A node with a pool of jurors, one contested incident, and a court that notes what it is told."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from registry.appeals import jury_pool_store, jury_store
from registry.appeals.jury import Side, Vote, commitment_of
from registry.appeals.jury_model import FIRST_ROUND, Candidacy, Jury, Seat, Stage
from registry.appeals.jury_pool import Pool
from registry.appeals.jury_publishing import Publishing
from registry.appeals.jury_seating import Seating
from registry.appeals.jury_service import Juries
from registry.appeals.jury_verifier import VerifiedRound, verify_case
from registry.appeals.jury_voting import Duty, Voting
from registry.crypto.note import VerifierKey
from registry.database.transaction import Transaction
from registry.http.caller import Call
from registry.http.caller import Caller as HttpCaller
from registry.incidents.rulings import Ruling
from registry.jobs.worker import Worker
from registry.kernel.clock import SystemClock
from registry.kernel.ids import IncidentId, MemberId, Prefix, new_uuid, with_prefix
from registry.rulebook.model import Edition, Severity
from tests.oversight.world import World


@dataclass
class Court:
    """Stands where the appeals do: whose cases wait, and what the juries gave back."""

    waiting: set[str] = field(default_factory=set)
    verdicts: list[Ruling | None] = field(default_factory=list)
    limits: list[datetime] = field(default_factory=list)
    outcomes: dict[str, Ruling] = field(default_factory=dict)

    def awaits_jury(self, transaction: Transaction, case: str) -> bool:
        return case in self.waiting

    def offer_choice(
        self, transaction: Transaction, case: str, due_at: datetime, now: datetime
    ) -> None:
        self.limits.append(due_at)

    def expect_verdict(
        self, transaction: Transaction, case: str, due_at: datetime, now: datetime
    ) -> None:
        self.limits.append(due_at)

    def receive_verdict(
        self, transaction: Transaction, case: str, verdict: Ruling | None, now: datetime
    ) -> None:
        assert case in self.waiting, "what is over is not decided again"
        self.waiting.discard(case)
        self.verdicts.append(verdict)
        if verdict is not None:
            self.outcomes[case] = verdict

    def outcomes_of(
        self, transaction: Transaction, cases: Collection[str]
    ) -> Mapping[str, Ruling | None]:
        return {case: self.outcomes.get(case) for case in cases}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the appeal tells of itself."""

    appeal: str
    incident: IncidentId
    furnisher: MemberId
    severity: Severity
    edition: Edition
    appellant: frozenset[bytes] = frozenset()


class JuryWorld:
    """A pool named by two platforms, and whoever is drawn from it votes as a test says."""

    def __init__(self, world: World) -> None:
        self.world, self.node, self.clock = world, world.node, world.clock
        node = self.node
        self.court = Court()
        self.told: list[Mapping[str, object]] = []
        self.pool = Pool(
            keyring=node.keyring,
            protector=node.protector,
            directory=node.directory,
            incidents=node.incidents,
        )
        self.seating = Seating(
            pool=self.pool, rulings=node.incidents.rulings, ledger=node.ledger, notices=self
        )
        self.juries = Juries(
            rulebook=node.rulebook,
            pool=self.pool,
            seating=self.seating,
            jobs=node.jobs,
            verdicts=self.court,
        )
        self.voting_room = Voting(juries=self.juries, seating=self.seating, verdicts=self.court)
        self.publishing = Publishing(ledger=node.ledger, rulebook=node.rulebook)
        self.worker = Worker(
            database=node.database,
            clock=node.clock,
            wall=SystemClock(),
            kinds=self.juries.kinds,
        )
        self.salts: dict[bytes, bytes] = {}

    @property
    def edition(self) -> Edition:
        return self.node.rulebook.current

    def tell_member(
        self,
        transaction: Transaction,
        *,
        member: MemberId,
        event_type: str,
        data: Mapping[str, object],
        now: datetime,
    ) -> None:
        """Stands where the notices do."""
        self.told.append({"member": member, "type": event_type, **data})

    def name(self, reference: str, *, by: str = "beta", **changes: Any) -> UUID:
        """Names a person, who is called like their reference, as a candidate."""
        facts = {
            "keys": frozenset({self.key(reference)}),
            "side": Side.BUYER,
            "experience": 100,
            "member_since": date(2024, 1, 1),
            "completed_trades": 50,
            "qualified_on": date(2026, 1, 1),
            "works_for": frozenset(),
            "counterparties": frozenset(),
            **changes,
        }
        # Admitted, if need be, in a transaction before.
        self.world.platform(by)
        with self.node.database.transaction() as transaction:
            call = self.call(transaction, by)
            return self.pool.name(call, reference, Candidacy(**facts))[0].id

    def fill(self, count: int, *, by: str = "beta", prefix: str = "juror") -> None:
        """Candidates of both sides, each of other experience."""
        for number in range(count):
            side = list(Side)[number % 2]
            self.name(f"{prefix} {number}", by=by, side=side, experience=number)

    def call(self, transaction: Transaction, by: str) -> Call:
        """A signed call of a member, as its door hands it on."""
        caller = self.world.platform(by)
        return Call(
            caller=HttpCaller(
                member=caller.member.id,
                kid="",
                scopes=caller.member.scopes,
                purposes=caller.member.purposes,
                requests_per_minute=1,
                evaluations_per_hour=1,
            ),
            now=self.clock.now(),
            request_id=uuid4(),
            signed_request="",
            request_digest=b"",
            transaction=transaction,
        )

    def key(self, name: str) -> bytes:
        return self.world.lookup_key(name)

    def contest(
        self, name: str = "ming", *, by: str = "alpha", proved: Collection[str] = (), **changes: Any
    ) -> Case:
        """A person appeals to the second tier against an incident filed about them."""
        incident = self.world.file(name, by=by, reference=secrets.token_hex(8), **changes)
        case = with_prefix(Prefix.APPEAL, new_uuid(self.clock.now()))
        self.court.waiting.add(case)
        with self.node.database.reading() as transaction:
            found = self.node.incidents.rulings.find(transaction, IncidentId(incident))
        assert found is not None
        assert found.severity is not None
        return Case(
            appeal=case,
            incident=found.id,
            furnisher=found.furnisher,
            severity=found.severity,
            edition=self.edition,
            appellant=frozenset(map(self.key, (name, *proved))),
        )

    def convene(self, case: Case) -> bool:
        with self.node.database.transaction() as transaction:
            return self.juries.convene(transaction, case, self.clock.now())

    def run(self) -> None:
        """Does what is due by the clock, and a second later, with the logs sequenced between."""
        self.worker.run_due()
        self.world.settle()
        self.clock.move(timedelta(seconds=1))
        self.worker.run_due()

    def seated(self, case: Case) -> Jury:
        """A convened jury that was drawn."""
        assert self.convene(case)
        self.run()
        jury = self.jury(case)
        assert jury.stage is Stage.EVIDENCE
        return jury

    def voting(self, case: Case) -> Jury:
        """A jury whose evidence window is over."""
        jury = self.seated(case)
        self.move_to(jury.evidence_until)
        assert self.jury(case).stage is Stage.VOTING
        return self.jury(case)

    def move_to(self, instant: datetime) -> None:
        """Moves the clock there, and does what is due."""
        self.clock.move(instant - self.clock.now())
        self.worker.run_due()

    def jury(self, case: Case, round_: int = FIRST_ROUND) -> Jury:
        with self.node.database.reading() as transaction:
            found = jury_store.find(transaction, case.appeal, round_)
        assert found is not None
        return found

    def seats(self, case: Case, round_: int = FIRST_ROUND) -> Sequence[Seat]:
        with self.node.database.reading() as transaction:
            return jury_store.seats_of(transaction, case.appeal, round_)

    def keys_of(self, seat: Seat) -> frozenset[bytes]:
        """By which keys the person of a seat is found."""
        with self.node.database.reading() as transaction:
            return jury_pool_store.keys_of(transaction, [seat.candidate])[seat.candidate]

    def reference(self, seat: Seat) -> str:
        """What the platform that named the person of a seat calls them."""
        with self.node.database.reading() as transaction:
            return jury_pool_store.find(transaction, [seat.candidate])[seat.candidate].reference

    def duty(self, transaction: Transaction, seat: Seat) -> Duty:
        keys = self.keys_of(seat)
        return self.voting_room.duty(transaction, keys, seat.case, self.clock.now())

    def commit(self, seat: Seat, vote: Vote) -> None:
        salt = self.salts.setdefault(seat.mark, secrets.token_bytes(32))
        with self.node.database.transaction() as transaction:
            duty = self.duty(transaction, seat)
            commitment = commitment_of(vote, salt)
            self.voting_room.commit(transaction, duty, commitment, self.clock.now())

    def reveal(self, seat: Seat, vote: Vote) -> None:
        salt = self.salts[seat.mark]
        with self.node.database.transaction() as transaction:
            duty = self.duty(transaction, seat)
            self.voting_room.reveal(transaction, duty, vote, salt, self.clock.now())

    def vote(self, seats: Sequence[Seat], votes: Sequence[Vote]) -> None:
        """All commit, then all reveal, until the jury has decided."""
        pairs = list(zip(seats, votes, strict=True))
        for seat, vote in pairs:
            self.commit(seat, vote)
        for seat, vote in pairs:
            if self.jury_of(seat).stage in (Stage.VOTING, Stage.ALTERNATES):
                self.reveal(seat, vote)

    def jury_of(self, seat: Seat) -> Jury:
        with self.node.database.reading() as transaction:
            found = jury_store.find(transaction, seat.case, seat.round)
        assert found is not None
        return found

    def published(self, case: Case) -> dict[str, Any]:
        """What anyone reads, as it comes over the wire."""
        with self.node.database.reading() as transaction:
            document = self.publishing.case(transaction, case.appeal)
        found: dict[str, Any] = json.loads(json.dumps(document))
        return found

    def verified(self, document: dict[str, Any]) -> list[VerifiedRound]:
        def key_of(origin: str) -> VerifierKey:
            return VerifierKey(name=origin, public_key=self.node.signing_key.public)

        return verify_case(document, editions=self.node.rulebook.editions, key_of=key_of)
