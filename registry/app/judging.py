"""Assembles the jury: the pool, the course of each case, the jurors' side, what is published."""

from dataclasses import dataclass

from registry.appeals.case_file import CaseFiles
from registry.appeals.jury_pool import Pool
from registry.appeals.jury_ports import MemberNotices, Verdicts
from registry.appeals.jury_publishing import Publishing
from registry.appeals.jury_seating import Seating
from registry.appeals.jury_service import Juries
from registry.appeals.jury_sight import Sight
from registry.appeals.jury_voting import Voting
from registry.identity.keyring import Keyring
from registry.identity.protection import Protector
from registry.incidents.service import Incidents
from registry.jobs.service import Jobs
from registry.ledger.service import Ledger
from registry.members.service import Directory
from registry.rulebook.model import Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """The services of juries."""

    pool: Pool
    juries: Juries
    voting: Voting
    sight: Sight
    publishing: Publishing


def assemble_judging(
    *,
    rulebook: Rulebook,
    keyring: Keyring,
    protector: Protector,
    ledger: Ledger,
    jobs: Jobs,
    directory: Directory,
    incidents: Incidents,
    files: CaseFiles,
    verdicts: Verdicts,
    notices: MemberNotices,
) -> Judging:
    """The services over the rooms of one node; verdicts go back to the appeals."""
    rulings = incidents.rulings
    pool = Pool(keyring=keyring, protector=protector, directory=directory, incidents=incidents)
    seating = Seating(pool=pool, rulings=rulings, ledger=ledger, notices=notices)
    juries = Juries(
        rulebook=rulebook,
        pool=pool,
        seating=seating,
        jobs=jobs,
        verdicts=verdicts,
    )
    return Judging(
        pool=pool,
        juries=juries,
        voting=Voting(juries=juries, seating=seating, verdicts=verdicts),
        sight=Sight(files=files, rulings=rulings, ledger=ledger),
        publishing=Publishing(ledger=ledger, rulebook=rulebook),
    )
