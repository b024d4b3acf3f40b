"""What anyone may read of a jury: all that the draw was made from, and the votes at the end.

Nobody is named: a mark means nothing outside its case, and only its juror knows whose it is.
"""

from collections.abc import Sequence

from registry.appeals import jury_store
from registry.appeals.jury import Composition, list_root
from registry.appeals.jury_model import Jury, JuryNotFound, Seat, Stage
from registry.database.transaction import Transaction
from registry.kernel import base64url
from registry.kernel.canonical import JsonValue
from registry.kernel.clock import format_instant
from registry.kernel.ids import Prefix, with_prefix
from registry.ledger.service import Ledger
from registry.rulebook.model import Rulebook


class Publishing:
    """Tells of juries by the id of their case, which its parties and jurors have."""

    def __init__(self, *, ledger: Ledger, rulebook: Rulebook) -> None:
        self._ledger = ledger
        self._rulebook = rulebook

    def case(self, transaction: Transaction, case: str) -> dict[str, JsonValue]:
        """Every round of a case. Raises: JuryNotFound."""
        rounds = jury_store.rounds_of(transaction, case)
        if not rounds:
            raise JuryNotFound
        # The larger panel finds for itself: what the jury before it found waits for its end.
        is_over = rounds[-1].stage is Stage.OVER
        shown = [self._round(transaction, each, is_over=is_over) for each in rounds]
        return {"case": case, "rounds": shown}

    def _round(
        self, transaction: Transaction, jury: Jury, *, is_over: bool
    ) -> dict[str, JsonValue]:
        lines = jury_store.list_of(transaction, jury)
        seats = jury_store.seats_of(transaction, jury.case, jury.round)
        rules = self._rulebook.editions[jury.edition].jury
        return {
            **progress_document(jury),
            "composition": composition_document(jury.composition(rules)),
            "candidates": [each.document() for each in lines],
            "root": base64url.encode(list_root(lines)) if lines else None,
            "commitment": self._commitment(transaction, jury),
            "beacon": _beacon(jury),
            "jurors": [base64url.encode(each.mark) for each in seats if not each.is_alternate],
            "alternates": [base64url.encode(each.mark) for each in seats if each.is_alternate],
            "votes": _votes(seats) if is_over else None,
        } | ({} if is_over else {"verdict": None})

    def _commitment(self, transaction: Transaction, jury: Jury) -> JsonValue:
        if jury.entry is None:
            return None
        opening = self._ledger.opening(transaction, jury.entry)
        if opening is None:
            return None
        return {
            "id": with_prefix(Prefix.ENTRY, jury.entry),
            "entry": base64url.encode(opening.entry),
            "header": base64url.encode(opening.header),
            "header_salt": base64url.encode(opening.header_salt),
        }


def progress_document(jury: Jury) -> dict[str, JsonValue]:
    """How far a round has come, and by when what must have happened."""
    limits = {
        "convened_at": jury.convened_at,
        "evidence_until": jury.evidence_until,
        "voting_until": jury.voting_until,
        "alternates_until": jury.alternates_until,
        "choice_until": jury.choice_until,
        "ended_at": jury.ended_at,
    }
    return {
        "round": jury.round,
        "edition": jury.edition,
        "stage": jury.stage.value,
        **{name: None if at is None else format_instant(at) for name, at in limits.items()},
        "ending": jury.ending and jury.ending.value,
        "verdict": jury.verdict and jury.verdict.value,
    }


def composition_document(composition: Composition) -> dict[str, JsonValue]:
    """The numbers the jury is made up by."""
    return {
        "jurors": composition.jurors,
        "alternates": composition.alternates,
        "buyers_min": composition.buyers_min,
        "sellers_min": composition.sellers_min,
        "experienced_min": composition.experienced_min,
        "votes_to_decide": composition.votes_to_decide,
    }


def _beacon(jury: Jury) -> JsonValue:
    if jury.checkpoint is None:
        return None
    return {
        "checkpoint": jury.checkpoint,
        "index": jury.index,
        "proof": [base64url.encode(each) for each in jury.proof],
    }


def _votes(seats: Sequence[Seat]) -> JsonValue:
    """Every seat that was taken, in the order of marks: which way, and that it was bound."""
    return [
        {
            "mark": base64url.encode(each.mark),
            "left": each.left_at is not None,
            "commitment": each.commitment and base64url.encode(each.commitment),
            "vote": each.vote and each.vote.value,
            "salt": each.salt and base64url.encode(each.salt),
        }
        for each in sorted(seats, key=lambda seat: seat.mark)
        if each.seated_at is not None
    ]
