"""The course of a jury: convened, listed, drawn, heard, replaced, counted, over.

    convene -> listing -> listed -> evidence -> voting -> alternates -> over
               list its   draw by   72 h        168 h |   48 h        |
               root       a later               '--- 9 votes: decided, or too close
               committed  checkpoint                      '-> close: a panel of 35, or staff

One job a round brings it up to date at each of its time limits, and so does whoever votes:
nothing that is late is taken. Whatever ends without a safe verdict goes to staff.
Source: RULEBOOK 6.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from registry.appeals import jury_store
from registry.appeals.jury import (
    Tally,
    Vote,
    count,
)
from registry.appeals.jury_model import (
    FIRST_ROUND,
    PANEL_ROUND,
    Ending,
    Jury,
    NoPanelToAsk,
    Seat,
    Stage,
    taken,
)
from registry.appeals.jury_pool import Pool
from registry.appeals.jury_ports import Case, Verdicts
from registry.appeals.jury_seating import Seating
from registry.database.transaction import Transaction
from registry.incidents.rulings import Ruling
from registry.jobs.kinds import Share, Step
from registry.jobs.model import Again, Job, JobDraft
from registry.jobs.service import Jobs
from registry.rulebook.calendar import due_at
from registry.rulebook.model import Edition, Rulebook

KIND = "jury.proceed"
_BEACON_WAIT = timedelta(seconds=1)
RULING_OF = {Vote.UPHOLD: Ruling.UPHELD, Vote.OVERTURN: Ruling.OVERTURNED}


class Juries:
    """The juries of appeals."""

    def __init__(
        self,
        *,
        rulebook: Rulebook,
        pool: Pool,
        seating: Seating,
        jobs: Jobs,
        verdicts: Verdicts,
    ) -> None:
        self._rulebook = rulebook
        self._pool = pool
        self._seating = seating
        self._jobs = jobs
        self._verdicts = verdicts

    @property
    def kinds(self) -> tuple[Step]:
        """The work of enforcing every time limit of a jury."""
        return (Step(kind=KIND, run=self._proceed, share=Share.URGENT),)

    def convene(self, transaction: Transaction, case: Case, now: datetime) -> bool:
        """Begins to draw a jury; False: none can sit for this case, staff decides."""
        edition = case.edition
        # Adults only: nobody else is ever reported (RULEBOOK 1).
        if case.severity not in edition.jury.severities:
            return False
        limits = edition.deadlines
        evidence_until = due_at(now, limits.jury_evidence_window, edition)
        voting_until = due_at(evidence_until, limits.jury_voting_window, edition)
        jury = Jury(
            case=case.appeal,
            round=FIRST_ROUND,
            incident=case.incident,
            furnisher=case.furnisher,
            edition=edition.name,
            stage=Stage.LISTING,
            convened_at=now,
            evidence_until=evidence_until,
            voting_until=voting_until,
            alternates_until=due_at(voting_until, limits.jury_alternates_window, edition),
            list_key=secrets.token_bytes(32),
            barred=self._pool.barred_by(transaction, case.appeal, case.appellant),
        )
        if not self._pool.may_suffice(transaction, jury.composition(edition.jury)):
            return False
        self._begin(transaction, jury, now)
        return True

    def run_out(self, transaction: Transaction, appeal: str, now: datetime) -> None:
        """The appeal's own limit of its jury is over: so is the round that sits, as it has found.

        Whichever of the two jobs comes first, the same is on record.
        """
        for round_ in (FIRST_ROUND, PANEL_ROUND):
            self.open(transaction, appeal, round_, now)

    def takes_evidence(self, transaction: Transaction, appeal: str, now: datetime) -> bool:
        """Whether evidence may still be shown: all jurors vote on the same, the panel too."""
        first = jury_store.find(transaction, appeal, FIRST_ROUND)
        return first is None or now < first.evidence_until

    def ask_panel(
        self,
        transaction: Transaction,
        case: str,
        now: datetime,
        appellant: Collection[bytes] = frozenset(),
    ) -> Jury:
        """After a close verdict: a larger panel, of others, in place of staff.

        Who is the appellant by what is proved now is barred, too. Asked for before: that
        one. Raises: NoPanelToAsk.
        """
        panel = jury_store.find(transaction, case, PANEL_ROUND)
        if panel is not None:
            return panel
        first = self.open(transaction, case, FIRST_ROUND, now)
        if first is None or first.stage is not Stage.CLOSE:
            raise NoPanelToAsk
        edition = self._edition_of(first)
        limits = edition.deadlines
        panel = replace(
            first,
            round=PANEL_ROUND,
            stage=Stage.LISTING,
            convened_at=now,
            evidence_until=now,
            voting_until=due_at(now, limits.jury_voting_window, edition),
            alternates_until=None,
            choice_until=None,
            list_key=secrets.token_bytes(32),
            barred=first.barred | self._pool.barred_by(transaction, case, appellant),
            entry=None,
            checkpoint=None,
            index=None,
            proof=(),
            verdict=None,
        )
        jury_store.put(transaction, _over(first, Ending.CLOSE, now))
        self._verdicts.expect_verdict(transaction, case, panel.voting_until, now)
        self._begin(transaction, panel, now)
        return panel

    def ask_staff(self, transaction: Transaction, case: str, now: datetime) -> None:
        """After a close verdict: staff, at once. Raises: NoPanelToAsk."""
        first = self.open(transaction, case, FIRST_ROUND, now)
        if first is None or first.stage is not Stage.CLOSE:
            raise NoPanelToAsk
        self._to_staff(transaction, first, Ending.CLOSE, now)

    def open(self, transaction: Transaction, case: str, round_: int, now: datetime) -> Jury | None:
        """A round, locked and brought up to `now`; None where there is none."""
        # The incident first, as everywhere; what the case waits for no more is dissolved.
        is_awaited = self._verdicts.awaits_jury(transaction, case)
        jury = jury_store.find_and_lock(transaction, case, round_)
        if jury is None or jury.stage is Stage.OVER:
            return jury
        if not is_awaited:
            return self._end(transaction, jury, Ending.DISSOLVED, now)
        while (after := self._step(transaction, jury, now)) != jury:
            jury = after
        return jury

    def tally(self, jury: Jury, seats: Sequence[Seat]) -> Tally:
        """The votes that are revealed; they are shown to nobody before the end."""
        votes = [each.vote for each in taken(seats) if each.vote is not None]
        return count(votes, self.votes_to_decide(jury))

    def votes_to_decide(self, jury: Jury) -> int:
        """How many votes of one kind are a verdict."""
        return jury.composition(self._edition_of(jury).jury).votes_to_decide

    def settle(self, transaction: Transaction, jury: Jury, now: datetime) -> Jury:
        """After a vote was revealed: with enough of one kind the jury has decided."""
        seats = jury_store.seats_of(transaction, jury.case, jury.round)
        tally = self.tally(jury, seats)
        if tally.verdict is None:
            return jury
        edition = self._edition_of(jury)
        found = replace(jury, verdict=tally.verdict)
        if jury.round == PANEL_ROUND or tally.margin >= edition.jury.safe_margin:
            ended = self._end(transaction, found, Ending.DECIDED, now)
            ruling = RULING_OF[tally.verdict]
            self._verdicts.receive_verdict(transaction, jury.case, ruling, now)
            return ended
        if not self._seating.may_have_panel(transaction, jury, edition, now):
            return self._to_staff(transaction, found, Ending.CLOSE, now)
        until = due_at(now, edition.deadlines.jury_evidence_window, edition)
        close = replace(found, stage=Stage.CLOSE, choice_until=until)
        jury_store.put(transaction, close)
        self._verdicts.offer_choice(transaction, jury.case, until, now)
        self._promise(transaction, close, until)
        return close

    def next_limit(self, jury: Jury, now: datetime) -> datetime | None:
        """When time moves the round on; None: it is over."""
        return {
            Stage.LISTING: now,
            Stage.LISTED: now + _BEACON_WAIT,
            Stage.EVIDENCE: jury.evidence_until,
            Stage.VOTING: jury.voting_until,
            Stage.ALTERNATES: jury.alternates_until,
            Stage.CLOSE: jury.choice_until,
            Stage.OVER: None,
        }[jury.stage]

    def _proceed(self, transaction: Transaction, job: Job, now: datetime) -> Again | None:
        jury = self.open(transaction, job.payload["case"], job.payload["round"], now)
        limit = None if jury is None else self.next_limit(jury, now)
        return None if limit is None else Again(run_at=limit)

    def _begin(self, transaction: Transaction, jury: Jury, now: datetime) -> None:
        jury_store.add(transaction, jury)
        self._promise(transaction, jury, now)

    def _promise(self, transaction: Transaction, jury: Jury, run_at: datetime) -> None:
        self._jobs.enqueue(
            transaction,
            JobDraft(
                kind=KIND,
                payload={"case": jury.case, "round": jury.round},
                run_at=run_at,
                deduplication_key=f"{jury.case}/{jury.round}",
            ),
        )

    def _step(self, transaction: Transaction, jury: Jury, now: datetime) -> Jury:
        """One stage further, where it is time; else the same."""
        match jury.stage:
            case Stage.LISTING:
                return self._fix_list(transaction, jury, now)
            case Stage.LISTED:
                return self._draw(transaction, jury, now)
            case Stage.EVIDENCE if now >= jury.evidence_until:
                return self._put(transaction, replace(jury, stage=Stage.VOTING))
            case Stage.VOTING if now >= jury.voting_until:
                return self._call_alternates(transaction, jury, now)
            case Stage.ALTERNATES if jury.alternates_until and now >= jury.alternates_until:
                return self._to_staff(transaction, jury, Ending.NO_QUORUM, now)
            case Stage.CLOSE if jury.choice_until and now >= jury.choice_until:
                return self._to_staff(transaction, jury, Ending.CLOSE, now)
        return jury

    def _fix_list(self, transaction: Transaction, jury: Jury, now: datetime) -> Jury:
        listed = self._seating.fix_list(transaction, jury, self._edition_of(jury), now)
        if listed is None:
            return self._to_staff(transaction, jury, Ending.NO_LIST, now)
        return self._put(transaction, listed)

    def _draw(self, transaction: Transaction, jury: Jury, now: datetime) -> Jury:
        if now >= jury.voting_until:
            # The logs are halted, or nobody sequences: no jury could vote in time.
            return self._to_staff(transaction, jury, Ending.NO_BEACON, now)
        drawn = self._seating.draw(transaction, jury, self._edition_of(jury), now)
        return jury if drawn is None else self._put(transaction, drawn)

    def _call_alternates(self, transaction: Transaction, jury: Jury, now: datetime) -> Jury:
        if jury.alternates_until is None:
            return self._to_staff(transaction, jury, Ending.NO_QUORUM, now)
        if not self._seating.call_alternates(transaction, jury, now):
            return self._to_staff(transaction, jury, Ending.NO_QUORUM, now)
        return self._put(transaction, replace(jury, stage=Stage.ALTERNATES))

    def _to_staff(
        self, transaction: Transaction, jury: Jury, ending: Ending, now: datetime
    ) -> Jury:
        ended = self._end(transaction, jury, ending, now)
        self._verdicts.receive_verdict(transaction, jury.case, None, now)
        return ended

    def _end(self, transaction: Transaction, jury: Jury, ending: Ending, now: datetime) -> Jury:
        return self._put(transaction, _over(jury, ending, now))

    def _put(self, transaction: Transaction, jury: Jury) -> Jury:
        jury_store.put(transaction, jury)
        return jury

    def _edition_of(self, jury: Jury) -> Edition:
        return self._rulebook.editions[jury.edition]


def _over(jury: Jury, ending: Ending, now: datetime) -> Jury:
    """A round that has ended: who was barred from it is forgotten."""
    return replace(jury, stage=Stage.OVER, ending=ending, ended_at=now, barred=frozenset())
