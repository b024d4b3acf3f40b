"""All that can be known of a person, in every room, for tests that erase it."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from registry.appeals.drafts import Contest
from registry.appeals.files import examine
from registry.appeals.model import Appellant, Ground
from registry.identity.normalise import IdentifierType
from registry.incidents import import_store
from registry.incidents.flags import Flags
from registry.incidents.import_model import Import, ImportState, LineProblem
from registry.kernel.ids import IncidentId, new_import_id
from registry.notices.letter_model import (
    ContactChannel,
    LetterTemplate,
)
from registry.oversight.kept import TABLES
from registry.subjects.model import Assurance, ProvenIdentity, Subject
from tests.appeals.pictures import image
from tests.oversight.world import World, ok, secret, token

HELD_SINCE = date(2020, 1, 1)
# Marks that stay, or go by a clock alone: docs/privacy.md says so of each.
STAYS = {"removed_incidents", "reinsertion_marks", "corrections", "recalled_lookups", "imports"}


@dataclass
class Life:
    """All that can be known of a person called `name`, in every room."""

    world: World
    name: str = "ming"

    @property
    def key(self) -> bytes:
        return self.world.lookup_key(self.name)

    def identity(self) -> ProvenIdentity:
        return ProvenIdentity(
            type=IdentifierType.PHONE,
            key_id="k1",
            lookup_key=self.key,
            seed=self.world.seed(self.name),
            assurance=Assurance.PROVEN,
            vouched_by=None,
            held_since_on=HELD_SINCE,
            proof=uuid4(),
            proven_at=self.world.clock.now(),
        )

    def appellant(self) -> Appellant:
        return Appellant(held_since_on={self.key: HELD_SINCE})

    def is_filed(self, **changes: Any) -> str:
        return self.world.file(self.name, **changes)

    def says(self, text: str) -> None:
        """A contact, and a statement in every answer."""
        flags = Flags(proven_on=HELD_SINCE, statement=text, stated_at=self.world.clock.now())
        with self.world.node.database.transaction() as transaction:
            incidents = self.world.node.incidents
            incidents.own.change_flags(transaction, [self.key], lambda _: flags)

    def gives_address(self, address: str) -> None:
        with self.world.node.database.transaction() as transaction:
            self.world.node.noticing.contacts.keep(
                transaction,
                lookup_key=self.key,
                channel=ContactChannel.EMAIL,
                address=address,
                now=self.world.clock.now(),
            )

    def is_written_to(self, incident: str | None, **more: Any) -> str:
        """A letter, that carries `reasons`; through the furnisher where no address is known."""
        now = self.world.clock.now()
        facts = {"appeal": "apl_1", "incident": str(incident), "reasons": more.pop("reasons", "r")}
        with self.world.node.database.transaction() as transaction:
            return self.world.node.noticing.letters.write(
                transaction,
                lookup_keys=[self.key],
                template=LetterTemplate.APPEAL_OVERTURNED,
                facts=facts,
                incident=None if incident is None else IncidentId(incident),
                furnisher=self.world.platform().member.id,
                now=now,
            )

    def comes_in(self) -> None:
        """A session, and a one-use authorisation for a platform."""
        node = self.world.node
        with node.database.transaction() as transaction:
            node.own_door.sessions.open(transaction, [self.identity()], self.world.clock.now())
            node.own_door.authorisations.give(
                transaction,
                Subject(identities=(self.identity(),)),
                member=self.world.platform().member.id,
                order="order-9",
                now=self.world.clock.now(),
            )

    def contests(self, incident: str, statement: str, *, lodged: bool) -> None:
        """An appeal with words and a file."""
        contesting = self.world.node.contesting
        drafts, appeals = contesting.drafts, contesting.appeals
        now, person = self.world.clock.now(), self.appellant()
        contest = Contest(grounds=(Ground.NOT_ME,), statement=statement)
        with self.world.node.database.transaction() as transaction:
            drafted = drafts.begin(transaction, person, IncidentId(incident), contest, now)
            shown = examine(image("PNG"), "image/png")
            appeals.attach(transaction, person, drafted.id, shown, now)
            if lodged:
                appeals.lodge(transaction, person, drafted.id, now)

    def is_candidate(self) -> None:
        body = {
            "identities": [token(self.name)],
            "of_age": True,
            "side": "buyer",
            "experience": 10,
            "member_since": "2024-01-01",
            "completed_trades": 30,
            "qualified_on": "2026-06-01",
            "counterparties": [token("somebody")],
        }
        ok(self.world.platform().call("PUT", "/v1/jury/candidates/user-1", body))
        other = {**body, "identities": [token("other")], "counterparties": [token(self.name)]}
        ok(self.world.platform().call("PUT", "/v1/jury/candidates/user-2", other))

    def line_was_refused(self, reference: str, detail: str) -> None:
        """An import in which a line of this reference was refused."""
        now = self.world.clock.now()
        made = Import(
            id=new_import_id(now),
            furnisher=self.world.platform().member.id,
            state=ImportState.FINISHED,
            bytes_total=1,
            reports=1,
            filed=0,
            repeated=0,
            refused=1,
            chunk_next=1,
            request_id=uuid4(),
            signed_request="a.b.c",
            request_digest=bytes(32),
            accepted_at=now,
            ended_at=now,
        )
        problem = LineProblem(line=1, reference=reference, slug="x", detail=detail, errors=())
        with self.world.node.database.transaction() as transaction:
            import_store.add(transaction, made)
            import_store.add_problems(transaction, made.id, [problem])

    def order(self) -> str:
        """The id of a confirmed order about the person."""
        body = {"target": {"subject": token(self.name)}, "ground": "judgment 12/2026"}
        order = self.world.ask("erasure-orders", body, 201)["order"]["id"]
        self.world.ask(f"erasure-orders/{order}/confirmation", {}, by="court")
        return str(order)


def whole(life: Life) -> tuple[str, dict[str, str]]:
    """A person of whom every room keeps something: the incident, and texts that must go."""
    marks = {name: secret() for name in ("intent", "statement", "said", "reasons", "line")}
    incident = life.is_filed(intent=f"It was admitted: {marks['intent']}.")
    life.world.look_up(life.name)
    life.world.look_up(life.name, by="beta")
    life.is_written_to(incident, reasons=marks["reasons"])
    life.is_written_to(None)
    life.gives_address("ming@mail.example")
    life.is_written_to(incident)
    life.says(marks["said"])
    life.comes_in()
    life.contests(incident, marks["statement"], lodged=True)
    life.is_candidate()
    life.line_was_refused("case-1", marks["line"])
    # Once before there was a hold, which was released, and an order that was declined.
    target = {"target": {"subject": token(life.name)}, "ground": "d"}
    hold = life.world.ask("legal-holds", target, 201)["hold"]["id"]
    life.world.ask(f"legal-holds/{hold}/release", {})
    declined = life.world.ask("erasure-orders", target, 201)["order"]["id"]
    life.world.ask(f"erasure-orders/{declined}/refusal", {})
    life.world.settle()
    with life.world.node.database.transaction() as transaction:
        life.world.node.auditing.indexer.step(transaction)
    return incident, marks


def kept(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table that holds something of a person."""
    return {table: world.rows(f"SELECT * FROM {table}") for table in TABLES}


def contents(rows: dict[str, list[tuple[Any, ...]]]) -> set[bytes]:
    """Everything long and binary in them: keys, seeds, seals, marks, salts."""
    return {
        bytes(value)
        for table, some in rows.items()
        if table not in STAYS
        for row in some
        for value in row
        if isinstance(value, bytes | memoryview) and len(value) >= 32
    }
