"""The juror's side: a seat, the case, a vote that is committed to and then revealed.

Who they are was proven at the person's own door. What others voted is shown to nobody
before the end, and no vote can be changed once it is committed to.
"""

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from registry.appeals import jury_pool_store, jury_store
from registry.appeals.jury import Vote, commitment_of
from registry.appeals.jury_model import (
    VOTES_TAKEN,
    Calibration,
    Jury,
    JuryNotFound,
    NotVotingNow,
    Seat,
    Stage,
    VoteBound,
    taken,
)
from registry.appeals.jury_ports import Verdicts
from registry.appeals.jury_seating import Seating
from registry.appeals.jury_service import RULING_OF, Juries
from registry.database.transaction import Transaction
from registry.incidents.rulings import Ruling

SEATS_SHOWN_MAX = 50
VOTES_COUNTED_MAX = 1000
_VOTED = frozenset({Stage.CLOSE, Stage.OVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A juror's seat and the jury it is in; `may_reveal`: enough have committed."""

    jury: Jury
    seat: Seat
    may_reveal: bool


class Voting:
    """What jurors do."""

    def __init__(self, *, juries: Juries, seating: Seating, verdicts: Verdicts) -> None:
        self._juries = juries
        self._seating = seating
        self._verdicts = verdicts

    def duties(self, transaction: Transaction, lookup_keys: Collection[bytes]) -> Sequence[Duty]:
        """The seats of a person, the newest first."""
        seats = self._seats(transaction, lookup_keys, SEATS_SHOWN_MAX)
        juries = {(each.case, each.round) for each in seats if each.seated_at is not None}
        known = {key: jury_store.find(transaction, *key) for key in juries}
        found = [(each, known.get((each.case, each.round))) for each in seats]
        return [self._duty(transaction, jury, seat) for seat, jury in found if jury is not None]

    def duty(
        self,
        transaction: Transaction,
        lookup_keys: Collection[bytes],
        case: str,
        now: datetime,
    ) -> Duty:
        """A juror's seat in a case, the round brought up to `now`.

        Raises: JuryNotFound, also for whoever has no seat, or has left it.
        """
        held = self._seats(transaction, lookup_keys, VOTES_COUNTED_MAX)
        rounds = [each.round for each in held if each.case == case]
        if not rounds:
            raise JuryNotFound
        candidates = {each.candidate for each in held}
        jury = self._juries.open(transaction, case, max(rounds), now)
        assert jury is not None, "a seat is of a jury"
        # Read again: who is late may have lost the seat just now.
        seats = taken(jury_store.seats_of(transaction, case, jury.round))
        mine = [each for each in seats if each.candidate in candidates]
        if not mine:
            raise JuryNotFound
        return self._duty(transaction, jury, mine[0])

    def commit(
        self, transaction: Transaction, duty: Duty, commitment: bytes, now: datetime
    ) -> Duty:
        """Binds the juror to a vote nobody can read yet; said before: as it is.

        Raises: NotVotingNow, VoteBound.
        """
        if duty.seat.commitment is not None:
            if not hmac.compare_digest(duty.seat.commitment, commitment):
                raise VoteBound
            return duty
        if duty.jury.stage not in VOTES_TAKEN:
            raise NotVotingNow
        seat = replace(duty.seat, commitment=commitment, committed_at=now)
        jury_store.put_seat(transaction, seat)
        return self._duty(transaction, duty.jury, seat)

    def reveal(
        self, transaction: Transaction, duty: Duty, vote: Vote, salt: bytes, now: datetime
    ) -> Duty:
        """Opens the vote that was committed to; the one that is enough ends it.

        Revealed before: as it is. Raises: NotVotingNow, VoteBound.
        """
        seat = duty.seat
        if seat.commitment is None:
            raise NotVotingNow("Commit to your vote first.")
        if not hmac.compare_digest(seat.commitment, commitment_of(vote, salt)):
            raise VoteBound
        if seat.vote is not None:
            return duty
        if duty.jury.stage not in VOTES_TAKEN or not duty.may_reveal:
            raise NotVotingNow
        revealed = replace(seat, vote=vote, salt=salt, revealed_at=now)
        jury_store.put_seat(transaction, revealed)
        jury = self._juries.settle(transaction, duty.jury, now)
        return self._duty(transaction, jury, revealed)

    def recuse(self, transaction: Transaction, duty: Duty, now: datetime) -> None:
        """Leaves the seat, whyever: the next alternate steps in.

        Raises: NotVotingNow: who has committed to a vote stays, and who may vote no more.
        """
        if duty.jury.stage in _VOTED or duty.seat.commitment is not None:
            raise NotVotingNow
        self._seating.vacate(transaction, duty.jury, duty.seat, now)

    def calibration(self, transaction: Transaction, lookup_keys: Collection[bytes]) -> Calibration:
        """How often the person's votes went with the outcome of the case."""
        seats = self._seats(transaction, lookup_keys, VOTES_COUNTED_MAX)
        votes: Mapping[str, Vote] = {
            each.case: each.vote for each in seats if each.vote is not None
        }
        outcomes: Mapping[str, Ruling | None] = (
            self._verdicts.outcomes_of(transaction, sorted(votes)) if votes else {}
        )
        decided = {case: ruling for case, ruling in outcomes.items() if ruling is not None}
        agreeing = sum(RULING_OF[votes[case]] is ruling for case, ruling in decided.items())
        return Calibration(votes=len(decided), with_outcome=agreeing)

    def _seats(
        self, transaction: Transaction, lookup_keys: Collection[bytes], seats_max: int
    ) -> Sequence[Seat]:
        candidates = self._candidates(transaction, lookup_keys)
        return jury_store.seats_held(transaction, sorted(candidates), seats_max)

    def _candidates(self, transaction: Transaction, lookup_keys: Collection[bytes]) -> set[UUID]:
        return jury_pool_store.named_by(transaction, lookup_keys)

    def _duty(self, transaction: Transaction, jury: Jury, seat: Seat) -> Duty:
        may_reveal = False
        if jury.stage in VOTES_TAKEN and seat.commitment is not None:
            seats = taken(jury_store.seats_of(transaction, jury.case, jury.round))
            committed = sum(each.commitment is not None for each in seats)
            may_reveal = committed >= self._juries.votes_to_decide(jury)
        return Duty(jury=jury, seat=seat, may_reveal=may_reveal)
