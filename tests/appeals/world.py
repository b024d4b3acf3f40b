"""A world of incidents in which people contest, furnishers answer and staff decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from registry.app.contesting import Contesting, assemble_contesting
from registry.appeals import store
from registry.appeals.answering import Answer
from registry.appeals.drafts import Contest
from registry.appeals.files import examine
from registry.appeals.model import Appeal, Appellant, Ground, Milestone, Stance
from registry.database.transaction import Transaction
from registry.incidents.changes import Listeners
from registry.incidents.model import Incident
from registry.incidents.rulings import Ruling
from registry.incidents.service import Incidents
from registry.jobs.model import Again, Job
from registry.jobs.service import Jobs
from registry.kernel.ids import new_uuid
from registry.members.model import Admission, Member, Role
from registry.rulebook.editions import load_rulebook
from registry.rulebook.filing import EvidenceItem
from tests.incidents.world import SEALER, World, report
from tests.rulebook.filings import evidence_for, item, proved

STATEMENT = "It was not me: I was in hospital that week."
REASONS = "The parcel was weighed, and the photo is one that was published before."
# As many as a hundred thousand open appeals take, twice over.
STEPS_MAX = 10_000


@dataclass
class Outbox:
    """What was promised to members and people, in order."""

    notices: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    letters: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    messengers: list[str | None] = field(default_factory=list)

    def tell_member(
        self, transaction: Transaction, *, member: str, event_type: str, data: Any, now: datetime
    ) -> None:
        self.notices.append((event_type, {"member": member, **data}))

    def write(
        self, transaction: Transaction, *, template: Any, facts: Any, furnisher: Any, **_: Any
    ) -> None:
        self.letters.append((str(template), facts))
        self.messengers.append(furnisher)


class AppealsWorld(World):
    """`World`, and the rooms of appeals."""

    edition_name = "cn-2026.1"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.outbox = Outbox()
        self.use(self.edition_name)

    def use(self, edition_name: str) -> None:
        """Files and judges under this edition from now on."""
        self.rulebook = load_rulebook(edition_name)
        self.listeners = Listeners()
        self.incidents = Incidents(
            rulebook=self.rulebook,
            keyring=self.keyring,
            protector=self.protector,
            directory=self.directory,
            ledger=self.ledger,
            listeners=self.listeners,
        )
        self.contesting: Contesting = assemble_contesting(
            database=self.database,
            clock=self.clock,
            rulebook=self.rulebook,
            sealer=SEALER,
            ledger=self.ledger,
            directory=self.directory,
            members=self.operator,
            incidents=self.incidents,
            listeners=self.listeners,
            notices=self.outbox,
            letters=self.outbox,
            keyring=self.keyring,
            protector=self.protector,
            jobs=Jobs(),
        )

    @property
    def edition(self) -> Any:
        return self.rulebook.current

    def staff(self) -> str:
        """The operator's member, whose staff decides."""
        if "operator" not in self.members:
            admission = Admission(name="operator", roles={Role.OPERATOR})
            with self.database.transaction() as transaction:
                member = self.operator.admit(transaction, admission, [], self.clock.now())
            self.members["operator"] = member.id
        return "operator"

    def filed(self, code: str = "B101", *names: str, by: str = "alpha", **changes: Any) -> Incident:
        """An incident that has effect."""
        sample = proved(code, self.edition)
        evidence = evidence_for(self.edition.codes[code])
        reference = str(new_uuid(self.clock.now()))
        acts = self.count("incidents")
        # Each is an act of its own: what was removed would not come back like this.
        day = sample.occurred_on - timedelta(days=acts)
        whole = {"role": sample.role, "evidence": evidence, "order": reference, "occurred_on": day}
        whole |= changes
        return self.file(report(reference, *names, code=code, **whole), by=by).incident

    def appellant(self, *names: str, since: date = date(2020, 1, 1)) -> Appellant:
        return Appellant(
            held_since_on={self.lookup_key(name): since for name in names or ("ming",)}
        )

    def do(self, act: Callable[[Transaction], Any]) -> Any:
        with self.database.transaction() as transaction:
            self.directory.refresh(transaction)
            return act(transaction)

    def draft(
        self,
        incident: Incident,
        *grounds: Ground,
        who: Appellant | None = None,
        statement: str | None = STATEMENT,
        facts: tuple[str, ...] | None = None,
    ) -> Appeal:
        contest = Contest(grounds=grounds or (Ground.NOT_ME,), statement=statement, facts=facts)
        person = who or self.appellant()
        return self.do(
            lambda transaction: self.contesting.drafts.begin(
                transaction, person, incident.id, contest, self.clock.now()
            )
        )

    def rewrite(self, appeal: Appeal, contest: Contest) -> Appeal:
        """What the person writes of their draft anew."""
        return self.do(
            lambda transaction: self.contesting.drafts.rewrite(
                transaction, self.appellant(), appeal.id, contest, self.clock.now()
            )
        )

    def lodge(self, incident: Incident, *grounds: Ground, who: Appellant | None = None) -> Appeal:
        drafted = self.draft(incident, *grounds, who=who)
        return self.own("lodge", drafted, who=who)

    def own(self, act: str, appeal: Appeal, *more: Any, who: Appellant | None = None) -> Any:
        """What the person does with their appeal."""
        person = who or self.appellant()
        return self.do(
            lambda transaction: getattr(self.contesting.appeals, act)(
                transaction, person, appeal.id, *more, self.clock.now()
            )
        )

    def attach(self, appeal: Appeal, content: bytes, media_type: str) -> Any:
        return self.own("attach", appeal, examine(content, media_type))

    def answer(
        self,
        appeal: Appeal,
        stance: Stance = Stance.STANDS,
        *,
        by: str = "alpha",
        evidence: int = 1,
        amendment: Any = None,
    ) -> Appeal:
        items: tuple[EvidenceItem, ...] = tuple(item("E1", 90 + each) for each in range(evidence))
        said = Answer(stance=stance, reasons=REASONS, evidence=items, amendment=amendment)
        with self.call(by) as call:
            return self.contesting.answering.answer(call, appeal.id, said)

    def staff_call(self) -> Any:
        return self.call(self.staff())

    def acknowledge(self, appeal: Appeal, reviewer: str = "staff-r1") -> Appeal:
        with self.staff_call() as call:
            return self.contesting.reviews.acknowledge(call, appeal.id, reviewer)

    def decide(self, appeal: Appeal, ruling: Ruling, *reviewers: str) -> Appeal:
        for reviewer in reviewers or ("staff-r1", "staff-r2"):
            with self.staff_call() as call:
                appeal = self.contesting.reviews.decide(call, appeal.id, reviewer, ruling, REASONS)
        return appeal

    def enforce(self) -> None:
        """The deadline job, until nothing is due."""
        for _ in range(STEPS_MAX):
            if self.enforce_once() is None:
                return
        raise AssertionError("the deadline job comes again without end")

    def enforce_once(self) -> Again | None:
        now = self.clock.now()
        job = Job(id=new_uuid(now), kind="", payload={}, run_at=now, attempt=1)
        return self.do(lambda transaction: self.contesting.deadlines.enforce(transaction, job, now))

    def move_to(self, instant: datetime) -> None:
        """Moves the clock to an instant and lets the deadline job run."""
        self.clock.move(max(timedelta(0), instant - self.clock.now()))
        self.enforce()

    def run_out(self, appeal: Appeal, milestone: Milestone) -> Appeal:
        """Lets one limit of the appeal run out."""
        self.move_to(self.stored(appeal).deadlines[milestone].due_at)
        return self.stored(appeal)

    def stored(self, appeal: Appeal) -> Appeal:
        with self.database.reading() as transaction:
            found = store.find(transaction, appeal.id)
        assert found is not None
        return found

    def incident(self, incident: Incident) -> Incident:
        with self.database.reading() as transaction:
            found = self.incidents.rulings.find(transaction, incident.id)
        assert found is not None
        return found

    def member(self, name: str = "alpha") -> Member:
        with self.database.reading() as transaction:
            return self.operator.get(transaction, self.members[name])
