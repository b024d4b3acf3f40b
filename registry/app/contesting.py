"""Assembles appeals: the three sides that act in them, and what happens when nobody does."""

from dataclasses import dataclass

from registry.app.judging import Judging, assemble_judging
from registry.appeals.answering import Answering
from registry.appeals.case_file import CaseFiles
from registry.appeals.correspondence import Correspondence
from registry.appeals.deadlines import Deadlines
from registry.appeals.docket import Docket
from registry.appeals.drafts import Drafts
from registry.appeals.forgetting import Forgetting
from registry.appeals.jury_verdicts import JuryVerdicts
from registry.appeals.ports import Letters, MemberNotices
from registry.appeals.precedents import Precedents
from registry.appeals.review import Reviews
from registry.appeals.service import Appeals
from registry.appeals.triage import load_playbooks
from registry.crypto.sealing import Sealer
from registry.database.engine import Database
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents.changes import Listeners
from registry.incidents.service import Incidents
from registry.jobs.kinds import Kind
from registry.jobs.service import Jobs
from registry.kernel.clock import Clock
from registry.ledger.service import Ledger
from registry.members.reliability import Reliability
from registry.members.service import Directory, Members
from registry.rulebook.model import Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Contesting:
    """The services of appeals."""

    drafts: Drafts
    appeals: Appeals
    forgetting: Forgetting
    answering: Answering
    reviews: Reviews
    deadlines: Deadlines
    precedents: Precedents
    reliability: Reliability
    judging: Judging

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The work appeals make."""
        return (*self.deadlines.kinds, *self.reliability.kinds, *self.judging.juries.kinds)


def assemble_contesting(
    *,
    database: Database,
    clock: Clock,
    rulebook: Rulebook,
    sealer: Sealer,
    ledger: Ledger,
    directory: Directory,
    members: Members,
    incidents: Incidents,
    listeners: Listeners,
    notices: MemberNotices,
    letters: Letters,
    keyring: Keyring,
    protector: Protector,
    jobs: Jobs,
) -> Contesting:
    """The services over the rooms of one node; they hear of incidents that are withdrawn."""
    files = CaseFiles(sealer=sealer)
    playbooks = load_playbooks()
    correspondence = Correspondence(notices=notices, letters=letters)
    reliability = Reliability(members=members, prior=rulebook.current.reliability)
    rulings = incidents.rulings
    docket = Docket(
        rulebook=rulebook,
        rulings=rulings,
        files=files,
        playbooks=playbooks,
        correspondence=correspondence,
        reliability=reliability,
        directory=directory,
    )
    judging = assemble_judging(
        rulebook=rulebook,
        keyring=keyring,
        protector=protector,
        ledger=ledger,
        jobs=jobs,
        directory=directory,
        incidents=incidents,
        files=files,
        verdicts=JuryVerdicts(docket=docket),
        notices=notices,
    )
    drafts = Drafts(docket=docket, rulings=rulings, files=files)
    appeals = Appeals(
        docket=docket,
        rulings=rulings,
        files=files,
        playbooks=playbooks,
        correspondence=correspondence,
        directory=directory,
        jury=judging.juries,
        drafts=drafts,
    )
    listeners.subscribe(appeals)
    return Contesting(
        drafts=drafts,
        appeals=appeals,
        forgetting=Forgetting(files=files, drafts=drafts),
        answering=Answering(docket=docket, files=files, playbooks=playbooks, incidents=incidents),
        reviews=Reviews(
            appeals=appeals,
            docket=docket,
            files=files,
            rulings=rulings,
            directory=directory,
            ledger=ledger,
        ),
        deadlines=Deadlines(drafts=drafts, docket=docket, rulings=rulings, jury=judging.juries),
        precedents=Precedents(database=database, clock=clock),
        reliability=reliability,
        judging=judging,
    )
