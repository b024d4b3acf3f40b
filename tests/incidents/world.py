"""Real services on a real database, with members, subjects and a clock in the hand."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from registry.crypto import voprf
from registry.crypto.sealing import Sealer
from registry.crypto.signature import PrivateKey
from registry.database.engine import Database
from registry.database.transaction import Transaction
from registry.http.caller import Call, Caller, Scope
from registry.identity.keyring import Keyring
from registry.identity.model import EvaluationKey, IdentityToken, KeyNode
from registry.identity.normalise import IdentifierType
from registry.identity.protection import Protector
from registry.incidents.changes import Listeners
from registry.incidents.model import Incident, Report, ReportedIdentity, State
from registry.incidents.service import FiledIncident, Incidents
from registry.kernel.clock import MovableClock
from registry.kernel.ids import MemberId, new_uuid
from registry.ledger.model import RecordType, decode_entry
from registry.ledger.service import Ledger
from registry.members.model import Admission, Role
from registry.members.service import Directory, Members
from registry.rulebook.editions import load_rulebook
from registry.rulebook.model import Edition
from registry.score.model import Assessment, Standing, assess
from tests.rulebook.filings import NOW, proved

ORIGIN = "https://registry.example"
RULEBOOK = load_rulebook("cn-2026.1")
SEALER = Sealer(b"k" * 32)
NODE_KEY = PrivateKey.generate()
PAIR = voprf.derive_key_pair(b"s" * 32, b"")
WEEK = timedelta(days=7)


def identity(name: str, *, verified_on: date = date(2026, 10, 1)) -> ReportedIdentity:
    """The phone of a person called `name`."""
    return ReportedIdentity(
        identity=IdentityToken(
            type=IdentifierType.PHONE, key_id="k1", token=sha256(name.encode()).digest()
        ),
        last_verified_on=verified_on,
    )


def report(reference: str = "case-1", *names: str, **changes: Any) -> Report:
    """A report about one person under these identities, proved but for `changes`."""
    return Report(
        reference=reference,
        identities=tuple(identity(name) for name in names or ("ming",)),
        filing=proved(**changes),
    )


@dataclass
class World:
    """Services, clock and members by name."""

    database: Database
    clock: MovableClock = field(default_factory=lambda: MovableClock(NOW))
    members: dict[str, MemberId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = Ledger(origin=ORIGIN, key=NODE_KEY, sealer=SEALER)
        self.directory = Directory(clock=self.clock, prior=RULEBOOK.current.reliability)
        self.operator = Members(ledger=self.ledger, rulebook=RULEBOOK, origin=ORIGIN)
        self.protector = Protector(pepper=b"p" * 32, sealer=SEALER)
        self.listeners = Listeners()
        self.keyring = _keyring()
        self.incidents = Incidents(
            rulebook=RULEBOOK,
            keyring=self.keyring,
            protector=self.protector,
            directory=self.directory,
            ledger=self.ledger,
            listeners=self.listeners,
        )

    @property
    def edition(self) -> Edition:
        return RULEBOOK.current

    def furnisher(self, name: str = "alpha", *, group: str | None = None) -> MemberId:
        """The member of this name, admitted when first named."""
        if name not in self.members:
            admission = Admission(
                name=name, roles={Role.FURNISHER, Role.INQUIRER}, reporter_group=group
            )
            with self.database.transaction() as transaction:
                member = self.operator.admit(transaction, admission, [], self.clock.now())
            self.members[name] = member.id
        return self.members[name]

    @contextmanager
    def call(self, name: str = "alpha") -> Iterator[Call]:
        """One call of the member, inside its transaction."""
        member = self.furnisher(name)
        with self.database.transaction() as transaction:
            self.directory.refresh(transaction)
            yield self.call_in(transaction, member)

    def call_in(self, transaction: Transaction, member: MemberId) -> Call:
        jwt = f"header.{new_uuid(self.clock.now())}.signature"
        return Call(
            caller=Caller(
                member=member,
                kid="kid",
                scopes=frozenset({Scope.REPORT, Scope.LOOK_UP}),
                purposes=frozenset(),
                requests_per_minute=1000,
                evaluations_per_hour=1000,
            ),
            now=self.clock.now(),
            request_id=new_uuid(self.clock.now()),
            signed_request=jwt,
            request_digest=sha256(jwt.encode()).digest(),
            transaction=transaction,
        )

    def file(self, filed: Report | None = None, *, by: str = "alpha") -> FiledIncident:
        """Files a report."""
        with self.call(by) as call:
            return self.incidents.report(call, filed or report())

    def get(self, incident: Incident, *, by: str = "alpha") -> Incident:
        """The incident as it stands."""
        with self.call(by) as call:
            return self.incidents.get(call, incident.id)

    def state(self, incident: Incident) -> State:
        """What the incident is now, whoever filed it."""
        return self.incidents.state_of(incident, self.clock.now())

    def assess(self, *names: str, at: datetime | None = None) -> Assessment:
        """The score of the person who has all these identities."""
        return assess(self.standing(*names), self.edition, at or self.clock.now())

    def standing(self, *names: str) -> Standing:
        keys = [self.lookup_key(name) for name in names or ("ming",)]
        with self.database.reading() as transaction:
            self.directory.refresh(transaction)
            known = self.incidents.standings_of(transaction, keys).values()
        contributions = {
            each.contribution.incident_id: each.contribution
            for subject in known
            for each in subject.incidents
        }
        markers = {each.incident_id: each for subject in known for each in subject.protective}
        return Standing(
            contributions=tuple(contributions.values()), protective=tuple(markers.values())
        )

    def lookup_key(self, name: str) -> bytes:
        return self.protector.lookup_key(self.protector.seed_of(identity(name).identity.token))

    def move(self, by: timedelta) -> None:
        self.clock.move(by)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.database.reading() as transaction:
            cursor = transaction.raw_cursor()
            cursor.execute(f"SELECT count(*) FROM {table}")
            (rows,) = cursor.fetchone()
        assert isinstance(rows, int)
        return rows

    def entries(self) -> list[Mapping[str, Any]]:
        """Everything in the log but members and keys, opened, in the order of their types."""
        with self.database.reading() as transaction:
            cursor = transaction.raw_cursor()
            cursor.execute("SELECT entry_id FROM pending_entries ORDER BY entry_id")
            ids = [bytes(row[0]) for row in cursor]
            opened = [self._open(transaction, each) for each in ids]
        return sorted((each for each in opened if each), key=lambda each: each["type"])

    def _open(self, transaction: Transaction, entry_id: bytes) -> Mapping[str, Any] | None:
        opening = self.ledger.opening(transaction, UUID(bytes=entry_id))
        assert opening is not None
        kind = decode_entry(opening.entry).record_type
        if kind in (RecordType.MEMBER, RecordType.KEY):
            return None
        return {
            "type": kind,
            "header": json.loads(opening.header),
            "subject": json.loads(opening.subject),
        }


def _keyring() -> Keyring:
    node = KeyNode(origin=ORIGIN, share_public_key=PAIR.public)
    return Keyring(
        [
            EvaluationKey(
                key_id="k1",
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
                public_key=PAIR.public,
                threshold=1,
                nodes=(node,),
                share=PAIR,
            )
        ]
    )


def with_notice(delivered_at: datetime) -> Any:
    """The notice of the sample filing, delivered at another instant."""
    notice = proved().notice
    assert notice is not None
    return replace(notice, delivered_at=delivered_at)
