"""The state machine of appeals: each event, values in, values out, `now` an argument.

    draft -> lodged -> relayed -> answered -> upheld -> jury -> panel
               |          |           |         |        |       |
               '----------+-----------+---------+--------+-------+--> closed

From every undecided state a running time limit leads to `closed`, so that nothing is
contested for ever. Which limit does what: `DUE`. A limit counts from the instant it runs
out, whenever that is enforced: nothing is taken after it that it would have prevented, and
whatever ends it later has missed it. Source: RULEBOOK 3.
"""

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from registry.appeals.model import (
    Appeal,
    Basis,
    Blocking,
    Deadline,
    Ending,
    Event,
    Ground,
    Milestone,
    Outcome,
    Stance,
    State,
    What,
)
from registry.appeals.problems import AppealStateRefuses
from registry.rulebook.calendar import due_at, exact_duration
from registry.rulebook.model import Edition, Span, Unit

REGISTRY = "registry"
SUBJECT = "subject"
FIRST_TIER: Set[State] = frozenset({State.LODGED, State.RELAYED, State.ANSWERED})
SECOND_TIER: Set[State] = frozenset({State.JURY, State.PANEL})

# What may follow what; every event asserts it.
FOLLOWS: Mapping[State, Set[State]] = {
    State.DRAFT: frozenset({State.LODGED}),
    State.LODGED: frozenset({State.RELAYED, State.CLOSED}),
    State.RELAYED: frozenset({State.ANSWERED, State.CLOSED}),
    State.ANSWERED: frozenset({State.UPHELD, State.CLOSED}),
    State.UPHELD: frozenset({State.JURY, State.PANEL, State.CLOSED}),
    State.JURY: frozenset({State.PANEL, State.CLOSED}),
    State.PANEL: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


class Due(Enum):
    """What a time limit that has run out asks the service to do."""

    NOTE = "note"
    RELAY = "relay"
    BLOCK = "block"
    CONFIRM_BLOCK = "confirm_block"
    OVERTURN = "overturn"
    CLOSE_UPHELD = "close_upheld"
    CONVENE_PANEL = "convene_panel"


DUE: Mapping[Milestone, Due] = {
    Milestone.ACKNOWLEDGEMENT: Due.NOTE,
    Milestone.RELAY: Due.RELAY,
    Milestone.BLOCK: Due.BLOCK,
    Milestone.BLOCK_CONFIRMED: Due.CONFIRM_BLOCK,
    Milestone.ANSWER: Due.OVERTURN,
    Milestone.FIRST_DECISION: Due.NOTE,
    Milestone.ABSOLUTE_LIMIT: Due.OVERTURN,
    Milestone.SECOND_TIER_REQUEST: Due.CLOSE_UPHELD,
    Milestone.JURY_VERDICT: Due.CONVENE_PANEL,
    Milestone.PANEL_DECISION: Due.OVERTURN,
    Milestone.RESULT_LETTER: Due.NOTE,
}
# Kept by whoever did it; that the registry itself did it at the last moment keeps them too.
_KEPT_BY_REGISTRY = frozenset({Due.RELAY, Due.BLOCK, Due.CONFIRM_BLOCK})
# Nor does anybody miss what is only offered.
CAN_BE_MISSED: Set[Milestone] = frozenset(
    milestone
    for milestone, due in DUE.items()
    if due not in _KEPT_BY_REGISTRY and due is not Due.CLOSE_UPHELD
)
# The least by which instants differ in the database.
_NEXT_INSTANT = timedelta(microseconds=1)
_STANDS: Set[Outcome] = frozenset({Outcome.UPHELD, Outcome.AMENDED})


def drafted(now: datetime) -> tuple[Event, ...]:
    """How the history of an appeal begins."""
    return (Event(at=now, what=What.DRAFTED, by=SUBJECT),)


def lodge(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    """The subject contests: every limit of the first tier begins to run."""
    limits = edition.deadlines
    running = {
        Milestone.ACKNOWLEDGEMENT: limits.appeal_acknowledged,
        Milestone.RELAY: limits.appeal_relayed,
        Milestone.FIRST_DECISION: limits.first_decision,
        Milestone.ABSOLUTE_LIMIT: limits.absolute_limit,
    }
    blocking = None
    if Ground.IDENTITY_THEFT in appeal.grounds:
        blocking = Blocking.ASKED
        running[Milestone.BLOCK] = limits.identity_theft_block_provisional
        running[Milestone.BLOCK_CONFIRMED] = limits.identity_theft_block_confirmed
    deadlines = {
        milestone: Deadline(due_at=due_at(now, span, edition))
        for milestone, span in running.items()
    }
    moved = _moved(appeal, State.LODGED, now, What.LODGED, SUBJECT)
    return replace(moved, lodged_at=now, blocking=blocking, deadlines=deadlines)


def acknowledge(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """A person has read it; a second time changes nothing."""
    _require(appeal.is_undecided)
    if not _runs(appeal, Milestone.ACKNOWLEDGEMENT):
        return appeal
    met = _ended(appeal, {Milestone.ACKNOWLEDGEMENT}, Ending.MET, now)
    return _noted(met, now, What.ACKNOWLEDGED, by)


def relay(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    """The furnisher is told, and its time begins; never later than the absolute limit."""
    moved = _moved(appeal, State.RELAYED, now, What.RELAYED, REGISTRY)
    met = _ended(moved, {Milestone.RELAY}, Ending.MET, now)
    answer = due_at(now, edition.deadlines.furnisher_answer, edition)
    return _with(met, Milestone.ANSWER, min(answer, _limit(appeal)))


def add_facts(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    """The subject adds facts; once that gives everyone the more time the edition grants.

    A limit that has run out is not made longer. Facts the furnisher was told of together
    with the appeal give it no more time, and do not use that up.
    """
    _require(appeal.state in FIRST_TIER)
    noted = _noted(appeal, now, What.FACTS_ADDED, SUBJECT)
    limits = edition.deadlines
    relayed_at = appeal.deadlines[Milestone.RELAY].ended_at
    longer = {
        Milestone.ABSOLUTE_LIMIT: limits.absolute_limit_extension,
        Milestone.FIRST_DECISION: limits.first_decision_extension,
        Milestone.ANSWER: limits.furnisher_answer_extension,
    }
    if appeal.facts_added_at is not None:
        if relayed_at is None or relayed_at < appeal.facts_added_at:
            return noted
        longer = {Milestone.ANSWER: limits.furnisher_answer_extension}
    # Those of the very instant of the relay come after it when they are added after it.
    added_at = now if relayed_at is None else max(now, relayed_at + _NEXT_INSTANT)
    extended = replace(noted, facts_added_at=added_at)
    for milestone, span in longer.items():
        if _runs(extended, milestone) and not _is_over(extended, milestone, now):
            later = _extended(extended.deadlines[milestone].due_at, span, edition)
            if milestone is Milestone.ANSWER:
                later = min(later, _limit(extended))
            extended = _with(extended, milestone, later)
    return extended


def answer(appeal: Appeal, stance: Stance, by: str, now: datetime) -> Appeal:
    """The furnisher answers that the incident stands, perhaps amended; again until decided."""
    _require(appeal.state in (State.RELAYED, State.ANSWERED))
    _require_in_time(appeal, {Milestone.ANSWER, Milestone.ABSOLUTE_LIMIT}, now)
    assert stance is not Stance.WITHDRAW, "a withdrawal closes the appeal"
    if appeal.state is State.ANSWERED:
        said = _noted(appeal, now, What.ANSWERED, by, stance.value)
    else:
        said = _moved(appeal, State.ANSWERED, now, What.ANSWERED, by, stance.value)
    met = _ended(said, {Milestone.ANSWER}, Ending.MET, now)
    # An amendment is not undone by another answer.
    kept = Stance.AMEND if appeal.stance is Stance.AMEND else stance
    return replace(met, stance=kept, answered_at=now)


def block(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """The incident is blocked until somebody has looked whether the identity was stolen."""
    _require(appeal.blocking is Blocking.ASKED and appeal.state in FIRST_TIER)
    met = _ended(appeal, {Milestone.BLOCK}, Ending.MET, now)
    return replace(_noted(met, now, What.BLOCKED, by), blocking=Blocking.PROVISIONAL)


def confirm_block(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """The block stays until the appeal is decided."""
    _require(appeal.blocking is Blocking.PROVISIONAL and appeal.state in FIRST_TIER)
    met = _ended(appeal, {Milestone.BLOCK_CONFIRMED}, Ending.MET, now)
    return replace(_noted(met, now, What.BLOCK_CONFIRMED, by), blocking=Blocking.CONFIRMED)


def refuse_block(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """No block, or no longer: a person found that the identity was not stolen."""
    _require(
        appeal.blocking in (Blocking.ASKED, Blocking.PROVISIONAL) and appeal.state in FIRST_TIER
    )
    _require_in_time(appeal, {Milestone.BLOCK, Milestone.BLOCK_CONFIRMED}, now)
    was_asked = appeal.blocking is Blocking.ASKED
    ended = _ended(appeal, {Milestone.BLOCK, Milestone.BLOCK_CONFIRMED}, Ending.MET, now)
    what = What.BLOCK_DECLINED if was_asked else What.BLOCK_LIFTED
    blocking = Blocking.DECLINED if was_asked else Blocking.LIFTED
    return replace(_noted(ended, now, what, by), blocking=blocking)


def uphold(appeal: Appeal, edition: Edition, by: str, now: datetime) -> Appeal:
    """The first decision: the incident stands; the subject may ask for the second tier."""
    _require(appeal.state is State.ANSWERED)
    _require_in_time(appeal, {Milestone.ABSOLUTE_LIMIT}, now)
    outcome = Outcome.AMENDED if appeal.stance is Stance.AMEND else Outcome.UPHELD
    moved = _moved(appeal, State.UPHELD, now, What.DECIDED, by, outcome.value)
    decided = replace(moved, outcome=outcome, basis=Basis.REVIEW, decided_at=now)
    kept = {Milestone.FIRST_DECISION, Milestone.ABSOLUTE_LIMIT, Milestone.ACKNOWLEDGEMENT}
    ended = _all_ended(decided, now, met=kept)
    asked_by = due_at(now, edition.deadlines.second_tier_requested, edition)
    return _with_letter(_with(ended, Milestone.SECOND_TIER_REQUEST, asked_by), edition, now)


def close(
    appeal: Appeal, outcome: Outcome, basis: Basis, edition: Edition, by: str, now: datetime
) -> Appeal:
    """The last word; whatever limit still runs is without object, or kept by it."""
    if outcome in _STANDS:
        _require_in_time(appeal, {Milestone.PANEL_DECISION}, now)
    moved = _moved(appeal, State.CLOSED, now, What.CLOSED, by, outcome.value)
    closed = replace(moved, outcome=outcome, basis=basis, decided_at=now)
    met: set[Milestone] = {Milestone.JURY_VERDICT, Milestone.PANEL_DECISION}
    if appeal.state in FIRST_TIER:
        met = {Milestone.FIRST_DECISION, Milestone.ABSOLUTE_LIMIT}
    if basis in (Basis.REVIEW, Basis.PANEL):
        met |= {Milestone.ACKNOWLEDGEMENT}
    return _with_letter(_all_ended(closed, now, met=met), edition, now)


def expire(appeal: Appeal, now: datetime) -> Appeal:
    """The incident goes, and what is contested with it; nobody is written to."""
    moved = _moved(appeal, State.CLOSED, now, What.CLOSED, REGISTRY, Outcome.EXPIRED.value)
    kept = appeal.outcome if appeal.state is State.UPHELD else Outcome.EXPIRED
    closed = replace(moved, outcome=kept, basis=appeal.basis or Basis.TIME, decided_at=now)
    return _all_ended(closed, now, met=frozenset())


def close_upheld(appeal: Appeal, now: datetime) -> Appeal:
    """Nobody asked for the second tier in time: the first decision is the last word."""
    _require(appeal.state is State.UPHELD)
    moved = _moved(appeal, State.CLOSED, now, What.CLOSED, REGISTRY)
    return _ended(moved, {Milestone.SECOND_TIER_REQUEST}, Ending.VOID, now)


def ask_jury(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    """The subject asks for the second tier, and a jury sits."""
    limits = edition.deadlines
    windows = (
        limits.jury_evidence_window,
        limits.jury_voting_window,
        limits.jury_alternates_window,
    )
    verdict_at = now
    for each in windows:
        verdict_at = due_at(verdict_at, each, edition)
    return _second_tier(appeal, State.JURY, Milestone.JURY_VERDICT, verdict_at, now)


def ask_panel(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    """The subject asks for the second tier, and no jury can sit: staff decides again."""
    decided_by = due_at(now, edition.deadlines.staff_review, edition)
    return _second_tier(appeal, State.PANEL, Milestone.PANEL_DECISION, decided_by, now)


def offer_choice(appeal: Appeal, due: datetime, now: datetime) -> Appeal:
    """The verdict was close: the jury's limit is another while the subject chooses who decides."""
    _require(appeal.state is State.JURY)
    return _with(_noted(appeal, now, What.VERDICT_CLOSE, REGISTRY), Milestone.JURY_VERDICT, due)


def ask_larger_panel(appeal: Appeal, due: datetime, now: datetime) -> Appeal:
    """The subject has other jurors decide after a close verdict, until another limit."""
    _require(appeal.state is State.JURY)
    return _with(_noted(appeal, now, What.LARGER_PANEL_ASKED, SUBJECT), Milestone.JURY_VERDICT, due)


def refer_to_panel(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    """The jury came to no safe verdict, or to none in time: staff decides."""
    _require(appeal.state is State.JURY)
    moved = _moved(appeal, State.PANEL, now, What.REFERRED_TO_PANEL, REGISTRY)
    ended = _ended(moved, {Milestone.JURY_VERDICT}, Ending.MET, now)
    decided_by = due_at(now, edition.deadlines.staff_review, edition)
    return _with(ended, Milestone.PANEL_DECISION, decided_by)


def letter_written(appeal: Appeal, now: datetime) -> Appeal:
    """The result letter is on its way."""
    return _ended(appeal, {Milestone.RESULT_LETTER}, Ending.MET, now)


def next_due(appeal: Appeal, now: datetime) -> Milestone | None:
    """The running limit that ran out first by `now`; of several at once the gravest last."""
    over = [
        (each.due_at, list(Milestone).index(milestone), milestone)
        for milestone, each in appeal.deadlines.items()
        if each.is_running and each.due_at <= now
    ]
    return min(over)[2] if over else None


def miss(appeal: Appeal, milestone: Milestone, now: datetime) -> Appeal:
    """Notes that a limit ran out; what the registry then does itself keeps it."""
    return _ended(appeal, CAN_BE_MISSED & {milestone}, Ending.MISSED, now)


def note_evidence(appeal: Appeal, now: datetime) -> Appeal:
    """The subject adds a file."""
    _require(appeal.state is State.DRAFT or appeal.is_undecided)
    return _noted(appeal, now, What.EVIDENCE_ADDED, SUBJECT)


def note_review(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """A reviewer has said something that alone does not decide."""
    return _noted(appeal, now, What.REVIEWED, by)


def _second_tier(
    appeal: Appeal, state: State, milestone: Milestone, due: datetime, now: datetime
) -> Appeal:
    _require(appeal.state is State.UPHELD)
    _require_in_time(appeal, {Milestone.SECOND_TIER_REQUEST}, now)
    moved = _moved(appeal, state, now, What.SECOND_TIER_REQUESTED, SUBJECT, state.value)
    ended = _ended(moved, {Milestone.SECOND_TIER_REQUEST}, Ending.MET, now)
    return _with(replace(ended, decided_at=None), milestone, due)


def _extended(due: datetime, span: Span, edition: Edition) -> datetime:
    """A limit so much longer; in days it ends with the last day that is added."""
    if span.amount == 0:
        return due
    if span.unit in (Unit.MINUTES, Unit.HOURS):
        return due + exact_duration(span)
    return due_at(due - timedelta(microseconds=1), span, edition)


def _limit(appeal: Appeal) -> datetime:
    return appeal.deadlines[Milestone.ABSOLUTE_LIMIT].due_at


def _runs(appeal: Appeal, milestone: Milestone) -> bool:
    deadline = appeal.deadlines.get(milestone)
    return deadline is not None and deadline.is_running


def _is_over(appeal: Appeal, milestone: Milestone, now: datetime) -> bool:
    return _runs(appeal, milestone) and appeal.deadlines[milestone].due_at <= now


def _require_in_time(appeal: Appeal, milestones: Set[Milestone], now: datetime) -> None:
    # The job that enforces a limit comes up to a minute later, and later still after an outage.
    if any(_is_over(appeal, each, now) for each in milestones):
        raise AppealStateRefuses("Its time limit has run out.")


def _require(is_possible: bool) -> None:  # a condition, not a parameter
    if not is_possible:
        raise AppealStateRefuses


def _moved(
    appeal: Appeal, to: State, now: datetime, what: What, by: str, detail: str | None = None
) -> Appeal:
    _require(to in FOLLOWS[appeal.state])
    return _noted(replace(appeal, state=to), now, what, by, detail)


def _noted(appeal: Appeal, now: datetime, what: What, by: str, detail: str | None = None) -> Appeal:
    event = Event(at=now, what=what, by=by, detail=detail)
    return replace(appeal, happened=(*appeal.happened, event))


def _with(appeal: Appeal, milestone: Milestone, due: datetime) -> Appeal:
    return replace(appeal, deadlines={**appeal.deadlines, milestone: Deadline(due_at=due)})


def _with_letter(appeal: Appeal, edition: Edition, now: datetime) -> Appeal:
    letter = due_at(now, edition.deadlines.result_letter, edition)
    return _with(appeal, Milestone.RESULT_LETTER, letter)


def _ended(appeal: Appeal, milestones: Set[Milestone], ending: Ending, now: datetime) -> Appeal:
    """Whichever of them run have ended like this; one that had run out was missed."""
    for milestone, each in appeal.deadlines.items():
        if milestone not in milestones or not each.is_running:
            continue
        is_missed = milestone in CAN_BE_MISSED and each.due_at <= now
        ended = replace(each, ended_at=now, ending=Ending.MISSED if is_missed else ending)
        appeal = replace(appeal, deadlines={**appeal.deadlines, milestone: ended})
        if is_missed:
            appeal = _noted(appeal, now, What.LIMIT_MISSED, REGISTRY, milestone.value)
    return appeal


def _all_ended(appeal: Appeal, now: datetime, *, met: Set[Milestone]) -> Appeal:
    """What a decision keeps is met, what else runs is without object."""
    return _ended(_ended(appeal, met, Ending.MET, now), frozenset(Milestone), Ending.VOID, now)
