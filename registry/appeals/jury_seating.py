"""Seating a jury: the list that is committed to, the draw from it, whoever steps in.

list --> root in an entry of the log --> a checkpoint that holds the entry --> draw
"""

import hmac
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from registry.appeals import jury_pool_store, jury_store
from registry.appeals.jury import (
    Line,
    can_seat,
    draw,
    large_panel,
    list_root,
    ranked,
    seed_of,
    successor,
)
from registry.appeals.jury_model import (
    FIRST_ROUND,
    PANEL_ROUND,
    Candidate,
    Jury,
    Seat,
    Stage,
    taken,
)
from registry.appeals.jury_pool import Pool
from registry.appeals.jury_ports import MemberNotices
from registry.crypto import checkpoint as checkpoints
from registry.crypto import note
from registry.database.transaction import Transaction
from registry.incidents.rulings import Rulings
from registry.kernel import base64url
from registry.kernel.ids import new_uuid
from registry.ledger.model import Draft, Header, Log, RecordType
from registry.ledger.service import Ledger
from registry.rulebook.model import Edition

LISTED = "jury_listed"
SUMMONED = "jury.summoned"


class Seating:
    """Who sits on a jury."""

    def __init__(
        self, *, pool: Pool, rulings: Rulings, ledger: Ledger, notices: MemberNotices
    ) -> None:
        self._pool = pool
        self._rulings = rulings
        self._ledger = ledger
        self._notices = notices

    def vacate(self, transaction: Transaction, jury: Jury, seat: Seat, now: datetime) -> None:
        """A juror leaves; the next alternate, of the same side if there is one, steps in."""
        self._summon(transaction, jury, self._replace(transaction, jury, seat, now), now)

    def _replace(
        self, transaction: Transaction, jury: Jury, seat: Seat, now: datetime
    ) -> list[Seat]:
        """Who steps in where a juror leaves; not summoned yet."""
        jury_store.put_seat(transaction, replace(seat, left_at=now))
        seats = jury_store.seats_of(transaction, jury.case, jury.round)
        waiting = {each.mark: each for each in seats if _is_waiting(each)}
        lines = [_line_of(each) for each in waiting.values()]
        heir = successor(lines, seat.side)
        if heir is None:
            return []
        seated = replace(waiting[heir.mark], seated_at=now)
        jury_store.put_seat(transaction, seated)
        return [seated]

    def fix_list(
        self, transaction: Transaction, jury: Jury, edition: Edition, now: datetime
    ) -> Jury | None:
        """Commits to the list of a case; None where it could not fill a jury."""
        candidates = self._candidates(transaction, jury, edition, now)
        lines = ranked(self._line(jury, each) for each in candidates)
        if not can_seat(lines, jury.composition(edition.jury)):
            return None
        named = {mark_of(jury, each.id): each.id for each in candidates}
        jury_store.add_list(transaction, jury, lines, [named[each.mark] for each in lines])
        # Crash point: list and entry are of one transaction; nothing is drawn before the
        # entry stands in a signed tree, and nobody knows the root of that tree yet.
        entry = new_uuid(now)
        header = Header(
            member=None,
            purpose=None,
            at=now,
            request_id=uuid4(),
            outcome=LISTED,
            edition=jury.edition,
            signed_request=None,
            more={
                "case": jury.case,
                "round": jury.round,
                "candidates": len(lines),
                "root": base64url.encode(list_root(lines)),
            },
        )
        draft = Draft(
            log=Log.INCIDENTS,
            record_type=RecordType.JURY,
            header=header,
            subject={"case": jury.case},
            uuid=entry,
        )
        self._ledger.append(transaction, [draft], now)
        self._ledger.await_first_proof(transaction, entry)
        return replace(jury, stage=Stage.LISTED, entry=entry)

    def draw(
        self, transaction: Transaction, jury: Jury, edition: Edition, now: datetime
    ) -> Jury | None:
        """Seats the jury by the first checkpoint that holds the entry; None: none does yet.

        Whenever this runs: a later one would be one to be waited for.
        """
        assert jury.entry is not None
        proof = self._ledger.take_first_proof(transaction, jury.entry)
        if proof is None:
            return None
        lines, candidates = jury_store.take_list(transaction, jury)
        beacon = checkpoints.parse(note.parse(proof.checkpoint.encode()).text).root
        seed = seed_of(jury.case, list_root(lines), beacon)
        drawn = draw(lines, seed, jury.composition(edition.jury))
        assert drawn is not None, "a list that cannot be seated is not committed"
        seats = [
            Seat(
                case=jury.case,
                round=jury.round,
                position=position,
                mark=line.mark,
                candidate=candidates[line.mark],
                side=line.side,
                is_alternate=position >= len(drawn.jurors),
                seated_at=now if position < len(drawn.jurors) else None,
            )
            for position, line in enumerate(drawn.jurors + drawn.alternates)
        ]
        jury_store.add_seats(transaction, seats)
        self._summon(transaction, jury, taken(seats), now)
        # Of a larger panel they are no part, by whatever name they come into the pool again.
        drawn_marks = self._pool.marks_of(
            transaction, jury.case, [each.candidate for each in seats]
        )
        return replace(
            jury,
            stage=Stage.EVIDENCE,
            barred=jury.barred | drawn_marks,
            checkpoint=proof.checkpoint,
            index=proof.index,
            proof=tuple(proof.hashes),
        )

    def call_alternates(self, transaction: Transaction, jury: Jury, now: datetime) -> int:
        """For each alternate one leaves who has not voted, first those who have not committed.

        Gives how many came.
        """
        seats = jury_store.seats_of(transaction, jury.case, jury.round)
        idle = [each for each in taken(seats) if each.vote is None]
        waiting = sum(map(_is_waiting, seats))
        idle.sort(key=lambda each: (each.commitment is not None, each.position))
        seated = [
            heir for each in idle[:waiting] for heir in self._replace(transaction, jury, each, now)
        ]
        # Together, so that their members are locked in one order.
        self._summon(transaction, jury, seated, now)
        return min(len(idle), waiting)

    def _summon(
        self, transaction: Transaction, jury: Jury, seats: list[Seat], now: datetime
    ) -> None:
        """The members that named them tell the jurors; what the case is they do not learn."""
        known = jury_pool_store.find(transaction, [each.candidate for each in seats])
        # In the order of members: each is locked until the end.
        for each in sorted(known.values(), key=lambda found: (found.member, found.id.bytes)):
            self._notices.tell_member(
                transaction,
                member=each.member,
                event_type="jury.summoned",
                data={"case": jury.case, "candidate": each.reference},
                now=now,
            )

    def may_have_panel(
        self, transaction: Transaction, jury: Jury, edition: Edition, now: datetime
    ) -> bool:
        """Whether enough others could sit."""
        panel = replace(jury, round=PANEL_ROUND)
        candidates = self._candidates(transaction, panel, edition, now)
        lines = ranked(self._line(panel, each) for each in candidates)
        return can_seat(lines, large_panel(edition.jury))

    def _candidates(
        self, transaction: Transaction, jury: Jury, edition: Edition, now: datetime
    ) -> list[Candidate]:
        identities = self._rulings.identities_of(transaction, jury.incident)
        parties = {each.lookup_key for each in identities}
        beside = set(self._pool.bound_to(transaction, parties))
        if jury.round == PANEL_ROUND:
            first = jury_store.seats_of(transaction, jury.case, FIRST_ROUND)
            beside |= {each.candidate for each in first}
        return self._pool.eligible(transaction, jury, edition, parties, beside, now)

    def _line(self, jury: Jury, candidate: Candidate) -> Line:
        return Line(
            mark=mark_of(jury, candidate.id),
            side=candidate.side,
            experience=candidate.experience,
            is_named_by_furnisher=self._pool.is_of_furnisher(candidate, jury.furnisher),
        )


def mark_of(jury: Jury, candidate: UUID) -> bytes:
    """What a candidate is called in the list of one case, and nowhere else."""
    return hmac.digest(jury.list_key, b"ccr-jury-mark-v1\x00" + candidate.bytes, "sha256")


def _is_waiting(seat: Seat) -> bool:
    return seat.is_alternate and seat.seated_at is None


def _line_of(seat: Seat) -> Line:
    return Line(mark=seat.mark, side=seat.side, experience=0, is_named_by_furnisher=False)
